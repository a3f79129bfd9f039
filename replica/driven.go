package replica

import (
	"errors"
	"fmt"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
)

// Driven is a replica without goroutines: whoever holds it decides when it turns and when each piece
// of work is done, so that a simulator runs exactly the code of production over a clock, a network
// and a disk of its own. Only the goroutines of the shell are not in it.
//
//	      Receiver, Propose, Read, ReceiveImage, Job.Done
//	              |
//	              v                     one piece of each kind of work at a time
//	 Woken --> Turn(now) --> Work.Jobs ------> Job.Run ------> Job.Done --+
//	              |  ^                                                    |
//	Transport.Send   +----------------------------------------------------+
//
// A turn is due when Woken says so and at Work.Deadline. Between two turns any number of events may
// arrive. Nothing blocks and nothing happens by itself. To model a crash, forget the Driven; what its
// calls did to the stores is what they had done by then.
//
// One goroutine at a time may use a Driven and what it hands out; the methods of the [Replica] that
// only look (Status, Stats, Ready, Err) may be used beside it, those that wait would wait for ever.
type Driven struct {
	replica *Replica
	ev      events
	act     actions
	// jobs are what the present turn hands out, images what the next one will.
	jobs, images []*Job
}

// JobKind names a kind of work.
type JobKind uint8

// The kinds of work. Store, Compact, Room and Repair exclude each other, as do two jobs of the other kinds but
// Image, which runs beside the next jobs of the machine. A replica never hands out a second job of a
// kind before the first was Done, except that a Compact replaces one that has not run.
const (
	// JobStore makes a batch durable in the log.
	JobStore JobKind = iota + 1
	// JobCompact drops old entries of the log.
	JobCompact
	// JobMachine lets the machine apply entries, capture its state or restore an image.
	JobMachine
	// JobLoad reads old entries of the log for a member that lags.
	JobLoad
	// JobImage completes a captured image.
	JobImage
	// JobCompare asks the program about a candidate.
	JobCompare
	// JobRoom asks a full log to try for more room.
	JobRoom
	// JobRepair puts copies in the place of damaged entries of the log.
	JobRepair
	// JobServe reads entries that a peer wants copies of.
	JobServe
	// JobScrub checks a piece of the log.
	JobScrub
	// JobScrubImages reads a piece of the images.
	JobScrubImages
)

var jobNames = [...]string{"", "store", "compact", "machine", "load", "image", "compare", "room",
	"repair", "serve", "scrub", "scrub images"}

// String returns the kind's name.
func (k JobKind) String() string {
	if int(k) < len(jobNames) && k > 0 {
		return jobNames[k]
	}
	return fmt.Sprintf("job kind %d", uint8(k))
}

// Job is one piece of work of a turn.
type Job struct {
	// Kind says which work it is.
	Kind JobKind
	// Batch is what a JobStore stores, nil in other jobs. It must not be modified.
	Batch *entry.Batch
	work  func() outcome
	done  func(outcome)
	ended outcome
}

// Run does the work, as the goroutines of a running replica would. It is called once.
func (j *Job) Run() { j.ended = j.work() }

// Done tells the replica how the work ended. It comes after Run, once, and may come later: until then
// the work counts as under way.
func (j *Job) Done() {
	if j.ended != nil {
		j.done(j.ended)
	}
}

// Work is what one turn wants done.
type Work struct {
	// Jobs are in the order in which a running replica would begin them. The slice is reused by the
	// next turn, its elements are not.
	Jobs []*Job
	// Deadline is when the next turn is due even if nothing happens, core.Forever for never.
	Deadline core.Instant
	// Failed is why the replica has stopped by itself, nil while it runs.
	Failed error
}

// Drive starts the replica like Start, but without goroutines: the caller drives it.
func (r *Replica) Drive() (*Driven, error) {
	if err := r.begin(); err != nil {
		return nil, err
	}
	d := &Driven{replica: r}
	r.life.mu.Lock()
	r.life.driven = true
	r.life.mu.Unlock()
	r.shell.workers = d
	r.inbox.signal()
	return d, nil
}

// Replica returns the replica that is driven.
func (d *Driven) Replica() *Replica { return d.replica }

// TermAt returns the term of entry i of the log as decided, ahead of what is durable, and false when
// the log does not hold it.
func (d *Driven) TermAt(i entry.Index) (entry.Term, bool) { return d.replica.engine.core.TermAt(i) }

// Woken reports whether something has happened that calls for a turn, and forgets it.
func (d *Driven) Woken() bool {
	select {
	case <-d.replica.inbox.wake:
		return true
	default:
		return false
	}
}

