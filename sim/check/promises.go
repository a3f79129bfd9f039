package check

import (
	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
)

// Promises checks what a message promises against what was durable when it left: a vote is on the
// disk before it is given, and given once per term (paper, section 5.2); entries are on the disk
// before they are acknowledged (paper, section 5.3).
type Promises struct {
	disks *Disks
	votes map[ballot]entry.MemberID
	// Votes and Acks are how many were checked.
	Votes, Acks int
}

// ballot is one vote: a member's directory in a term.
type ballot struct {
	member      entry.MemberID
	incarnation entry.Incarnation
	term        entry.Term
}

func (p *Promises) sent(life Life, m *core.Message) error {
	switch {
	case m.Kind == core.MsgVoteReply && !m.Reject:
		return p.vote(life, m)
	case m.Kind == core.MsgVote:
		return p.once(life, m.Term, life.Member)
	case m.Kind == core.MsgAppendReply && !m.Reject:
		p.Acks++
		log := p.disks.of(life)
		if last := max(log.last(), log.image); m.Match > last {
			return broken("ack after sync", "%s acknowledges entry %d to %s, its log has confirmed %d",
				life.Member, m.Match, m.To, last)
		}
	}
	return nil
}

// forget takes back the votes that a directory does not know of any more.
func (p *Promises) forget(life Life, known entry.HardState) {
	for b := range p.votes {
		own := b.member == life.Member && b.incarnation == life.Incarnation
		if own && (b.term > known.Term || b.term == known.Term && known.Vote == "") {
			delete(p.votes, b)
		}
	}
}

func (p *Promises) vote(life Life, m *core.Message) error {
	p.Votes++
	hard := p.disks.of(life).hard
	if hard.Term < m.Term || hard.Term == m.Term && hard.Vote != m.To {
		return broken("vote after sync", "%s votes for %s in term %d, its log has confirmed term %d and vote %q",
			life.Member, m.To, m.Term, hard.Term, hard.Vote)
	}
	return p.once(life, m.Term, m.To)
}

// once checks that a directory votes for one member per term, over all its lives.
func (p *Promises) once(life Life, term entry.Term, candidate entry.MemberID) error {
	b := ballot{life.Member, life.Incarnation, term}
	if before, found := p.votes[b]; found && before != candidate {
		return broken("one vote per term", "%s votes for %s in term %d, and voted for %s",
			life.Member, candidate, term, before)
	}
	p.votes[b] = candidate
	return nil
}
