package replica_test

import (
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/replica"
	"v.io/x/ref/lib/raft/replica/storetest"
)

// spoil stops a member and damages its newest image. What is under way ends before: the log of an image that is
// just complete is not cut yet, and would go on from the image before.
func (m *member) spoil() entry.Index {
	m.t.Helper()
	synctest.Wait()
	m.stop()
	index := m.images.Spoil()
	if index == 0 {
		m.t.Fatalf("%s has no image to damage", m.id)
	}
	return index
}

// TestDamagedImageAtStart: a member whose newest image is damaged, and whose log goes on from it, waits
// for the leader's; before it serves nothing and says so; then it is as the others.
func TestDamagedImageAtStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 3, often).start()
		c.proposeMany(200, "before")
		c.converge()
		hurt := c.follower()
		hurt.await("a snapshot", func(s replica.Status) bool { return s.Snapshot.Index > 100 })
		spoiled := hurt.spoil()
		c.network.Isolate(hurt.id)
		events := hurt.startHeard()
		time.Sleep(time.Minute)
		s := hurt.Status()
		if s.Awaits == 0 || s.Applied != 0 || s.Role != core.Follower || len(hurt.machine.all()) > 0 {
			t.Fatalf("without an image: %+v", s)
		}
		if err := hurt.Ready(); !errors.Is(err, replica.ErrBare) {
			t.Errorf("without an image it is ready: %v", err)
		}
		c.network.Heal()
		c.proposeMany(3, "after")
		c.converge()
		if s := hurt.Status(); s.Awaits != 0 || len(hurt.machine.restored) != 1 {
			t.Errorf("restored %v, %+v", hurt.machine.restored, s)
		}
		if err := hurt.Ready(); err != nil {
			t.Error(err)
		}
		if n := hurt.Status().Damage.Images; n != 1 {
			t.Errorf("%d images were found damaged", n)
		}
		wantDamagedThen(t, events, replica.EventSnapshotInstalled, spoiled, s.Awaits) // from where the log goes on
		// It starts again like any other.
		hurt.stop()
		hurt.start()
		c.converge()
	})
}

// TestDamagedImageOlderServes: the image before will do while the log goes on from it.
func TestDamagedImageOlderServes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 3, func(_ *member, config *replica.Config) {
			config.Snapshot = replica.SnapshotPolicy{Entries: 20, Trailing: 60}
		}).start()
		for range 10 {
			c.proposeMany(20, "before")
			c.converge()
		}
		hurt := c.follower()
		hurt.await("a snapshot", func(s replica.Status) bool { return s.Snapshot.Index > 100 })
		newest := hurt.spoil()
		c.network.Isolate(hurt.id)
		hurt.start()
		if s := hurt.Status(); s.Awaits != 0 || s.Snapshot.Index == 0 || s.Snapshot.Index >= newest {
			t.Errorf("it has the snapshot at %d and awaits %d", s.Snapshot.Index, s.Awaits)
		}
		c.network.Heal()
		c.converge()
		if got := hurt.machine.restored; len(got) != 1 || got[0] >= newest {
			t.Errorf("restored %v", got)
		}
	})
}

// TestBareMemberCounts: a member that waits for an image keeps its vote and its acknowledgements: with it
// two of three go on, and one that has its state leads.
func TestBareMemberCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 3, often).start()
		c.proposeMany(100, "before")
		c.converge()
		for _, m := range c.members {
			m.await("a snapshot", func(s replica.Status) bool { return s.Snapshot.Index > 50 })
		}
		hurt, whole := c.follower(), c.leader()
		hurt.spoil()
		for _, m := range c.members {
			m.stop()
		}
		hurt.start()
		time.Sleep(time.Minute)
		if s := hurt.Status(); s.Role != core.Follower || s.Awaits == 0 {
			t.Fatalf("alone: %+v", s)
		}
		whole.start()
		whole.propose("with two")
		if whole.Status().Role != core.Leader {
			t.Error("the member without a state leads")
		}
		c.converge()
	})
}

