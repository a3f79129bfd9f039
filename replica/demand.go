package replica

import (
	"context"
	"fmt"
	"io"

	"v.io/x/ref/lib/raft/entry"
)

// Barrier returns once everything that was proposed at this member before the call, and everything
// that was committed anywhere before it, has been applied here. It goes through the log, as a command
// without content that no machine sees, and returns its index. The errors are those of Propose; a
// barrier changes nothing, so it may always be asked for again.
//
// [Replica.ReadIndex] gives the same for what was committed and writes nothing.
func (r *Replica) Barrier(ctx context.Context) (entry.Index, error) {
	_, at, err := r.propose(ctx, entry.KindNoOp, nil)
	return at.Index, err
}

// Snapshot takes a snapshot now and returns its description when it is durable. It covers everything
// that had been applied here when it was called; a snapshot that is there already and does so is
// returned as it is, one of Index 0 when nothing was applied yet. When ctx ends first the error wraps
// its, and the snapshot goes on. Other errors: ErrNotStarted, ErrStopped, ErrOverloaded when 1024
// callers wait, and why an image was dropped.
func (r *Replica) Snapshot(ctx context.Context) (entry.SnapshotMeta, error) {
	d, err := r.demand()
	if err != nil {
		return entry.SnapshotMeta{}, err
	}
	select {
	case <-d.done:
		return d.meta, d.err
	case <-ctx.Done():
		return entry.SnapshotMeta{}, fmt.Errorf("replica: the snapshot goes on: %w", ctx.Err())
	}
}

// OpenSnapshot reads the image that Snapshot described, from its beginning; the caller closes it. It fails
// when newer ones have replaced it meanwhile. Reading ends in an error that wraps entry.ErrCorrupt where the
// image is damaged; then another one is taken, and Snapshot describes that.
func (r *Replica) OpenSnapshot(meta entry.SnapshotMeta) (io.ReadCloser, error) {
	return r.openImage(meta, 0)
}

// demand queues a wish for a snapshot.
func (r *Replica) demand() (*demand, error) {
	if err := r.running(); err != nil {
		return nil, err
	}
	d := &demand{done: make(chan struct{})}
	if !r.inbox.put(func(ev *events) { ev.demands = append(ev.demands, d) }) {
		return nil, ErrStopped
	}
	return d, nil
}

// demand is one caller that wants a snapshot.
type demand struct {
	// need is what the snapshot must cover.
	need entry.Index
	// begun is true once an image is being made that does.
	begun bool
	meta  entry.SnapshotMeta
	err   error
	done  chan struct{}
}

// demands are the callers that want a snapshot.
type demands struct {
	waiting, answered []*demand
}

// demandsMax bounds the callers that wait for a snapshot.
const demandsMax = 1024

// take takes new wishes, at an applied index, and answers those whom the newest snapshot serves by now.
func (s *images) take(all []*demand, applied entry.Index) {
	for _, d := range all {
		if d.need = applied; len(s.demands.waiting) >= demandsMax {
			s.demands.answer(d, entry.SnapshotMeta{}, ErrOverloaded)
			continue
		}
		s.demands.waiting = append(s.demands.waiting, d)
		s.failedAt = 0 // Who asks again wants another attempt.
	}
	s.serve()
}

// serve answers those whom the newest snapshot serves, and wants another one for the rest.
func (s *images) serve() {
	rest := s.demands.waiting[:0]
	for _, d := range s.demands.waiting {
		if d.need <= s.newest.Index {
			s.demands.answer(d, s.newest, nil)
			continue
		}
		rest = append(rest, d)
	}
	clear(s.demands.waiting[len(rest):])
	s.demands.waiting = rest
	s.wanted = s.wanted || len(rest) > 0
}

// begin notes that an image is being made that covers everything that is wanted now.
func (l *demands) begin() {
	for _, d := range l.waiting {
		d.begun = true
	}
}

// fail answers those whose image was dropped.
func (l *demands) fail(err error, all bool) {
	rest := l.waiting[:0]
	for _, d := range l.waiting {
		if all || d.begun {
			l.answer(d, entry.SnapshotMeta{}, err)
			continue
		}
		rest = append(rest, d)
	}
	clear(l.waiting[len(rest):])
	l.waiting = rest
}

func (l *demands) answer(d *demand, meta entry.SnapshotMeta, err error) {
	d.meta, d.err = meta, err
	l.answered = append(l.answered, d)
}

// settle tells the callers.
func (l *demands) settle() {
	for _, d := range l.answered {
		close(d.done)
	}
	clear(l.answered)
	l.answered = l.answered[:0]
}
