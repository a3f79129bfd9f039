package replica_test

import (
	"bytes"
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/replica"
	"v.io/x/ref/lib/raft/transport/conformance"
)

// postTransport is the door's adapter: every batch of messages is a POST whose answer says nothing;
// an image is one, too, and its status says whether it was installed. The sender's name stands in a
// header, where a real door has what the TLS connection proved.
type postTransport struct {
	self     entry.MemberID
	book     *addressBook
	server   *http.Server
	client   *http.Client
	receiver replica.Receiver
	ctx      context.Context
	cancel   context.CancelFunc
	running  sync.WaitGroup

	mu     sync.Mutex
	closed bool
	queues map[entry.MemberID]chan []byte
}

// addressBook says where members listen.
type addressBook struct {
	mu    sync.Mutex
	where map[entry.MemberID]string
}

func (b *addressBook) set(id entry.MemberID, address string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.where[id] = address
}

func (b *addressBook) get(id entry.MemberID) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.where[id]
}

func newPostTransport(book *addressBook, self entry.MemberID) *postTransport {
	t := &postTransport{self: self, book: book, queues: map[entry.MemberID]chan []byte{}}
	t.ctx, t.cancel = context.WithCancel(context.Background())
	t.client = &http.Client{Transport: &http.Transport{}}
	return t
}

func (t *postTransport) Start(r replica.Receiver) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	t.book.set(t.self, listener.Addr().String())
	mux := http.NewServeMux()
	mux.HandleFunc("POST /raft/msg", t.serveMessages)
	mux.HandleFunc("POST /raft/snapshot", t.serveSnapshot)
	t.receiver, t.server = r, &http.Server{Handler: mux, ReadHeaderTimeout: time.Second}
	t.running.Go(func() {
		if err := t.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			panic(err)
		}
	})
	return nil
}

func (t *postTransport) serveMessages(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 16<<20))
	if err == nil {
		var messages []core.Message
		if messages, err = decodeWire(body); err == nil {
			t.receiver.Receive(replica.Peer{ID: entry.MemberID(r.Header.Get("From-Member"))}, messages)
			return
		}
	}
	http.Error(w, err.Error(), http.StatusBadRequest)
}

// imageHead stands before the bytes of an image.
type imageHead struct {
	Term entry.Term
	Meta entry.SnapshotMeta
}

func (t *postTransport) serveSnapshot(w http.ResponseWriter, r *http.Request) {
	body := &byteReader{Reader: r.Body}
	var head imageHead
	if err := gob.NewDecoder(body).Decode(&head); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	err := t.receiver.ReceiveSnapshot(r.Context(), replica.Peer{ID: entry.MemberID(r.Header.Get("From-Member"))},
		replica.IncomingSnapshot{
			Term: head.Term, Meta: head.Meta,
			From: func(at int64) (io.Reader, error) {
				_, err := io.CopyN(io.Discard, body, at)
				return body, err
			},
		})
	if err != nil {
		http.Error(w, err.Error(), http.StatusConflict)
	}
}

// byteReader keeps gob from reading ahead.
type byteReader struct{ io.Reader }

func (r *byteReader) ReadByte() (byte, error) {
	var b [1]byte
	_, err := io.ReadFull(r.Reader, b[:])
	return b[0], err
}

func (t *postTransport) Send(to entry.MemberID, messages []core.Message) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return 0
	}
	queue := t.queues[to]
	if queue == nil {
		queue = make(chan []byte, 64)
		t.queues[to] = queue
		t.running.Go(func() { t.post(to, queue) })
	}
	body, err := encodeWire(messages)
	if err != nil {
		return 0
	}
	select {
	case queue <- body:
		return len(messages)
	default:
		return 0
	}
}

func (t *postTransport) post(to entry.MemberID, queue chan []byte) {
	for {
		select {
		case <-t.ctx.Done():
			return
		case body := <-queue:
			if err := t.request(t.ctx, to, "/raft/msg", bytes.NewReader(body)); err != nil {
				t.receiver.Lost(to)
			}
		}
	}
}

func (t *postTransport) request(ctx context.Context, to entry.MemberID, path string, body io.Reader) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+t.book.get(to)+path, body)
	if err != nil {
		return err
	}
	request.Header.Set("From-Member", string(t.self))
	response, err := t.client.Do(request)
	if err != nil {
		return err
	}
	said, err := io.ReadAll(response.Body)
	if err = errors.Join(err, response.Body.Close()); err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", response.Status, said)
	}
	return nil
}

func (t *postTransport) SendSnapshot(ctx context.Context, to entry.MemberID, s replica.OutgoingSnapshot) {
	t.running.Go(func() {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(t.ctx, cancel)()
		t.receiver.SnapshotSent(to, s.Meta.Index, t.sendImage(ctx, to, s))
	})
}

func (t *postTransport) sendImage(ctx context.Context, to entry.MemberID, s replica.OutgoingSnapshot) error {
	image, err := s.Open(0)
	if err != nil {
		return err
	}
	var head bytes.Buffer
	if err := gob.NewEncoder(&head).Encode(imageHead{s.Term, s.Meta}); err != nil {
		return errors.Join(err, image.Close())
	}
	err = t.request(ctx, to, "/raft/snapshot", io.NopCloser(io.MultiReader(&head, image)))
	return errors.Join(err, image.Close())
}

func (t *postTransport) Close() error {
	t.mu.Lock()
	t.closed = true
	t.mu.Unlock()
	t.cancel()
	var err error
	if t.server != nil {
		err = t.server.Close()
	}
	t.running.Wait()
	t.client.CloseIdleConnections()
	return err
}

// TestDoorPostTransport runs the conformance suite on the adapter.
func TestDoorPostTransport(t *testing.T) {
	conformance.Run(t, func(ids ...entry.MemberID) (*conformance.Cluster, error) {
		c, book := &conformance.Cluster{}, &addressBook{where: map[entry.MemberID]string{}}
		for _, id := range ids {
			c.Transports = append(c.Transports, newPostTransport(book, id))
		}
		return c, nil
	})
}

// TestDoorPost runs a cluster over HTTP, with snapshots.
func TestDoorPost(t *testing.T) {
	book := &addressBook{where: map[entry.MemberID]string{}}
	exerciseDoor(t, newCluster(t, 3, func(m *member, config *replica.Config) {
		often(m, config)
		config.Heartbeat = 4 * replica.DefaultHeartbeat // real time on busy machines
		config.Transport = newPostTransport(book, m.id)
	}))
}
