package replica_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/replica"
)

// healingLog is what logs of tests are: stores that heal.
type healingLog interface {
	replica.LogStore
	replica.Healer
}

// failingLog fails the calls that it is told to fail.
type failingLog struct {
	healingLog
	store, read, compact atomic.Pointer[error]
}

func failing(at *atomic.Pointer[error]) error {
	if err := at.Load(); err != nil {
		return *err
	}
	return nil
}

func (l *failingLog) Store(b *entry.Batch) error {
	if err := failing(&l.store); err != nil {
		return err
	}
	return l.healingLog.Store(b)
}

func (l *failingLog) Read(lo, hi entry.Index, maxBytes int) (*entry.Block, error) {
	if err := failing(&l.read); err != nil {
		return nil, err
	}
	return l.healingLog.Read(lo, hi, maxBytes)
}

func (l *failingLog) Compact(through entry.Index) error {
	if err := failing(&l.compact); err != nil {
		return err
	}
	return l.healingLog.Compact(through)
}

// spy notes what a member sends.
type spy struct {
	replica.Transport
	mu   sync.Mutex
	sent []core.Message
}

func (s *spy) Send(to entry.MemberID, m []core.Message) int {
	s.mu.Lock()
	s.sent = append(s.sent, m...)
	s.mu.Unlock()
	return s.Transport.Send(to, m)
}

func (s *spy) count(ok func(*core.Message) bool) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.sent {
		if ok(&s.sent[i]) {
			n++
		}
	}
	return n
}

// watched has the log and the messages of each member of a cluster.
type watched struct {
	*cluster
	logs  map[entry.MemberID]*failingLog
	spies map[entry.MemberID]*spy
}

func newWatched(t *testing.T, n int, configure func(*member, *replica.Config)) *watched {
	w := &watched{logs: map[entry.MemberID]*failingLog{}, spies: map[entry.MemberID]*spy{}}
	w.cluster = newCluster(t, n, func(m *member, config *replica.Config) {
		w.logs[m.id] = &failingLog{healingLog: config.Log.(healingLog)}
		w.spies[m.id] = &spy{Transport: config.Transport}
		config.Log, config.Transport = w.logs[m.id], w.spies[m.id]
		if configure != nil {
			configure(m, config)
		}
	})
	return w
}

// TestPoisonedFollowerAcknowledgesNothing fails a follower's write of new entries: no ack of them leaves
// it, neither then nor later.
func TestPoisonedFollowerAcknowledgesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatched(t, 3, nil)
		w.start()
		before := w.leader().propose("before")
		w.converge()
		victim := w.follower()
		w.logs[victim.id].store.Store(&errDisk)
		at := w.leader().propose("after")
		if err := ended(t, victim); !errors.Is(err, replica.ErrPoisoned) || !errors.Is(err, errDisk) {
			t.Errorf("Err is %v, want ErrPoisoned and the disk's error", err)
		}
		time.Sleep(time.Second)
		acked := w.spies[victim.id].count(func(m *core.Message) bool {
			return m.Kind == core.MsgAppendReply && !m.Reject && m.Match >= at.Index
		})
		if acked > 0 || before.Index == 0 {
			t.Errorf("%d acks of entry %d left a member that could not write it", acked, at.Index)
		}
		victim.stop()
	})
}

// TestPoisonedVoterGrantsNothing fails the write of a vote: the vote is not said.
func TestPoisonedVoterGrantsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatched(t, 3, nil)
		w.start()
		leader := w.leader()
		leader.propose("before")
		w.converge()
		for _, m := range w.members {
			if m != leader {
				w.logs[m.id].store.Store(&errDisk)
			}
		}
		term := leader.Status().Term
		leader.stop()
		// One of the two asks for votes in a new term; neither its own nor the other's can be written.
		failed := func() *member {
			for _, m := range w.members {
				if m != leader && m.Err() != nil {
					return m
				}
			}
			return nil
		}
		for range 100 {
			if failed() != nil {
				break
			}
			time.Sleep(100 * time.Millisecond)
		}
		if failed() == nil {
			t.Fatal("nobody tried to write a vote in 10 s without a leader")
		}
		for id, s := range w.spies {
			if n := s.count(func(m *core.Message) bool {
				return m.Kind == core.MsgVoteReply && !m.Reject && m.Term > term || m.Kind == core.MsgVote && m.Term > term
			}); n > 0 {
				t.Errorf("%s said %d votes that were not durable", id, n)
			}
		}
	})
}

// TestPoisonedServesNothing fails a leader's disk: every door of the member is shut and says why, in
// calls, figures, health and as the last event; its process lives, and the others elect and go on.
func TestPoisonedServesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatched(t, 3, nil)
		w.start()
		leader := w.leader()
		events := leader.Subscribe(0)
		leader.propose("before")
		w.logs[leader.id].store.Store(&errDisk)
		if _, _, err := leader.Propose(t.Context(), []byte("lost?")); !errors.Is(err, replica.ErrOutcomeUnknown) {
			t.Errorf("a command whose write failed: %v, want outcome unknown", err)
		}
		_ = ended(t, leader)
		calls := map[string]func() error{
			"Propose": func() error { _, _, err := leader.Propose(t.Context(), nil); return err },
			"Barrier": func() error { _, err := leader.Barrier(t.Context()); return err },
			"Read":    func() error { _, err := leader.ReadIndex(t.Context()); return err },
			"Change":  func() error { _, err := leader.Change(t.Context(), core.Change{}); return err },
			"Transfer": func() error {
				return leader.Transfer(t.Context(), "")
			},
			"Snapshot": func() error { _, err := leader.Snapshot(t.Context()); return err },
			"Ready":    leader.Ready,
		}
		for name, call := range calls {
			if err := call(); !errors.Is(err, replica.ErrStopped) {
				t.Errorf("%s on the failed member: %v, want ErrStopped", name, err)
			}
		}
		told := map[string]error{"Ready": leader.Ready(), "Live": leader.Live(), "Stats": leader.Stats().Failure}
		for name, err := range told {
			if !errors.Is(err, errDisk) {
				t.Errorf("%s does not tell the reason: %v", name, err)
			}
		}
		var all []replica.Event
		for e := range events.Events() {
			all = append(all, e)
		}
		if last := all[len(all)-1]; last.Kind != replica.EventFailed || !errors.Is(last.Err, errDisk) {
			t.Errorf("the last event is %+v, want the failure", last)
		}
		leader.stop()
		w.leader().propose("after")
		w.converge()
	})
}

