package raft

import (
	stdcontext "context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"v.io/v23/context"

	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/replica"
)

// machine is the user's RaftClient as replica knows it. Its methods are called by replica's apply
// goroutine only, finish functions by another.
type machine struct {
	ctx    *context.T
	client RaftClient
	log    *slog.Logger
}

var _ replica.Machine = (*machine)(nil)

// Apply implements replica.Machine. A result is the error that the client returned, nil for none.
func (m *machine) Apply(cmds []replica.Command, results []any) {
	for i := range cmds {
		if err := m.client.Apply(cmds[i].Payload, Index(cmds[i].Index)); err != nil {
			results[i] = err
		}
	}
}

// Restore implements replica.Machine.
func (m *machine) Restore(ctx stdcontext.Context, at entry.Index, r io.Reader) error {
	return m.client.RestoreFromSnapshot(context.FromGoContextWithValues(ctx, m.ctx), Index(at), r)
}

// errNotClosed is why an image is dropped whose response channel was never closed.
var errNotClosed = errors.New("the client never closed the response channel of SaveToSnapshot")

// Snapshot implements replica.Machine: the call to SaveToSnapshot is the pause, and finish waits for
// the client to close its response channel.
func (m *machine) Snapshot(ctx stdcontext.Context, at entry.Index, w io.Writer) (func() error, error) {
	out := &snapshotWriter{w: w}
	response := make(chan error)
	outcome := make(chan error, 1)
	go func() { outcome <- m.drain(ctx, response, at) }()
	if err := m.client.SaveToSnapshot(context.FromGoContextWithValues(ctx, m.ctx), out, response); err != nil {
		out.end()
		return nil, fmt.Errorf("SaveToSnapshot at index %d: %w", at, err)
	}
	return func() error {
		err := <-outcome
		return errors.Join(err, out.end())
	}, nil
}

// snapshotOverdue is how long a snapshot may take before it is reported, once for each such time.
const snapshotOverdue = time.Minute

// drain receives from a snapshot's response channel until the client closes it or the member stops.
// It returns the first error that the client sent.
func (m *machine) drain(ctx stdcontext.Context, response <-chan error, at entry.Index) error {
	var first error
	overdue := time.NewTicker(snapshotOverdue)
	defer overdue.Stop()
	for {
		select {
		case err, open := <-response:
			if !open {
				return first
			}
			if err != nil {
				m.log.Error("the client reports an error of its snapshot: discarded", "index", at, "err", err)
				first = errors.Join(first, err)
			}
		case <-overdue.C:
			m.log.Warn("a snapshot is still being written: no other is taken until its response channel is closed",
				"index", at)
		case <-ctx.Done():
			m.log.Error("snapshot dropped: the member stops", "index", at, "err", errNotClosed)
			return errors.Join(first, errNotClosed, ctx.Err())
		}
	}
}

// snapshotWriter is what SaveToSnapshot writes to. After end, a client that still writes gets an
// error instead of reaching a file that is no longer its own.
type snapshotWriter struct {
	mu sync.Mutex
	w  io.Writer // guarded by mu, nil after end
	// err is the first error of w: a client that ignores it must not have its image kept.
	err error
}

var errSnapshotEnded = errors.New("the snapshot has ended: response closed, an error returned, or the member stopped")

// Write implements io.Writer.
func (s *snapshotWriter) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.w == nil {
		return 0, errSnapshotEnded
	}
	n, err := s.w.Write(p)
	if err != nil && s.err == nil {
		s.err = err
	}
	return n, err
}

// end refuses further writes and returns the first error of an earlier one.
func (s *snapshotWriter) end() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.w = nil
	return s.err
}
