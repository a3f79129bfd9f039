package explore

import (
	"fmt"
	"slices"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
)

// truth is what an observer of all members has seen: the history that the invariants speak of. It is
// part of a state, because members forget.
type truth struct {
	// configuration is the newest that is committed; the initial one before.
	configuration *entry.Configuration
	// committed are the entries that some member knew to be committed, and in the log of which term's
	// member it was so first.
	committed []item
	within    []entry.Term
	// leaders and votes are by term and member, each 1 + a member, 0 for none.
	leaders []uint8
	votes   [][membersMax]uint8
	// reads are the questions without an answer.
	reads []question
}

// question is a read under way: what was committed when it was asked.
type question struct {
	id    core.ReadID
	least entry.Index
}

func newTruth(initial *entry.Configuration, terms entry.Term) *truth {
	return &truth{configuration: initial, leaders: make([]uint8, terms+1), votes: make([][membersMax]uint8, terms+1)}
}

// clone returns a copy that shares nothing which is modified.
func (t *truth) clone() *truth {
	c := *t
	c.committed, c.within = slices.Clip(t.committed), slices.Clip(t.within)
	c.leaders, c.votes = slices.Clone(t.leaders), slices.Clone(t.votes)
	c.reads = slices.Clone(t.reads)
	return &c
}

func (t *truth) appendKey(dst []byte) []byte {
	k := key{dst}
	k.items(t.committed)
	for _, term := range t.within {
		k.numbers(uint64(term))
	}
	k.b = append(k.b, t.leaders...)
	for i := range t.votes {
		k.b = append(k.b, t.votes[i][:]...)
	}
	for _, q := range t.reads {
		k.numbers(uint64(q.id), uint64(q.least))
	}
	return k.b
}

// change is what one step did to one member, as the checkers see it.
type change struct {
	before, after *view
	sends         []*core.Message
	// received is the message that arrived, nil for none.
	received *core.Message
	// asked is the read that the step began, 0 for none; reads are answers.
	asked core.ReadID
	reads []core.ReadPoint
}

func (c *change) restarted() bool { return c.after.run != c.before.run }

// confessed reports whether a member said that it has lost the end of its log.
func (c *change) confessed() bool {
	return c.received != nil && c.received.Kind == core.MsgAppendReply && c.received.Commit != 0
}

// broken is an invariant that does not hold.
type broken struct{ invariant, text string }

func breach(invariant, format string, args ...any) *broken {
	return &broken{invariant: invariant, text: fmt.Sprintf(format, args...)}
}

// learn adds what the step showed and checks it against what was known. It modifies t.
func (t *truth) learn(c *change) *broken {
	for _, check := range []func(*change) *broken{t.learnLeader, t.learnVotes, t.learnCommit, t.learnReads} {
		if b := check(c); b != nil {
			return b
		}
	}
	return nil
}

// learnLeader checks election safety and leader completeness (paper, figure 3).
func (t *truth) learnLeader(c *change) *broken {
	s, self := &c.after.status, uint8(c.after.member+1)
	if s.Role != core.Leader {
		return nil
	}
	switch was := t.leaders[s.Term]; was {
	case self:
		return nil
	case 0:
		t.leaders[s.Term] = self
	default:
		return breach("election safety", "members %d and %d both lead term %d", was, self, s.Term)
	}
	for i, committed := range t.committed {
		if t.within[i] < s.Term && (i >= len(c.after.log) || c.after.log[i] != committed) {
			return breach("leader completeness", "member %d leads term %d without entry %d, committed in term %d",
				self, s.Term, i+1, t.within[i])
		}
	}
	if b := t.vote(c.after.member, s.Term, c.after.member); b != nil {
		return b
	}
	return t.elected(c)
}

// elected checks that a new leader has the votes of a quorum (paper, section 5.2): such that were said.
func (t *truth) elected(c *change) *broken {
	term := c.after.status.Term
	if c.before.status.Role == core.Leader && c.before.status.Term == term {
		return nil
	}
	voted := func(id entry.MemberID) bool { return t.votes[term][id[0]-'a'] == uint8(c.after.member+1) }
	in := c.before.configuration()
	if in == nil {
		in = t.configuration
	}
	if !quorum(in, voted) {
		return breach("a leader is voted for", "member %d leads term %d without a quorum of %s",
			c.after.member+1, term, describeConfiguration(in))
	}
	return nil
}

