package replica

import (
	"fmt"
	"slices"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
)

// engine is the loop's state and its turn: a function of (state, events) that fills in actions. It
// has no goroutine, no clock and no lock, does no I/O and calls no user code, so that a simulator
// can drive exactly what runs in production. One goroutine owns it.
type engine struct {
	config  *Config
	core    *core.Core
	input   core.Input
	effects core.Effects
	status  Status
	tail    tail
	waiting waiting
	reads   readings
	writer  writer
	applier applying
	loader  loading
	images  images
	orders  orders
	stage   stage
	requests
}

// requests are what callers want of the cluster itself, between question and answer.
type requests struct {
	moves    transfers
	changes  changes
	compares comparing
}

// orders are the commands that a turn gives to core.
type orders struct {
	// batch are the proposals of this turn's input; ids are positions + 1.
	batch   []*proposal
	session ownSession
	// round is the number of the last message that forwarded commands.
	round uint64
	// reported is what the inbox was told last about the proposals held.
	reported load
}

// stage is how far the replica is at its beginning and at its end.
type stage struct {
	// target is the commit index of the first leader heard, plus 1; 0 before.
	target entry.Index
	// failed is why it stopped by itself.
	failed error
}

// writer is what is on its way to the disk.
type writer struct {
	// queue are the batches that wait while one is under way; neighbours are merged.
	queue []*entry.Batch
	busy  bool
	// held are messages that wait for a batch.
	held []core.Outgoing
	// stored is the last durable batch.
	stored uint64
	// installs wait for the reset of the log.
	installs []*install
	space    space
	heal     healing
}

// loading is what is read for members that lag, one range at a time.
type loading struct {
	queue []core.Load
	busy  bool
	// cut is true when entries were removed from the log since the present read began: it may have
	// asked for some of them.
	cut bool
}

// applying is what is on its way to the machine.
type applying struct {
	busy bool
	// applied is the last entry that the machine has seen.
	applied entry.Index
	spare   *applyTask
}

// turn takes what happened and says what to do.
func (e *engine) turn(ev *events, act *actions) {
	act.clear()
	clear(e.orders.batch)
	e.orders.batch = e.orders.batch[:0]
	e.prepare(ev, act)
	if e.stage.failed == nil {
		before := e.status.Status
		e.core.Step(&e.input, &e.effects)
		if e.effects.Fatal != nil {
			e.fail(fmt.Errorf("%w: %w", ErrProtocol, e.effects.Fatal))
		} else {
			e.status.Status = e.core.Status()
			e.carryOut(ev, before, act)
		}
	}
	act.failed = e.stage.failed
}

// fail stops the replica. Nothing of the present turn is carried out, so its new commands are
// certainly not proposed.
func (e *engine) fail(err error) {
	for _, p := range e.orders.batch {
		if p.trace.standing == raw && p.kind != entry.KindSession {
			e.waiting.answer(p, nil, ErrStopped)
		}
	}
	clear(e.orders.batch)
	e.orders.batch = e.orders.batch[:0]
	if e.stage.failed == nil {
		e.stage.failed = err
		e.config.Logger.Error("replica failed", "member", e.config.ID, "error", err)
	}
}

// prepare turns the events into core's input.
func (e *engine) prepare(ev *events, act *actions) {
	in := &e.input
	changes := in.Changes[:0]
	*in = core.Input{
		Now: ev.now, Loaded: in.Loaded[:0], Lost: ev.lost, Campaign: ev.campaign,
		Proposals: in.Proposals[:0], Reads: in.Reads[:0], Transfers: in.Transfers[:0],
		Peers: ev.peers,
	}
	in.Changes = e.changes.ask(ev.changes, ev.now, core.Instant(e.config.Heartbeat), changes)
	e.takeDisk(&ev.diskEvents, act)
	in.Received = e.takeCopies(ev.messages, act)
	in.Stored = e.writer.stored
	if ev.applied != nil {
		e.takeApplied(ev.applied, act)
	}
	if ev.created != nil {
		e.takeCreated(ev.created, act)
	}
	for i := range ev.loaded {
		e.takeLoaded(&ev.loaded[i], act)
	}
	if in.Answers = ev.answers; len(ev.answers) > 0 {
		e.compares.busy = false
	}
	e.takeSent(ev, act)
	e.takeSpoiled(ev.spoiled, act)
	e.takeImageRequests(ev.messages)
	e.images.pending = append(e.images.pending, ev.installs...)
	e.images.take(ev.demands, e.applier.applied)
	e.lookOver(ev.now)
	e.proposeAgain(ev.now)
	e.takeProposals(ev.proposals)
	for _, r := range ev.reads {
		in.Reads = append(in.Reads, e.reads.ask(r))
	}
	for _, t := range ev.transfers {
		in.Transfers = append(in.Transfers, e.moves.ask(t))
	}
}