// Turn takes everything that has happened and says what to do. Instants never decrease from one call
// to the next. Messages and images have been given to the transport when it returns. After a stop it
// returns ErrStopped, or why the replica failed.
func (d *Driven) Turn(now core.Instant) Work {
	r := d.replica
	if err := r.running(); err != nil {
		return Work{Deadline: core.Forever, Failed: errors.Join(err, r.Err())}
	}
	d.jobs, d.images = append(d.jobs[:0], d.images...), d.images[:0]
	r.inbox.take(&d.ev, r.engine.wantsProposals())
	d.ev.now = now
	r.turn(&d.ev, &d.act)
	if d.act.failed != nil {
		r.closeRooms(d.act.failed)
		return Work{Deadline: core.Forever, Failed: d.act.failed}
	}
	return Work{Jobs: d.jobs, Deadline: d.act.deadline}
}

// Stop ends the replica in order, like [Replica.Stop]. Jobs that were handed out must not run any
// more.
func (d *Driven) Stop() error { return d.replica.Stop() }

// job hands out a piece of work.
func (d *Driven) job(kind JobKind, work func() outcome) *Job {
	put := d.replica.inbox.put
	j := &Job{Kind: kind, work: work, done: func(o outcome) { put(o) }}
	d.jobs = append(d.jobs, j)
	return j
}

func (d *Driven) store(b *entry.Batch) {
	d.job(JobStore, func() outcome { return d.replica.storeBatch(b) }).Batch = b
}

func (d *Driven) tryRoom() { d.job(JobRoom, d.replica.tryRoom) }

func (d *Driven) repair(copies *entry.Block) {
	d.job(JobRepair, func() outcome { return d.replica.repair(copies) })
}

func (d *Driven) serve(m *core.Message) {
	d.job(JobServe, func() outcome { return d.replica.serveFetch(m) })
}

func (d *Driven) scrub(from entry.Index) {
	d.job(JobScrub, func() outcome { return d.replica.scrub(from) })
}

func (d *Driven) scrubImages() { d.job(JobScrubImages, d.replica.scrubImages) }

func (d *Driven) compact(through entry.Index) {
	d.job(JobCompact, func() outcome {
		d.replica.compactLog(through)
		return nil
	})
}

func (d *Driven) load(l core.Load) {
	d.job(JobLoad, func() outcome { return d.replica.loadRange(l) })
}

func (d *Driven) compare(q *core.Question) {
	d.job(JobCompare, func() outcome { return d.replica.compare(q) })
}

func (d *Driven) apply(t *applyTask) {
	d.job(JobMachine, func() outcome {
		ended, image := d.replica.runTask(t)
		if image == nil {
			return ended
		}
		j := &Job{Kind: JobImage, work: func() outcome { return d.replica.completeImage(image) }}
		j.done = func(o outcome) { d.replica.inbox.put(o) }
		d.images = append(d.images, j)
		return ended
	})
}

func (d *Driven) stop() error { return nil }

// Proposing is a command on its way, what a caller of [Replica.Propose] waits for.
type Proposing struct {
	replica  *Replica
	proposal *proposal
}

// Proposed is what Propose would return.
type Proposed struct {
	Result   any
	Position entry.Position
	Err      error
}

// Propose begins what [Replica.Propose] does. The error is one that comes at once; payload must not
// be modified until the end.
func (d *Driven) Propose(payload []byte) (*Proposing, error) {
	p, err := d.replica.submit(entry.KindCommand, payload, true)
	if err != nil {
		return nil, err
	}
	return &Proposing{replica: d.replica, proposal: p}, nil
}

// Barrier begins what [Replica.Barrier] does.
func (d *Driven) Barrier() (*Proposing, error) {
	p, err := d.replica.submit(entry.KindNoOp, nil, true)
	if err != nil {
		return nil, err
	}
	return &Proposing{replica: d.replica, proposal: p}, nil
}

// Imaging is a snapshot on demand, what a caller of [Replica.Snapshot] waits for.
type Imaging struct{ demand *demand }

// Snapshot begins what [Replica.Snapshot] does. The error is one that comes at once.
func (d *Driven) Snapshot() (*Imaging, error) {
	wish, err := d.replica.demand()
	if err != nil {
		return nil, err
	}
	return &Imaging{wish}, nil
}

// Poll returns the snapshot's description, or why there is none, once done is true.
func (i *Imaging) Poll() (done bool, meta entry.SnapshotMeta, err error) {
	select {
	case <-i.demand.done:
		return true, i.demand.meta, i.demand.err
	default:
		return false, entry.SnapshotMeta{}, nil
	}
}

// Poll returns the outcome once it is known. After it has returned true, p is of no more use.
func (p *Proposing) Poll() (Proposed, bool) {
	select {
	case <-p.proposal.done:
		result, at, err := p.proposal.collect()
		return Proposed{result, at, err}, true
	default:
		return Proposed{}, false
	}
}

