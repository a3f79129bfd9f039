package replica

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
)

// shell is the goroutines around the engine: the loop, one for the disk, one for the machine, one
// that reads old entries, and at most one that completes an image. They talk through the inbox and
// these channels, each of which has room for all that the engine hands out at once.
type shell struct {
	machinist *machinist
	store     chan *entry.Batch
	compact   chan entry.Index
	apply     chan *applyTask
	loads     chan core.Load
	// plain are the goroutines that run no user code, user those that do.
	plain, user sync.WaitGroup
}

func (s *shell) start(r *Replica) {
	s.store = make(chan *entry.Batch, 1)
	s.compact = make(chan entry.Index, 1)
	s.apply = make(chan *applyTask, 1)
	s.loads = make(chan core.Load, 1)
	s.plain.Go(func() { r.writeBatches() })
	s.plain.Go(func() { r.loadEntries() })
	s.user.Go(func() { r.runMachine() })
	go r.loop()
}

// loop is the one loop: wait, turn, have it done.
func (r *Replica) loop() {
	var (
		ev  events
		act actions
	)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for act.failed == nil {
		select {
		case <-r.inbox.wake:
		case <-timer.C:
		case <-r.life.stop:
			r.closeRooms(nil)
			return
		}
		r.inbox.take(&ev, r.engine.wantsProposals())
		ev.now = r.config.Now()
		r.turn(&ev, &act)
		if act.deadline != core.Forever {
			timer.Reset(time.Duration(max(act.deadline-r.config.Now(), 0)))
		}
	}
	r.closeRooms(act.failed)
}

// turn runs the engine and carries out its actions.
func (r *Replica) turn(ev *events, act *actions) {
	e := r.engine
	wanted := e.wantsProposals()
	r.framing.Lock()
	e.turn(ev, act)
	r.framing.Unlock()
	if act.failed != nil {
		e.settle()
		return
	}
	if act.store != nil {
		r.shell.store <- act.store
	}
	r.send(act.send)
	if act.apply != nil {
		r.shell.apply <- act.apply
	}
	if act.load != nil {
		r.shell.loads <- *act.load
	}
	if act.compact != 0 {
		r.offerCompact(act.compact)
	}
	for _, o := range act.snapshots {
		r.config.Transport.SendSnapshot(r.ctx, o.to, OutgoingSnapshot{Term: o.term, Meta: o.meta, Open: r.opener(o.meta.ID)})
	}
	r.gauges.due.Store(int64(act.deadline))
	r.gauges.target.Store(uint64(e.stage.target))
	r.publish()
	e.settle()
	if !wanted && e.wantsProposals() {
		r.inbox.signal() // the proposals that were left in the inbox
	}
}

// offerCompact replaces a compaction that the disk goroutine has not begun by a later one.
func (r *Replica) offerCompact(through entry.Index) {
	select {
	case <-r.shell.compact:
	default:
	}
	r.shell.compact <- through
}

func (r *Replica) opener(id string) func(int64) (io.ReadCloser, error) {
	return func(from int64) (io.ReadCloser, error) { return r.config.Snapshots.Open(id, from) }
}

// send hands the messages to the transport; what it does not take is lost, except that forwarded
// commands are then known not to have left.
func (r *Replica) send(all []outbox) {
	var untaken []core.RefusedForward
	for i := range all {
		out := &all[i]
		if len(out.messages) == 0 {
			continue
		}
		taken := r.config.Transport.Send(out.to, out.messages)
		for k := max(taken, 0); k < len(out.messages); k++ {
			if m := &out.messages[k]; m.Kind == core.MsgPropose {
				untaken = append(untaken, notForwarded(m))
			}
		}
	}
	if len(untaken) > 0 {
		r.inbox.put(func(ev *events) { ev.untaken = append(ev.untaken, untaken...) })
	}
}

func notForwarded(m *core.Message) core.RefusedForward {
	first, last := m.Body[0], m.Body[len(m.Body)-1]
	h := first.Header(first.First())
	return core.RefusedForward{
		Origin: h.Origin, First: h.Sequence, Last: last.Header(last.Last()).Sequence, Why: core.RefusedNotLeader,
	}
}

// publish makes the engine's status visible and wakes those who watch.
func (r *Replica) publish() {
	before := r.status.Load()
	now := r.engine.status
	now.Running = r.running() == nil
	r.status.Store(&now)
	if counters, last := r.engine.core.Counters(), r.gauges.counters.Load(); last == nil || counters != *last {
		r.gauges.counters.Store(&counters)
	}
	if before == nil || before.Role == now.Role && before.Term == now.Term && before.Leader == now.Leader &&
		before.Running == now.Running && sameConfiguration(&before.Configuration, &now.Configuration) {
		return
	}
	r.watch.mu.Lock()
	close(r.watch.changed)
	r.watch.changed = make(chan struct{})
	r.watch.mu.Unlock()
}

