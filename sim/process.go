package sim

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/replica"
	"v.io/x/ref/lib/raft/sim/check"
	"v.io/x/ref/lib/raft/storage"
	"v.io/x/ref/lib/raft/storage/wal"
)

// process is one life of a member: a driven replica and what its goroutines would be. It is the
// replica's transport, too.
type process struct {
	member   *member
	who      check.Life
	dir      *storage.Dir
	driven   *replica.Driven
	machine  *store
	receiver replica.Receiver
	status   replica.Status
	lanes    [laneCount]lane
	turns    wakeup
	// flights are the operations of clients that wait here, incoming is the image being received.
	flights  []*flight
	incoming *transfer
	// waits are what operators wait for: each reports whether it has ended.
	waits []func() bool
	dead  bool
	program
	news
}

// wakeup is the next turn.
type wakeup struct {
	at      Instant
	number  uint64
	planned bool
}

// plan has something done at an instant, or earlier: later is how it is put off until then.
func (k *wakeup) plan(at Instant, later func(Instant, func()), do func()) {
	if k.planned && k.at <= at {
		return
	}
	k.number++
	k.at, k.planned = at, true
	number := k.number
	later(at, func() {
		if number == k.number {
			k.planned = false
			do()
		}
	})
}

const directory = "member"

// open recovers the member and begins to drive it.
func (p *process) open() error {
	m := p.member
	w := m.world
	m.origins++
	dir, err := storage.Open(m.disk.fs, directory, storage.Options{
		Member: m.id, Incarnation: entry.Incarnation(m.dice.Uint64() | 1), SegmentSize: w.plan.Setting.Stores.SegmentSize,
		ChunkSize: w.plan.Setting.Stores.ChunkSize, Renew: true,
	})
	if err != nil {
		return err
	}
	p.dir = dir
	id := dir.Identity()
	if m.incarnation != 0 && id.Incarnation != m.incarnation {
		m.beginAnew(p.who.Start)
	}
	m.incarnation, m.wiped = id.Incarnation, false
	if err := p.record(&id); err != nil {
		return err
	}
	p.who.Incarnation = id.Incarnation
	p.machine = &store{process: p}
	if w.options.Beside != nil {
		p.machine.beside = w.options.Beside(m.number)
	}
	r, err := replica.New(p.config())
	if err != nil {
		return err
	}
	if p.driven, err = r.Drive(); err != nil {
		return err
	}
	p.events = r.Subscribe(0)
	p.status = r.Status()
	m.learn(&p.status)
	st := &p.status
	w.note(m.name(), didStart, "", p.who.Start, uint64(st.Term), uint64(st.Last.Index), uint64(st.Applied))
	p.plan(w.now + m.dice.between(10*Microsecond, Millisecond))
	return nil
}

// record writes down the set that the member was first started with.
func (p *process) record(id *storage.Identity) error {
	if p.member.spare || id.Former != 0 || len(id.Initial) > 0 {
		return nil
	}
	return p.dir.SetInitial(p.member.world.initial.Voters(), []byte("the same for all"))
}

func (p *process) config() replica.Config {
	m := p.member
	w := m.world
	s := &w.plan.Setting
	initial := w.initial
	// Each start draws an id for a cluster that it may found; that of the first leader counts.
	initial.Cluster = entry.ClusterID{1 + byte(m.dice.IntN(255)), byte(m.dice.IntN(256)), byte(m.dice.IntN(256))}
	if m.spare || p.dir.Identity().Former != 0 {
		initial = entry.Configuration{}
	}
	return replica.Config{
		ID: m.id, Self: replica.Self{
			Incarnation: p.who.Incarnation, Former: p.dir.Identity().Former, Key: []byte(m.id), Level: m.level,
		},
		Origin: uint64(m.number+1)<<32 | m.origins, Initial: initial,
		Log: &watchedLog{Log: p.dir.Log(), process: p}, Snapshots: p.dir.Snapshots(), Transport: p, Machine: p.machine,
		Now: func() core.Instant { return m.clock.at(w.now) }, Seed: w.plan.Seed + uint64(m.number),
		Heartbeat: duration(s.Heartbeat), Limits: s.Limits, Snapshot: s.Stores.Snapshot, Logger: w.logger(m),
		Election: replica.Election{Rank: m.rank},
	}
}

// watchedLog tells the checkers what a log promises.
type watchedLog struct {
	*wal.Log
	process *process
}

// Recover implements replica.LogStore.
func (l *watchedLog) Recover() (entry.Recovered, error) {
	r, err := l.Log.Recover()
	if err == nil {
		l.process.judge(l.process.checks().Recovered(l.process.who, &r))
		if w := l.process.member.world; w.plan.Setting.Lease && r.Hard.Term > 0 {
			w.count("restart that keeps promises")
		}
	}
	return r, err
}

// Store implements replica.LogStore.
func (l *watchedLog) Store(b *entry.Batch) error {
	checks, who := l.process.checks(), l.process.who
	l.process.takesUnknown(b)
	checks.Storing(who, b)
	if err := l.Log.Store(b); err != nil {
		return err
	}
	l.process.judge(checks.Stored(who, b))
	return nil
}

