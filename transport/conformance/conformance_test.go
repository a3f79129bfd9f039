package conformance_test

import (
	"context"
	"errors"
	"io"
	"sync"
	"testing"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/replica"
	"v.io/x/ref/lib/raft/transport/conformance"
	"v.io/x/ref/lib/raft/transport/mem"
)

// faulty is a right transport with one planted fault.
type faulty struct {
	replica.Transport
	send     func(inner replica.Transport, to entry.MemberID, m []core.Message) int
	receiver func(replica.Receiver) replica.Receiver
	snapshot func(ctx context.Context, inner replica.Transport, to entry.MemberID, s replica.OutgoingSnapshot)
	close    func(inner replica.Transport) error
}

func (f faulty) Start(r replica.Receiver) error {
	if f.receiver != nil {
		r = f.receiver(r)
	}
	return f.Transport.Start(r)
}

func (f faulty) Send(to entry.MemberID, m []core.Message) int {
	if f.send != nil {
		return f.send(f.Transport, to, m)
	}
	return f.Transport.Send(to, m)
}

func (f faulty) SendSnapshot(ctx context.Context, to entry.MemberID, s replica.OutgoingSnapshot) {
	if f.snapshot != nil {
		f.snapshot(ctx, f.Transport, to, s)
		return
	}
	f.Transport.SendSnapshot(ctx, to, s)
}

func (f faulty) Close() error {
	if f.close != nil {
		return f.close(f.Transport)
	}
	return f.Transport.Close()
}

// altering sends changed copies.
func altering(change func(*core.Message)) faulty {
	return faulty{send: func(inner replica.Transport, to entry.MemberID, m []core.Message) int {
		copies := append([]core.Message(nil), m...)
		for i := range copies {
			change(&copies[i])
		}
		return inner.Send(to, copies)
	}}
}

// wrapped is a receiver with some methods replaced.
type wrapped struct {
	replica.Receiver
	receive func(replica.Receiver, replica.Peer, []core.Message)
	sent    func(replica.Receiver, entry.MemberID, entry.Index, error)
	install func(context.Context, replica.Receiver, replica.Peer, replica.IncomingSnapshot) error
}

func (w wrapped) Receive(from replica.Peer, m []core.Message) {
	if w.receive != nil {
		w.receive(w.Receiver, from, m)
		return
	}
	w.Receiver.Receive(from, m)
}

func (w wrapped) SnapshotSent(to entry.MemberID, index entry.Index, err error) {
	if w.sent != nil {
		w.sent(w.Receiver, to, index, err)
		return
	}
	w.Receiver.SnapshotSent(to, index, err)
}

func (w wrapped) ReceiveSnapshot(ctx context.Context, from replica.Peer, s replica.IncomingSnapshot) error {
	if w.install != nil {
		return w.install(ctx, w.Receiver, from, s)
	}
	return w.Receiver.ReceiveSnapshot(ctx, from, s)
}

func receiving(w wrapped) faulty {
	return faulty{receiver: func(r replica.Receiver) replica.Receiver {
		broken := w
		broken.Receiver = r
		return broken
	}}
}

// installing changes what the receiver of an image sees.
func installing(change func(*replica.IncomingSnapshot)) faulty {
	return receiving(wrapped{install: func(ctx context.Context, r replica.Receiver, from replica.Peer,
		s replica.IncomingSnapshot) error {
		change(&s)
		return r.ReceiveSnapshot(ctx, from, s)
	}})
}

// cleanEnd turns a broken image into a whole one.
type cleanEnd struct{ io.Reader }

func (c cleanEnd) Read(b []byte) (int, error) {
	n, err := c.Reader.Read(b)
	if err != nil {
		err = io.EOF
	}
	return n, err
}

