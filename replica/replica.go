package replica

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
)

// Replica is one member of a cluster. All methods may be called by several goroutines at once.
type Replica struct {
	config Config
	inbox  *inbox
	// engine belongs to the loop goroutine.
	engine *engine
	// framing is held while a turn reads payloads: a caller that gives up waits for its end.
	framing sync.Mutex
	// ctx ends when the replica stops; the machine's calls see it.
	ctx     context.Context
	cancel  context.CancelFunc
	shell   shell
	status  atomic.Pointer[Status]
	watch   watch
	gauges  gauges
	reading atomic.Int64
	pool    sync.Pool // of proposals
	// receiving is held by the one image that is being received.
	receiving sync.Mutex
	life      life
	// birth is what core was recovered from; Initialize needs it again.
	birth core.Start
}

// The phases of a replica, for callers that only want to know whether it runs.
const (
	idle int32 = iota
	running
	ended
)

// life is where the replica stands between New and the end.
type life struct {
	phase   atomic.Int32
	mu      sync.Mutex
	started bool
	driven  bool          // no loop runs: see Driven
	stop    chan struct{} // closed by the first Stop
	stopped bool
	done    chan struct{} // closed when everything has ended
	err     error         // why it stopped by itself
	stopErr error         // what Stop returns
}

// watch is what tells others of changes.
type watch struct {
	mu sync.Mutex
	// changed is closed at the next change.
	changed chan struct{}
	hub     hub
}

// gauges are figures that other goroutines than the loop keep.
type gauges struct {
	mu     sync.Mutex
	syncs  latencies
	images []*imageProgress
	// peers is what a leader knows of the others, renewed once in a heartbeat.
	peers         atomic.Pointer[peerPicture]
	impersonating atomic.Uint64
	foreign       atomic.Uint64
	overflow      atomic.Uint64
	full          atomic.Bool
	counters      atomic.Pointer[core.Counters]
	repeated      repeated
	// due is when the loop must turn next.
	due atomic.Int64
	// target is the commit index to reach before the member is ready, plus 1.
	target atomic.Uint64
}

// New recovers a member: it reads the log and the snapshots, and restores the newest snapshot into
// the machine before it returns, so that everything that can fail at the beginning fails here. When
// it fails, nothing was started and the caller still owns what is in config.
func New(config Config) (*Replica, error) {
	if err := config.complete(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &Replica{config: config, ctx: ctx, cancel: cancel, inbox: newInbox(config.Limits)}
	r.life.stop, r.life.done = make(chan struct{}), make(chan struct{})
	r.watch.changed = make(chan struct{})
	if err := r.recover(); err != nil {
		cancel()
		return nil, err
	}
	r.publish()
	return r, nil
}

// Start begins to take part: it starts the transport and the loop. It is called once; its error is
// the transport's.
func (r *Replica) Start() error {
	if err := r.begin(); err != nil {
		return err
	}
	r.shell.workers = startGoroutines(r)
	go r.loop()
	return nil
}

// begin starts the transport, once.
func (r *Replica) begin() error {
	r.life.mu.Lock()
	defer r.life.mu.Unlock()
	switch {
	case r.life.stopped:
		return ErrStopped
	case r.life.started:
		return errors.New("replica: already started")
	}
	if err := r.config.Transport.Start(receiver{r}); err != nil {
		return fmt.Errorf("replica: starting the transport: %w", err)
	}
	r.life.started = true
	r.gauges.due.Store(int64(r.config.Now()))
	r.life.phase.Store(running)
	return nil
}

// Stop hands leadership over first when this member leads, which takes an election time-out at most,
// then ends everything and returns when no goroutine is left, or with ErrBlocked after
// Limits.StopWait when a call of the machine does not return. Calls under way end: those already
// proposed with an OutcomeUnknownError. Later calls of Stop return the same.
func (r *Replica) Stop() error {
	r.life.mu.Lock()
	first := !r.life.stopped
	r.life.stopped = true
	before := r.life.phase.Swap(ended)
	looped := r.life.started && !r.life.driven
	r.life.mu.Unlock()
	if first && looped && before == running {
		r.resign()
	}
	if first {
		close(r.life.stop)
	}
	if first && !looped && before != ended {
		r.closeRooms(nil)
	}
	<-r.life.done
	r.life.mu.Lock()
	defer r.life.mu.Unlock()
	return r.life.stopErr
}

// running returns nil between Start and the end.
func (r *Replica) running() error {
	switch r.life.phase.Load() {
	case running:
		return nil
	case idle:
		return ErrNotStarted
	}
	return ErrStopped
}

// Propose replicates one command and returns what the local machine's Apply made of it, and where
// it stands in the log. Any member may be asked: a follower forwards to the leader. When that one is
// lost, the command is proposed again to the next, until ctx ends; it is applied at most once whatever
// happens. Payload is copied and may be reused when Propose returns.
//
// The error is one of those of this package: see which of them mean "not proposed". Every other
// outcome is an [OutcomeUnknownError]; when ctx ends it is returned at once and wraps ctx's error.
func (r *Replica) Propose(ctx context.Context, payload []byte) (any, entry.Position, error) {
	return r.propose(ctx, entry.KindCommand, payload)
}

// propose is Propose for commands and barriers.
func (r *Replica) propose(ctx context.Context, kind entry.Kind, payload []byte) (any, entry.Position, error) {
	if err := ctx.Err(); err != nil {
		return nil, entry.Position{}, fmt.Errorf("%w: %w", ErrNotProposed, err)
	}
	_, bounded := ctx.Deadline()
	p, err := r.submit(kind, payload, bounded)
	if err != nil {
		return nil, entry.Position{}, err
	}
	return r.waitFor(ctx, p)
}

// waitFor waits for the answer to a proposal.
func (r *Replica) waitFor(ctx context.Context, p *proposal) (any, entry.Position, error) {
	select {
	case <-p.done:
		return p.collect()
	case <-ctx.Done():
		return r.abandon(p, ctx.Err())
	}
}

// submit queues a command or a barrier. bounded says that its caller's wait ends by itself.
func (r *Replica) submit(kind entry.Kind, payload []byte, bounded bool) (*proposal, error) {
	if err := r.running(); err != nil {
		return nil, err
	}
	if len(payload) > r.config.Limits.Command {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrTooLarge, len(payload), r.config.Limits.Command)
	}
	p := newProposal(&r.pool, kind, payload)
	p.trace.bounded = bounded
	if err := r.inbox.propose(p); err != nil {
		p.free()
		return nil, err
	}
	return p, nil
}