// quorum reports whether those that have something could decide: a majority of the voters, in a joint
// configuration of both sets (thesis, section 4.3). It is written without the core's own.
func quorum(c *entry.Configuration, has func(entry.MemberID) bool) bool {
	for _, set := range [][]entry.MemberID{c.Incoming(), c.Outgoing()} {
		n := 0
		for _, id := range set {
			if has(id) {
				n++
			}
		}
		if len(set) > 0 && n <= len(set)/2 {
			return false
		}
	}
	return true
}

// vote notes a vote that counts: one that was said, or a leader's own.
func (t *truth) vote(member int, term entry.Term, candidate int) *broken {
	v := &t.votes[term][member]
	if *v != 0 && *v != uint8(candidate+1) {
		return breach("one vote per term", "member %d votes for %d in term %d, and has voted for %d",
			member+1, candidate+1, term, *v)
	}
	*v = uint8(candidate + 1)
	return nil
}

// learnVotes notes the votes that are given and checks that a restart forgets none.
func (t *truth) learnVotes(c *change) *broken {
	for _, m := range c.sends {
		if m.Kind != core.MsgVoteReply || m.Reject {
			continue
		}
		if h := c.after.disk.hard; h.Term < m.Term || h.Term == m.Term && h.Vote != m.To {
			return breach("promises are durable", "%s tells %s its vote in term %d, durable is a vote for %q in term %d",
				m.From, m.To, m.Term, h.Vote, h.Term)
		}
		if b := t.vote(c.after.member, m.Term, int(m.To[0]-'a')); b != nil {
			return b
		}
	}
	if !c.restarted() {
		return nil
	}
	h := c.after.disk.hard
	for term := range t.votes {
		v := t.votes[term][c.after.member]
		if v != 0 && (h.Term < entry.Term(term) || h.Term == entry.Term(term) && h.Vote != name(v)) {
			return breach("promises are durable", "member %d restarts with vote %q in term %d, and has voted for %s in term %d",
				c.after.member+1, h.Vote, h.Term, name(v), term)
		}
	}
	return nil
}

// name returns the id of the member with this number, counted from 1.
func name(number uint8) entry.MemberID { return entry.MemberID(rune('a' + number - 1)) }

// learnCommit checks state machine safety (paper, figure 3), and that a leader counts copies only of
// entries of its own term (paper, section 5.4.2).
func (t *truth) learnCommit(c *change) *broken {
	s := &c.after.status
	if int(s.Commit) > len(c.after.log) {
		return breach("state machine safety", "member %d has committed %d of %d entries",
			c.after.member+1, s.Commit, len(c.after.log))
	}
	if s.Role == core.Leader && c.before.status.Role == core.Leader && s.Commit > c.before.status.Commit {
		if term := c.after.log[s.Commit-1].term; term != s.Term {
			return breach("a leader counts its own term", "member %d leads term %d and commits entry %d of term %d by counting",
				c.after.member+1, s.Term, s.Commit, term)
		}
	}
	for i, known := range c.after.log[:s.Commit] {
		switch {
		case i == len(t.committed):
			t.committed, t.within = append(t.committed, known), append(t.within, s.Term)
			if known.configuration != nil {
				t.configuration = known.configuration
			}
		case t.committed[i] != known:
			return breach("state machine safety", "member %d commits another entry at %d than was committed before",
				c.after.member+1, i+1)
		}
	}
	return nil
}

// learnReads notes questions and checks the answers (thesis, section 6.4).
func (t *truth) learnReads(c *change) *broken {
	if c.asked != 0 {
		t.reads = append(t.reads, question{id: c.asked, least: entry.Index(len(t.committed))})
	}
	for _, point := range c.reads {
		k := slices.IndexFunc(t.reads, func(q question) bool { return q.id == point.Read })
		if k < 0 {
			return breach("reads are answered once", "read %d is answered and nobody waits for it", point.Read)
		}
		if least := t.reads[k].least; !point.Failed && point.Index < least {
			return breach("reads are never old", "read %d is answered with point %d, and %d was committed when it was asked",
				point.Read, point.Index, least)
		}
		t.reads = slices.Delete(t.reads, k, k+1)
	}
	return nil
}
