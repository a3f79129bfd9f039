package replica

import (
	"bytes"
	"context"
	"fmt"
	"sync/atomic"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
)

// Change changes the configuration and returns the index of the one in which the change is done, once
// that is committed. Any member may be asked. New members are learners first; they vote, and those
// that leave go, when all of them have caught up. What is so already is not done again, and what is
// under way is joined, so that asking again is harmless.
//
// The error wraps ErrChangeRefused and says why, with the numbers; then nothing was begun, unless
// another change has cancelled this one. When ctx ends first the error wraps ErrChangeGoesOn and
// ctx's error: what was begun goes on, under any leader.
func (r *Replica) Change(ctx context.Context, wanted core.Change) (entry.Index, error) {
	c, err := r.beginChange(wanted)
	if err != nil {
		return 0, err
	}
	select {
	case <-c.done:
		return c.index, c.err
	case <-ctx.Done():
		return c.abandon(ctx.Err())
	}
}

func (r *Replica) beginChange(wanted core.Change) (*change, error) {
	if err := r.running(); err != nil {
		return nil, err
	}
	c := &change{wanted: wanted, done: make(chan struct{})}
	if !r.inbox.put(func(ev *events) { ev.changes = append(ev.changes, c) }) {
		return nil, ErrStopped
	}
	return c, nil
}

// change is one caller that waits for a change of the configuration.
type change struct {
	id     core.ChangeID
	wanted core.Change
	// due is when to ask again.
	due   core.Instant
	state atomic.Int32
	index entry.Index
	err   error
	done  chan struct{}
}

// abandon ends a caller's wait before the answer.
func (c *change) abandon(cause error) (entry.Index, error) {
	if c.state.CompareAndSwap(queued, gone) {
		return 0, fmt.Errorf("%w: %w", ErrChangeGoesOn, cause)
	}
	<-c.done
	return c.index, c.err
}

func (c *change) settle() {
	if c.state.CompareAndSwap(queued, answered) {
		close(c.done)
	}
}

// changes are those between question and answer. What is lost on the way, and what a member that is
// not the leader refuses, is asked again under the same id: a leader that knows the request joins the
// two.
type changes struct {
	next core.ChangeID
	// open are in the order in which they were asked.
	open []*change
	// answers are those that this turn has answered.
	answers []*change
}

// A change is asked again after so many heartbeats without an answer, and after one when the member
// asked could not tell.
//
// changesMax bounds those that wait at one member.
const (
	changesMax     = 1024
	changePatience = 6
	changeRetry    = 1
)

// ask takes new changes and returns the requests that are due, into buffer.
func (s *changes) ask(more []*change, now core.Instant, heartbeat core.Instant,
	buffer []core.ChangeRequest,
) []core.ChangeRequest {
	for _, c := range more {
		if len(s.open) >= changesMax {
			c.err = ErrOverloaded
			s.answers = append(s.answers, c)
			continue
		}
		s.next++
		c.id, c.due = s.next, now
		s.open = append(s.open, c)
	}
	kept := s.open[:0]
	for _, c := range s.open {
		if c.state.Load() == gone {
			continue
		}
		if c.due <= now {
			c.due = now + changePatience*heartbeat
			buffer = append(buffer, core.ChangeRequest{ID: c.id, Change: c.wanted})
		}
		kept = append(kept, c)
	}
	clear(s.open[len(kept):])
	s.open = kept
	return buffer
}

// due returns when the next one is asked again.
func (s *changes) due() core.Instant {
	due := core.Forever
	for _, c := range s.open {
		due = min(due, c.due)
	}
	return due
}

// take notes core's answer.
func (s *changes) take(r core.ChangeResult, now, heartbeat core.Instant) {
	for i, c := range s.open {
		if c.id != r.ID {
			continue
		}
		if r.Refusal == core.RefusedNotLeader || r.Refusal == core.RefusedOverloaded {
			c.due = now + changeRetry*heartbeat
			return
		}
		c.index = r.Index
		if r.Refusal != 0 {
			c.err = fmt.Errorf("%w: %s", ErrChangeRefused, r)
		}
		s.answers = append(s.answers, c)
		s.open = append(s.open[:i], s.open[i+1:]...)
		return
	}
}

// settle tells the callers.
func (s *changes) settle() {
	for _, c := range s.answers {
		c.settle()
	}
	clear(s.answers)
	s.answers = s.answers[:0]
}

// fail ends all changes: the member stops.
func (s *changes) fail(more []*change) {
	for _, c := range append(s.open, more...) {
		c.err = fmt.Errorf("%w: %w", ErrChangeGoesOn, ErrStopped)
		c.settle()
	}
	s.open = nil
}

// peersMax bounds the peers that an inbox remembers; beyond it forgets all, and tells core again. Invariant: no
// more than core remembers, so that whom core has forgotten is told again.
const peersMax = 4 * entry.MembersMax

// meet notes what a connection has proven, when it is news. The caller holds mu.
func (b *inbox) meet(p *Peer) {
	if known, ok := b.met[p.ID]; ok && known.same(p) {
		return
	}
	if len(b.met) >= peersMax {
		clear(b.met)
	}
	b.met[p.ID] = *p
	b.events.peers = append(b.events.peers, core.Peer{
		ID: p.ID, Incarnation: p.Incarnation, Former: p.Former, Key: p.Key, Level: p.Level,
		Settled: !p.Cluster.IsZero(),
	})
}

func (p *Peer) same(q *Peer) bool {
	return p.ID == q.ID && p.Cluster == q.Cluster && p.Incarnation == q.Incarnation && p.Former == q.Former &&
		p.Level == q.Level && bytes.Equal(p.Key, q.Key)
}