// abandon ends a caller's wait before the answer.
func (r *Replica) abandon(p *proposal, cause error) (any, entry.Position, error) {
	if p.state.CompareAndSwap(queued, gone) {
		// It stays in the queue until the loop finds it; the payload is not read any more.
		return nil, entry.Position{}, fmt.Errorf("%w: %w", ErrNotProposed, cause)
	}
	// A turn may be framing the payload, which belongs to the caller again from now on.
	r.framing.Lock()
	at, certain := p.at, p.certain()
	gaveUp := p.state.CompareAndSwap(taken, gone)
	r.framing.Unlock()
	switch {
	case !gaveUp:
		<-p.done
		return p.collect()
	case certain:
		return nil, entry.Position{}, fmt.Errorf("%w: %w", ErrNotProposed, cause)
	}
	return nil, at, &OutcomeUnknownError{Position: at, Cause: cause}
}

// ReadIndex returns when the local machine has applied everything that was committed anywhere in
// the cluster when ReadIndex was called, and returns that index: reading the machine after it is
// linearizable. Any member may be asked. The error is ErrNoLeader or ErrNotLeader when leadership
// could not be confirmed, and wraps ctx's error when that ended first; reading again is harmless.
//
// The leader confirms its leadership by a round trip to a majority, one for all reads that wait. Where
// leases are on (Configuration.Lease) a leader that was heard within 4.5 heartbeats answers on its own;
// that rests on clocks that count suspend and whose rates differ by less than a third. The lease is
// compared with a time that is read after the call began, so a process that was paused, at whatever
// point, answers what was true during the call or not at all.
func (r *Replica) ReadIndex(ctx context.Context) (entry.Index, error) {
	waiter, err := r.ask()
	if err != nil {
		return 0, err
	}
	defer r.reading.Add(-1)
	select {
	case <-waiter.done:
		return waiter.index, waiter.err
	case <-ctx.Done():
		return waiter.abandon(ctx.Err())
	}
}

// ask queues a read, which the caller takes out of r.reading at its end.
func (r *Replica) ask() (*read, error) {
	if err := r.running(); err != nil {
		return nil, err
	}
	if r.reading.Add(1) > int64(r.config.Limits.Reads) {
		r.reading.Add(-1)
		return nil, ErrOverloaded
	}
	waiter := &read{done: make(chan struct{})}
	if !r.inbox.put(func(ev *events) { ev.reads = append(ev.reads, waiter) }) {
		r.reading.Add(-1)
		return nil, ErrStopped
	}
	return waiter, nil
}

