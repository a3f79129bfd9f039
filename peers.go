package raft

import (
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	stdcontext "context"

	"v.io/v23/context"
	"v.io/v23/naming"
	"v.io/v23/options"
	"v.io/v23/rpc"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/replica"
)

// peers is the transport of a member: replica.Transport over Vanadium RPC. Each member dials each
// other one and keeps one conversation open (raftProto.Converse) on which it sends its messages; the
// other's messages come on the conversation that the other dialled (see service).
//
// Goroutines: two for each peer, started by Start, and one for each image being sent; Close stops them and
// waits for them.
type peers struct {
	ctx      *context.T
	cancel   context.CancelFunc
	identity *identity
	auth     *authority
	service  *service
	log      *slog.Logger
	// name returns the Vanadium name of a member.
	name func(entry.MemberID) string
	// network opens calls to members.
	network network
	// receiver is set by Start, before any goroutine that reads it.
	receiver replica.Receiver
	running  sync.WaitGroup

	mu sync.Mutex
	// outboxes holds one for every other member of the set, and for outsiders that were lately talked
	// to: members of a set that this one does not know yet, or no longer. Guarded by mu.
	outboxes map[entry.MemberID]*outbox
	// started and closed bound the life of the senders. Guarded by mu.
	started, closed bool
}

var _ replica.Transport = (*peers)(nil)

func newPeers(ctx *context.T, id *identity, auth *authority, s *service, log *slog.Logger) *peers {
	ctx, cancel := context.WithCancel(ctx)
	p := &peers{ctx: ctx, cancel: cancel, identity: id, auth: auth, service: s, log: log, name: rpcName,
		outboxes: map[entry.MemberID]*outbox{}}
	p.network = p
	return p
}

// network opens calls to members; it is peers itself but in tests.
type network interface {
	converse(ctx *context.T, to entry.MemberID, hello Hello) (raftProtoConverseClientCall, error)
	install(ctx *context.T, to entry.MemberID, hello Hello, head SnapshotHead) (raftProtoInstallSnapshotClientCall, error)
}

// converse implements network.
func (p *peers) converse(ctx *context.T, to entry.MemberID, hello Hello) (raftProtoConverseClientCall, error) {
	return raftProtoClient(p.name(to)).Converse(ctx, hello, p.callOptions(to)...)
}

// install implements network.
func (p *peers) install(ctx *context.T, to entry.MemberID, hello Hello,
	head SnapshotHead) (raftProtoInstallSnapshotClientCall, error) {
	return raftProtoClient(p.name(to)).InstallSnapshot(ctx, hello, head, p.callOptions(to)...)
}

// Start implements replica.Transport: it dials every member of the set.
func (p *peers) Start(r replica.Receiver) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.receiver = r
	p.started = true
	p.service.open(r)
	for _, box := range p.outboxes {
		p.run(box)
	}
	return nil
}

// assign makes ids the members that this one talks to. The conversation with any other ends when it has
// been idle for OutsiderIdle: a member that was removed must still hear that it was.
func (p *peers) assign(ids []entry.MemberID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, box := range p.outboxes {
		box.outsider = true
	}
	for _, id := range ids {
		if box := p.reach(id); box != nil {
			box.outsider = false
		}
	}
}

// meet begins to talk to an outsider, so that it can be heard: its key is the one found at its address.
// It returns an error when there are too many of them.
func (p *peers) meet(id entry.MemberID) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	outsiders := 0
	for _, box := range p.outboxes {
		if box.outsider {
			outsiders++
		}
	}
	if p.outboxes[id] == nil && outsiders >= OutsidersMax {
		return fmt.Errorf("%d members that are none of the set's are talked to already", outsiders)
	}
	p.reach(id)
	return nil
}

// reach returns the outbox of id, nil when there cannot be one. A new one is an outsider's. The caller
// holds mu.
func (p *peers) reach(id entry.MemberID) *outbox {
	if id == p.identity.id || p.closed {
		return nil
	}
	box := p.outboxes[id]
	if box == nil {
		box = &outbox{peers: p, id: id, outsider: true, filled: make(chan struct{}, 1), used: time.Now()}
		p.outboxes[id] = box
		if p.started {
			p.run(box)
		}
	}
	return box
}