func (p *process) checks() *check.Suite { return p.member.world.checks }

// judge ends the run when a checker found something.
func (p *process) judge(err error) {
	if err != nil {
		p.violate(err)
	}
}

func (p *process) violate(err error) { p.member.world.violate(err) }

func (p *process) applied(c check.Command) {
	p.note(didApply, "", uint64(c.Index), uint64(c.Term), uint64(c.Attempt), c.State)
	p.judge(p.checks().Applied(p.who, c))
}

func (p *process) restored(at entry.Index, state uint64) {
	p.note(didRestore, "", uint64(at), state)
	p.from = at
	p.judge(p.checks().Restored(p.who, at, state))
}

func (p *process) note(v verb, name string, numbers ...uint64) {
	p.member.world.note(p.member.name(), v, name, numbers...)
}

// in does something in the process after a while, unless it has died; a paused process does it when
// it goes on.
func (p *process) in(d Instant, do func()) { p.at(p.member.world.now+d, do) }

func (p *process) at(at Instant, do func()) {
	w := p.member.world
	w.agenda.add(at, func() {
		switch {
		case p.dead:
		case p.member.pausedUntil > w.now:
			p.at(p.member.pausedUntil, do)
		default:
			do()
		}
	})
}

// plan has the process turn at an instant, or earlier.
func (p *process) plan(at Instant) { p.turns.plan(at, p.at, p.turn) }

// settle follows everything that was done to the process: the power may have gone meanwhile, a turn
// may be due.
func (p *process) settle() {
	switch {
	case p.dead:
	case p.member.disk.cut != nil:
		p.member.die(true)
		p.member.later()
	case p.driven.Woken():
		p.plan(p.member.world.now + p.member.dice.between(Microsecond, 100*Microsecond))
	}
}

// turn lets the replica turn, and has done what it wants.
func (p *process) turn() {
	m := p.member
	w := m.world
	work := p.driven.Turn(m.clock.at(w.now))
	if m.disk.cut != nil {
		p.settle()
		return
	}
	before := p.status
	p.status = p.driven.Replica().Status()
	m.learn(&p.status)
	if work.Failed != nil {
		p.failed(work.Failed)
		return
	}
	p.observe(&before)
	p.passedOver()
	for _, j := range work.Jobs {
		p.give(j)
	}
	p.answer()
	if work.Deadline != core.Forever {
		p.plan(max(m.clock.when(work.Deadline), w.now+1))
	}
	p.settle()
}

// observe shows the turn to the checkers.
func (p *process) observe(before *replica.Status) {
	s := &p.status
	w := p.member.world
	w.turned++
	p.turned++
	p.listen()
	if before.Term != s.Term || before.Role != s.Role || before.Last != s.Last || before.Commit != s.Commit {
		p.note(didTurn, s.Role.String(), uint64(s.Term), uint64(s.Last.Index), uint64(s.Commit))
	}
	if before.Role == core.Leader && s.Role != core.Leader {
		p.deposed(before, s)
	}
	m := p.member
	if m.forgot > 0 && s.Commit >= m.forgot {
		m.forgot = 0
	}
	if s.Commit > 0 {
		m.cluster = s.Configuration.Cluster
	}
	if s.Role == core.Leader {
		p.changed(&before.Configuration, &s.Configuration)
	}
	turn := check.Turn{Life: p.who, Before: *before, After: *s, Log: p.driven}
	p.judge(w.checks.Turned(&turn))
	if w.turned%64 == 0 {
		stats := p.driven.Replica().Stats()
		p.judge(w.checks.Bounds.Measured(p.who, &stats, &w.plan.Setting.Limits))
		p.sampled(&stats)
	}
}

// failed takes a replica that has stopped by itself, which only a fault of its disk excuses.
func (p *process) failed(err error) {
	m := p.member
	if p.tooOld(err) {
		p.outdated()
		return
	}
	if m.forgot > 0 && errors.Is(err, replica.ErrProtocol) {
		p.note(didNotice, "", uint64(m.forgot), p.who.Start)
		m.world.count("old copy noticed")
		p.end()
		m.condemn()
		return
	}
	if m.spoiled(err) {
		p.note(didSpoil, "", p.who.Start)
		m.world.count("stopped by damage")
		p.end()
		m.condemn()
		return
	}
	if m.disk.faults == 0 || !errors.Is(err, replica.ErrPoisoned) && !errors.Is(err, replica.ErrMachine) {
		p.violate(fmt.Errorf("failure: %s stopped by itself: %w", m.id, err))
		return
	}
	p.note(didFail, "", uint64(m.disk.faults), p.who.Start)
	m.world.count("stopped by its disk")
	p.end()
	m.later()
}

// drop lets go of what waits in a process that has died.
func (p *process) drop() {
	if p.driven != nil {
		p.figures()
	}
	for _, f := range p.flights {
		f.lost()
	}
	p.flights = nil
	if p.incoming != nil {
		p.incoming.broke(errDied)
	}
}

