package core

import (
	"slices"

	"v.io/x/ref/lib/raft/entry"
)

// election is what a member knows about who should lead.
type election struct {
	// timeout is the present draw, deadline when it ends.
	timeout, deadline Instant
	// heard is when the leader was last heard, 0 for never.
	heard Instant
	// suspect is set when the connection to the leader broke, until the leader is heard again.
	suspect bool
	// excused is set when this member was late itself, until the leader is heard again.
	excused bool
	// promise is until when this member gives no vote where leases are on.
	promise Instant
	// votes are the answers to the present (pre-)campaign. Invariant: one per voter, all of the
	// present term; the list is emptied whenever role or term changes.
	votes []ballot
	// self is the batch that makes this candidate's own vote durable; until then it does not count.
	self uint64
	// wish is this member's own wish to lead, asked are its requests for a transfer.
	wish  wish
	asked []askedTransfer
	// questions wait for the program's answer; question is the newest one's number.
	questions []openQuestion
	question  QuestionID
}

type ballot struct {
	from    entry.MemberID
	granted bool
}

// resetElection draws a new time-out and starts it now. A member that is the only voter has nobody
// to wait for.
func (c *Core) resetElection() {
	h := c.config.Heartbeat
	c.election.timeout = c.random.between(electionMin*h, (electionMin+electionSpan)*h) + c.later(electionSpan)
	c.election.deadline = c.now + c.election.timeout
	if c.role == Follower && c.alone() && c.mayCampaign() {
		c.election.deadline = c.now
	}
}

// soon returns a moment in the next few heartbeats, later for higher ranks.
func (c *Core) soon() Instant {
	h := c.config.Heartbeat
	return c.now + c.random.between(suspectMin*h, (suspectMin+suspectSpan)*h) + c.later(suspectSpan)
}

// later returns how much longer than others this member waits because of its rank, when those of one
// rank wait within a span of that many heartbeats.
func (c *Core) later(span Instant) Instant {
	return Instant(c.config.Rank) * span * c.config.Heartbeat
}

// becomeFollower enters term, or stays in it, and forgets what belonged to another role or term.
func (c *Core) becomeFollower(term entry.Term, leader entry.MemberID, out *Effects) {
	changed := term > c.hard.Term
	if changed {
		c.hard = entry.HardState{Term: term}
	}
	c.step.ack = ack{}
	waits := c.role == Follower && leader == ""
	if c.role == Leader {
		c.stopLeading(out)
	}
	if changed || leader != c.leader {
		c.failReads(out)
	}
	c.role, c.leader = Follower, leader
	c.election.votes = c.election.votes[:0]
	if !waits {
		// A follower that only learns of another term goes on waiting as long as before.
		c.resetElection()
	}
}

// timeOut is the end of a wait for a leader or for votes.
func (c *Core) timeOut(out *Effects) {
	if c.excuse() {
		return
	}
	if c.leader != "" {
		c.leader = ""
		c.failReads(out)
	}
	if !c.mayCampaign() {
		c.role, c.election.votes = Follower, c.election.votes[:0]
		c.resetElection()
		return
	}
	if c.promised() {
		c.election.deadline = c.election.promise
		return
	}
	c.startCampaign(out)
}

// excuse gives a leader two heartbeats more, once, when this member comes a heartbeat late to its
// own time-out: it was not scheduled, and the leader's messages may wait behind it.
func (c *Core) excuse() bool {
	h := c.config.Heartbeat
	if c.leader == "" || c.election.excused || c.election.suspect || c.now-c.election.deadline < h {
		return false
	}
	c.election.excused, c.election.deadline = true, c.now+2*h
	return true
}