// takeLoaded passes on what was read. What is damaged is read again when it is healed. A disk that cannot be
// read is a failed one, unless the entries were removed under the reader.
func (e *engine) takeLoaded(l *loadedEvent, act *actions) {
	e.loader.busy = false
	if len(l.damage) > 0 {
		e.noteDamage(l.damage, act)
		e.writer.heal.park(l.load)
		return
	}
	if l.err != nil && !e.loader.cut {
		e.poison("reading for "+string(l.load.To), l.err)
		return
	}
	e.input.Loaded = append(e.input.Loaded, l.answer)
}

// takeProposals orders the commands that nobody withdrew.
func (e *engine) takeProposals(all []*proposal) {
	for _, p := range all {
		if e.stage.failed != nil {
			p.refuse(ErrStopped)
			continue
		}
		if !p.state.CompareAndSwap(queued, taken) {
			p.free()
			continue
		}
		e.order(p)
	}
}

func (e *engine) proposal(id core.ProposalID) *proposal { return e.orders.batch[id-1] }

// carryOut does what core decided, in the order in which it must become visible.
func (e *engine) carryOut(ev *events, before core.Status, act *actions) {
	out := &e.effects
	if out.Configuration != nil {
		e.configure(*out.Configuration)
	}
	e.followTerm(before)
	e.tellNotices(act)
	e.write(&out.Write)
	e.images.settle()
	e.hold(out.Send, act)
	e.refuse(ev)
	e.forward(&out.Forward, act)
	for _, p := range out.Reads {
		e.reads.point(p, e.applier.applied, refusal(core.RefusedNotLeader, &e.status.Status, true))
	}
	if e.writer.space.full {
		e.reads.beyond(e.status.Durable, ErrNoSpace)
	}
	e.compares.queue = append(e.compares.queue, out.Questions...)
	for _, r := range out.Transferred {
		e.moves.take(r)
	}
	for _, r := range out.Changed {
		e.changes.take(r, ev.now, core.Instant(e.config.Heartbeat))
	}
	e.tail.dropBefore(out.TailFirst)
	e.loader.queue = append(e.loader.queue, out.Loads...)
	for _, order := range out.Snapshots {
		e.images.order(order.To, 0)
	}
	e.aim(ev)
	e.heal(act)
	e.dispatch(act)
	e.setDeadline(act)
}

// configure publishes a configuration. One that is not from the log carries only this member's own
// proposal of a cluster id.
func (e *engine) configure(at core.ConfigurationAt) {
	if at.Index == 0 {
		at.Value.Cluster = entry.ClusterID{}
	}
	e.status.Configuration = at.Value
}

// followTerm takes note of a change of leader.
func (e *engine) followTerm(before core.Status) {
	now := &e.status.Status
	deposed := before.Role == core.Leader && now.Role != core.Leader
	if now.Role != core.Leader {
		e.images.deliveries.disown()
	}
	if now.Term != before.Term || deposed {
		e.loseLeader()
	}
	if now.Term != before.Term || now.Role != before.Role || now.Leader != before.Leader {
		e.orders.session.again = e.input.Now
		e.config.Logger.Info("replica role", "member", e.config.ID, "role", now.Role.String(), "term", now.Term,
			"leader", now.Leader)
	}
}

// write frames what core ordered, once for disk, network and machine, and queues the batch.
func (e *engine) write(w *core.Write) {
	if w.Seq == 0 {
		return
	}
	b := &entry.Batch{
		Seq: w.Seq, Hard: w.Hard, TruncateFrom: w.TruncateFrom, Reset: w.Reset, Commit: w.Commit,
	}
	e.loader.cut = e.loader.cut || w.TruncateFrom != 0 || w.Reset != nil
	e.cutDamage(w)
	if w.TruncateFrom != 0 && e.stage.target > w.TruncateFrom {
		e.stage.target = 0 // It led, and aimed at entries that will never be.
	}
	if w.TruncateFrom != 0 {
		e.tail.truncate(w.TruncateFrom)
		e.parkPlaced(w.TruncateFrom)
	}
	if w.Reset != nil {
		e.tail = tail{}
		e.parkPlaced(0)
		e.images.reset(w.Seq, &e.writer)
	}
	if block := e.frame(w.Appended); block != nil {
		b.Blocks = append(b.Blocks, block)
	}
	for _, block := range w.Received {
		e.findOwn(block)
	}
	b.Blocks = append(b.Blocks, w.Received...)
	for _, block := range b.Blocks {
		e.tail.add(block)
	}
	e.writer.push(b)
}

