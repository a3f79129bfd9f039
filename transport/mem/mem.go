// Package mem is a network in memory for tests and for programs that keep several members in one
// process. It loses, delays and partitions on demand, and never alters.
//
// Each pair of members has a link of its own: a goroutine that delivers in order, so that a slow
// member holds up nobody else. Blocks are handed over as they are, shared and immutable.
package mem

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"time"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/replica"
)

// QueueMax is the number of messages that wait on one link; more are lost.
const QueueMax = 4096

// Faults are what a network does to messages from now on. The zero value is a perfect network.
type Faults struct {
	// Drop is the probability with which a message is lost.
	Drop float64
	// Delay holds every delivery, plus a random part of up to Jitter.
	Delay, Jitter time.Duration
}

// Network connects members by their ids. All methods may be called by several goroutines.
type Network struct {
	// Timer returns a channel that receives once d has passed; nil is time.After. It is set before
	// the first Join.
	Timer func(d time.Duration) <-chan time.Time

	mu      sync.Mutex
	members map[entry.MemberID]*Transport
	cut     map[direction]bool
	faults  Faults
	random  *rand.Rand
}

type direction struct{ from, to entry.MemberID }

// New returns a network whose losses and delays are drawn from seed.
func New(seed uint64) *Network {
	return &Network{
		members: make(map[entry.MemberID]*Transport), cut: make(map[direction]bool),
		random: rand.New(rand.NewPCG(seed, 1)),
	}
}

// Join adds a member, or replaces one that was closed under the same id.
func (n *Network) Join(self replica.Peer) *Transport {
	ctx, cancel := context.WithCancel(context.Background())
	t := &Transport{network: n, self: self, ctx: ctx, cancel: cancel, links: make(map[entry.MemberID]*link)}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.members[self.ID] = t
	return t
}

// SetFaults changes what happens to messages sent from now on.
func (n *Network) SetFaults(f Faults) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.faults = f
}

// Cut loses everything from one member to another, in this direction only, until Heal.
func (n *Network) Cut(from, to entry.MemberID) {
	n.mu.Lock()
	n.cut[direction{from, to}] = true
	sender := n.members[from]
	n.mu.Unlock()
	if sender != nil {
		sender.lost(to)
	}
}

// Isolate cuts a member from all others, in both directions.
func (n *Network) Isolate(id entry.MemberID) {
	n.mu.Lock()
	var others []entry.MemberID
	for other := range n.members {
		if other != id {
			others = append(others, other)
		}
	}
	n.mu.Unlock()
	for _, other := range others {
		n.Cut(id, other)
		n.Cut(other, id)
	}
}

// Heal ends every Cut.
func (n *Network) Heal() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.cut = make(map[direction]bool)
}

// fate says what happens to one message now.
func (n *Network) fate(d direction) (dropped bool, delay time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.cut[d] || n.faults.Drop > 0 && n.random.Float64() < n.faults.Drop {
		return true, 0
	}
	delay = n.faults.Delay
	if n.faults.Jitter > 0 {
		delay += time.Duration(n.random.Int64N(int64(n.faults.Jitter)))
	}
	return false, delay
}

var (
	errClosed      = errors.New("mem: the transport is closed")
	errUnreachable = errors.New("mem: the member cannot be reached")
)

// receiver returns the other end of a direction, or nil when nothing arrives there.
func (n *Network) receiver(d direction) (replica.Receiver, context.Context) {
	n.mu.Lock()
	t := n.members[d.to]
	if n.cut[d] || t == nil {
		t = nil
	}
	n.mu.Unlock()
	if t == nil {
		return nil, nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed || t.receiver == nil {
		return nil, nil
	}
	return t.receiver, t.ctx
}

func (n *Network) after(d time.Duration) <-chan time.Time {
	if n.Timer != nil {
		return n.Timer(d)
	}
	return time.After(d)
}

// Transport is one member's end of the network. It implements replica.Transport.
type Transport struct {
	network *Network
	self    replica.Peer
	ctx     context.Context
	cancel  context.CancelFunc

	mu       sync.Mutex
	receiver replica.Receiver
	links    map[entry.MemberID]*link
	closed   bool
	running  sync.WaitGroup
}

// Start implements replica.Transport.
func (t *Transport) Start(r replica.Receiver) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return errClosed
	}
	t.receiver = r
	return nil
}