// startCampaign asks for pre-votes (thesis, section 9.6): a member that cannot win raises no term
// and disturbs nobody. Learners and members without a configuration do not campaign, nor does one
// whose directory is not the recorded one, or which is empty beside a settled cluster.
func (c *Core) startCampaign(out *Effects) {
	if c.role == Leader || !c.mayCampaign() || c.promised() {
		return
	}
	if c.leader != "" {
		c.leader = ""
		c.failReads(out)
	}
	c.role = PreCandidate
	c.election.votes = append(c.election.votes[:0], ballot{from: c.config.ID, granted: true})
	// Asking again costs nothing, so the next try comes soon: a peer may just not have missed the
	// leader yet.
	c.election.deadline = c.now + c.random.between(c.config.Heartbeat, 2*c.config.Heartbeat)
	c.sendVotes(Message{Kind: MsgPreVote, Term: c.hard.Term + 1}, 0, out)
	c.tally(out)
}

// mayCampaign reports whether this member may stand for election at all: a voter whose directory is
// the one that the configuration records, and not an empty one beside a settled cluster; its image is
// not lost, nor its log's end; its disk works and has room for the entry with which a leader opens its term,
// and can give others what it holds.
func (c *Core) mayCampaign() bool {
	return (c.unnamed() || c.members.mayStand(c.config.ID, c.config.Incarnation, c.commit)) && !c.fresh() &&
		!c.log.bare && !c.log.lost() && c.hard.Term < entry.NumberMax && !c.stalled() &&
		!c.disk.noRoom && !c.disk.impaired
}

// becomeCandidate raises the term and votes for itself, in one record (paper, section 5.2). hint goes
// into the requests.
func (c *Core) becomeCandidate(hint uint64, out *Effects) {
	c.role = Candidate
	c.hard = entry.HardState{Term: c.hard.Term + 1, Vote: c.config.ID}
	c.election.votes = c.election.votes[:0]
	c.resetElection()
	c.election.self = c.afterHard()
	c.sendVotes(Message{Kind: MsgVote, Term: c.hard.Term, Hint: hint}, c.election.self, out)
}

// sendVotes asks every other voter with m.
func (c *Core) sendVotes(m Message, after uint64, out *Effects) {
	last := c.log.position()
	m.Index, m.LogTerm = last.Index, last.Term
	if c.unnamed() {
		c.send(m, after, out)
		return
	}
	for _, to := range c.members.voters {
		if to != c.config.ID {
			m.To = to
			c.send(m, after, out)
		}
	}
}

// send addresses a message and hands it out.
func (c *Core) send(m Message, after uint64, out *Effects) {
	m.From = c.config.ID
	out.Send = append(out.Send, Outgoing{Message: m, After: after})
}

// tally ends a (pre-)campaign when a quorum has granted (paper, section 5.2): distinct voters, once
// each. A candidate's own vote counts once
// it is durable: otherwise a crash could let it vote again in the same term.
func (c *Core) tally(out *Effects) {
	if c.role == Candidate && c.disk.stored >= c.election.self {
		c.recordVote(c.config.ID, true)
	}
	if !c.elected() {
		return
	}
	switch c.role {
	case PreCandidate:
		c.becomeCandidate(0, out)
	case Candidate:
		c.becomeLeader(out)
	}
}

// granted returns 1 for a voter that granted and 0 for another.
func (c *Core) granted(v voter) uint64 {
	for _, b := range c.election.votes {
		if b.from == v.id && b.granted {
			return 1
		}
	}
	return 0
}

// recordVote keeps the first answer of each voter.
func (c *Core) recordVote(from entry.MemberID, granted bool) {
	known := slices.ContainsFunc(c.election.votes, func(b ballot) bool { return b.from == from })
	if !known && c.room(len(c.election.votes)) {
		c.election.votes = append(c.election.votes, ballot{from: from, granted: granted})
	}
}

// sticky reports whether a leader is alive as far as this member knows: then votes are refused, so
// that a member which merely lost its own connection cannot depose it (thesis, section 4.2.3).
func (c *Core) sticky() bool {
	switch {
	case c.role == Leader || c.promised():
		return true
	case c.leader == "" || c.election.suspect:
		return false
	}
	return c.now-c.election.heard < electionMin*c.config.Heartbeat
}