var errDied = errors.New("the process died")

// The lanes: what each of the goroutines of a running replica would do one after the other.
const (
	laneDisk = iota
	laneMachine
	laneLoad
	laneImage
	laneScrub
	laneCount
)

var laneOf = [...]int{
	replica.JobStore: laneDisk, replica.JobCompact: laneDisk, replica.JobMachine: laneMachine,
	replica.JobLoad: laneLoad, replica.JobImage: laneImage, replica.JobRoom: laneDisk,
	replica.JobRepair: laneDisk, replica.JobServe: laneLoad, replica.JobScrub: laneLoad,
	replica.JobScrubImages: laneScrub,
}

// lane is work that is done in order.
type lane struct {
	queue []*replica.Job
	busy  bool
}

// give takes a job into its lane. The one before may have cut the power: a dead process does no more work, on a
// disk that is not its own any longer.
func (p *process) give(j *replica.Job) {
	if p.dead {
		return
	}
	l := &p.lanes[laneOf[j.Kind]]
	l.queue = append(l.queue, j)
	if !l.busy {
		p.begin(l)
	}
}

// begin does the next job of a lane. The work happens at its beginning or at its end: in between the
// disk already has what the replica does not know yet, or has not got it.
func (p *process) begin(l *lane) {
	if len(l.queue) == 0 {
		return
	}
	j := l.queue[0]
	l.queue = append(l.queue[:0], l.queue[1:]...)
	l.busy = true
	m := p.member
	d := m.dice
	if j.Kind == replica.JobScrubImages {
		d = m.quiet
	}
	took := p.takes(j.Kind, d)
	early := d.chance(0.5)
	m.world.jobs++
	p.note(didJob, j.Kind.String(), m.world.jobs)
	if early {
		p.work(j)
		if m.disk.cut != nil {
			p.settle()
			return
		}
	}
	p.in(took, func() {
		if !early {
			p.work(j)
		}
		if m.disk.cut == nil {
			l.busy = false
			j.Done()
			p.begin(l)
		}
		p.settle()
	})
}

// takes draws how long a job takes.
func (p *process) takes(kind replica.JobKind, d dice) Instant {
	m := p.member
	disk := &m.world.plan.Setting.Disk
	if kind == replica.JobMachine {
		return d.between(Microsecond, 300*Microsecond)
	}
	return d.between(disk.Min, disk.Max)*m.disk.slow + max(m.disk.stalled-m.world.now, 0)
}

// work does a job, and counts the images that a scrub has found damaged.
func (p *process) work(j *replica.Job) {
	if j.Kind != replica.JobScrubImages {
		j.Run()
		return
	}
	before := len(p.dir.Snapshots().Aside())
	j.Run()
	p.member.world.count("images read in the background")
	p.member.world.counts["damaged image found in the background"] += len(p.dir.Snapshots().Aside()) - before
}

// answer tells those who wait for an outcome.
func (p *process) answer() {
	kept, reads := p.flights[:0], 0
	for _, f := range p.flights {
		switch {
		case !f.poll():
			kept = append(kept, f)
		case f.reading != nil:
			reads++
		}
	}
	if reads > 1 {
		p.member.world.counts["read answered with others"] += reads
	}
	clear(p.flights[len(kept):])
	p.flights = kept
	p.waits = slices.DeleteFunc(p.waits, func(ended func() bool) bool { return ended() })
	if p.incoming != nil {
		p.incoming.poll()
	}
}

// stop ends the process in order.
func (p *process) stop() {
	m := p.member
	err := p.driven.Stop()
	if m.disk.faults == 0 && m.disk.cut == nil {
		p.judge(err)
	}
	p.answer()
	p.end()
}

// end takes a process away that has stopped.
func (p *process) end() {
	m := p.member
	m.process, p.dead = nil, true
	p.drop()
	m.world.network.died(m)
}

// Start implements replica.Transport.
func (p *process) Start(r replica.Receiver) error {
	p.receiver = r
	return nil
}

// Send implements replica.Transport.
func (p *process) Send(to entry.MemberID, messages []core.Message) int {
	if p.older {
		messages = recastAll(messages, false)
	}
	for i := range messages {
		m := &messages[i]
		p.judge(p.checks().Sent(p.who, m))
		if m.Kind == core.MsgAppendReply && m.Reject && m.HintTerm > 0 {
			p.member.world.count("conflict hint sent")
		}
	}
	return p.member.world.network.send(p, to, messages)
}

// SendSnapshot implements replica.Transport.
func (p *process) SendSnapshot(ctx context.Context, to entry.MemberID, s replica.OutgoingSnapshot) {
	p.member.world.network.sendImage(p, ctx, to, s)
}

// Close implements replica.Transport.
func (p *process) Close() error { return nil }

// peer is what a transport would have proved about the process.
func (p *process) peer() replica.Peer {
	return replica.Peer{
		ID: p.member.id, Cluster: p.member.cluster, Incarnation: p.who.Incarnation,
		Former: p.dir.Identity().Former, Key: []byte(p.member.id), Level: p.member.level,
	}
}