// sameConfiguration compares by identity: core hands out a configuration once per change.
func sameConfiguration(a, b *entry.Configuration) bool {
	return len(a.Members) == len(b.Members) && (len(a.Members) == 0 || &a.Members[0] == &b.Members[0])
}

// writeBatches is the disk goroutine: the only one that stores.
func (r *Replica) writeBatches() {
	for {
		select {
		case b, ok := <-r.shell.store:
			if !ok {
				return
			}
			began := time.Now()
			err := r.config.Log.Store(b)
			r.gauges.synced(time.Since(began))
			r.inbox.put(func(ev *events) { ev.stored = &storedEvent{seq: b.Seq, err: err} })
		case through := <-r.shell.compact:
			if err := r.config.Log.Compact(through); err != nil {
				r.config.Logger.Warn("the log was not compacted", "member", r.config.ID, "through", through, "error", err)
			}
		}
	}
}

func (g *gauges) synced(d time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.syncs.add(d)
}

func (g *gauges) quantiles() (count uint64, p50, p99 time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := min(g.syncs.count, uint64(len(g.syncs.ring)))
	if n == 0 {
		return 0, 0, 0
	}
	sorted := slices.Clone(g.syncs.ring[:n])
	slices.Sort(sorted)
	return g.syncs.count, sorted[n/2], sorted[n*99/100]
}

// loadEntries reads old entries for members that lag.
func (r *Replica) loadEntries() {
	for l := range r.shell.loads {
		answer := core.Loaded{To: l.To, Entries: core.Range{First: l.Entries.First}}
		block, err := r.config.Log.Read(l.Entries.First, l.Entries.Last(), l.MaxBytes)
		if err == nil {
			answer.Entries.Count = uint32(block.Len())
			answer.Body = []*entry.Block{block}
		} else if !errors.Is(err, entry.ErrCompacted) {
			r.config.Logger.Error("entries cannot be read; the member gets a snapshot", "member", l.To,
				"first", l.Entries.First, "last", l.Entries.Last(), "error", err)
		}
		r.inbox.put(func(ev *events) { ev.loaded = append(ev.loaded, answer) })
	}
}

// runMachine is the apply goroutine: the only one that calls the machine, but for the end of an
// image, which runs beside it.
func (r *Replica) runMachine() {
	for t := range r.shell.apply {
		r.shell.machinist.run(t)
		if t.image != nil && t.err == nil {
			image := t.image
			r.shell.user.Go(func() {
				meta, err := r.finishImage(image)
				r.inbox.put(func(ev *events) { ev.created = &createdEvent{meta: meta, err: err} })
			})
		}
		r.inbox.put(func(ev *events) { ev.applied = t })
	}
}

// closeRooms ends everything, in the order in which one room may still call the next. cause is why
// the replica stops by itself, nil for Stop.
func (r *Replica) closeRooms(cause error) {
	r.life.mu.Lock()
	r.life.err = cause
	started := r.life.started
	r.life.phase.Store(ended)
	r.life.mu.Unlock()
	queue, left := r.inbox.close()
	r.cancel()
	r.engine.shutdown(queue, &left)
	err := r.config.Transport.Close()
	if err != nil {
		err = fmt.Errorf("replica: closing the transport: %w", err)
	}
	if started {
		close(r.shell.store)
		close(r.shell.loads)
		close(r.shell.apply)
		r.shell.plain.Wait()
		err = errors.Join(err, r.awaitUser())
	}
	if closing := r.config.Log.Close(); closing != nil {
		err = errors.Join(err, fmt.Errorf("replica: closing the log: %w", closing))
	}
	r.life.mu.Lock()
	r.life.stopErr = err
	r.life.mu.Unlock()
	r.publishEnd()
	close(r.life.done)
}

// awaitUser waits for the machine's calls to return, but not for ever.
func (r *Replica) awaitUser() error {
	ended := make(chan struct{})
	go func() {
		r.shell.user.Wait()
		close(ended)
	}()
	timer := time.NewTimer(r.config.Limits.StopWait)
	defer timer.Stop()
	select {
	case <-ended:
		return nil
	case <-timer.C:
		return fmt.Errorf("%w within %v", ErrBlocked, r.config.Limits.StopWait)
	}
}

// publishEnd shows a stopped replica to those who watch.
func (r *Replica) publishEnd() {
	now := *r.status.Load()
	now.Running, now.Role, now.Leader = false, core.Follower, ""
	r.status.Store(&now)
	r.watch.mu.Lock()
	close(r.watch.changed)
	r.watch.changed = make(chan struct{})
	r.watch.mu.Unlock()
}

// receiver is the replica's side of its transport.
type receiver struct{ r *Replica }

