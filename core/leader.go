package core

import (
	"slices"
	"strings"

	"v.io/x/ref/lib/raft/entry"
)

// leading is a leader's part of the state. It is emptied when the term ends.
type leading struct {
	// peers are all other members, sorted by id.
	peers []progress
	// opened is the first entry of the leader's own term. Until it is committed the commit index may
	// be behind what earlier leaders committed, so no read is answered (paper, section 8).
	opened entry.Index
	// round numbers the leader's broadcasts. Invariant: it strictly increases within a term, and an answer
	// bears the round of a broadcast of its own term or none, so one that bears it was sent after the
	// broadcast.
	round uint64
	// heartbeat is when the next broadcast is due; broadcast is set when one is due now.
	heartbeat Instant
	broadcast bool
	// uncommitted is the size of the entries that this leader has ordered and not committed.
	uncommitted int
	reads       leaderReads
	handover    handover
	// ended is true once a handover's target was told to campaign. Whatever becomes of it, its message
	// may arrive at any time in this term: there is no lease any more.
	ended bool
	// gaveWay is true once this leader tried to hand over because its disk stalls or is full.
	gaveWay bool
	lease   lease
	// marks outlive the leader's role, until the term ends: a copy of a message with forwarded
	// commands that arrives late must not have its commands called "not proposed".
	marks []mark
	term  entry.Term
	// changes are the requests for a change that wait for their end.
	changes []changeWait
}

// mark is the newest message with forwarded commands that was handled in the present term, of one
// start of one member.
type mark struct {
	from   entry.MemberID
	origin uint64
	round  uint64
}

// becomeLeader opens the term (paper, section 5.2): with a no-op (section 8), or in an empty log
// with the configuration that everything later stands on.
func (c *Core) becomeLeader(out *Effects) {
	c.role, c.leader = Leader, c.config.ID
	c.lead = leading{term: c.hard.Term, broadcast: true, opened: c.log.last + 1}
	c.seatPeers()
	c.meetVoters()
	c.election.votes = c.election.votes[:0]
	c.members.met.news = true
	for i := max(c.commit+1, c.log.tail.first); i <= c.log.last; i++ {
		c.lead.uncommitted += c.log.tail.size(i)
	}
	switch {
	case c.config.ElectionOnly:
		c.lead.opened = 0
	case c.log.last == 0:
		value := mutable(&c.members.current().Value)
		c.record(&value)
		c.appendConfiguration(value, out)
	default:
		c.appendOwn(Appended{Kind: entry.KindNoOp}, entry.HeaderSize, out)
	}
}

// seatPeers fits what the leader knows of others to the configuration in force. It must follow
// every change of it. A member that was removed keeps its place until it has been told.
func (c *Core) seatPeers() {
	at := c.members.current()
	old := c.lead.peers
	c.lead.peers = nil
	for i := range at.Value.Members {
		if m := &at.Value.Members[i]; m.ID != c.config.ID {
			c.lead.peers = append(c.lead.peers, c.progressOf(m, old))
		}
	}
	for _, p := range old {
		place, found := findPeer(c.lead.peers, p.id)
		if found {
			continue
		}
		if p.farewell.until == 0 {
			p.farewell = farewell{index: at.Index, until: c.now + electionMin*c.config.Heartbeat}
			p.arrival = arrival{}
		}
		c.lead.peers = slices.Insert(c.lead.peers, place, p)
	}
	c.members.electorate = c.members.electorate.seated(c.lead.peers)
}

// progressOf returns what is known of a member's directory, or the beginning when that is a new one.
func (c *Core) progressOf(m *entry.Member, old []progress) progress {
	p := progress{id: m.ID, next: c.log.last + 1, heard: c.now}
	if at, found := findPeer(old, m.ID); found && (m.Incarnation == 0 || !foreign(old[at].incarnation, m.Incarnation)) {
		p = old[at]
	}
	if m.Incarnation != 0 {
		p.incarnation = m.Incarnation
	}
	p.farewell = farewell{}
	if isArrival(*m) != p.arrival.waits {
		p.arrival = arrival{waits: isArrival(*m), target: c.log.last, began: c.now}
	}
	return p
}