// messageFaults are transports that break a promise about messages; end is closed when the test is over.
func messageFaults(end <-chan struct{}) map[string]faulty {
	return map[string]faulty{
		"loses bodies":     altering(func(m *core.Message) { m.Body = nil }),
		"loses the hint":   altering(func(m *core.Message) { m.Hint &= 1<<63 - 1 }),
		"loses the reject": altering(func(m *core.Message) { m.Reject = false }),
		"loses every message of one kind": {send: func(inner replica.Transport, to entry.MemberID, m []core.Message) int {
			if m[0].Kind == core.MsgRead {
				return len(m)
			}
			return inner.Send(to, m)
		}},
		"believes the message about its sender": receiving(wrapped{
			receive: func(r replica.Receiver, from replica.Peer, m []core.Message) {
				from.ID = m[0].From
				r.Receive(from, m)
			},
		}),
		"takes more than it was given": {send: func(inner replica.Transport, to entry.MemberID, m []core.Message) int {
			return inner.Send(to, m) + 1
		}},
		"keeps the slice": {send: keepsTheSlice()},
		"waits for a member that is not there": {
			send: func(inner replica.Transport, to entry.MemberID, m []core.Message) int {
				if to == "127.0.0.1:1" {
					<-end
				}
				return inner.Send(to, m)
			},
		},
		"sends after Close": {close: func(inner replica.Transport) error { return nil }},
	}
}

// keepsTheSlice returns a Send that hands on what it was given only at the next call, when the caller
// has long reused it. It reads the slice in the goroutine of the caller, so that the fault is found
// by the suite and not by the race detector.
func keepsTheSlice() func(replica.Transport, entry.MemberID, []core.Message) int {
	type key struct {
		inner replica.Transport
		to    entry.MemberID
	}
	var mu sync.Mutex
	kept := map[key][]core.Message{}
	return func(inner replica.Transport, to entry.MemberID, m []core.Message) int {
		mu.Lock()
		late := kept[key{inner, to}]
		kept[key{inner, to}] = m
		mu.Unlock()
		inner.Send(to, late)
		return len(m)
	}
}

// snapshotFaults are transports that break a promise about images.
func snapshotFaults() map[string]faulty {
	return map[string]faulty{
		"reports a snapshot twice": receiving(wrapped{
			sent: func(r replica.Receiver, to entry.MemberID, index entry.Index, err error) {
				r.SnapshotSent(to, index, err)
				r.SnapshotSent(to, index, err)
			},
		}),
		"reports every snapshot as installed": receiving(wrapped{
			sent: func(r replica.Receiver, to entry.MemberID, index entry.Index, _ error) {
				r.SnapshotSent(to, index, nil)
			},
		}),
		"always sends the image from its start": installing(func(s *replica.IncomingSnapshot) {
			from := s.From
			s.From = func(int64) (io.Reader, error) { return from(0) }
		}),
		"ends a broken image cleanly": installing(func(s *replica.IncomingSnapshot) {
			from := s.From
			s.From = func(at int64) (io.Reader, error) {
				r, err := from(at)
				return cleanEnd{r}, err
			}
		}),
		"loses the term of an image": installing(func(s *replica.IncomingSnapshot) { s.Term = 0 }),
		"loses the members of an image": installing(func(s *replica.IncomingSnapshot) {
			s.Meta.Configuration.Members = nil
		}),
		"sends a snapshot beyond its context": {
			snapshot: func(_ context.Context, inner replica.Transport, to entry.MemberID, s replica.OutgoingSnapshot) {
				inner.SendSnapshot(context.Background(), to, s)
			},
		},
	}
}

// memory is a factory of in-memory transports with a fault in each.
func memory(fault faulty) conformance.Factory {
	return func(ids ...entry.MemberID) (*conformance.Cluster, error) {
		network := mem.New(1)
		c := &conformance.Cluster{}
		for _, id := range ids {
			broken := fault
			broken.Transport = network.Join(replica.Peer{ID: id})
			c.Transports = append(c.Transports, broken)
		}
		return c, nil
	}
}

// finds runs the checks until one rejects the transport.
func finds(factory conformance.Factory) error {
	for _, check := range conformance.Checks() {
		if err := check.Run(factory); err != nil {
			return errors.Join(errors.New(check.Name), err)
		}
	}
	return nil
}

// TestPlanted shows that the suite finds each planted fault.
func TestPlanted(t *testing.T) {
	for _, faults := range []map[string]faulty{messageFaults(t.Context().Done()), snapshotFaults()} {
		for name, fault := range faults {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				err := finds(memory(fault))
				if err == nil {
					t.Fatal("no check rejects a transport that", name)
				}
				t.Logf("found: %v", err)
			})
		}
	}
}

func TestRight(t *testing.T) { conformance.Run(t, memory(faulty{})) }