// Receive implements Receiver.
func (t receiver) Receive(from Peer, messages []core.Message) {
	r := t.r
	if !r.sameCluster(from) {
		r.gauges.foreign.Add(uint64(len(messages)))
		return
	}
	accepted := messages
	for i := range messages {
		if messages[i].From != from.ID || messages[i].To != r.config.ID {
			r.gauges.impersonating.Add(1)
			accepted = slices.DeleteFunc(slices.Clone(messages), func(m core.Message) bool {
				return m.From != from.ID || m.To != r.config.ID
			})
			break
		}
	}
	if refused := r.inbox.receive(accepted); refused > 0 {
		r.gauges.overflow.Add(uint64(refused))
	}
}

// sameCluster reports whether the peer may belong to this member's cluster: one of the two may not
// know its cluster yet.
func (r *Replica) sameCluster(from Peer) bool {
	s := r.status.Load()
	own := s.Configuration.Cluster
	settled := s.Last.Index > 0 // before the first entry the id is only this member's proposal
	return !settled || own.IsZero() || from.Cluster.IsZero() || own == from.Cluster
}

// Lost implements Receiver.
func (t receiver) Lost(to entry.MemberID) {
	t.r.inbox.put(func(ev *events) {
		if !slices.Contains(ev.lost, to) {
			ev.lost = append(ev.lost, to)
		}
	})
}

// SnapshotSent implements Receiver.
func (t receiver) SnapshotSent(to entry.MemberID, index entry.Index, err error) {
	t.r.inbox.put(func(ev *events) { ev.sent = append(ev.sent, sentEvent{to: to, index: index, err: err}) })
}

// ReceiveSnapshot implements Receiver.
func (t receiver) ReceiveSnapshot(ctx context.Context, from Peer, s IncomingSnapshot) error {
	r := t.r
	if err := r.running(); err != nil {
		return err
	}
	if !r.receiving.TryLock() {
		return errors.New("replica: another snapshot is being received")
	}
	defer r.receiving.Unlock()
	if done, err := r.judge(from, &s); done || err != nil {
		return err
	}
	meta, err := r.takeImage(ctx, &s)
	if err != nil {
		return err
	}
	i := &install{meta: meta, done: make(chan error, 1)}
	if !r.inbox.put(func(ev *events) { ev.installs = append(ev.installs, i) }) {
		return ErrStopped
	}
	select {
	case err := <-i.done:
		return err
	case <-r.ctx.Done():
		return ErrStopped
	case <-ctx.Done():
		return fmt.Errorf("replica: installing the snapshot at %d: %w", meta.Index, ctx.Err())
	}
}

// judge refuses an image that cannot be meant for this member. It reports true for one that is not
// needed, because everything in it is here already.
func (r *Replica) judge(from Peer, s *IncomingSnapshot) (done bool, err error) {
	status := r.status.Load()
	switch {
	case !r.sameCluster(from):
		r.gauges.foreign.Add(1)
		return false, fmt.Errorf("replica: a snapshot of cluster %v, this is %v", from.Cluster, status.Configuration.Cluster)
	case s.Term < status.Term:
		return false, fmt.Errorf("replica: a snapshot of the leader of term %d in term %d", s.Term, status.Term)
	case s.Meta.Index == 0 || s.Meta.Index > entry.NumberMax || s.Meta.Term == 0 || s.Meta.Term > s.Term:
		return false, fmt.Errorf("replica: an impossible snapshot (index %d, term %d)", s.Meta.Index, s.Meta.Term)
	}
	if err := s.Meta.Configuration.Validate(); err != nil {
		return false, fmt.Errorf("replica: the snapshot's configuration: %w", err)
	}
	return s.Meta.Index <= min(status.Commit, status.Durable), nil
}

// takeImage streams an image to the disk and makes it durable.
func (r *Replica) takeImage(ctx context.Context, s *IncomingSnapshot) (entry.SnapshotMeta, error) {
	sink, at, err := r.config.Snapshots.Resume(s.Meta)
	if err != nil {
		return entry.SnapshotMeta{}, fmt.Errorf("replica: receiving the snapshot at %d: %w", s.Meta.Index, err)
	}
	meta, err := copyImage(ctx, sink, s, at)
	if err != nil {
		err = fmt.Errorf("replica: receiving the snapshot at %d: %w", s.Meta.Index, err)
		return meta, errors.Join(err, sink.Abort())
	}
	if err := r.config.Snapshots.Retain(retained); err != nil {
		r.config.Logger.Warn("old snapshots were not deleted", "member", r.config.ID, "error", err)
	}
	return meta, nil
}

func copyImage(ctx context.Context, sink SnapshotSink, s *IncomingSnapshot, at int64) (entry.SnapshotMeta, error) {
	reader, err := s.From(at)
	if err != nil {
		return entry.SnapshotMeta{}, err
	}
	copied, err := io.Copy(sink, reader)
	switch {
	case err != nil:
		return entry.SnapshotMeta{}, err
	case ctx.Err() != nil:
		return entry.SnapshotMeta{}, ctx.Err()
	case s.Meta.Size >= 0 && at+copied != s.Meta.Size:
		return entry.SnapshotMeta{}, fmt.Errorf("%d bytes arrived of %d", at+copied, s.Meta.Size)
	}
	return sink.Commit()
}