// dismiss forgets the removed members that have been told, or could not be for long enough.
func (c *Core) dismiss() {
	gone := func(p progress) bool {
		return p.farewell.until != 0 && (p.match >= p.farewell.index || c.now >= p.farewell.until)
	}
	if slices.ContainsFunc(c.lead.peers, gone) {
		c.lead.peers = slices.DeleteFunc(c.lead.peers, gone)
		c.members.electorate = newElectorate(&c.members.current().Value)
		c.members.electorate = c.members.electorate.seated(c.lead.peers)
	}
}

// stopLeading answers those who wait for this leader. The marks stay.
func (c *Core) stopLeading(out *Effects) {
	for _, r := range c.lead.reads.all() {
		c.answerRead(r, ReadPoint{Read: r.local, Failed: true}, out)
	}
	c.endChanges(out)
	c.lead = leading{term: c.lead.term, marks: c.lead.marks}
	c.members.electorate = newElectorate(&c.members.current().Value)
}

// tickLeader sends the heartbeat, and steps down when a quorum has been silent for a whole
// election time-out: another leader may exist by then, and nothing can be committed (thesis,
// section 6.2).
func (c *Core) tickLeader(out *Effects) {
	if c.now-c.quorumHeard() > quorumMax*c.config.Heartbeat {
		c.becomeFollower(c.hard.Term, "", out)
		return
	}
	if c.leaveStalled(out) {
		return
	}
	c.leaveFull()
	if c.now >= c.lead.heartbeat {
		c.lead.broadcast = true
		c.dismiss()
		for i := range c.lead.peers {
			c.lead.peers[i].paused = false
		}
	}
}

// quorumHeard returns the latest time since which a quorum has been heard.
func (c *Core) quorumHeard() Instant {
	return quorumReached(c, c.now, func(p *progress) Instant { return p.heard })
}

func (c *Core) peer(id entry.MemberID) *progress {
	if i, found := findPeer(c.lead.peers, id); found {
		return &c.lead.peers[i]
	}
	return nil
}

func findPeer(peers []progress, id entry.MemberID) (int, bool) {
	return slices.BinarySearchFunc(peers, id, func(p progress, id entry.MemberID) int {
		return strings.Compare(string(p.id), string(id))
	})
}

// advanceCommit counts durable copies (paper, section 5.4.2): only an entry of the leader's own term
// is committed by counting, the earlier ones with it. The leader's own copy counts when its disk
// says so.
func (c *Core) advanceCommit() {
	reached := quorumReached(c, c.disk.last, func(p *progress) entry.Index { return p.match })
	if reached <= c.commit {
		return
	}
	if term, ok := c.log.term(reached); !ok || term != c.hard.Term {
		return
	}
	for i := max(c.commit+1, c.log.tail.first); i <= reached; i++ {
		c.lead.uncommitted -= c.log.tail.size(i)
	}
	c.commit = reached
}

// propose orders local commands, or says where they must go.
func (c *Core) propose(proposals []Proposal, out *Effects) {
	switch {
	case len(proposals) == 0:
		return
	case c.disk.noRoom && !c.config.ElectionOnly:
		// Also one that does not lead: it could not apply what it proposes.
		for _, p := range proposals {
			out.Refused = append(out.Refused, Refused{Proposal: p.ID, Why: RefusedNoSpace})
		}
		return
	}
	if c.role != Leader && c.leader != "" && !c.config.ElectionOnly {
		out.Forward.To, out.Forward.Term = c.leader, c.hard.Term
		for _, p := range proposals {
			out.Forward.Proposals = append(out.Forward.Proposals, p.ID)
		}
		return
	}
	for _, p := range proposals {
		switch {
		case c.role != Leader || c.config.ElectionOnly:
			out.Refused = append(out.Refused, Refused{Proposal: p.ID, Why: RefusedNotLeader})
		case c.transferring():
			out.Refused = append(out.Refused, Refused{Proposal: p.ID, Why: RefusedTransferring})
		case c.full(p.Size):
			out.Refused = append(out.Refused, Refused{Proposal: p.ID, Why: RefusedOverloaded})
		default:
			c.appendOwn(Appended{Kind: p.Kind, Proposal: p.ID}, p.Size, out)
		}
	}
}

