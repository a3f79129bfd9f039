package replica

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
)

// shell is what is around the engine: the machine's side, and those who do what turns want done.
type shell struct {
	machinist *machinist
	images    imageScrub
	workers   workers
}

// workers do what a turn wants done, each kind of work one piece at a time, and leave the outcome in
// the inbox. They are goroutines, or in a [Driven] replica its driver. No call blocks.
type workers interface {
	store(*entry.Batch)
	// tryRoom, repair and store exclude each other.
	tryRoom()
	repair(*entry.Block)
	serve(*core.Message)
	scrub(from entry.Index)
	scrubImages()
	apply(*applyTask)
	load(core.Load)
	compare(*core.Question)
	// compact replaces a compaction that has not begun.
	compact(through entry.Index)
	// stop ends them; batches and jobs of the machine that were handed out are done first.
	stop() error
}

// goroutines are the workers of a replica that runs: one for the disk, one for the machine, one that
// reads old entries, and at most one that completes an image. Each channel has room for all that the
// engine hands out at once.
type goroutines struct {
	replica *Replica
	batches chan *entry.Batch
	// heals is work for the disk's goroutine, reads for the one that reads beside it.
	heals, reads chan func() outcome
	through      chan entry.Index
	tasks        chan *applyTask
	requests     chan core.Load
	compares     chan *core.Question
	// plain are the goroutines that run no user code, user those that do.
	plain, user sync.WaitGroup
}

func startGoroutines(r *Replica) *goroutines {
	g := &goroutines{
		replica: r, batches: make(chan *entry.Batch, 1), through: make(chan entry.Index, 1),
		tasks: make(chan *applyTask, 1), requests: make(chan core.Load, 1),
		compares: make(chan *core.Question, 1), heals: make(chan func() outcome, 1), reads: make(chan func() outcome, 3),
	}
	g.plain.Go(g.writeBatches)
	g.plain.Go(g.loadEntries)
	g.plain.Go(g.readBeside)
	g.user.Go(g.runMachine)
	if r.config.Election.Compare != nil {
		g.user.Go(g.compareCandidates)
	}
	return g
}

func (g *goroutines) store(b *entry.Batch) { g.batches <- b }

func (g *goroutines) tryRoom() { g.heals <- g.replica.tryRoom }

func (g *goroutines) repair(copies *entry.Block) {
	g.heals <- func() outcome { return g.replica.repair(copies) }
}

func (g *goroutines) serve(m *core.Message) {
	g.reads <- func() outcome { return g.replica.serveFetch(m) }
}

func (g *goroutines) scrub(from entry.Index) {
	g.reads <- func() outcome { return g.replica.scrub(from) }
}

func (g *goroutines) scrubImages() { g.reads <- g.replica.scrubImages }

func (g *goroutines) apply(t *applyTask) { g.tasks <- t }

func (g *goroutines) load(l core.Load) { g.requests <- l }

func (g *goroutines) compare(q *core.Question) { g.compares <- q }

func (g *goroutines) compact(through entry.Index) {
	select {
	case <-g.through:
	default:
	}
	g.through <- through
}

func (g *goroutines) stop() error {
	close(g.batches)
	close(g.requests)
	close(g.reads)
	close(g.compares)
	close(g.tasks)
	g.plain.Wait()
	return g.awaitUser()
}

// writeBatches is the disk goroutine: the only one that stores.
func (g *goroutines) writeBatches() {
	for {
		select {
		case b, ok := <-g.batches:
			if !ok {
				return
			}
			g.replica.inbox.put(g.replica.storeBatch(b))
		case work := <-g.heals:
			g.replica.inbox.put(work())
		case through := <-g.through:
			g.replica.compactLog(through)
		}
	}
}

// readBeside reads copies for peers, and log and images in the background.
func (g *goroutines) readBeside() {
	for work := range g.reads {
		g.replica.inbox.put(work())
	}
}

// loadEntries reads old entries for members that lag.
func (g *goroutines) loadEntries() {
	for l := range g.requests {
		g.replica.inbox.put(g.replica.loadRange(l))
	}
}

// runMachine is the apply goroutine: the only one that calls the machine, but for the end of an
// image, which runs beside it.
func (g *goroutines) runMachine() {
	r := g.replica
	for t := range g.tasks {
		outcome, image := r.runTask(t)
		if image != nil {
			g.user.Go(func() { r.inbox.put(r.completeImage(image)) })
		}
		r.inbox.put(outcome)
	}
}

// compareCandidates asks the program about candidates, one after the other.
func (g *goroutines) compareCandidates() {
	for q := range g.compares {
		g.replica.inbox.put(g.replica.compare(q))
	}
}

