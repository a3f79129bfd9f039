package replica_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/replica"
)

// TestBarrier asks every member for a barrier after a command through another one: it has applied the
// command when the barrier returns, and no machine has seen the barrier.
func TestBarrier(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 3, nil).start()
		if _, err := c.members[0].Barrier(t.Context()); !errors.Is(err, replica.ErrNoLeader) {
			t.Errorf("without a leader: %v", err)
		}
		c.leader()
		for i := range 9 {
			at := c.members[i%3].propose(fmt.Sprint(i))
			m := c.members[(i+1)%3]
			index, err := m.Barrier(t.Context())
			if err != nil || index <= at.Index || m.Status().Applied < index || len(m.machine.all()) != i+1 {
				t.Errorf("after command %d at %v: %d, %v; %d commands applied", i, at, index, err, len(m.machine.all()))
			}
		}
		c.converge()
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := c.leader().Barrier(ended); !errors.Is(err, context.Canceled) {
			t.Errorf("with an ended ctx: %v", err)
		}
	})
}

// TestBarrierSurvivesLeader cuts off the leader that has ordered a barrier.
func TestBarrierSurvivesLeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 3, nil).start()
		old := c.leader()
		old.propose("before")
		c.network.Isolate(old.id)
		done, r := make(chan error, 1), old.Replica
		go func() {
			_, err := r.Barrier(context.Background())
			done <- err
		}()
		old.await("the end of its leadership", func(s replica.Status) bool { return s.Role != core.Leader })
		c.network.Heal()
		if err := <-done; err != nil {
			t.Error(err)
		}
		c.converge()
	})
}

// TestSnapshotOnDemand takes snapshots that no threshold asks for.
func TestSnapshotOnDemand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 3, func(_ *member, config *replica.Config) {
			config.Snapshot = replica.SnapshotPolicy{Entries: -1, Bytes: -1, Trailing: -1}
		}).start()
		if meta, err := c.members[0].Snapshot(t.Context()); err != nil || meta.Index != 0 {
			t.Errorf("before anything was applied: %+v, %v", meta, err)
		}
		c.proposeMany(10, "command")
		c.converge()
		m := c.follower()
		applied := m.Status().Applied
		meta, err := m.Snapshot(t.Context())
		if err != nil || meta.Index < applied || meta.Size <= 0 || m.Status().Snapshot != meta.Position() {
			t.Fatalf("%+v, %v; applied were %d, the status says %v", meta, err, applied, m.Status().Snapshot)
		}
		if again, err := m.Snapshot(t.Context()); err != nil || again.ID != meta.ID {
			t.Errorf("with nothing new: %+v, %v", again, err)
		}
		m.stop()
		m.start()
		if len(m.machine.all()) != 10 || len(m.machine.restored) != 1 {
			t.Errorf("after a restart: %d commands, restored at %v", len(m.machine.all()), m.machine.restored)
		}
		c.converge()
	})
}

// slowImages holds the end of each image until it is told how it shall end.
type slowImages struct{ end chan error }

func (s *slowImages) configure(_ *member, config *replica.Config) {
	config.Snapshot = replica.SnapshotPolicy{Entries: -1, Bytes: -1}
	config.Machine.(*journal).finish = func() error { return <-s.end }
}

// TestSnapshotOnDemandIsNew asks for a snapshot while an older one is being written: that one does not
// serve. Callers that come together are served by one.
func TestSnapshotOnDemandIsNew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := &slowImages{end: make(chan error)}
		c := newCluster(t, 1, slow.configure).start()
		m := c.leader()
		m.propose("first")
		type taken struct {
			meta entry.SnapshotMeta
			err  error
		}
		ask := func() <-chan taken {
			answered := make(chan taken, 1)
			go func() {
				meta, err := m.Snapshot(context.Background())
				answered <- taken{meta, err}
			}()
			synctest.Wait()
			return answered
		}
		first := ask()
		at := m.propose("second")
		second, third := ask(), ask()
		slow.end <- nil
		if got := <-first; got.err != nil || got.meta.Index >= at.Index {
			t.Errorf("the first: %+v", got)
		}
		synctest.Wait()
		if len(second) != 0 {
			t.Errorf("an image that was older than the call served: %+v", <-second)
		}
		slow.end <- nil
		a, b := <-second, <-third
		if a.err != nil || a.meta.Index < at.Index || b.meta.ID != a.meta.ID || b.err != nil {
			t.Errorf("the second %+v, the third %+v", a, b)
		}
		m.propose("third")
		failing, full := ask(), errors.New("disk full")
		slow.end <- full
		if got := <-failing; !errors.Is(got.err, full) {
			t.Errorf("a dropped image: %+v", got)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := m.Snapshot(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("with an ended ctx: %v", err)
		}
		left, r := ask(), m.Replica
		go func() {
			if got := <-left; !errors.Is(got.err, replica.ErrStopped) {
				t.Errorf("at Stop: %+v", got)
			}
			slow.end <- nil
		}()
		m.stop()
		if _, err := r.Snapshot(t.Context()); !errors.Is(err, replica.ErrStopped) {
			t.Errorf("after Stop: %v", err)
		}
	})
}