// run starts a member's sender. The caller holds mu.
func (p *peers) run(box *outbox) {
	ctx, cancel := context.WithCancel(p.ctx)
	p.running.Go(func() {
		defer cancel()
		box.run(ctx)
	})
	p.running.Go(func() {
		defer cancel()
		p.watch(ctx, box)
	})
}

// watch returns when ctx has ended, or the member is an outsider that has been idle for OutsiderIdle: then
// it is forgotten, with the key that was found at its address.
func (p *peers) watch(ctx *context.T, box *outbox) {
	tick := time.NewTicker(OutsiderIdle)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		if p.forget(box) {
			p.auth.forget(box.id)
			return
		}
	}
}

// forget takes out the outbox of an outsider that is idle, and reports whether it did.
func (p *peers) forget(box *outbox) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !box.outsider || box.idle() < OutsiderIdle {
		return false
	}
	delete(p.outboxes, box.id)
	return true
}

// Send implements replica.Transport.
func (p *peers) Send(to entry.MemberID, m []core.Message) int {
	p.mu.Lock()
	box := p.reach(to)
	p.mu.Unlock()
	if box == nil {
		return 0
	}
	return box.put(m)
}

// SendSnapshot implements replica.Transport.
func (p *peers) SendSnapshot(ctx stdcontext.Context, to entry.MemberID, s replica.OutgoingSnapshot) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reach(to) == nil {
		p.running.Go(func() {
			p.receiver.SnapshotSent(to, s.Meta.Index, fmt.Errorf("no connection to member %s", to))
		})
		return
	}
	p.running.Go(func() {
		err := p.sendSnapshot(ctx, to, s)
		p.receiver.SnapshotSent(to, s.Meta.Index, err)
	})
}

// Close implements replica.Transport.
func (p *peers) Close() error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.service.shut()
	p.cancel()
	p.running.Wait()
	return nil
}

// callOptions are those of every call to a member: it must prove that it may be a peer, and a call
// is never repeated behind our back, because a repeated message is not the same as one.
func (p *peers) callOptions(to entry.MemberID) []rpc.CallOpt {
	opts := []rpc.CallOpt{
		options.ServerAuthorizer{Authorizer: peerAuthorizer{authority: p.auth, id: to}},
		options.NoRetry{},
		options.ConnectionTimeout(DialBound),
	}
	if naming.Rooted(p.name(to)) {
		opts = append(opts, options.Preresolved{})
	}
	return opts
}

// outbox holds the messages that wait for one member.
type outbox struct {
	peers *peers
	id    entry.MemberID
	// filled holds a token when queue is not empty.
	filled chan struct{}
	// outsider is true while the member is none of the set's. Guarded by the peers' mu.
	outsider bool

	mu sync.Mutex
	// used is when something was last put in. Guarded by mu.
	used time.Time
	// queue and its size in bytes. Guarded by mu. Invariant: bytes <= PeerQueueBytesMax, or queue
	// has one message.
	queue []core.Message
	bytes int
}

// put appends messages as far as there is room and returns how many it took.
func (b *outbox) put(m []core.Message) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.used = time.Now()
	taken := 0
	for i := range m {
		size := messageSize(&m[i])
		if len(b.queue) > 0 && b.bytes+size > PeerQueueBytesMax {
			break
		}
		b.queue = append(b.queue, m[i])
		b.bytes += size
		taken++
	}
	if taken > 0 {
		select {
		case b.filled <- struct{}{}:
		default:
		}
	}
	return taken
}

// idle returns for how long nothing was put in.
func (b *outbox) idle() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return time.Since(b.used)
}

// take empties the queue into spare, whose array it reuses.
func (b *outbox) take(spare []core.Message) []core.Message {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := b.queue
	b.queue, b.bytes = spare[:0], 0
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

// run keeps a conversation with the member open until ctx ends. Messages that wait while there is
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
		b.take(nil)
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

// converse dials the member, exchanges hellos, and sends messages until the conversation breaks.
func (b *outbox) converse(ctx *context.T) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	guard := time.AfterFunc(DialBound, cancel)
	defer guard.Stop()
	hello := b.peers.identity.hello(b.id)
	call, err := b.peers.network.converse(ctx, b.id, hello)
	if err != nil {
		return err
	}
	replies := call.RecvStream()
	if !replies.Advance() {
		return finished(call.Finish(), "the peer ended the conversation before its hello")
	}
	if err := b.peers.identity.compare(ctx, replies.Value()); err != nil {
		cancel()
		return finished(call.Finish(), err.Error())
	}
	guard.Stop()
	b.peers.log.Info("conversation open", "peer", b.id)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for replies.Advance() { // The peer says nothing more: this waits for its end.
		}
	}()
	err = b.deliver(ctx, cancel, call.SendStream(), ended)
	cancel()
	<-ended
	return finished(call.Finish(), fmt.Sprint(err))
}