// TestPoisonedByReads fails reads: a committed entry that cannot be read, and old entries that a member
// needs which lags. A disk that cannot be read is no less broken than one that cannot be written.
func TestPoisonedByReads(t *testing.T) {
	t.Run("apply", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWatched(t, 1, nil)
			w.start()
			w.leader().proposeMany(10, "command")
			m := w.members[0]
			m.stop()
			w.cluster.configure = func(m *member, config *replica.Config) {
				log := &failingLog{healingLog: config.Log.(healingLog)}
				log.read.Store(&errDisk)
				// The configuration is read before: it is in the first entry.
				config.Log = &readsFirst{log, config.Log}
			}
			m.start()
			if err := ended(t, m); !errors.Is(err, replica.ErrPoisoned) || !errors.Is(err, errDisk) {
				t.Errorf("Err is %v, want ErrPoisoned and the disk's error", err)
			}
		})
	})
	t.Run("load", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWatched(t, 3, func(_ *member, config *replica.Config) { config.Limits.Tail = 1 })
			w.start()
			leader := w.leader()
			lags := w.follower()
			lags.stop()
			leader.proposeMany(20, "command")
			time.Sleep(time.Second) // What was on its way to the absent member is lost by now.
			w.logs[leader.id].read.Store(&errDisk)
			lags.start()
			if err := ended(t, leader); !errors.Is(err, replica.ErrPoisoned) || !errors.Is(err, errDisk) {
				t.Errorf("Err is %v, want ErrPoisoned and the disk's error", err)
			}
			leader.stop()
			w.leader().propose("after")
			w.converge()
		})
	})
}

// readsFirst lets the first entry be read.
type readsFirst struct {
	*failingLog
	whole replica.LogStore
}

func (l *readsFirst) Read(lo, hi entry.Index, maxBytes int) (*entry.Block, error) {
	if hi == 1 {
		return l.whole.Read(lo, hi, maxBytes)
	}
	return l.failingLog.Read(lo, hi, maxBytes)
}

// TestFailedCompaction fails the cutting of the log: nothing depends on it, so the member goes on, says
// so in its log, and cuts later.
func TestFailedCompaction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatched(t, 1, often)
		w.start()
		m := w.leader()
		w.logs[m.id].compact.Store(&errDisk)
		m.proposeMany(50, "command")
		taken := m.await("a snapshot", hasSnapshot).Snapshot
		if _, err := w.logs[m.id].healingLog.Read(1, 1, 1); err != nil {
			t.Errorf("the log was cut by a compaction that failed: %v", err)
		}
		w.logs[m.id].compact.Store(nil)
		m.proposeMany(200, "more")
		m.await("another snapshot", func(s replica.Status) bool { return s.Snapshot.Index > taken.Index })
		time.Sleep(time.Second)
		if _, err := w.logs[m.id].healingLog.Read(1, 1, 1); !errors.Is(err, replica.ErrCompacted) {
			t.Errorf("the log was not cut later: %v", err)
		}
	})
}

// TestFailedSnapshot fails the writing of an image: it is dropped and told, nothing is cut, the member
// serves on, and the next one succeeds.
func TestFailedSnapshot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var broken atomic.Bool
		broken.Store(true)
		w := newWatched(t, 1, func(m *member, config *replica.Config) {
			often(m, config)
			config.Snapshots = &failingSnapshots{SnapshotStore: config.Snapshots, broken: &broken}
		})
		w.start()
		m := w.leader()
		events := m.Subscribe(0)
		m.proposeMany(50, "command")
		e := <-events.Events()
		for e.Kind != replica.EventSnapshotTaken {
			e = <-events.Events()
		}
		if !errors.Is(e.Err, errDisk) || m.Status().Snapshot.Index != 0 {
			t.Errorf("an image that could not be written: event %+v, status %+v", e, m.Status())
		}
		broken.Store(false)
		// An attempt that fails late pushes the next one behind the commands there are.
		for n := 0; m.Status().Snapshot.Index == 0; n++ {
			if n == 1000 {
				t.Fatal("no snapshot although the disk works again")
			}
			m.propose("more")
			time.Sleep(time.Millisecond)
		}
	})
}

// failingSnapshots cannot complete an image while it is broken.
type failingSnapshots struct {
	replica.SnapshotStore
	broken *atomic.Bool
}

func (s *failingSnapshots) Create(meta entry.SnapshotMeta) (replica.SnapshotSink, error) {
	sink, err := s.SnapshotStore.Create(meta)
	if err == nil && s.broken.Load() {
		sink = failingSink{sink}
	}
	return sink, err
}

type failingSink struct{ replica.SnapshotSink }

func (failingSink) Commit() (entry.SnapshotMeta, error) { return entry.SnapshotMeta{}, errDisk }