// mayVote reports whether this member may vote for from, whose log ends at last, in term. Whether the
// vote counts is for the candidate's configuration to say, which may be newer than ours: by ours
// neither of the two needs to be a voter (thesis, section 4.2.2; paper, section 6). Without any it is none.
func (c *Core) mayVote(from entry.MemberID, term entry.Term, last entry.Position) bool {
	free := term > c.hard.Term || c.hard.Vote == "" || c.hard.Vote == from
	return free && c.log.upToDate(last) && !c.joins() && !(c.fresh() && last.Index == 0)
}

// onPreVote answers whether a vote would be given, and changes nothing.
func (c *Core) onPreVote(m *Message, out *Effects) {
	may := c.mayPreVote(m)
	if may && c.inquire(m, out) {
		return
	}
	c.answerPreVote(m, may, out)
}

func (c *Core) mayPreVote(m *Message) bool {
	if c.sticky() {
		c.report.counters.Sticky++
		return false
	}
	last := entry.Position{Index: m.Index, Term: m.LogTerm}
	return c.mayVote(m.From, m.Term, last) && !c.precedes(m.From, last)
}

func (c *Core) answerPreVote(m *Message, grant bool, out *Effects) {
	reply := Message{Kind: MsgPreVoteReply, To: m.From, Term: m.Term}
	if !grant {
		reply.Reject, reply.Term = true, c.hard.Term
	}
	c.send(reply, c.afterHard(), out)
}

// precedes reports whether this member campaigns itself and goes first. Two that ask at the same moment
// and grant each other would both become candidates, vote for themselves and wait a whole time-out; and
// processes that a busy machine holds up and lets go together do ask at the same moment, whatever their
// draws. So of two with equal logs the one with the greater id is refused: it asks again soon.
func (c *Core) precedes(from entry.MemberID, last entry.Position) bool {
	// Where the program compares candidates they need not be equal, and the one that goes first might be
	// the one that cannot win.
	return c.role == PreCandidate && !c.config.Ask && c.log.position() == last && c.config.ID < from
}

func (c *Core) onPreVoteReply(m *Message, out *Effects) {
	if c.role != PreCandidate || !m.Reject && m.Term != c.hard.Term+1 {
		return
	}
	c.recordVote(m.From, !m.Reject)
	c.tally(out)
}

// onVote gives this term's one vote (paper, section 5.2); the answer waits until it is durable.
func (c *Core) onVote(m *Message, out *Effects) {
	may := c.mayVoteNow(m)
	if may && c.inquire(m, out) {
		return
	}
	c.answerVote(m, may, out)
}

func (c *Core) mayVoteNow(m *Message) bool {
	bound := c.promised() && m.Hint != forced
	last := entry.Position{Index: m.Index, Term: m.LogTerm}
	return c.role != Leader && c.leader == "" && !bound && c.mayVote(m.From, m.Term, last)
}

func (c *Core) answerVote(m *Message, grant bool, out *Effects) {
	if grant {
		c.hard.Vote, c.role = m.From, Follower
		c.election.votes = c.election.votes[:0]
		c.resetElection()
	}
	c.send(Message{Kind: MsgVoteReply, To: m.From, Term: c.hard.Term, Reject: !grant}, c.afterHard(), out)
}

// onVoteReply counts a vote. A refusal in the candidate's own term says that the election is contested:
// then it does not wait a whole time-out for votes that others have got, but asks for pre-votes again
// soon, unless the other one wins meanwhile.
func (c *Core) onVoteReply(m *Message, out *Effects) {
	if c.role != Candidate {
		return
	}
	if m.Reject {
		c.election.deadline = min(c.election.deadline, c.soon())
	}
	c.recordVote(m.From, !m.Reject)
	c.tally(out)
}