// full reports whether size more uncommitted bytes are too many. One entry is always taken.
func (c *Core) full(size uint32) bool {
	return c.lead.uncommitted > 0 && c.lead.uncommitted+int(size) > c.config.Uncommitted
}

// onPropose orders commands that another member forwarded. Each message is handled once in its term:
// what its sender was told about it must stay true when another copy arrives. A command that comes in
// another message is ordered again; the table of sessions sees to it that it is applied once.
func (c *Core) onPropose(m *Message, out *Effects) {
	why, late := c.markForwarded(m)
	if late {
		return
	}
	for _, block := range m.Body {
		for i := block.First(); i <= block.Last(); i++ {
			h := block.Header(i)
			refused := why
			if refused == 0 {
				refused = c.takeForwarded(h, block, out)
			}
			if refused != 0 && h.Kind != entry.KindSession {
				c.refuseForwarded(m.From, h, refused, out)
			}
		}
	}
}

// markForwarded notes that the message is handled now. It returns why none of its commands can be
// ordered, 0 if they can, or late when this is a copy of a message that was handled before, or older
// than one: then nothing may be said.
func (c *Core) markForwarded(m *Message) (why Refusal, late bool) {
	if c.lead.term != c.hard.Term {
		c.lead.marks, c.lead.term = nil, c.hard.Term
	}
	origin := m.Body[0].Header(m.Body[0].First()).Origin
	k := slices.IndexFunc(c.lead.marks, func(n mark) bool { return n.from == m.From && n.origin == origin })
	switch {
	case k >= 0 && m.Round <= c.lead.marks[k].round:
		return 0, true
	case c.role != Leader || c.config.ElectionOnly:
		return RefusedNotLeader, false
	case k >= 0:
		c.lead.marks[k].round = m.Round
	case len(c.lead.marks) >= marksMax:
		return RefusedOverloaded, false
	default:
		c.lead.marks = append(c.lead.marks, mark{from: m.From, origin: origin, round: m.Round})
	}
	return 0, false
}

// takeForwarded orders one forwarded command, or returns why it did not.
func (c *Core) takeForwarded(h entry.Header, block *entry.Block, out *Effects) Refusal {
	switch {
	case !forwardable(h):
		return RefusedNotLeader
	case c.disk.noRoom:
		return RefusedNoSpace
	case c.transferring():
		return RefusedTransferring
	case c.full(uint32(h.FrameSize())):
		return RefusedOverloaded
	}
	a := Appended{Kind: h.Kind, Forwarded: block, At: h.Index}
	c.appendOwn(a, uint32(h.FrameSize()), out)
	return 0
}

// forwardable reports whether a member may have the entry ordered for it: commands, the barriers among
// them, and what opens its session.
func forwardable(h entry.Header) bool {
	return h.Kind == entry.KindCommand || h.Kind == entry.KindSession || h.Kind == entry.KindNoOp && h.Sequence != 0
}

// marksMax bounds the starts of forwarding members that one term remembers.
const marksMax = 1024

// refuseForwarded adds one sequence to the refusal that this Step sends, or begins another.
func (c *Core) refuseForwarded(to entry.MemberID, h entry.Header, why Refusal, out *Effects) {
	if n := len(out.Send); n > 0 {
		last := &out.Send[n-1].Message
		if last.Kind == MsgProposeReply && last.To == to && last.Hint == h.Origin &&
			last.Round == uint64(why) && uint64(last.Match)+1 == h.Sequence {
			last.Match++
			return
		}
	}
	at := entry.Index(h.Sequence)
	reply := Message{
		Kind: MsgProposeReply, To: to, Term: c.hard.Term,
		Hint: h.Origin, Index: at, Match: at, Round: uint64(why),
	}
	c.send(reply, c.afterHard(), out)
}

func (c *Core) onProposeReply(m *Message, out *Effects) {
	if m.Index > m.Match {
		return
	}
	refused := RefusedForward{Origin: m.Hint, First: uint64(m.Index), Last: uint64(m.Match), Why: Refusal(m.Round)}
	out.RefusedForwards = append(out.RefusedForwards, refused)
}
