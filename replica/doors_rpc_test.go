package replica_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/replica"
)

// rpcServer is a unary service as a generated gRPC stub has it: one request, one response. The
// network between is a function call.
type rpcServer interface {
	Exchange(ctx context.Context, from entry.MemberID, request []byte) (response []byte, err error)
}

// callTransport is the door's adapter: a question is a call, and the callee's answer travels in the
// response. Answers that come too late, because their write took longer than the caller waited, go
// as calls of their own.
type callTransport struct {
	self     entry.MemberID
	registry *registry
	receiver replica.Receiver
	ctx      context.Context
	cancel   context.CancelFunc
	running  sync.WaitGroup

	mu      sync.Mutex
	closed  bool
	waiting map[entry.MemberID][]chan core.Message
}

type registry struct {
	mu      sync.Mutex
	servers map[entry.MemberID]rpcServer
}

func (r *registry) set(id entry.MemberID, s rpcServer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.servers[id] = s
}

func (r *registry) get(id entry.MemberID) rpcServer {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.servers[id]
}

func newCallTransport(r *registry, self entry.MemberID) *callTransport {
	t := &callTransport{self: self, registry: r, waiting: map[entry.MemberID][]chan core.Message{}}
	t.ctx, t.cancel = context.WithCancel(context.Background())
	return t
}

func (t *callTransport) Start(r replica.Receiver) error {
	t.receiver = r
	t.registry.set(t.self, t)
	return nil
}

// asks reports whether a message of this kind is answered by another one.
func asks(kind core.MessageKind) bool {
	switch kind {
	case core.MsgPreVote, core.MsgVote, core.MsgAppend, core.MsgRead:
		return true
	}
	return false
}

var errGone = errors.New("the member is gone")

// Exchange implements rpcServer: it waits for the answer that the replica will send.
func (t *callTransport) Exchange(ctx context.Context, from entry.MemberID, request []byte) ([]byte, error) {
	messages, err := decodeWire(request)
	if err != nil || len(messages) != 1 {
		return nil, errors.Join(errGone, err)
	}
	answer := make(chan core.Message, 1)
	t.mu.Lock()
	if t.closed {
		t.mu.Unlock()
		return nil, errGone
	}
	if asks(messages[0].Kind) {
		t.waiting[from] = append(t.waiting[from], answer)
	} else {
		close(answer)
	}
	t.mu.Unlock()
	t.receiver.Receive(replica.Peer{ID: from}, messages)
	timer := time.NewTimer(100 * time.Millisecond)
	defer timer.Stop()
	select {
	case m, ok := <-answer:
		if ok {
			return encodeWire([]core.Message{m})
		}
	case <-timer.C:
	case <-ctx.Done():
	}
	return nil, nil
}

// respond gives a message to the oldest call of that member that waits.
func (t *callTransport) respond(m core.Message) bool {
	if asks(m.Kind) || m.Kind == core.MsgPropose || len(t.waiting[m.To]) == 0 {
		return false
	}
	t.waiting[m.To][0] <- m
	t.waiting[m.To] = t.waiting[m.To][1:]
	return true
}

func (t *callTransport) Send(to entry.MemberID, messages []core.Message) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return 0
	}
	for _, m := range messages {
		if !t.respond(m) {
			t.running.Go(func() { t.call(to, m) })
		}
	}
	return len(messages)
}

func (t *callTransport) call(to entry.MemberID, m core.Message) {
	server := t.registry.get(to)
	request, err := encodeWire([]core.Message{m})
	if err != nil || server == nil {
		return
	}
	response, err := server.Exchange(t.ctx, t.self, request)
	if err != nil {
		t.receiver.Lost(to)
		return
	}
	if len(response) == 0 {
		return
	}
	if answers, err := decodeWire(response); err == nil {
		t.receiver.Receive(replica.Peer{ID: to}, answers)
	}
}

func (t *callTransport) SendSnapshot(_ context.Context, to entry.MemberID, s replica.OutgoingSnapshot) {
	refuseSnapshot(t.receiver, to, s)
}

func (t *callTransport) Close() error {
	t.mu.Lock()
	t.closed = true
	t.mu.Unlock()
	t.cancel()
	t.running.Wait()
	return nil
}

// TestDoorCalls runs a cluster over requests and responses.
func TestDoorCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &registry{servers: map[entry.MemberID]rpcServer{}}
		exerciseDoor(t, newCluster(t, 3, func(m *member, config *replica.Config) {
			config.Transport = newCallTransport(r, m.id)
		}))
	})
}
