package core

import (
	"fmt"
	"slices"
	"strings"

	"v.io/x/ref/lib/raft/entry"
)

// ChangeID names a request for a change of the configuration. Whoever asks chooses it so that no
// other request of the same member has it, also after a restart; asking again under the same id is
// asking once.
type ChangeID uint64

// Change says how a configuration is to become. It is done when each member of Add is what it says
// and none of Remove is a member; what is so already is not done again.
type Change struct {
	// Add are members to add or to make what they are here: a voter, which is a learner first and is
	// promoted once it has caught up, or a learner for good (Learner without Promote). Incarnation
	// and Key may be left out: the first that the member proves are recorded. A voter that is named
	// as a learner is demoted.
	Add []entry.Member
	// Remove are members to remove. They go once every member of Add has caught up. Removing one that
	// still waits to be promoted cancels the change that added it.
	Remove []entry.MemberID
}

// ChangeRequest asks for a change.
type ChangeRequest struct {
	ID     ChangeID
	Change Change
}

// ChangeResult answers a request. Without a Refusal the change is done: the configuration in force is
// that of entry Index, which is committed.
type ChangeResult struct {
	ID      ChangeID
	Index   entry.Index
	Refusal Refusal
	// Have and Want are the refusal's numbers; its constant says what they count.
	Have, Want uint64
}

// Why a change was refused. A change that was refused was not begun, but with RefusedCancelled, and
// with RefusedLevel where the leader had not met the member before: then it was taken back.
const (
	// RefusedChanging: another change is under way; Have is the entry of its newest step. Only
	// removing a member that waits to be promoted is possible meanwhile, and cancels it.
	RefusedChanging Refusal = iota + 64
	// RefusedQuorum: the voters heard within an election time-out are Have of the new set, and Want
	// would be needed for it to decide anything.
	RefusedQuorum
	// RefusedUnknownMember: Remove names an id, the Have'th from 0, that never was a member.
	RefusedUnknownMember
	// RefusedMalformed: a change that names a member twice or by an impossible id, the Have'th.
	RefusedMalformed
	// RefusedTooMany: the change leads to Have members, Want are the most.
	RefusedTooMany
	// RefusedNoVoter: no voter would be left.
	RefusedNoVoter
	// RefusedMixed: the change demotes or replaces Have voters while others catch up; at most Want
	// at a time.
	RefusedMixed
	// RefusedLevel: a member of Add knows level Have only, the cluster is at level Want.
	RefusedLevel
	// RefusedCancelled: the change was begun, and another one took it back.
	RefusedCancelled
)

var refusalTexts = map[Refusal]string{
	RefusedNotLeader:     "the member asked is not the leader",
	RefusedOverloaded:    "too many changes wait",
	RefusedNoSpace:       "the leader's log has no room; free space on its disk",
	RefusedChanging:      "another change is under way (index %d); wait for it, or remove the member that it waits for",
	RefusedQuorum:        "%d voters of the new set were heard lately and %d are needed; bring one back first",
	RefusedUnknownMember: "the member to remove, number %d of the list, never was one",
	RefusedMalformed:     "member number %d of the change is named twice or has an impossible id or mark",
	RefusedTooMany:       "%d members are more than %d",
	RefusedNoVoter:       "no voter would be left",
	RefusedMixed:         "%d voters would have to catch up anew, at most %d at a time; change one after the other",
	RefusedLevel:         "the member to add knows level %d, the cluster is at %d; install a newer version there",
	RefusedCancelled:     "another change took this one back",
}

// String says why a change was refused, for people.
func (r ChangeResult) String() string {
	text := refusalTexts[r.Refusal]
	switch strings.Count(text, "%d") {
	case 0:
		return text
	case 1:
		return fmt.Sprintf(text, r.Have)
	}
	return fmt.Sprintf(text, r.Have, r.Want)
}

// refused makes the answer that says no.
func refused(why Refusal, have, want int) ChangeResult {
	return ChangeResult{Refusal: why, Have: uint64(have), Want: uint64(want)}
}

// wantsVote reports whether a change wants the member to vote in the end.
func wantsVote(m *entry.Member) bool { return !m.Learner || m.Promote }

// normalized returns the change with its lists sorted, or the position of the first name that cannot
// be meant. It travels and is kept in this form.
func (ch *Change) normalized() (Change, int, bool) {
	out := Change{Add: slices.Clone(ch.Add), Remove: slices.Clone(ch.Remove)}
	slices.SortFunc(out.Add, func(a, b entry.Member) int { return strings.Compare(string(a.ID), string(b.ID)) })
	slices.Sort(out.Remove)
	if len(out.Add) > entry.MembersMax || len(out.Remove) > entry.RemovedMax {
		return out, min(entry.MembersMax, entry.RemovedMax), false
	}
	for i := range out.Add {
		m := &out.Add[i]
		one := entry.Configuration{Members: out.Add[i : i+1]}
		if m.Leaving || m.Outgoing || one.Validate() != nil || i > 0 && m.ID == out.Add[i-1].ID {
			return out, i, false
		}
	}
	for i, id := range out.Remove {
		one := entry.Configuration{Members: out.Add, Removed: out.Remove[i : i+1]}
		if one.Validate() != nil || i > 0 && id == out.Remove[i-1] {
			return out, len(out.Add) + i, false
		}
	}
	return out, 0, true
}

// appendChange encodes a normalized change as a configuration whose members are those to add and
// whose removed ids are those to remove.
func appendChange(dst []byte, ch *Change) []byte {
	return entry.AppendConfiguration(dst, entry.Configuration{Members: ch.Add, Removed: ch.Remove})
}

func decodeChange(b []byte) (Change, error) {
	c, err := entry.DecodeConfiguration(b)
	return Change{Add: c.Members, Remove: c.Removed}, err
}

