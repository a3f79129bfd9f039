package raft

import (
	stdcontext "context"
	"errors"
	"time"

	"v.io/v23/context"

	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/replica"
)

// outcome is what became of a command.
type outcome struct {
	applied error
	at      entry.Position
}

// Append implements Raft.
func (r *raft) Append(ctx *context.T, cmd []byte) (applyError, raftError error) {
	o, err := r.append(ctx, cmd)
	return o.applied, err
}

// append proposes cmd until it is taken. It tries again only after an answer that says for certain
// that nothing was proposed.
func (r *raft) append(ctx *context.T, cmd []byte) (outcome, error) {
	var o outcome
	err := r.insist(ctx, func(ctx *context.T) error {
		result, at, err := r.replica.Propose(ctx, cmd)
		o.at = at
		o.applied, _ = result.(error)
		return err
	})
	if errors.Is(err, replica.ErrTooLarge) {
		err = ErrorfTooLarge(ctx, "a command of %d bytes, at most %d: nothing was proposed", uint64(len(cmd)), CommandMax)
	}
	return o, err
}

// ReadIndex implements Raft.
func (r *raft) ReadIndex(ctx *context.T) (Index, error) {
	var at entry.Index
	err := r.insist(ctx, func(ctx *context.T) (err error) {
		at, err = r.replica.ReadIndex(ctx)
		return err
	})
	return Index(at), err
}

// Barrier implements Raft.
func (r *raft) Barrier(ctx *context.T) (Index, error) {
	var at entry.Index
	err := r.insist(ctx, func(ctx *context.T) (err error) {
		at, err = r.replica.Barrier(ctx)
		return err
	})
	return Index(at), err
}

// Snapshot implements Raft.
func (r *raft) Snapshot(ctx *context.T) (Index, error) {
	meta, err := r.replica.Snapshot(ctx)
	if err != nil && ctx.Err() == nil {
		err = r.translate(ctx, err)
	}
	return Index(meta.Index), err
}

// retryEvery bounds the pause between two tries when nothing tells that trying again is worth it.
const retryEvery = 25 * time.Millisecond

// insist calls try until it takes hold, fails for good, or the time is over, and returns the error
// in the words of the public contract.
func (r *raft) insist(ctx *context.T, try func(*context.T) error) error {
	_, changed := r.replica.Watch()
	err := try(ctx)
	if err == nil {
		return nil
	}
	if !retriable(err) {
		return r.translate(ctx, err)
	}
	// Only now: a call that is taken at once, as nearly all are, costs no timer.
	began := time.Now()
	if _, bounded := ctx.Deadline(); !bounded {
		limited, cancel := context.WithTimeout(ctx, AppendBound)
		defer cancel()
		ctx = limited
	}
	for {
		r.pause(ctx, changed)
		if ctx.Err() != nil {
			waited := time.Since(began).Round(time.Millisecond)
			return ErrorfNoLeader(ctx, "no leader took it within %s, nothing was proposed: %w", waited.String(), ctx.Err())
		}
		_, changed = r.replica.Watch()
		if err := try(ctx); !retriable(err) && !cut(ctx, err) {
			return r.translate(ctx, err)
		}
	}
}

// retriable reports whether err says that nothing was proposed because no leader took it.
func retriable(err error) bool {
	return (errors.Is(err, replica.ErrNoLeader) || errors.Is(err, replica.ErrNotLeader)) &&
		!errors.Is(err, replica.ErrOutcomeUnknown)
}

// cut reports whether a try ended because ctx did, before anything was proposed.
func cut(ctx *context.T, err error) bool {
	return ctx.Err() != nil && errors.Is(err, ctx.Err()) && !errors.Is(err, replica.ErrOutcomeUnknown)
}

// pause waits until trying again may be worth it.
func (r *raft) pause(ctx *context.T, changed <-chan struct{}) {
	timer := time.NewTimer(retryEvery)
	defer timer.Stop()
	select {
	case <-changed:
	case <-timer.C:
	case <-ctx.Done():
	}
}

// translate returns an error of replica as the public contract names it.
func (r *raft) translate(ctx *context.T, err error) error {
	var unknown *replica.OutcomeUnknownError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &unknown) && errors.Is(err, replica.ErrResultLost):
		return ErrorfOutcomeUnknown(ctx, "the command of (term %d, index %d) was applied once, but here by a snapshot,"+
			" so what Apply returned is not known: %w", Term(unknown.Position.Term), Index(unknown.Position.Index),
			unknown.Cause)
	case errors.As(err, &unknown):
		return ErrorfOutcomeUnknown(ctx, "the command of (term %d, index %d) may be applied later, or never: %w",
			Term(unknown.Position.Term), Index(unknown.Position.Index), cause(unknown.Cause))
	case errors.Is(err, replica.ErrNotStarted), errors.Is(err, replica.ErrStopped):
		return ErrorfNotRunning(ctx, "nothing was proposed: the member is %s", r.lifeOrFailure())
	case errors.Is(err, replica.ErrOverloaded):
		return ErrorfOverloaded(ctx, "nothing was proposed, try later: %d bytes of commands wait here, at most %d"+
			" (and the leader has its own bounds)", uint64(r.replica.Stats().QueueBytes), QueueBytesMax)
	case errors.Is(err, replica.ErrNoSpace):
		return ErrNoSpace.Errorf(ctx, "nothing was proposed: the disk of %s, or of its leader, has no room for commands;"+
			" free space there, and the service returns by itself", r.ID())
	case errors.Is(err, replica.ErrRemoved):
		return ErrorfRemoved(ctx, "%s is not a member of the set: nothing was proposed", r.ID())
	case errors.Is(err, replica.ErrNotProposed), ctx.Err() != nil:
		return ErrorfNotProposed(ctx, "the call ended before anything was proposed: %w", cause(ctx.Err()))
	}
	return err
}

// lifeOrFailure says why the member does not serve.
func (r *raft) lifeOrFailure() string {
	if err := r.replica.Err(); err != nil {
		return "stopped: " + err.Error()
	}
	return r.state()
}

// cause returns err, or an error that says so when it is nil: an error's parameters must not be nil.
func cause(err error) error {
	if err == nil {
		return stdcontext.Canceled
	}
	return err
}
