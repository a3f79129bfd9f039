package replica

import (
	"time"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/session"
)

// events is everything that happened since the last turn.
type events struct {
	now       core.Instant
	messages  []core.Message
	proposals []*proposal
	reads     []*read
	lost      []entry.MemberID
	// untaken are commands whose forwarding the transport did not take: they never left.
	untaken []core.RefusedForward
	diskEvents
	applied  *applyTask
	loaded   []loadedEvent
	sent     []sentEvent
	created  *createdEvent
	installs []*install
	// spoiled are images that were found damaged and set aside.
	spoiled []spoiledEvent
	// peers are those whose connection has proven something new.
	peers []core.Peer
	wishes
}

// diskEvents end what the disk's goroutine did.
type diskEvents struct {
	stored    *storedEvent
	room      *roomEvent
	repaired  *repairedEvent
	served    *servedEvent
	scrubbed  *scrubbedEvent
	imageRead *imageReadEvent
}

// wishes are what callers of this member want of the cluster itself.
type wishes struct {
	campaign  bool
	transfers []*transfer
	changes   []*change
	demands   []*demand
	// answers are the program's, about candidates.
	answers []core.Answer
}

// storedEvent ends the write of a batch.
type storedEvent struct {
	batch *entry.Batch
	err   error
	// room says whether the log has place for more entries.
	room bool
}

// loadedEvent ends a read for a member that lags.
type loadedEvent struct {
	answer core.Loaded
	load   core.Load
	// damage is what cannot be read, the first of the entries among it; err why nothing was read for
	// another reason, although the entries may be there.
	damage []entry.Damage
	err    error
}

// sentEvent ends the sending of a snapshot.
type sentEvent struct {
	to    entry.MemberID
	index entry.Index
	err   error
}

// createdEvent ends the writing of an image of this member's own.
type createdEvent struct {
	meta entry.SnapshotMeta
	err  error
}

// spoiledEvent tells of an own image that was found damaged and set aside.
type spoiledEvent struct {
	meta  entry.SnapshotMeta
	cause error
	// atStart is true when it was found by the start: then it has never been in use.
	atStart bool
}

// install asks for a received and durable snapshot to replace the machine's state. done receives
// nil once the log has been reset, too.
type install struct {
	meta entry.SnapshotMeta
	// after is the batch that must be durable, once it is known.
	after uint64
	done  chan error
	// own is this member's session in the restored table, nil for none, floor the table's.
	own   *session.Session
	floor entry.Index
}

// reading is what a turn wants read beside the writes, and healed.
type reading struct {
	// repair are copies to write, serve is a peer's question to read for.
	repair *entry.Block
	serve  *core.Message
	// scrub checks the next piece of the log, scrubImages that of the images.
	scrub, scrubImages bool
}

// actions is everything that a turn wants done. The slices are reused by the next turn.
type actions struct {
	// store is the next batch, nil for none; it is handed out only when none is under way.
	store *entry.Batch
	// room asks the store to try for more room.
	room bool
	reading
	// compact lets the log drop the entries up to it, 0 for none.
	compact   entry.Index
	send      []outbox
	apply     *applyTask
	load      *core.Load
	compare   *core.Question
	snapshots []outgoing
	// events are for those who subscribe.
	events []Event
	// deadline is when the next turn is due.
	deadline core.Instant
	// failed stops the replica.
	failed error
}

// outbox are the messages of a turn for one member.
type outbox struct {
	to       entry.MemberID
	messages []core.Message
}

// outgoing is a snapshot to send.
type outgoing struct {
	to   entry.MemberID
	term entry.Term
	meta entry.SnapshotMeta
}

func (a *actions) clear() {
	for i := range a.send {
		clear(a.send[i].messages)
		a.send[i].messages = a.send[i].messages[:0]
	}
	*a = actions{send: a.send, snapshots: a.snapshots[:0], events: a.events[:0]}
}

// post adds a message to its member's outbox.
func (a *actions) post(m core.Message) {
	for i := range a.send {
		if a.send[i].to == m.To {
			a.send[i].messages = append(a.send[i].messages, m)
			return
		}
	}
	a.send = append(a.send, outbox{to: m.To, messages: []core.Message{m}})
}

// applyKind says what the apply goroutine shall do.
type applyKind uint8

const (
	applyEntries applyKind = iota
	applyCapture
	applyRestore
)

// applyTask is one job of the apply goroutine, and its outcome.
type applyTask struct {
	kind applyKind
	// first to last are the entries to apply.
	first, last entry.Index
	// blocks hold them, or are empty: then they are read from the log store.
	blocks []*entry.Block
	// install is the snapshot to restore.
	install *install
	// image is where a capture goes on.
	image *image
	// origin and base are this member's session, by which its own entries are known.
	origin uint64
	base   entry.Index

	// own are the verdicts on this member's own entries.
	own []owned
	// results has one element per entry. bytes is their size, end the last one's position.
	results []any
	bytes   int64
	end     entry.Position
	// damage is what could not be read: then nothing was applied.
	damage []entry.Damage
	// err stops the replica; failed only ends a capture.
	err    error
	failed error
}

// image is a snapshot whose state has been captured: finish writes the rest of it.
type image struct {
	meta   entry.SnapshotMeta
	sink   SnapshotSink
	finish func() error
}

// latencies keeps the newest durations for quantiles.
type latencies struct {
	ring  [512]time.Duration
	count uint64
}

func (l *latencies) add(d time.Duration) {
	l.ring[l.count%uint64(len(l.ring))] = d
	l.count++
}