// frame builds the one block of the entries that this leader ordered.
func (e *engine) frame(appended []core.Appended) *entry.Block {
	if len(appended) == 0 {
		return nil
	}
	var b entry.Builder
	size := 0
	for i := range appended {
		size += e.frameSize(&appended[i])
	}
	b.Reserve(len(appended), size)
	for i := range appended {
		e.frameOne(&b, &appended[i])
	}
	block := b.Block()
	for i := range appended {
		if a := &appended[i]; a.Proposal != 0 && a.Kind != entry.KindSession {
			at := entry.Position{Index: a.Index, Term: a.Term}
			e.waiting.place(e.proposal(a.Proposal), at, block.Payload(a.Index))
		}
	}
	return block
}

func (e *engine) frameSize(a *core.Appended) int {
	switch {
	case a.Proposal != 0:
		return e.proposal(a.Proposal).frameSize()
	case a.Forwarded != nil:
		return a.Forwarded.FrameSize(a.At)
	}
	return entry.HeaderSize
}

func (e *engine) frameOne(b *entry.Builder, a *core.Appended) {
	switch {
	case a.Proposal != 0:
		b.Add(e.header(e.proposal(a.Proposal), a.Index, a.Term), e.proposal(a.Proposal).payload)
	case a.Forwarded != nil:
		h := a.Forwarded.Header(a.At)
		h.Index, h.Term = a.Index, a.Term
		b.Add(h, a.Forwarded.Payload(a.At))
	default:
		var payload []byte
		if a.Configuration != nil {
			payload = entry.AppendConfiguration(nil, *a.Configuration)
		}
		b.Add(entry.Header{
			Kind: a.Kind, Index: a.Index, Term: a.Term,
			Size: uint32(len(payload)), PayloadSum: entry.Checksum(payload),
		}, payload)
	}
}

// header numbers a proposal, unless it only opens the session, and describes its frame.
func (e *engine) header(p *proposal, index entry.Index, term entry.Term) entry.Header {
	if p.kind != entry.KindSession {
		e.number(p)
	}
	return p.header(index, term, e.orders.session.origin)
}

// findOwn notices commands of this member's that the leader has ordered.
func (e *engine) findOwn(block *entry.Block) {
	if e.waiting.held.count == 0 {
		return
	}
	for i := block.First(); i <= block.Last(); i++ {
		h := block.Header(i)
		if h.Origin != e.orders.session.origin || h.Kind == entry.KindSession {
			continue
		}
		if p := e.waiting.get(h.Sequence); p != nil && p.trace.standing != placed {
			e.waiting.place(p, entry.Position{Index: i, Term: h.Term}, block.Payload(i))
		}
	}
}

// hold fills the bodies and sends what waits for no batch; the rest waits.
func (e *engine) hold(out []core.Outgoing, act *actions) {
	w := &e.writer
	kept := w.held[:0]
	for i := range w.held {
		if w.held[i].After > w.stored {
			kept = append(kept, w.held[i])
			continue
		}
		act.post(w.held[i].Message)
	}
	clear(w.held[len(kept):])
	w.held = kept
	for i := range out {
		o := &out[i]
		if o.Kind == core.MsgAppend && o.Entries.Count > 0 && o.Body == nil {
			o.Body = e.tail.slice(o.Entries.First, o.Entries.Last())
		}
		if o.After > w.stored {
			w.held = append(w.held, *o)
			continue
		}
		act.post(o.Message)
	}
}

// refuse takes the answers about what was not proposed.
func (e *engine) refuse(ev *events) {
	for _, r := range e.effects.Refused {
		e.refused(e.proposal(r.Proposal), r.Why, false)
	}
	for _, r := range e.effects.RefusedForwards {
		// A member that does not lead may have been another one's restart: it does not know what it took.
		e.refusedForward(r, r.Why == core.RefusedNotLeader)
	}
	for _, r := range ev.untaken {
		e.refusedForward(r, false)
	}
}

func (e *engine) refusedForward(r core.RefusedForward, loose bool) {
	if r.Origin != e.orders.session.origin {
		return
	}
	e.waiting.within(r.First, r.Last, func(p *proposal) {
		if p.trace.standing == forwarded {
			e.refused(p, r.Why, loose)
		}
	})
}

// forward frames commands for the leader, in messages of bounded size.
func (e *engine) forward(f *core.Forward, act *actions) {
	var b entry.Builder
	first := 0
	for i, id := range f.Proposals {
		p := e.proposal(id)
		if b.Size() > 0 && b.Size()+p.frameSize() > e.config.Limits.Message {
			e.postForward(f, first, i, &b, act)
			first = i
		}
		b.Add(e.header(p, entry.Index(i-first+1), 1), p.payload)
	}
	if b.Size() > 0 {
		e.postForward(f, first, len(f.Proposals), &b, act)
	}
}