// abandon ends a caller's wait before the answer.
func (w *read) abandon(cause error) (entry.Index, error) {
	if w.state.CompareAndSwap(queued, gone) {
		return 0, fmt.Errorf("replica: reading: %w", cause)
	}
	<-w.done
	return w.index, w.err
}

// Status returns the picture of the last turn.
func (r *Replica) Status() Status { return *r.status.Load() }

// Watch returns the present status and a channel that is closed when role, term, leader or
// configuration are no longer those, or the replica stops.
func (r *Replica) Watch() (Status, <-chan struct{}) {
	r.watch.mu.Lock()
	defer r.watch.mu.Unlock()
	return r.Status(), r.watch.changed
}

// Stats returns the figures.
func (r *Replica) Stats() Stats {
	s := Stats{Status: r.Status(), SinceContact: -1, Health: Health{Full: r.gauges.full.Load(), Failure: r.Err()}}
	if s.LastContact != 0 {
		s.SinceContact = time.Duration(r.config.Now() - s.LastContact)
	}
	s.QueueBytes, s.QueueCount, s.InboxBytes = r.inbox.figures()
	g := &r.gauges
	s.Syncs, s.SyncP50, s.SyncP99 = g.quantiles()
	s.Refused = RefusedMessages{
		Impersonating: g.impersonating.Load(), Foreign: g.foreign.Load(), Overflow: g.overflow.Load(),
	}
	if c := g.counters.Load(); c != nil {
		s.Refused.Core = *c
	}
	s.Images, s.EventsDropped = g.imagesUnderWay(), r.watch.hub.losses()
	if p := g.peers.Load(); p != nil {
		s.Peers = p.all
	}
	s.Commands = g.repeated.figures()
	return s
}

// Ready returns nil when this member can serve: it runs, knows a leader and has applied everything
// that was committed when it first heard of one. The error says what is missing, or why it failed.
func (r *Replica) Ready() error {
	if err := r.running(); err != nil {
		return errors.Join(err, r.Err())
	}
	s, target := r.Status(), entry.Index(r.gauges.target.Load())
	switch {
	case s.Awaits != 0:
		return fmt.Errorf("%w, up to entry %d at least, from the leader (%q)", ErrBare, s.Awaits, s.Leader)
	case s.Damage.AtStart:
		return fmt.Errorf("replica: %d entries of the log, from %d on, cannot be read; copies are asked for",
			s.Damage.Entries, s.Damage.First)
	case s.Held != entry.Position{}:
		return fmt.Errorf("replica: the log lost its end: it reaches to index %d, and may have held entries up to (index %d,"+
			" term %d), which a leader must bring", s.Last.Index, s.Held.Index, s.Held.Term)
	case s.Leader == "":
		return ErrNoLeader
	case target == 0 || s.Applied < target-1:
		return fmt.Errorf("replica: applied %d of the %d entries to catch up with", s.Applied, target-1)
	}
	return nil
}

// Live returns nil while the loop turns. The error tells why not: not started, stopped, failed, or
// no turn for a whole election time-out although one was due.
func (r *Replica) Live() error {
	if err := r.Err(); err != nil {
		return err
	}
	if err := r.running(); err != nil {
		return err
	}
	late := r.config.Now() - core.Instant(r.gauges.due.Load())
	if late > core.ElectionTimeout*core.Instant(r.config.Heartbeat) {
		return fmt.Errorf("replica: the loop is %v late", time.Duration(late))
	}
	return nil
}

// Done returns a channel that is closed when the replica has stopped, by Stop or by a failure.
func (r *Replica) Done() <-chan struct{} { return r.life.done }

// Err returns why the replica stopped by itself, or nil. It wraps ErrPoisoned, ErrMachine or
// ErrProtocol.
func (r *Replica) Err() error {
	r.life.mu.Lock()
	defer r.life.mu.Unlock()
	return r.life.err
}

// panicked turns a panic of the user's program into the error that stops the member.
func (r *Replica) panicked(v any) error {
	r.config.Logger.Error("the state machine panicked", "member", r.config.ID, "panic", v, "stack", string(debug.Stack()))
	if err, ok := v.(error); ok {
		return fmt.Errorf("%w: panic: %w", ErrMachine, err)
	}
	return fmt.Errorf("%w: panic: %v", ErrMachine, v)
}
