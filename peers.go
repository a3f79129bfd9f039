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
// other one and keeps two conversations open (raftProto.Converse) on which it sends its messages, see outbox;
// the other's messages come on the conversations that the other dialled (see service).
//
// Goroutines: six at most for each peer, started by Start, and one for each image being sent; Close stops them
// and waits for them.
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
	converse(ctx *context.T, to entry.MemberID, hello Hello, urgent bool) (raftProtoConverseClientCall, error)
	install(ctx *context.T, to entry.MemberID, hello Hello, head SnapshotHead) (raftProtoInstallSnapshotClientCall, error)
}

// converse implements network.
func (p *peers) converse(ctx *context.T, to entry.MemberID, hello Hello,
	urgent bool) (raftProtoConverseClientCall, error) {
	return raftProtoClient(p.name(to)).Converse(ctx, hello, urgent, p.callOptions(to)...)
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
		box = newOutbox(p, id)
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

// finished returns why a call ended: its own error, else what we saw.
func finished(err error, seen string) error {
	if err != nil {
		return err
	}
	return fmt.Errorf("%s", seen)
}

// sendSnapshot sends one image and returns nil once the member has made it durable. The bytes share
// the member's connection with its messages but not their streams: flow control lets at most one
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
