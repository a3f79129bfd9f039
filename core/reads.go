package core

import "v.io/x/ref/lib/raft/entry"

// readRequest is one question for a read point: a local one, or one of another member that names
// it by remote.
type readRequest struct {
	local  ReadID
	from   entry.MemberID // "" for a local one
	remote uint64
}

// leaderReads are the questions that a leader has to answer (thesis, section 6.4). Those that come
// while a round is under way wait for the next one: an answer to an earlier round proves nothing
// about them.
type leaderReads struct {
	waiting []readRequest
	asking  []readRequest
	// round confirms asking; index was the commit index when it began.
	round uint64
	index entry.Index
}

func (r *leaderReads) all() []readRequest {
	return append(append([]readRequest(nil), r.asking...), r.waiting...)
}

// followerReads are the questions that this member has put to its leader, all of them at once under
// one number.
type followerReads struct {
	// id is the newest number. Invariant: it strictly increases and begins at a random number, so
	// that no answer to an earlier run of this member is taken for a new one's.
	id      uint64
	waiting []ReadID
	asked   askedReads
}

type askedReads struct {
	ids []ReadID
	// due is when to ask again, 0 while nothing is asked.
	due Instant
}

// ask takes local questions.
func (c *Core) ask(ids []ReadID, out *Effects) {
	if len(ids) == 0 {
		return
	}
	switch {
	case c.role == Leader:
		for _, id := range ids {
			c.lead.reads.waiting = append(c.lead.reads.waiting, readRequest{local: id})
		}
	case c.leader == "":
		for _, id := range ids {
			out.Reads = append(out.Reads, ReadPoint{Read: id, Failed: true})
		}
	default:
		c.reads.waiting = append(c.reads.waiting, ids...)
		if c.reads.asked.due == 0 {
			c.sendRead(out)
		}
	}
}

// sendRead asks the leader for a point for everything that waits, under a fresh number.
func (c *Core) sendRead(out *Effects) {
	r := &c.reads
	r.asked.ids = append(r.asked.ids, r.waiting...)
	r.waiting = r.waiting[:0]
	r.id++
	r.asked.due = c.now + askAgain*c.config.Heartbeat
	c.send(Message{Kind: MsgRead, To: c.leader, Term: c.hard.Term, Round: r.id}, c.afterHard(), out)
}

// onReadReply answers everything that was asked under the number.
func (c *Core) onReadReply(m *Message, out *Effects) {
	r := &c.reads
	if r.asked.due == 0 || m.Round != r.id || m.From != c.leader {
		return
	}
	for _, id := range r.asked.ids {
		out.Reads = append(out.Reads, ReadPoint{Read: id, Index: m.Index, Failed: m.Reject})
	}
	r.asked = askedReads{ids: r.asked.ids[:0]}
	if len(r.waiting) > 0 {
		c.sendRead(out)
	}
}

// failReads answers all questions of this member with "cannot tell".
func (c *Core) failReads(out *Effects) {
	r := &c.reads
	for _, ids := range [][]ReadID{r.asked.ids, r.waiting} {
		for _, id := range ids {
			out.Reads = append(out.Reads, ReadPoint{Read: id, Failed: true})
		}
	}
	r.waiting, r.asked = r.waiting[:0], askedReads{ids: r.asked.ids[:0]}
}

// onRead takes another member's question.
func (c *Core) onRead(m *Message, out *Effects) {
	request := readRequest{from: m.From, remote: m.Round}
	if c.role != Leader || len(c.lead.reads.waiting) >= readsMax {
		c.answerRead(request, ReadPoint{Failed: true}, out)
		return
	}
	c.lead.reads.waiting = append(c.lead.reads.waiting, request)
}

// readsMax bounds the questions of others that wait at a leader: each member asks one at a time.
const readsMax = 1 << 16

// confirmReads begins a round for the questions that wait and ends one that a quorum has answered.
// Under a lease no round is needed. The index is taken before the round is sent, the round is fresh,
// and nothing is answered before this leader has committed an entry of its own term.
func (c *Core) confirmReads(out *Effects) {
	r := &c.lead.reads
	if c.leased() {
		for _, request := range r.waiting {
			c.answerRead(request, ReadPoint{Read: request.local, Index: c.commit}, out)
		}
		r.waiting = r.waiting[:0]
	}
	for {
		if len(r.asking) == 0 {
			if len(r.waiting) == 0 || c.commit < c.lead.opened {
				return
			}
			r.asking, r.waiting = r.waiting, r.asking[:0]
			r.round, r.index = c.lead.round+1, c.commit
			c.lead.broadcast = true
		}
		if quorumReached(c, r.round, func(p *progress) uint64 { return p.round }) < r.round {
			return
		}
		for _, request := range r.asking {
			c.answerRead(request, ReadPoint{Read: request.local, Index: r.index}, out)
		}
		r.asking = r.asking[:0]
	}
}

func (c *Core) answerRead(request readRequest, point ReadPoint, out *Effects) {
	if request.from == "" {
		out.Reads = append(out.Reads, point)
		return
	}
	reply := Message{
		Kind: MsgReadReply, To: request.from, Term: c.hard.Term,
		Index: point.Index, Round: request.remote, Reject: point.Failed,
	}
	c.send(reply, c.afterHard(), out)
}
