package core

import (
	"slices"
	"strings"

	"v.io/x/ref/lib/raft/entry"
)

// Peer is what a connection has proven about another member, or one that would be.
type Peer struct {
	ID          entry.MemberID
	Incarnation entry.Incarnation // 0 when its stores have none
	// Former is the incarnation in whose place Incarnation came, because the newest vote was lost; 0 for none.
	Former entry.Incarnation
	Key    []byte // PKIX DER, not modified later
	// Level is the newest level that the peer knows, 0 when it told none.
	Level uint32
	// Settled is true when the peer belongs to a cluster whose first entry is committed.
	Settled bool
}

// acquaintances are the peers that this member has met, whatever their standing: what a leader records
// of its members, and what tells a fresh member that there is a cluster already.
type acquaintances struct {
	// all are sorted by id. Invariant: at most acquaintancesMax.
	all []acquaintance
	// news is true when the configuration may lack something of what is known.
	news bool
	// settled is true once one of them belonged to a settled cluster.
	settled bool
}

type acquaintance struct {
	Peer
	// since is when this incarnation was first met. Of two directories that speak under one id by
	// turns neither lasts.
	since Instant
}

// acquaintancesMax bounds the peers that a member remembers: as many as replica does, which tells anew when it
// has forgotten.
const acquaintancesMax = 4 * entry.MembersMax

func (a *acquaintances) search(id entry.MemberID) (int, bool) {
	return slices.BinarySearchFunc(a.all, id, func(x acquaintance, id entry.MemberID) int {
		return strings.Compare(string(x.ID), string(id))
	})
}

func (a *acquaintances) find(id entry.MemberID) *acquaintance {
	if at, found := a.search(id); found {
		return &a.all[at]
	}
	return nil
}

// meet takes note of peers. When there are too many it forgets those that are no members.
func (c *Core) meet(peers []Peer) {
	a := &c.members.met
	for _, p := range peers {
		if p.ID == c.config.ID && c.unnamed() {
			continue // What it said to all came back.
		}
		if len(p.ID) == 0 || len(p.ID) > entry.MemberIDMax || len(p.Key) > entry.MemberKeyMax || p.ID == c.config.ID {
			c.report.counters.Malformed++
			continue
		}
		a.settled = a.settled || p.Settled
		at, found := a.search(p.ID)
		if !found && len(a.all) >= acquaintancesMax {
			a.all = slices.DeleteFunc(a.all, func(x acquaintance) bool { return !c.members.names(x.ID) })
			at, _ = a.search(p.ID)
		}
		if !found {
			a.all = slices.Insert(a.all, at, acquaintance{Peer: p, since: c.now})
		} else {
			if a.all[at].Incarnation != p.Incarnation {
				a.all[at].since = c.now
			}
			a.all[at].Peer = p
		}
		a.news = true
	}
}

// fresh reports whether this member has an empty log although there is a settled cluster: it was
// wiped, or started late, and must not found another one beside it. One that waits to be added is no founder, so
// somebody else is, or was.
func (c *Core) fresh() bool { return c.log.last == 0 && c.members.met.settled || c.joins() }

// joins reports whether this member waits to be added: it has no log and knows no configuration. It votes for
// nobody: a voter has received the log that made it one, so who asks counts on what was there before, and it was
// wiped, or has an old list of members. With one whose log is as old, the two could be a majority of that list.
func (c *Core) joins() bool { return c.log.last == 0 && !c.unnamed() && len(c.members.voters) == 0 }

// foreign reports whether what comes from a directory must not count for the recorded one. While
// nothing is recorded everything counts.
func foreign(recorded, from entry.Incarnation) bool {
	return recorded != 0 && recorded != from
}

// formerOf returns the incarnation that a member had, as it says itself, before it lost its newest vote; 0 when
// it has lost none. Where the log has not recorded an incarnation yet, that is the one that can have voted and
// acknowledged.
func (c *Core) formerOf(id entry.MemberID) entry.Incarnation {
	if id == c.config.ID {
		return c.members.former
	}
	if known := c.members.met.find(id); known != nil {
		return known.Former
	}
	return 0
}