// TestDamagedImageFoundBySending: a leader that finds its image damaged when it sends it takes a new one
// from the live state, and the member gets that.
func TestDamagedImageFoundBySending(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 3, often).start()
		c.proposeMany(100, "before")
		c.converge()
		wiped, leader := c.follower(), c.leader()
		leader.await("a snapshot", func(s replica.Status) bool { return s.Snapshot.Index > 50 })
		wiped.stop()
		wiped.log, wiped.images = new(storetest.LogPlace), new(storetest.SnapshotPlace)
		spoiled := leader.images.Spoil()
		wiped.start()
		c.converge()
		if got := wiped.machine.restored; len(got) != 1 || got[0] < spoiled {
			t.Errorf("restored %v", got)
		}
		if got := aside(t, leader); len(got) != 1 || got[0].Meta.Index != spoiled {
			t.Errorf("set aside: %+v", got)
		}
		store, err := leader.images.Open()
		if err != nil {
			t.Fatal(err)
		}
		metas, err := store.List()
		if err != nil || len(metas) == 0 || metas[0].Index < spoiled {
			t.Errorf("the leader has the images %+v, %v", metas, err)
		}
	})
}

// TestDamagedImageFoundByScrub: an image that nobody reads is read in the background; a damaged one is
// replaced by a new one of the live state, and an intact one is left alone.
func TestDamagedImageFoundByScrub(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 1, often).start()
		m := c.members[0]
		events := m.Subscribe(1000)
		c.proposeMany(50, "before")
		m.await("a snapshot", func(s replica.Status) bool { return s.Snapshot.Index > 20 })
		time.Sleep(15 * time.Minute)
		if got := aside(t, m); len(got) != 0 {
			t.Fatalf("intact images were set aside: %+v", got)
		}
		spoiled := m.images.Spoil()
		time.Sleep(15 * time.Minute)
		if got := aside(t, m); len(got) != 1 || got[0].Meta.Index != spoiled {
			t.Fatalf("set aside: %+v", got)
		}
		if s := m.Status(); s.Snapshot.Index != s.Applied || s.Damage.Images != 1 {
			t.Errorf("the newest snapshot is at %d, applied is %d, the figures are %+v", s.Snapshot.Index, s.Applied, s.Damage)
		}
		wantDamagedThen(t, events, replica.EventSnapshotTaken, spoiled, spoiled)
		m.stop()
		m.start()
		if s := m.Status(); s.Awaits != 0 || s.Snapshot.Index < spoiled {
			t.Errorf("started again it has %+v", s)
		}
	})
}

// wantDamagedThen reads events until one tells of a damaged image up to index, and then until one of the kind
// tells what replaced it: an image up to least, or beyond.
func wantDamagedThen(t *testing.T, events *replica.Subscription, kind replica.EventKind, index, least entry.Index) {
	t.Helper()
	events.Close()
	found, replaced := 0, false
	for e := range events.Events() {
		switch {
		case e.Kind == replica.EventSnapshotDamaged:
			if found++; e.Index != index || !errors.Is(e.Err, entry.ErrCorrupt) {
				t.Errorf("the event is %+v, want the image at %d", e, index)
			}
		case e.Kind == kind && found > 0:
			replaced = replaced || e.Err == nil && e.Index >= least
		}
	}
	if found != 1 || !replaced {
		t.Errorf("%d events tell of a damaged image; told that it was replaced: %v", found, replaced)
	}
}

// aside returns what a member has set aside.
func aside(t *testing.T, m *member) []entry.AsideSnapshot {
	t.Helper()
	store, err := m.images.Open()
	if err != nil {
		t.Fatal(err)
	}
	return store.(replica.ImageKeeper).Aside()
}

// plainImages is a store that cannot set anything aside.
type plainImages struct{ replica.SnapshotStore }

// brokenImages fails to open any image.
type brokenImages struct{ replica.SnapshotStore }

var errUnplugged = errors.New("the disk does not answer")

func (brokenImages) Open(string, int64) (io.ReadCloser, error) { return nil, errUnplugged }

// TestDamagedImageRefused: a store that cannot set an image aside refuses the start, and so does a disk that
// does not answer: that is no damage.
func TestDamagedImageRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 1, often).start()
		c.proposeMany(50, "before")
		m := c.members[0]
		m.await("a snapshot", hasSnapshot)
		m.stop()
		c.configure = func(m *member, config *replica.Config) {
			config.Snapshots = brokenImages{config.Snapshots}
		}
		if _, err := m.open(); !errors.Is(err, errUnplugged) {
			t.Errorf("a disk that does not answer: %v", err)
		}
		m.spoil()
		c.configure = func(m *member, config *replica.Config) {
			config.Snapshots = plainImages{config.Snapshots}
		}
		if _, err := m.open(); !errors.Is(err, entry.ErrCorrupt) {
			t.Errorf("a store that cannot set it aside: %v", err)
		}
	})
}