// awaitUser waits for the machine's calls to return, but not for ever.
func (g *goroutines) awaitUser() error {
	ended := make(chan struct{})
	go func() {
		g.user.Wait()
		close(ended)
	}()
	wait := g.replica.config.Limits.StopWait
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ended:
		return nil
	case <-timer.C:
		return fmt.Errorf("%w within %v", ErrBlocked, wait)
	}
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
		r.shell.workers.store(act.store)
	}
	r.healWork(act)
	r.send(act.send)
	if act.apply != nil {
		r.shell.workers.apply(act.apply)
	}
	if act.load != nil {
		r.shell.workers.load(*act.load)
	}
	if act.compare != nil {
		r.shell.workers.compare(act.compare)
	}
	if act.compact != 0 {
		r.shell.workers.compact(act.compact)
	}
	for _, o := range act.snapshots {
		r.config.Transport.SendSnapshot(r.ctx, o.to, OutgoingSnapshot{Term: o.term, Meta: o.meta, Open: r.opener(o)})
	}
	r.gauges.due.Store(int64(act.deadline))
	r.gauges.full.Store(e.writer.space.full)
	r.gauges.target.Store(uint64(e.stage.target))
	r.picturePeers(ev.now)
	r.publish()
	r.watch.hub.tell(act.events)
	r.noteCommands()
	e.settle()
	if e.wantsProposals() > wanted {
		r.inbox.signal() // the proposals that were left in the inbox
	}
}

// healWork hands out what concerns room and damage.
func (r *Replica) healWork(act *actions) {
	if act.room {
		r.shell.workers.tryRoom()
	}
	if act.repair != nil {
		r.shell.workers.repair(act.repair)
	}
	if act.serve != nil {
		r.shell.workers.serve(act.serve)
	}
	if act.scrub {
		r.shell.workers.scrub(r.engine.writer.heal.scrubbing.next)
	}
	if act.scrubImages {
		r.shell.workers.scrubImages()
	}
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
				untaken = append(untaken, notForwarded(m)...)
			}
		}
	}
	if len(untaken) > 0 {
		r.inbox.put(func(ev *events) { ev.untaken = append(ev.untaken, untaken...) })
	}
}

// notForwarded returns the commands in a message that did not leave, by runs of their sequences.
func notForwarded(m *core.Message) (all []core.RefusedForward) {
	for _, block := range m.Body {
		for i := block.First(); i <= block.Last(); i++ {
			h := block.Header(i)
			n := len(all)
			switch {
			case h.Kind == entry.KindSession:
			case n > 0 && all[n-1].Last+1 == h.Sequence:
				all[n-1].Last++
			default:
				all = append(all, core.RefusedForward{
					Origin: h.Origin, First: h.Sequence, Last: h.Sequence, Why: core.RefusedNotLeader,
				})
			}
		}
	}
	return all
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
	r.framing.Lock()
	r.engine.shutdown(queue, &left)
	r.framing.Unlock()
	err := r.config.Transport.Close()
	if err != nil {
		err = fmt.Errorf("replica: closing the transport: %w", err)
	}
	if started {
		err = errors.Join(err, r.shell.workers.stop())
		r.shell.images.close(r)
	}
	if closing := r.config.Log.Close(); closing != nil {
		err = errors.Join(err, fmt.Errorf("replica: closing the log: %w", closing))
	}
	r.life.mu.Lock()
	r.life.stopErr = err
	r.life.mu.Unlock()
	r.publishEnd()
	if cause != nil {
		failed := r.engine.event(EventFailed)
		failed.Role, failed.Leader, failed.Err = core.Follower, "", cause
		r.watch.hub.tell([]Event{failed})
	}
	r.watch.hub.close()
	close(r.life.done)
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

// meant reports whether a message says who the connection proved sent it, and is for this member.
func (r *Replica) meant(from Peer, m *core.Message) bool {
	toAll := m.To == "" && r.config.Election.Size > 0
	return m.From == from.ID && (toAll || m.To == r.config.ID)
}

// Receive implements Receiver.
func (t receiver) Receive(from Peer, messages []core.Message) {
	r := t.r
	if !r.sameCluster(from) {
		r.gauges.foreign.Add(uint64(len(messages)))
		return
	}
	accepted := messages
	for i := range messages {
		if !r.meant(from, &messages[i]) {
			r.gauges.impersonating.Add(1)
			accepted = slices.DeleteFunc(slices.Clone(messages), func(m core.Message) bool {
				return !r.meant(from, &m)
			})
			break
		}
	}
	if refused := r.inbox.receive(&from, accepted); refused > 0 {
		r.gauges.overflow.Add(uint64(refused))
	}
}

// sameCluster reports whether the peer may belong to this member's cluster. Before anything is committed
// the id, even one that stands in this member's log, is only a proposal: the first leader may have failed
// alone with it, and the next one founded the cluster under its own. Also, one of the two may not
// know its cluster yet.
func (r *Replica) sameCluster(from Peer) bool {
	s := r.status.Load()
	own := s.Configuration.Cluster
	return s.Commit == 0 || own.IsZero() || from.Cluster.IsZero() || own == from.Cluster
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
	t.r.gauges.endImage(to)
	t.r.inbox.put(func(ev *events) { ev.sent = append(ev.sent, sentEvent{to: to, index: index, err: err}) })
}