// counts reports whether an answer comes from the directory that the configuration, or this leader's
// term, knows under the sender's id. A wiped directory has forgotten what it voted and acknowledged.
func (c *Core) counts(m *Message) bool {
	recorded := entry.Incarnation(0)
	switch m.Kind {
	case MsgAppendReply:
		if p := c.peer(m.From); p != nil {
			recorded = p.incarnation
		}
	case MsgVoteReply, MsgPreVoteReply:
		member, _ := c.members.current().Value.Find(m.From)
		recorded = member.Incarnation
	default:
		return true
	}
	if recorded == 0 {
		recorded = c.formerOf(m.From)
	}
	if foreign(recorded, m.Incarnation) {
		c.report.counters.Replaced++
		return false
	}
	return true
}

// replacement returns the incarnation that has taken the place of the recorded one, or 0.
func (c *Core) replacement(m *entry.Member) entry.Incarnation {
	if known := c.members.met.find(m.ID); known != nil && replaces(m, known.Incarnation) {
		return known.Incarnation
	}
	return 0
}

// identified returns the change with the incarnations that its members have proven, where the change
// does not say which it means.
func (c *Core) identified(change *Change) *Change {
	add := slices.Clone(change.Add)
	for i := range add {
		known := c.members.met.find(add[i].ID)
		if known != nil && add[i].Incarnation == 0 {
			add[i].Incarnation = known.Incarnation
		}
	}
	return &Change{Add: add, Remove: change.Remove}
}

// replaceWiped returns the configuration in which one member whose directory is a new one is a
// learner that waits to be promoted. An operator does it instead when the member is configured so.
func (c *Core) replaceWiped() (entry.Configuration, bool) {
	current := &c.members.current().Value
	for i := range current.Members {
		other := c.replacement(&current.Members[i])
		id := current.Members[i].ID
		if other == 0 || c.config.ManualReplace || c.outdated(id) || !c.lasting(id) {
			continue
		}
		next := mutable(current)
		replaceMember(&next.Members[i], other)
		voters := next.Voters()
		if len(voters) > 0 && c.alive(voters, &next) >= Majority(len(voters)) {
			return next, true
		}
	}
	return entry.Configuration{}, false
}

// lasting reports whether a peer's incarnation has been the same for a least election time-out.
func (c *Core) lasting(id entry.MemberID) bool {
	known := c.members.met.find(id)
	return known != nil && c.now-known.since >= electionMin*c.config.Heartbeat
}

// record writes into next what is known of its members and the log does not say: incarnations, keys,
// and the level that all of them know.
func (c *Core) record(next *entry.Configuration) {
	news := false
	lowest := c.config.level()
	for i := range next.Members {
		m := &next.Members[i]
		known := Peer{
			ID: m.ID, Incarnation: c.config.Incarnation, Former: c.members.former, Key: c.config.Key, Level: c.config.level(),
		}
		if m.ID != c.config.ID {
			known = Peer{}
			if met := c.members.met.find(m.ID); met != nil {
				known = met.Peer
			}
		}
		if m.Incarnation == 0 && known.Former != 0 {
			m.Incarnation = known.Former // So that the present one is found to replace it.
		} else if m.Incarnation == 0 {
			m.Incarnation = known.Incarnation
		}
		if len(m.Key) == 0 {
			m.Key = known.Key
		}
		lowest = min(lowest, known.Level)
		news = news || replaces(m, known.Incarnation)
	}
	// A member that leaves still receives this entry, and must understand it.
	for i := range c.members.current().Value.Members {
		lowest = min(lowest, c.levelOf(c.members.current().Value.Members[i].ID))
	}
	if lowest > next.Level {
		next.Level++
		news = news || lowest > next.Level
	}
	c.members.met.news = news
}