// packetSender is the sending half of a conversation.
type packetSender interface {
	Send(item Packet) error
	Close() error
}

// deliver sends what the outbox holds until sending fails, the peer ends the conversation, or ctx
// ends. A peer that does not read for SendBound loses the conversation.
func (b *outbox) deliver(ctx *context.T, cancel context.CancelFunc, out packetSender, ended <-chan struct{}) error {
	guard := time.AfterFunc(SendBound, cancel)
	defer guard.Stop()
	var batch []core.Message
	for {
		guard.Stop()
		select {
		case <-b.filled:
		case <-ended:
			return fmt.Errorf("the peer ended the conversation")
		case <-ctx.Done():
			return ctx.Err()
		}
		batch = b.take(batch)
		for i := range batch {
			guard.Reset(SendBound)
			if err := out.Send(newPacket(&batch[i])); err != nil {
				return err
			}
		}
		clear(batch)
	}
}

// finished returns why a call ended: its own error, else what we saw.
func finished(err error, seen string) error {
	if err != nil {
		return err
	}
	return fmt.Errorf("%s", seen)
}

// sendSnapshot sends one image and returns nil once the member has made it durable. The bytes share
// the member's connection with its messages but not their stream: flow control lets at most one
// window of them be under way, so a message waits for no more than that.
func (p *peers) sendSnapshot(ctx stdcontext.Context, to entry.MemberID, s replica.OutgoingSnapshot) error {
	vctx, cancel := context.WithCancel(p.ctx)
	defer cancel()
	defer stdcontext.AfterFunc(ctx, cancel)()
	guard := time.AfterFunc(DialBound, cancel)
	defer guard.Stop()
	call, err := p.network.install(vctx, to, p.identity.hello(to), newSnapshotHead(s))
	if err != nil {
		return err
	}
	guard.Reset(ResumeBound)
	offset := call.RecvStream()
	if !offset.Advance() {
		return finished(call.Finish(), "the peer did not say where to start")
	}
	guard.Stop()
	if err := copyImage(call.SendStream(), s, offset.Value(), guard); err != nil {
		cancel()
		return finished(call.Finish(), err.Error())
	}
	guard.Stop()
	return call.Finish()
}

// pieceSender is the sending half of an image's transfer.
type pieceSender interface {
	Send(item SnapshotPiece) error
	Close() error
}

// copyImage sends the image from a byte offset on, piece by piece. guard fires when the peer does
// not read for SendBound.
func copyImage(out pieceSender, s replica.OutgoingSnapshot, from uint64, guard *time.Timer) error {
	if s.Meta.Size < 0 || from > uint64(s.Meta.Size) {
		return fmt.Errorf("peer asks for byte %d of an image of %d", from, s.Meta.Size)
	}
	image, err := s.Open(int64(from))
	if err != nil {
		return err
	}
	err = sendPieces(out, image, guard)
	if closeErr := image.Close(); err == nil {
		err = closeErr
	}
	return err
}

func sendPieces(out pieceSender, image io.Reader, guard *time.Timer) error {
	err := eachPiece(image, func(data []byte, last bool) error {
		guard.Reset(SendBound)
		return out.Send(SnapshotPiece{Data: data, Last: last})
	})
	if err != nil {
		return err
	}
	return out.Close()
}

// eachPiece cuts an image into the pieces that it is sent in, and calls send for each, until it fails. data is
// valid during the call; the last one may be empty.
func eachPiece(image io.Reader, send func(data []byte, last bool) error) error {
	buf := make([]byte, SnapshotPieceBytes)
	for {
		n, err := io.ReadFull(image, buf)
		last := err == io.EOF || err == io.ErrUnexpectedEOF
		if err != nil && !last {
			return err
		}
		if err := send(buf[:n], last); err != nil || last {
			return err
		}
	}
}