// changeWait is a request that a leader has not answered.
type changeWait struct {
	id ChangeID
	// from is the member that forwarded it, "" for this one.
	from   entry.MemberID
	change Change
	// begun is true once the change is in the configuration: then it ends done or cancelled.
	begun bool
}

// changesMax bounds the requests that wait at a leader.
const changesMax = 64

// change takes local requests, or sends them to the leader.
func (c *Core) change(requests []ChangeRequest, out *Effects) {
	for i := range requests {
		wait := changeWait{id: requests[i].ID}
		ch, at, ok := requests[i].Change.normalized()
		wait.change = ch
		switch {
		case !ok:
			c.answerChange(&wait, refused(RefusedMalformed, at, 0), out)
		case c.role == Leader && !c.config.ElectionOnly:
			c.awaitChange(wait, out)
		case c.leader == "" || c.leader == c.config.ID:
			c.answerChange(&wait, refused(RefusedNotLeader, 0, 0), out)
		default:
			c.forwardChange(&wait, out)
		}
	}
}

// forwardChange sends a request to the leader, as the payload of one frame. What is lost is asked
// again by replica.
func (c *Core) forwardChange(wait *changeWait, out *Effects) {
	payload := appendChange(nil, &wait.change)
	var b entry.Builder
	b.Add(entry.Header{
		Kind: entry.KindConfiguration, Index: 1, Term: 1,
		Size: uint32(len(payload)), PayloadSum: entry.Checksum(payload),
	}, payload)
	m := Message{
		Kind: MsgChange, To: c.leader, Term: c.hard.Term, Round: uint64(wait.id),
		Entries: Range{First: 1, Count: 1}, Body: []*entry.Block{b.Block()},
	}
	c.send(m, c.afterHard(), out)
}

// onChange takes another member's request.
func (c *Core) onChange(m *Message, out *Effects) {
	wait := changeWait{id: ChangeID(m.Round), from: m.From}
	decoded, err := decodeChange(m.Body[0].Payload(1))
	ch, at, ok := decoded.normalized()
	wait.change = ch
	switch {
	case err != nil:
		c.report.counters.Malformed++
	case !ok:
		c.answerChange(&wait, refused(RefusedMalformed, at, 0), out)
	case c.role != Leader || c.config.ElectionOnly:
		c.answerChange(&wait, refused(RefusedNotLeader, 0, 0), out)
	default:
		c.awaitChange(wait, out)
	}
}

// awaitChange keeps a request until it is answered; one that is asked again is there already.
func (c *Core) awaitChange(wait changeWait, out *Effects) {
	known := slices.ContainsFunc(c.lead.changes, func(w changeWait) bool {
		return w.id == wait.id && w.from == wait.from
	})
	switch {
	case known:
	case c.disk.noRoom:
		c.answerChange(&wait, refused(RefusedNoSpace, 0, 0), out)
	case len(c.lead.changes) >= changesMax:
		c.answerChange(&wait, refused(RefusedOverloaded, 0, 0), out)
	default:
		c.lead.changes = append(c.lead.changes, wait)
	}
}

// answerChange tells whoever asked.
func (c *Core) answerChange(wait *changeWait, result ChangeResult, out *Effects) {
	if wait.from == "" {
		result.ID = wait.id
		out.Changed = append(out.Changed, result)
		return
	}
	m := Message{
		Kind: MsgChangeReply, To: wait.from, Term: c.hard.Term, Round: uint64(wait.id), Index: result.Index,
		Reject: result.Refusal != 0, Hint: uint64(result.Refusal),
		Match: entry.Index(result.Have), Commit: entry.Index(result.Want),
	}
	c.send(m, c.afterHard(), out)
}

// onChangeReply hands the leader's answer on.
func (c *Core) onChangeReply(m *Message, out *Effects) {
	result := ChangeResult{ID: ChangeID(m.Round), Index: m.Index}
	if m.Reject {
		result.Refusal, result.Have, result.Want = Refusal(m.Hint), uint64(m.Match), uint64(m.Commit)
	}
	out.Changed = append(out.Changed, result)
}

// endChanges answers all who wait when this leader's time is over: whoever leads next goes on with
// what was begun, and asking again there joins it.
func (c *Core) endChanges(out *Effects) {
	for i := range c.lead.changes {
		c.answerChange(&c.lead.changes[i], refused(RefusedNotLeader, 0, 0), out)
	}
	c.lead.changes = nil
}

// standing says how far a change has come.
type standing uint8

const (
	// absent: nothing of it is in the configuration, or not all.
	absent standing = iota
	underWay
	done
)

// standing compares a change with the configuration in force.
func (c *Core) standing(w *changeWait) standing {
	current := &c.members.current().Value
	s := done
	for i := range w.change.Add {
		s = min(s, c.standingOf(&w.change.Add[i], current))
	}
	for _, id := range w.change.Remove {
		m, found := current.Find(id)
		switch {
		case !found && !w.begun && !slices.Contains(current.Removed, id):
			s = absent // It never was a member, which is refused.
		case found && m.Leaving:
			s = min(s, underWay)
		case found:
			s = absent
		}
	}
	if current.Joint() {
		s = min(s, underWay)
	}
	return s
}

func (c *Core) standingOf(want *entry.Member, current *entry.Configuration) standing {
	m, found := current.Find(want.ID)
	wrong := replaces(&m, want.Incarnation) || c.replacement(&m) != 0
	switch {
	case !found || m.Leaving || wrong || !wantsVote(want) && (!m.Learner || m.Promote):
		return absent
	case m.Learner && c.withheld(m.ID):
		return underWay
	case !wantsVote(want) || !m.Learner:
		return done
	case m.Promote:
		return underWay
	}
	return absent
}
