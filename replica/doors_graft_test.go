package replica_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/replica"
)

// bus carries everything to everybody and knows no addresses. Who publishes hears itself, too.
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
	bus  *bus
	self entry.MemberID
	// state is what the program says about itself when it stands for election.
	state    func() []byte
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
			if err == nil && len(messages) == 1 && (messages[0].To == t.self || messages[0].To == "") {
				t.receiver.Receive(replica.Peer{ID: messages[0].From}, messages)
			}
		}
	}
}

func (t *busTransport) Send(_ entry.MemberID, messages []core.Message) int {
	for _, m := range messages {
		if t.state != nil {
			replica.NewCandidacy(&m, t.state())
		}
		b, err := encodeWire([]core.Message{m})
		if err != nil {
			return 0
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

// voting makes the members of a cluster vote over a bus, size of them, without a list of names.
func voting(t *testing.T, size int, more func(*member, *replica.Config, *busTransport)) *cluster {
	b := &bus{subscribers: map[*busTransport]bool{}}
	hard := map[entry.MemberID]*entry.HardState{}
	return newCluster(t, size, func(m *member, config *replica.Config) {
		if hard[m.id] == nil {
			hard[m.id] = new(entry.HardState)
		}
		config.Election.Only, config.Election.Size = true, size
		config.Initial = entry.Configuration{}
		config.Machine, config.Snapshots = sink{}, noSnapshots{}
		transport := b.join(m.id)
		config.Log, config.Transport = voteFile{hard[m.id]}, transport
		if more != nil {
			more(m, config, transport)
		}
	})
}

// TestDoorGraft elects leaders over the bus, with nothing to remember but terms and votes, and nobody
// listed.
func TestDoorGraft(t *testing.T) {
	for _, size := range []int{1, 2, 3, 5} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := voting(t, size, nil).start()
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
					if size < 3 {
						old.start() // the others are no majority
					}
					if next := c.leader(); next.Status().Term <= term {
						t.Errorf("the leader of term %d was followed by one of term %d", term, next.Status().Term)
					}
					if size >= 3 {
						old.start()
					}
				}
				n := c.leader().Stats().Refused
				if n != (replica.RefusedMessages{Core: n.Core}) || n.Core.Crowded+n.Core.Malformed != 0 {
					t.Errorf("refused %+v", n)
				}
			})
		})
	}
}

// TestDoorGraftHandsOver moves leadership among members that nobody has listed, by wish and at Stop.
func TestDoorGraftHandsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := voting(t, 3, nil).start()
		defer c.stop()
		to := c.follower()
		if err := to.Transfer(t.Context(), to.id); err != nil || c.leader() != to {
			t.Errorf("%v; %s leads, want %s", err, c.leader().id, to.id)
		}
		term, began := to.Status().Term, time.Now()
		to.stop()
		if next := c.leader(); next.Status().Term != term+1 || time.Since(began) > replica.DefaultHeartbeat {
			t.Errorf("%s leads term %d after %v", next.id, next.Status().Term, time.Since(began))
		}
	})
}

// TestDoorGraftCompares gives each member a position and lets it refuse candidates that are behind it:
// whoever leads is as far as a majority. The comparison takes longer than a heartbeat, and once it is
// wrong for good: it panics.
func TestDoorGraftCompares(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		asked := 0
		c := voting(t, 3, func(m *member, config *replica.Config, transport *busTransport) {
			position := m.id[len(m.id)-1] // "1", "2" or "3"
			transport.state = func() []byte { return []byte{position} }
			config.Election.Compare = func(ctx context.Context, candidate replica.Candidate) bool {
				mu.Lock()
				asked++
				first := asked == 1
				mu.Unlock()
				if first {
					panic("the program has a bug")
				}
				select {
				case <-time.After(replica.DefaultHeartbeat * 3 / 2):
				case <-ctx.Done():
				}
				return len(candidate.State) == 1 && candidate.State[0] >= position
			}
		}).start()
		defer c.stop()
		for range 10 {
			leader := c.leader()
			if leader.id == "member-1" {
				t.Fatal("the member that is behind both others leads")
			}
			for range 20 {
				<-time.After(replica.DefaultHeartbeat)
				if leader.Status().Role != core.Leader {
					t.Fatal("a leader that is heard was deposed")
				}
			}
			term := leader.Status().Term
			leader.stop()
			leader.start()
			leader.await("another term", func(s replica.Status) bool { return s.Leader != "" && s.Term > term })
		}
		mu.Lock()
		defer mu.Unlock()
		if asked < 20 {
			t.Errorf("%d questions", asked)
		}
	})
}