// Send implements replica.Transport.
func (t *Transport) Send(to entry.MemberID, messages []core.Message) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return 0
	}
	l := t.links[to]
	if l == nil {
		l = &link{transport: t, direction: direction{t.self.ID, to}, wake: make(chan struct{}, 1)}
		t.links[to] = l
		t.running.Go(l.run)
	}
	return l.push(messages)
}

// lost tells the receiver that messages to a member may be lost.
func (t *Transport) lost(to entry.MemberID) {
	t.mu.Lock()
	r := t.receiver
	if t.closed {
		r = nil
	}
	t.mu.Unlock()
	if r != nil {
		r.Lost(to)
	}
}

// Close implements replica.Transport.
func (t *Transport) Close() error {
	t.mu.Lock()
	t.closed = true
	t.mu.Unlock()
	t.cancel()
	t.running.Wait()
	return nil
}

// link delivers messages in one direction.
type link struct {
	transport *Transport
	direction direction
	wake      chan struct{}

	mu    sync.Mutex
	queue []core.Message
}

func (l *link) push(messages []core.Message) int {
	l.mu.Lock()
	taken := min(len(messages), QueueMax-len(l.queue))
	l.queue = append(l.queue, messages[:taken]...)
	l.mu.Unlock()
	select {
	case l.wake <- struct{}{}:
	default:
	}
	return taken
}

func (l *link) run() {
	ctx := l.transport.ctx
	var batch []core.Message
	for {
		select {
		case <-ctx.Done():
			return
		case <-l.wake:
		}
		l.mu.Lock()
		batch, l.queue = l.queue, batch[:0]
		l.mu.Unlock()
		l.deliver(batch)
		clear(batch)
	}
}

// deliver hands the messages over, together when nothing delays them.
func (l *link) deliver(batch []core.Message) {
	var ready []core.Message
	for i := range batch {
		dropped, delay := l.transport.network.fate(l.direction)
		if dropped {
			continue
		}
		if delay > 0 {
			l.hand(ready)
			ready = nil
			select {
			case <-l.transport.ctx.Done():
				return
			case <-l.transport.network.after(delay):
			}
		}
		ready = append(ready, batch[i])
	}
	l.hand(ready)
}

func (l *link) hand(ready []core.Message) {
	if len(ready) == 0 || l.transport.ctx.Err() != nil {
		return
	}
	if r, _ := l.transport.network.receiver(l.direction); r != nil {
		r.Receive(l.transport.self, ready)
	}
}

// SendSnapshot implements replica.Transport.
func (t *Transport) SendSnapshot(ctx context.Context, to entry.MemberID, s replica.OutgoingSnapshot) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed || t.receiver == nil {
		return
	}
	sender := t.receiver
	t.running.Go(func() {
		err := t.transfer(ctx, to, s)
		sender.SnapshotSent(to, s.Meta.Index, err)
	})
}

// transfer runs the receiving side on this goroutine; the image is read as it is asked for.
func (t *Transport) transfer(ctx context.Context, to entry.MemberID, s replica.OutgoingSnapshot) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(t.ctx, cancel)()
	d := direction{t.self.ID, to}
	other, otherCtx := t.network.receiver(d)
	if other == nil {
		return fmt.Errorf("snapshot for %q: %w", to, errUnreachable)
	}
	defer context.AfterFunc(otherCtx, cancel)()
	image := &imageReader{network: t.network, direction: d, ctx: ctx}
	err := other.ReceiveSnapshot(ctx, t.self, replica.IncomingSnapshot{
		Term: s.Term, Meta: s.Meta,
		From: func(at int64) (io.Reader, error) {
			opened, err := s.Open(at)
			image.source = opened
			return image, err
		},
	})
	if image.source != nil {
		err = errors.Join(err, image.source.Close())
	}
	return err
}

// imageReader reads an image over a link that may be cut meanwhile.
type imageReader struct {
	network   *Network
	direction direction
	ctx       context.Context
	source    io.ReadCloser
}

// Read implements io.Reader.
func (r *imageReader) Read(b []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	if other, _ := r.network.receiver(r.direction); other == nil {
		return 0, errUnreachable
	}
	return r.source.Read(b)
}
