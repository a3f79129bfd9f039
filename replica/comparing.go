package replica

import (
	"context"
	"slices"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
)

// Candidate is who asks for this member's vote.
type Candidate struct {
	ID   entry.MemberID
	Term entry.Term
	// State is what the request says about the candidate, as the transport received it; nil for nothing.
	// It must not be modified.
	State []byte
}

// Compare decides in an election without a log whether a candidate is good enough for this member's
// vote. It is called by a goroutine of its own, one call at a time, and may take its time: the loop
// does not wait for it, and heartbeats go on. A candidate that is not answered asks again. ctx ends when
// the replica stops. A panic is a refusal, and is logged.
type Compare func(ctx context.Context, candidate Candidate) bool

// NewCandidacy adds to a request for votes what the program says about itself, for a transport that
// sends the request: State of the [Candidate] that others are given. The state must not be modified
// afterwards, and is at most entry.PayloadMax bytes long; a longer one is left out.
func NewCandidacy(m *core.Message, state []byte) {
	if m.Kind != core.MsgVote && m.Kind != core.MsgPreVote || len(state) > entry.PayloadMax {
		return
	}
	var b entry.Builder
	b.Add(entry.Header{
		Kind: entry.KindCommand, Index: 1, Term: 1, Size: uint32(len(state)), PayloadSum: entry.Checksum(state),
	}, state)
	m.Entries, m.Body = core.Range{First: 1, Count: 1}, []*entry.Block{b.Block()}
}

// comparing are the questions about candidates that wait for the program, one of which it is asked.
// Core bounds how many are open.
type comparing struct {
	queue []core.Question
	busy  bool
}

// next returns the next question that still matters.
func (s *comparing) next(term entry.Term) *core.Question {
	for !s.busy && len(s.queue) > 0 {
		q := s.queue[0]
		s.queue = slices.Delete(s.queue, 0, 1)
		if q.Term >= term {
			s.busy = true
			return &q
		}
	}
	return nil
}

// compare asks the program.
func (r *Replica) compare(q *core.Question) (ended outcome) {
	answer := core.Answer{ID: q.ID}
	ended = func(ev *events) { ev.answers = append(ev.answers, answer) }
	defer func() {
		if v := recover(); v != nil {
			answer.Grant = false
			r.config.Logger.Error("a candidate is refused", "member", r.config.ID, "candidate", q.From, "error", r.panicked(v))
		}
	}()
	candidate := Candidate{ID: q.From, Term: q.Term}
	if len(q.Candidate) > 0 {
		candidate.State = q.Candidate[0].Payload(1)
	}
	answer.Grant = r.config.Election.Compare(r.ctx, candidate)
	return ended
}
