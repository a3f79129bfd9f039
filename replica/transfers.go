package replica

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
)

// Transfer moves leadership to the voter named, or with "" to the best one: of those lately heard the
// one with the lowest rank, and among equals the one whose log is furthest. Any member may be asked.
// It returns nil as soon as this member hears that the voter leads, also when it did already.
//
// Commands given to the leader meanwhile wait, those forwarded by others are refused with
// ErrTransferring, which is "not proposed". The error wraps ErrNotTransferred and says why; after an
// election time-out a transfer is given up and the leader goes on. When ctx ends first, its error is
// wrapped instead, and the transfer may still come about.
func (r *Replica) Transfer(ctx context.Context, to entry.MemberID) error {
	t, err := r.beginTransfer(to)
	if err != nil {
		return err
	}
	select {
	case <-t.done:
		return t.err
	case <-ctx.Done():
	}
	if t.state.CompareAndSwap(queued, gone) {
		return fmt.Errorf("replica: transferring leadership, which may still come about: %w", ctx.Err())
	}
	<-t.done
	return t.err
}

// Campaign says that this member shall lead. A leader that it hears is asked to hand over; else it
// asks for an election now, by a pre-vote: members that hear a leader are not disturbed. It goes on trying,
// also when another member is elected meanwhile, until it leads or an election time-out is over; of several
// members that want to lead each one does, one after the other. [Replica.Watch] tells whether it came about.
func (r *Replica) Campaign() {
	if r.running() == nil {
		r.inbox.put(func(ev *events) { ev.campaign = true })
	}
}

func (r *Replica) beginTransfer(to entry.MemberID) (*transfer, error) {
	if err := r.running(); err != nil {
		return nil, err
	}
	return r.queueTransfer(to)
}

func (r *Replica) queueTransfer(to entry.MemberID) (*transfer, error) {
	t := &transfer{to: to, done: make(chan struct{})}
	if !r.inbox.put(func(ev *events) { ev.transfers = append(ev.transfers, t) }) {
		return nil, ErrStopped
	}
	return t, nil
}

// resign hands leadership over before the member stops, so that the others need not notice that it is
// gone. It waits for an election time-out at most.
func (r *Replica) resign() {
	if r.Status().Role != core.Leader {
		return
	}
	t, err := r.queueTransfer("")
	if err != nil {
		return
	}
	timer := time.NewTimer(core.ElectionTimeout * r.config.Heartbeat)
	defer timer.Stop()
	err = fmt.Errorf("%w: no answer within %d heartbeats", ErrNotTransferred, core.ElectionTimeout)
	select {
	case <-t.done:
		err = t.err
	case <-timer.C:
	case <-r.life.done:
	}
	if err != nil {
		r.config.Logger.Info("stops without a transfer of leadership", "member", r.config.ID, "reason", err)
	}
}

// transfer is one caller that waits for leadership to move.
type transfer struct {
	id    core.TransferID
	to    entry.MemberID
	state atomic.Int32
	err   error
	done  chan struct{}
}

func (t *transfer) settle() {
	if t.state.CompareAndSwap(queued, answered) {
		close(t.done)
	}
}

// transfers are those between question and answer.
type transfers struct {
	next  core.TransferID
	asked map[core.TransferID]*transfer
	// answers are those that this turn has answered.
	answers []*transfer
}

// ask registers a transfer and returns core's request.
func (s *transfers) ask(t *transfer) core.TransferRequest {
	s.next++
	t.id = s.next
	s.asked[t.id] = t
	return core.TransferRequest{ID: t.id, To: t.to}
}

// take notes core's answer.
func (s *transfers) take(r core.TransferResult) {
	t := s.asked[r.ID]
	delete(s.asked, r.ID)
	if t != nil {
		t.err = notTransferred(r.Refusal, t.to)
		s.answers = append(s.answers, t)
	}
}

// settle tells the callers.
func (s *transfers) settle() {
	for _, t := range s.answers {
		t.settle()
	}
	clear(s.answers)
	s.answers = s.answers[:0]
}

// fail ends all transfers.
func (s *transfers) fail(more []*transfer, err error) {
	for id, t := range s.asked {
		delete(s.asked, id)
		more = append(more, t)
	}
	for _, t := range more {
		t.err = err
		t.settle()
	}
}

// notTransferred turns why core did not transfer into the error of this package, nil for 0.
func notTransferred(why core.TransferRefusal, to entry.MemberID) error {
	target := fmt.Sprintf("%q", to)
	if to == "" {
		target = "another voter"
	}
	switch why {
	case 0:
		return nil
	case core.TransferNoLeader:
		return fmt.Errorf("%w: %w", ErrNotTransferred, ErrNoLeader)
	case core.TransferNotVoter:
		return fmt.Errorf("%w: %s is no voter of the configuration in force", ErrNotTransferred, target)
	case core.TransferUnheard:
		return fmt.Errorf("%w: the leader has not heard %s, or not a majority, for %d heartbeats", ErrNotTransferred,
			target, core.ElectionTimeout)
	case core.TransferBusy:
		return fmt.Errorf("%w: a transfer to another member is under way, try later", ErrNotTransferred)
	case core.TransferTimeout:
		return fmt.Errorf("%w: %s did not lead within %d heartbeats, the leader goes on", ErrNotTransferred, target,
			core.ElectionTimeout)
	case core.TransferLost:
		return fmt.Errorf("%w: an election came between, and %s did not win it", ErrNotTransferred, target)
	}
	return fmt.Errorf("%w: refusal %d, which this version does not know", ErrNotTransferred, why)
}
