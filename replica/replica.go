package replica

import (
	"context"

	"v.io/x/ref/lib/raft/entry"
)

// Replica is one member of a cluster. All methods may be called by several goroutines at once.
type Replica struct{ config Config }

// New recovers a member: it reads the log and the snapshots, and restores the newest snapshot into
// the machine before it returns, so that everything that can fail at the beginning fails here. When
// it fails, nothing was started and the caller still owns what is in config.
func New(config Config) (*Replica, error) {
	if err := config.complete(); err != nil {
		return nil, err
	}
	return &Replica{config: config}, nil
}

// Initialize gives the configuration of a new cluster, once, between New and Start: for doors whose
// initial set is not known when the member is recovered. c is as Config.Initial. A log or snapshot
// that already holds a configuration wins, and c is ignored.
func (r *Replica) Initialize(c entry.Configuration) error { return c.Validate() }

// Start begins to take part: it starts the transport and the loop. It is called once; its error is
// the transport's.
func (r *Replica) Start() error { return nil }

// Stop ends everything and returns when no goroutine is left, or with ErrBlocked after
// Limits.StopWait when a call of the machine does not return. Calls under way end: those already
// proposed with an OutcomeUnknownError. Later calls of Stop return the same.
func (r *Replica) Stop() error { return nil }

// Propose replicates one command and returns what the local machine's Apply made of it, and where
// it stands in the log. Any member may be asked: a follower forwards to the leader once. Payload is
// copied and may be reused when Propose returns.
//
// The error is one of those of this package: see which of them mean "not proposed". Every other
// outcome is an [OutcomeUnknownError]; when ctx ends it is returned at once and wraps ctx's error.
func (r *Replica) Propose(ctx context.Context, payload []byte) (any, entry.Position, error) {
	return nil, entry.Position{}, ErrNotStarted
}

// ReadIndex returns when the local machine has applied everything that was committed anywhere in
// the cluster when ReadIndex was called, and returns that index: reading the machine after it is
// linearizable. Any member may be asked. The error is ErrNoLeader or ErrNotLeader when leadership
// could not be confirmed, and wraps ctx's error when that ended first; reading again is harmless.
func (r *Replica) ReadIndex(ctx context.Context) (entry.Index, error) { return 0, ErrNotStarted }

// Campaign asks for an election now, by a pre-vote: it does not disturb members that hear a leader.
func (r *Replica) Campaign() {}

// Status returns the picture of the last turn.
func (r *Replica) Status() Status { return Status{} }

// Watch returns the present status and a channel that is closed when role, term, leader or
// configuration are no longer those, or the replica stops.
func (r *Replica) Watch() (Status, <-chan struct{}) { return Status{}, nil }

// Stats returns the figures.
func (r *Replica) Stats() Stats { return Stats{} }

// Ready returns nil when this member can serve: it runs, knows a leader and has applied everything
// that was committed when it first heard of one. The error says what is missing.
func (r *Replica) Ready() error { return ErrNotStarted }

// Live returns nil while the loop turns. The error tells why not: not started, stopped, failed, or
// no turn for a whole election time-out although one was due.
func (r *Replica) Live() error { return ErrNotStarted }

// Done returns a channel that is closed when the replica has stopped, by Stop or by a failure.
func (r *Replica) Done() <-chan struct{} { return nil }

// Err returns why the replica stopped by itself, or nil. It wraps ErrPoisoned, ErrMachine or
// ErrProtocol.
func (r *Replica) Err() error { return nil }
