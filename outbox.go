package raft

import (
	"fmt"
	"sync"
	"time"

	"v.io/v23/context"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
)

// outbox holds the messages that wait for one member, and sends them in two conversations:
//
//	ordered  entries, and what must not overtake them: a heartbeat that names the entry before the next one
//	urgent   what must not wait behind 4 MiB of them on a slow line: pulses, acks, votes, questions, answers
//
// Both share one connection, on which flow control lets at most one window of each be under way. They begin
// and end together.
type outbox struct {
	peers *peers
	id    entry.MemberID
	// outsider is true while the member is none of the set's. Guarded by the peers' mu.
	outsider bool

	mu sync.Mutex
	// used is when something was last put in. Guarded by mu.
	used            time.Time
	ordered, urgent lane
}

// lane is the queue of one conversation.
type lane struct {
	// filled holds a token when queue is not empty.
	filled chan struct{}
	// queue and its size in bytes. Guarded by the outbox's mu. Invariant: bytes <= PeerQueueBytesMax, or queue
	// has one message.
	queue []core.Message
	bytes int
}

func newOutbox(p *peers, id entry.MemberID) *outbox {
	return &outbox{peers: p, id: id, outsider: true, used: time.Now(),
		ordered: lane{filled: make(chan struct{}, 1)}, urgent: lane{filled: make(chan struct{}, 1)}}
}

// lane returns the lane of a message.
func (b *outbox) lane(m *core.Message) *lane {
	if m.Urgent() {
		return &b.urgent
	}
	return &b.ordered
}

// put appends messages as far as there is room and returns how many it took.
func (b *outbox) put(m []core.Message) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.used = time.Now()
	for i := range m {
		if !b.lane(&m[i]).put(&m[i]) {
			return i
		}
	}
	return len(m)
}

// put appends a message if there is room.
func (l *lane) put(m *core.Message) bool {
	size := messageSize(m)
	if len(l.queue) > 0 && l.bytes+size > PeerQueueBytesMax {
		return false
	}
	l.queue = append(l.queue, *m)
	l.bytes += size
	if len(l.queue) == 1 {
		select {
		case l.filled <- struct{}{}:
		default:
		}
	}
	return true
}

// idle returns for how long nothing was put in.
func (b *outbox) idle() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return time.Since(b.used)
}

// take empties a lane's queue into spare, whose array it reuses.
func (b *outbox) take(l *lane, spare []core.Message) []core.Message {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := l.queue
	l.queue, l.bytes = spare[:0], 0
	return out
}

// messageSize is what a message counts for in a queue, in bytes.
func messageSize(m *core.Message) int {
	size := 128
	for _, block := range m.Body {
		size += block.Size()
	}
	return size
}

// The pause after a failed conversation, doubled from the first to the second.
const (
	redialFirst = 10 * time.Millisecond
	redialLast  = time.Second
)

// run keeps the conversations with the member open until ctx ends. Messages that wait while there are
// none are dropped: they would be stale.
func (b *outbox) run(ctx *context.T) {
	pause := redialFirst
	reason := ""
	for ctx.Err() == nil {
		began := time.Now()
		err := b.converse(ctx)
		if ctx.Err() != nil {
			return
		}
		b.take(&b.ordered, nil)
		b.take(&b.urgent, nil)
		b.peers.receiver.Lost(b.id)
		if text := err.Error(); text != reason {
			reason = text
			b.peers.log.Info("no conversation with peer", "peer", b.id, "why", err)
		}
		if time.Since(began) > 2*redialLast {
			pause = redialFirst
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
		pause = min(2*pause, redialLast)
	}
}

// converse opens both conversations and sends messages until one of them breaks, which ends the other. It
// returns why the first one broke.
func (b *outbox) converse(ctx *context.T) error {
	ordered, err := b.open(ctx, false)
	if err != nil {
		return err
	}
	urgent, err := b.open(ctx, true)
	if err != nil {
		ordered.end("")
		return err
	}
	b.peers.log.Info("conversation open", "peer", b.id)
	ends := make(chan error, 2)
	go func() { ends <- b.carry(ordered, &b.ordered) }()
	go func() { ends <- b.carry(urgent, &b.urgent) }()
	why := <-ends
	ordered.cancel()
	urgent.cancel()
	<-ends
	return why
}

// conversation is an open call on which messages are sent.
type conversation struct {
	ctx    *context.T
	cancel context.CancelFunc
	call   raftProtoConverseClientCall
}

// open dials the member and exchanges hellos.
func (b *outbox) open(ctx *context.T, urgent bool) (*conversation, error) {
	ctx, cancel := context.WithCancel(ctx)
	guard := time.AfterFunc(DialBound, cancel)
	defer guard.Stop()
	call, err := b.peers.network.converse(ctx, b.id, b.peers.identity.hello(b.id), urgent)
	if err != nil {
		cancel()
		return nil, err
	}
	c := &conversation{ctx: ctx, cancel: cancel, call: call}
	replies := call.RecvStream()
	if !replies.Advance() {
		defer cancel()
		return nil, finished(call.Finish(), "the peer ended the conversation before its hello")
	}
	if err := b.peers.identity.compare(ctx, replies.Value()); err != nil {
		return nil, c.end(err.Error())
	}
	return c, nil
}

// end ends a conversation and returns why it ended: the call's own error, else what was seen.
func (c *conversation) end(seen string) error {
	c.cancel()
	return finished(c.call.Finish(), seen)
}

// carry sends what a lane holds until the conversation breaks or is ended, and returns why.
func (b *outbox) carry(c *conversation, l *lane) error {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for replies := c.call.RecvStream(); replies.Advance(); { // The peer says nothing more: this waits for its end.
		}
	}()
	err := b.deliver(c.ctx, c.cancel, l, c.call.SendStream(), ended)
	c.cancel()
	<-ended
	return c.end(err.Error())
}

// packetSender is the sending half of a conversation.
type packetSender interface {
	Send(item Packet) error
	Close() error
}

// deliver sends what a lane holds until sending fails, the peer ends the conversation, or ctx
// ends. A peer that does not read for SendBound loses the conversation.
func (b *outbox) deliver(ctx *context.T, cancel context.CancelFunc, l *lane, out packetSender,
	ended <-chan struct{}) error {
	guard := time.AfterFunc(SendBound, cancel)
	defer guard.Stop()
	var batch []core.Message
	for {
		guard.Stop()
		select {
		case <-l.filled:
		case <-ended:
			return fmt.Errorf("the peer ended the conversation")
		case <-ctx.Done():
			return ctx.Err()
		}
		batch = b.take(l, batch)
		for i := range batch {
			guard.Reset(SendBound)
			if err := out.Send(newPacket(&batch[i])); err != nil {
				return err
			}
		}
		clear(batch)
	}
}