// postForward sends the proposals first to end-1, which b has framed.
func (e *engine) postForward(f *core.Forward, first, end int, b *entry.Builder, act *actions) {
	block := b.Block()
	e.orders.round++
	act.post(core.Message{
		Kind: core.MsgPropose, From: e.config.ID, To: f.To, Term: f.Term, Round: e.orders.round,
		Entries: core.Range{First: 1, Count: uint32(end - first)}, Body: []*entry.Block{block},
	})
	for i, id := range f.Proposals[first:end] {
		if p := e.proposal(id); p.kind != entry.KindSession && p.trace.standing != placed {
			p.payload, p.trace.sent = block.Payload(entry.Index(i+1)), e.input.Now
			e.waiting.move(p, forwarded)
		}
	}
}

// aim notes how far a starting member must apply to be ready: to the commit index of the first
// leader that it hears.
func (e *engine) aim(ev *events) {
	if e.stage.target != 0 || e.status.Leader == "" {
		return
	}
	if e.status.Role == core.Leader {
		e.stage.target = e.status.Last.Index + 1
	}
	for i := range ev.messages {
		if m := &ev.messages[i]; m.Kind == core.MsgAppend && m.From == e.status.Leader && m.Term == e.status.Term {
			e.stage.target = m.Commit + 1
		}
	}
}

// dispatch hands out the next batch and the next job of the machine when their goroutines are idle.
func (e *engine) dispatch(act *actions) {
	w := &e.writer
	if act.room = w.wantsRoom(e.input.Now); act.room {
		w.busy = true
	}
	if h := &w.heal; !w.busy && h.copies != nil {
		act.repair, w.busy, h.writing = h.copies, true, true
	}
	if !w.busy && len(w.queue) > 0 && !w.space.stuck {
		act.store, w.busy = w.queue[0], true
		w.queue = slices.Delete(w.queue, 0, 1)
	}
	if !e.applier.busy {
		act.apply = e.nextTask()
		if e.applier.busy = act.apply != nil; e.applier.busy {
			act.apply.origin, act.apply.base = e.orders.session.origin, e.orders.session.base
		}
	}
	act.compare = e.compares.next(e.status.Term)
	act.load, act.serve = e.nextLoad(), e.nextServe()
	act.scrub, act.scrubImages = e.wantsScrub(e.input.Now), e.wantsImageScrub(e.input.Now)
	e.status.Damage = e.damage()
	e.images.send(e.status.Term, act)
	e.askForImage(e.input.Now, act)
	e.status.Awaits = e.images.bare.need
	e.status.Applied = e.applier.applied
	e.status.Snapshot = e.images.newest.Position()
}

// appetite says when the next commands should be ordered.
type appetite uint8

const (
	notNow appetite = iota
	afterWrite
	atOnce
)

// wantsProposals says when commands that wait should be ordered. A leader whose disk is busy lets them
// gather: they will share the next write and the next messages. One that hands over lets them wait for
// the end of that: they go to the next leader, or on here when nothing comes of it.
func (e *engine) wantsProposals() appetite {
	switch {
	case e.status.Transferring != "":
		return notNow
	case e.status.Role == core.Leader && e.writer.busy:
		return afterWrite
	}
	return atOnce
}

func (e *engine) setDeadline(act *actions) {
	act.deadline = min(e.core.Deadline(), e.images.due(), e.changes.due(), e.waitDeadline(), e.spaceDue(),
		e.healDue(), e.scrubDue(), e.imageScrubDue())
}

// settle tells callers what the turn has answered.
func (e *engine) settle() {
	e.waiting.settle()
	e.reads.settle()
	e.moves.settle()
	e.changes.settle()
	e.images.demands.settle()
}

// shutdown answers everybody who waits.
func (e *engine) shutdown(queue []*proposal, left *events) {
	for _, p := range queue {
		p.refuse(ErrStopped)
	}
	e.waiting.each(func(p *proposal) { e.waiting.giveUp(p, ErrStopped) })
	for _, r := range left.reads {
		e.reads.answer(r, 0, ErrStopped)
	}
	e.reads.fail(ErrStopped)
	e.images.take(left.demands, e.applier.applied)
	e.images.demands.fail(ErrStopped, true)
	e.settle()
	e.moves.fail(left.transfers, ErrStopped)
	e.changes.fail(left.changes)
	for _, all := range [][]*install{left.installs, e.writer.installs, e.images.unfinished()} {
		for _, i := range all {
			i.done <- ErrStopped
		}
	}
}
