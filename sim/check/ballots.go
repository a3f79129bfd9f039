package check

import (
	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
)

// Ballots checks an election among members that are counted and not listed: who leads has the votes of more
// than half of Size distinct members, its own among them when it is durable; and where a program compares
// candidates (Asked), each vote and each promise of one spends an answer that said yes to this candidate, in
// this term, in this life of the voter.
type Ballots struct {
	// Size is the number of members that the election counts on.
	Size  int
	Asked bool
	disks *Disks
	yes   map[opinion]int
	given map[candidacy]map[entry.MemberID]bool
	// Answers is how many said yes, Spent how many of them became a vote or the promise of one.
	Answers, Spent int
}

// opinion is what a program was asked: by a voter, for a promise or for a vote, about whom and for when.
type opinion struct {
	voter Life
	kind  core.MessageKind
	candidacy
}

type candidacy struct {
	candidate entry.MemberID
	term      entry.Term
}

// NewBallots returns the checker of an election whose members' disks the suite watches.
func NewBallots(s *Suite, size int, asked bool) *Ballots {
	return &Ballots{
		Size: size, Asked: asked, disks: s.Disks, yes: make(map[opinion]int),
		given: make(map[candidacy]map[entry.MemberID]bool),
	}
}

// Answered is told of every answer of a program: kind is the request's, MsgPreVote or MsgVote.
func (b *Ballots) Answered(voter Life, kind core.MessageKind, candidate entry.MemberID, term entry.Term, yes bool) {
	if yes {
		b.Answers++
		b.yes[opinion{voter, kind, candidacy{candidate, term}}]++
	}
}

// Sent is told of every message that leaves a member.
func (b *Ballots) Sent(voter Life, m *core.Message) error {
	kind := core.MsgVote
	switch {
	case m.Reject:
		return nil
	case m.Kind == core.MsgPreVoteReply:
		kind = core.MsgPreVote
	case m.Kind == core.MsgVoteReply:
		b.give(candidacy{m.To, m.Term}, voter.Member)
	default:
		return nil
	}
	if !b.Asked {
		return nil
	}
	key := opinion{voter, kind, candidacy{m.To, m.Term}}
	if b.yes[key] == 0 {
		return broken("a vote needs a yes", "%s answers yes to %s in term %d (%v), which its program has not said",
			voter.Member, m.To, m.Term, kind)
	}
	b.Spent++
	b.yes[key]--
	return nil
}

func (b *Ballots) give(to candidacy, voter entry.MemberID) {
	if b.given[to] == nil {
		b.given[to] = make(map[entry.MemberID]bool)
	}
	b.given[to][voter] = true
}

// Turned is told of every turn.
func (b *Ballots) Turned(t *Turn) error {
	if t.After.Role != leader || t.Before.Role == leader && t.Before.Term == t.After.Term {
		return nil
	}
	self, term := t.Life.Member, t.After.Term
	if hard := b.disks.Hard(self); hard.Term == term && hard.Vote == self {
		b.give(candidacy{self, term}, self)
	}
	if n := len(b.given[candidacy{self, term}]); 2*n <= b.Size {
		return broken("more than half elect", "%s leads term %d with the votes of %d of %d", self, term, n, b.Size)
	}
	return nil
}