// Abandon ends the wait, as the end of ctx does in Propose; the error wraps cause unless the outcome
// is known. Afterwards p is of no more use.
func (p *Proposing) Abandon(cause error) Proposed {
	result, at, err := p.replica.abandon(p.proposal, cause)
	return Proposed{result, at, err}
}

// Transferring is a transfer of leadership under way, what a caller of [Replica.Transfer] waits for.
type Transferring struct{ transfer *transfer }

// Transfer begins what [Replica.Transfer] does. The error is one that comes at once.
func (d *Driven) Transfer(to entry.MemberID) (*Transferring, error) {
	t, err := d.replica.beginTransfer(to)
	if err != nil {
		return nil, err
	}
	return &Transferring{t}, nil
}

// Poll returns true once the outcome is known: nil when the voter leads.
func (t *Transferring) Poll() (done bool, err error) {
	select {
	case <-t.transfer.done:
		return true, t.transfer.err
	default:
		return false, nil
	}
}

// Changing is a change of the configuration under way, what a caller of [Replica.Change] waits for.
type Changing struct{ change *change }

// Change begins what [Replica.Change] does. The error is one that comes at once.
func (d *Driven) Change(wanted core.Change) (*Changing, error) {
	c, err := d.replica.beginChange(wanted)
	if err != nil {
		return nil, err
	}
	return &Changing{c}, nil
}

// Poll returns true once the outcome is known: with the index of the configuration in which the change
// is done, or why it was refused.
func (c *Changing) Poll() (done bool, at entry.Index, err error) {
	select {
	case <-c.change.done:
		return true, c.change.index, c.change.err
	default:
		return false, 0, nil
	}
}

// Abandon ends the wait, as the end of ctx does in Change: it is not asked again.
func (c *Changing) Abandon(cause error) (entry.Index, error) { return c.change.abandon(cause) }

// Reading is a read on its way, what a caller of [Replica.ReadIndex] waits for.
type Reading struct {
	replica *Replica
	read    *read
}

// Read begins what [Replica.ReadIndex] does. The error is one that comes at once.
func (d *Driven) Read() (*Reading, error) {
	waiter, err := d.replica.ask()
	if err != nil {
		return nil, err
	}
	return &Reading{replica: d.replica, read: waiter}, nil
}

// Poll returns the read point, or the error, once done is true. Afterwards r is of no more use.
func (r *Reading) Poll() (at entry.Index, done bool, err error) {
	select {
	case <-r.read.done:
		r.replica.reading.Add(-1)
		return r.read.index, true, r.read.err
	default:
		return 0, false, nil
	}
}

// Abandon ends the wait, as the end of ctx does in ReadIndex. Afterwards r is of no more use.
func (r *Reading) Abandon(cause error) (entry.Index, error) {
	defer r.replica.reading.Add(-1)
	return r.read.abandon(cause)
}

// Receiving is an image on its way to this member, what [Receiver].ReceiveSnapshot does in one call.
type Receiving struct {
	reception *reception
	arrived   int64
	install   *install
}

// ReceiveImage begins to receive an image; s.From is not used. A nil Receiving without an error says
// that the image is not needed: its sender may be told that all is well.
func (d *Driven) ReceiveImage(from Peer, s IncomingSnapshot) (*Receiving, error) {
	c, err := d.replica.receiveImage(from, &s)
	if err != nil {
		return nil, err
	}
	if c.sink == nil {
		c.end()
		return nil, nil
	}
	return &Receiving{reception: c, arrived: c.at}, nil
}

// At returns the offset of the byte that is wanted next: at first what a broken transfer left, if the
// store can resume it.
func (r *Receiving) At() int64 { return r.arrived }

// Write takes the next bytes of the image. After an error call Abort.
func (r *Receiving) Write(p []byte) (int, error) {
	n, err := r.reception.sink.Write(p)
	r.arrived += int64(n)
	return n, err
}

// Complete makes the image durable and asks for its installation. After an error r has ended.
func (r *Receiving) Complete() (err error) {
	if r.install, err = r.reception.complete(r.arrived); err != nil {
		r.reception.end()
	}
	return err
}

// Poll reports after Complete whether the image has been installed, or why it will not be.
func (r *Receiving) Poll() (done bool, err error) {
	select {
	case err := <-r.install.done:
		r.reception.end()
		return true, err
	default:
		return false, nil
	}
}

// Abort ends a transfer that is not complete; what has arrived may be resumed later. It returns the
// error for the sender.
func (r *Receiving) Abort(cause error) error {
	defer r.reception.end()
	return r.reception.abort(cause)
}
