package core

import "v.io/x/ref/lib/raft/entry"

// This file: an election in which a program compares candidates, not a log (Config.Ask). The comparison
// is the program's code, so it runs outside: a request for a vote that passes every other rule becomes a
// question, and the answer comes as an event. By then the rules are asked again.

// QuestionID names a question.
type QuestionID uint64

// Question asks whether the candidate From is good enough to be elected in Term.
type Question struct {
	ID   QuestionID
	From entry.MemberID
	Term entry.Term
	// Candidate holds what the request carried about the candidate, one frame, nil for nothing. Core
	// does not look at it.
	Candidate []*entry.Block
}

// Answer answers a question. One that is never answered is a refusal that is never said: the candidate
// asks again.
type Answer struct {
	ID    QuestionID
	Grant bool
}

// openQuestion is a request for a vote that waits for its answer.
type openQuestion struct {
	id   QuestionID
	kind MessageKind
	from entry.MemberID
	term entry.Term
	hint uint64
}

// questionsMax bounds the open questions; each candidate has one of each kind in a term.
const questionsMax = 2 * entry.MembersMax

// inquire reports whether the request waits for an answer from now on.
func (c *Core) inquire(m *Message, out *Effects) bool {
	if !c.config.Ask {
		return false
	}
	open := &c.election.questions
	for _, q := range *open {
		if q.kind == m.Kind && q.from == m.From && q.term == m.Term {
			return true
		}
	}
	if len(*open) >= questionsMax {
		*open = append((*open)[:0], (*open)[1:]...) // the oldest candidate asks again if it still is one
	}
	c.election.question++
	q := openQuestion{id: c.election.question, kind: m.Kind, from: m.From, term: m.Term, hint: m.Hint}
	*open = append(*open, q)
	out.Questions = append(out.Questions, Question{ID: q.id, From: m.From, Term: m.Term, Candidate: m.Body})
	return true
}

// answer gives or refuses the vote that was asked for, if the rules still allow it.
func (c *Core) answer(a Answer, out *Effects) {
	open := &c.election.questions
	for i, q := range *open {
		if q.id != a.ID {
			continue
		}
		*open = append((*open)[:i], (*open)[i+1:]...)
		m := Message{Kind: q.kind, From: q.from, Term: q.term, Hint: q.hint}
		switch {
		case m.Term < c.hard.Term: // it belongs to the past
		case m.Kind == MsgPreVote:
			c.answerPreVote(&m, a.Grant && c.mayPreVote(&m), out)
		case m.Term == c.hard.Term:
			c.answerVote(&m, a.Grant && c.mayVoteNow(&m), out)
		}
		return
	}
}
