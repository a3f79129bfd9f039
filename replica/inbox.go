package replica

import (
	"sync"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
)

// inbox is where everybody leaves what the loop shall know. Its lock is held for moments only.
type inbox struct {
	mu     sync.Mutex
	events events
	// queue are proposals that wait for their turn, with their payload bytes.
	queue      []*proposal
	queueBytes int
	// held are proposals that the loop has taken and that have no place in the log.
	held load
	// messageBytes is the size of the bodies in events.messages.
	messageBytes int
	// hungry is true while the loop wants proposals; otherwise a new one need not wake it.
	hungry bool
	closed bool
	wake   chan struct{}
	limits Limits
	// met is what connections have proven so far, at most peersMax.
	met map[entry.MemberID]Peer
}

func newInbox(limits Limits) *inbox {
	return &inbox{wake: make(chan struct{}, 1), hungry: true, limits: limits, met: map[entry.MemberID]Peer{}}
}

func (b *inbox) signal() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// put changes the events under the lock and wakes the loop. It reports false after close.
func (b *inbox) put(change func(*events)) bool {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return false
	}
	change(&b.events)
	b.mu.Unlock()
	b.signal()
	return true
}

// propose queues a command.
func (b *inbox) propose(p *proposal) error {
	b.mu.Lock()
	switch {
	case b.closed:
		b.mu.Unlock()
		return ErrStopped
	case b.full(p.frameSize()):
		b.mu.Unlock()
		return ErrOverloaded
	}
	b.queue = append(b.queue, p)
	b.queueBytes += p.frameSize()
	hungry := b.hungry
	b.mu.Unlock()
	if hungry {
		b.signal()
	}
	return nil
}

// full reports whether one proposal more would be too many. One is always taken.
func (b *inbox) full(size int) bool {
	bytes := b.queueBytes + b.held.bytes
	return len(b.queue)+b.held.count >= b.limits.QueueCount || bytes > 0 && bytes+size > b.limits.QueueBytes
}

// hold takes note of how much the loop holds.
func (b *inbox) hold(held load) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.held = held
}

// receive takes messages while there is room and returns how many there was none for. Each bears the
// incarnation that its sender has proven, whatever it said itself.
func (b *inbox) receive(from *Peer, messages []core.Message) (refused int) {
	b.mu.Lock()
	if !b.closed {
		b.meet(from)
	}
	for i := range messages {
		size := 0
		for _, block := range messages[i].Body {
			size += block.Size()
		}
		full := len(b.events.messages) >= b.limits.InboxCount ||
			b.messageBytes > 0 && b.messageBytes+size > b.limits.InboxBytes
		if b.closed || full {
			refused++
			continue
		}
		b.messageBytes += size
		b.events.messages = append(b.events.messages, messages[i])
		b.events.messages[len(b.events.messages)-1].Incarnation = from.Incarnation
	}
	b.mu.Unlock()
	b.signal()
	return refused
}

// take moves everything into ev, whose memory the inbox reuses, and the queue too when the loop
// wants proposals.
func (b *inbox) take(ev *events, wanted appetite) {
	b.mu.Lock()
	defer b.mu.Unlock()
	old := *ev
	*ev = b.events
	clear(old.messages)
	clear(old.loaded)
	b.events = events{
		messages: old.messages[:0], reads: old.reads[:0], lost: old.lost[:0], untaken: old.untaken[:0],
		loaded: old.loaded[:0], sent: old.sent[:0], installs: old.installs[:0], peers: old.peers[:0],
		spoiled: old.spoiled[:0],
		wishes: wishes{transfers: old.transfers[:0], changes: old.changes[:0], demands: old.demands[:0],
			answers: old.answers[:0]},
	}
	b.messageBytes = 0
	proposals := wanted == atOnce || wanted == afterWrite && ev.stored != nil
	b.hungry = proposals
	ev.proposals = old.proposals[:0]
	if proposals {
		ev.proposals, b.queue = b.queue, ev.proposals
		b.queueBytes = 0
	}
}

// close refuses everything from now on and returns what was left.
func (b *inbox) close() (queue []*proposal, left events) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	queue, left = b.queue, b.events
	b.queue, b.events = nil, events{}
	return queue, left
}

// load returns the figures for Stats.
func (b *inbox) figures() (queueBytes, queueCount, inboxBytes int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.queueBytes + b.held.bytes, len(b.queue) + b.held.count, b.messageBytes
}

// refusal turns why core did not take a command into the error of this package.
func refusal(why core.Refusal, status *core.Status, member bool) error {
	switch {
	case !member:
		return ErrRemoved
	case why == core.RefusedOverloaded:
		return ErrOverloaded
	case why == core.RefusedNoSpace:
		return ErrNoSpace
	case why == core.RefusedTransferring:
		return ErrTransferring
	case status.Leader == "":
		return ErrNoLeader
	}
	return ErrNotLeader
}

// isMember reports whether id may propose under the configuration: a member that waits to be told
// its configuration is not called removed.
func isMember(c *entry.Configuration, id entry.MemberID) bool {
	if len(c.Members) == 0 {
		return true
	}
	_, found := c.Find(id)
	return found
}
