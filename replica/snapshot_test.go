package replica_test

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/replica"
	"v.io/x/ref/lib/raft/replica/storetest"
)

// often takes a snapshot every 20 entries and keeps 4 of them in the log.
func often(_ *member, config *replica.Config) {
	config.Snapshot = replica.SnapshotPolicy{Entries: 20, Trailing: 4}
}

// proposeMany gives n commands to the leader.
func (c *cluster) proposeMany(n int, name string) {
	c.t.Helper()
	leader := c.leader()
	for i := range n {
		leader.propose(fmt.Sprintf("%s %d", name, i))
	}
}

func hasSnapshot(s replica.Status) bool { return s.Snapshot.Index > 0 }

// TestSnapshotRestart goes on from a snapshot and the log after it.
func TestSnapshotRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 3, often).start()
		c.proposeMany(100, "before")
		for _, m := range c.members {
			m.await("a snapshot", hasSnapshot)
		}
		c.stop()
		c.start()
		c.proposeMany(10, "after")
		c.converge()
		for _, m := range c.members {
			if len(m.machine.all()) != 110 {
				t.Errorf("%s has %d commands, want 110", m.id, len(m.machine.all()))
			}
			if len(m.machine.restored) == 0 {
				t.Errorf("%s replayed everything instead of restoring its snapshot", m.id)
			}
		}
	})
}

// TestSnapshotCatchUp keeps a member away until the log that it needs is gone.
func TestSnapshotCatchUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 3, often).start()
		c.proposeMany(5, "together")
		away := c.follower()
		away.stop()
		c.proposeMany(200, "without one")
		c.leader().await("a snapshot", func(s replica.Status) bool { return s.Snapshot.Index > 50 })
		away.start()
		c.proposeMany(50, "with all")
		c.converge()
		if len(away.machine.restored) == 0 {
			t.Error("the member that was away caught up without a snapshot: the log was not compacted")
		}
	})
}

// TestSnapshotWiped gives everything to a member whose stores are new.
func TestSnapshotWiped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 3, often).start()
		c.proposeMany(100, "before")
		wiped := c.follower()
		wiped.stop()
		wiped.log, wiped.images = new(storetest.LogPlace), new(storetest.SnapshotPlace)
		wiped.start()
		c.proposeMany(10, "after")
		c.converge()
	})
}

// TestSnapshotBesideApply holds the end of an image while commands go on being applied.
func TestSnapshotBesideApply(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 1, often)
		m := c.members[0]
		r, err := m.open()
		if err != nil {
			t.Fatal(err)
		}
		m.Replica = r
		begun, release := make(chan struct{}, 100), make(chan struct{})
		m.machine.finish = func() error {
			begun <- struct{}{}
			<-release
			return nil
		}
		if err := r.Start(); err != nil {
			t.Fatal(err)
		}
		c.proposeMany(25, "before")
		<-begun
		c.proposeMany(100, "beside")
		if s := m.Status(); hasSnapshot(s) {
			t.Errorf("an unfinished image counts as a snapshot: %+v", s.Snapshot)
		}
		close(release)
		m.await("the snapshot", hasSnapshot)
	})
}

// TestSnapshotDropped fails images: the member goes on and takes another one later.
func TestSnapshotDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 1, often)
		m := c.members[0]
		r, err := m.open()
		if err != nil {
			t.Fatal(err)
		}
		m.Replica = r
		var finished atomic.Int32 // the machine's goroutine counts
		m.machine.finish = func() error {
			if finished.Add(1) <= 3 {
				return errors.New("the image cannot be written")
			}
			return nil
		}
		if err := r.Start(); err != nil {
			t.Fatal(err)
		}
		for i := 0; !hasSnapshot(m.Status()); i++ {
			if i > 2000 {
				t.Fatal("no snapshot was taken after three had failed")
			}
			c.leader().propose(fmt.Sprint(i))
		}
		if n := finished.Load(); n <= 3 {
			t.Errorf("a snapshot counts although %d failures were left", 4-n)
		}
	})
}

// TestSnapshotThresholds checks that members raise their thresholds by different parts of an eighth.
func TestSnapshotThresholds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 5, func(_ *member, config *replica.Config) {
			config.Snapshot = replica.SnapshotPolicy{Entries: 400}
		}).start()
		c.proposeMany(500, "command")
		c.converge()
		at := map[entry.Index]bool{}
		for _, m := range c.members {
			s := m.await("a snapshot", hasSnapshot)
			if s.Snapshot.Index < 400 {
				t.Errorf("%s took its snapshot at %d, before the threshold", m.id, s.Snapshot.Index)
			}
			at[s.Snapshot.Index] = true
		}
		if len(at) == 1 {
			t.Error("all members took their snapshots at the same index")
		}
	})
}

// TestSnapshotBeforeReset loses power after a received snapshot is durable and before the log is
// reset: the next start must finish the work.
func TestSnapshotBeforeReset(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 1, nil)
		m := c.members[0]
		images, err := m.images.Open()
		if err != nil {
			t.Fatal(err)
		}
		configuration := c.initial
		configuration.Level = core.Level // so that the leader has nothing to record
		sink, err := images.Create(entry.SnapshotMeta{Index: 500, Term: 7, Configuration: configuration, Size: -1})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := sink.Commit(); err != nil {
			t.Fatal(err)
		}
		log, err := m.log.Open()
		if err != nil {
			t.Fatal(err)
		}
		old := &entry.Batch{
			Seq: 1, Hard: &entry.HardState{Term: 5, Vote: "x"}, Blocks: []*entry.Block{storetest.Block(1, 40, 5)},
		}
		if err := errors.Join(log.Store(old), log.Close()); err != nil {
			t.Fatal(err)
		}
		m.start()
		at := c.leader().propose("after")
		if at.Index != 503 || at.Term <= 7 { // Behind a no-op and the opening of a session.
			t.Errorf("the first command after a snapshot at (500, 7) stands at %v", at)
		}
		m.stop()
		if log, err = m.log.Open(); err != nil {
			t.Fatal(err)
		}
		rec, err := log.Recover()
		if err := errors.Join(err, log.Close()); err != nil {
			t.Fatal(err)
		}
		if rec.Base != (entry.Position{Index: 500, Term: 7}) || rec.Last < 502 {
			t.Errorf("the log was not reset: %+v", rec)
		}
	})
}

// TestGapRefused starts with a log that begins after everything that a snapshot covers.
func TestGapRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 1, nil)
		m := c.members[0]
		log, err := m.log.Open()
		if err != nil {
			t.Fatal(err)
		}
		if err := log.Store(&entry.Batch{Seq: 1, Reset: &entry.Position{Index: 10, Term: 1}}); err != nil {
			t.Fatal(err)
		}
		if _, err := m.open(); err == nil {
			t.Error("a log without its beginning and without a snapshot was accepted")
		}
	})
}

// TestJoin starts a member without a configuration: it never campaigns, and learns everything once
// it is spoken to.
func TestJoin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 3, func(m *member, config *replica.Config) {
			if m.id == "member-3" {
				config.Initial = entry.Configuration{}
			}
		}).start()
		c.proposeMany(10, "command")
		c.converge()
		s := c.members[2].Status()
		if len(s.Configuration.Members) != 3 || s.Configuration.Cluster.IsZero() {
			t.Errorf("a joined member knows the configuration %+v", s.Configuration)
		}
		if s.Role == core.Leader {
			t.Error("a member that joined campaigned")
		}
	})
}
