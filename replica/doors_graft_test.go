package replica_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/replica"
)

// bus carries everything to everybody and knows no addresses.
type bus struct {
	mu          sync.Mutex
	subscribers map[*busTransport]bool
}

func (b *bus) publish(message []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for s := range b.subscribers {
		select {
		case s.inbox <- message:
		default: // a slow subscriber misses messages
		}
	}
}

// busTransport is the door's adapter: it publishes every message and picks out its own.
type busTransport struct {
	bus      *bus
	self     entry.MemberID
	receiver replica.Receiver
	inbox    chan []byte
	stop     context.CancelFunc
	running  sync.WaitGroup
}

func (b *bus) join(self entry.MemberID) *busTransport {
	return &busTransport{bus: b, self: self, inbox: make(chan []byte, 256)}
}

func (t *busTransport) Start(r replica.Receiver) error {
	ctx, cancel := context.WithCancel(context.Background())
	t.receiver, t.stop = r, cancel
	t.bus.mu.Lock()
	t.bus.subscribers[t] = true
	t.bus.mu.Unlock()
	t.running.Go(func() { t.listen(ctx) })
	return nil
}

func (t *busTransport) listen(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case b := <-t.inbox:
			messages, err := decodeWire(b)
			if err == nil && len(messages) == 1 && messages[0].To == t.self {
				t.receiver.Receive(replica.Peer{ID: messages[0].From}, messages)
			}
		}
	}
}

func (t *busTransport) Send(_ entry.MemberID, messages []core.Message) int {
	for i := range messages {
		b, err := encodeWire(messages[i : i+1])
		if err != nil {
			return i
		}
		t.bus.publish(b)
	}
	return len(messages)
}

func (t *busTransport) SendSnapshot(_ context.Context, to entry.MemberID, s replica.OutgoingSnapshot) {
	refuseSnapshot(t.receiver, to, s)
}

func (t *busTransport) Close() error {
	if t.stop == nil {
		return nil
	}
	t.bus.mu.Lock()
	delete(t.bus.subscribers, t)
	t.bus.mu.Unlock()
	t.stop()
	t.running.Wait()
	return nil
}

// voteFile is a log store with room for a term and a vote and nothing else.
type voteFile struct {
	hard *entry.HardState
}

var errEntries = errors.New("an election writes no entries")

func (f voteFile) Recover() (entry.Recovered, error) { return entry.Recovered{Hard: *f.hard}, nil }

func (f voteFile) Store(b *entry.Batch) error {
	if len(b.Blocks) > 0 || b.TruncateFrom != 0 || b.Reset != nil || b.Commit != 0 {
		return errEntries
	}
	*f.hard = *b.Hard
	return nil
}

func (f voteFile) Read(lo, _ entry.Index, _ int) (*entry.Block, error) {
	return nil, fmt.Errorf("entry %d: %w", lo, entry.ErrCompacted)
}

func (f voteFile) Compact(entry.Index) error { return nil }

func (f voteFile) Close() error { return nil }

// TestDoorGraft elects leaders over the bus, with nothing to remember but terms and votes.
func TestDoorGraft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bus{subscribers: map[*busTransport]bool{}}
		hard := map[entry.MemberID]*entry.HardState{}
		c := newCluster(t, 3, func(m *member, config *replica.Config) {
			if hard[m.id] == nil {
				hard[m.id] = new(entry.HardState)
			}
			config.Election.Only, config.Machine, config.Snapshots = true, sink{}, noSnapshots{}
			config.Log, config.Transport = voteFile{hard[m.id]}, b.join(m.id)
		}).start()
		defer c.stop()
		for range 3 {
			old := c.leader()
			term := old.Status().Term
			if _, err := old.ReadIndex(t.Context()); err != nil {
				t.Errorf("confirming leadership: %v", err)
			}
			if _, _, err := old.Propose(t.Context(), []byte("x")); !errors.Is(err, replica.ErrNotLeader) {
				t.Errorf("a command where there is no log: %v", err)
			}
			old.stop()
			if next := c.leader(); next.Status().Term <= term {
				t.Errorf("the leader of term %d was followed by one of term %d", term, next.Status().Term)
			}
			old.start()
		}
	})
}
