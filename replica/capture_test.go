package replica_test

import (
	"context"
	"io"
	"sync"
	"testing"
	"testing/synctest"

	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/replica"
)

// slowCapture is a journal whose first Snapshot returns only when it is released.
type slowCapture struct {
	*journal
	once           sync.Once
	begun, release chan struct{}
}

func (s *slowCapture) Snapshot(ctx context.Context, at entry.Index, w io.Writer) (func() error, error) {
	s.once.Do(func() {
		close(s.begun)
		<-s.release
	})
	return s.journal.Snapshot(ctx, at, w)
}

// TestCapturePausesApply holds Machine.Snapshot: commands go on being committed, and none of them
// reaches Apply before Snapshot returns, so that the image is of one point of the log.
func TestCapturePausesApply(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := &slowCapture{begun: make(chan struct{}), release: make(chan struct{})}
		c := newCluster(t, 1, func(m *member, config *replica.Config) {
			often(m, config)
			slow.journal = m.machine
			config.Machine = slow
		}).start()
		m := c.leader()
		var group sync.WaitGroup
		for range 30 {
			group.Go(func() { m.propose("first") })
		}
		<-slow.begun
		for range 30 {
			group.Go(func() { m.propose("beside") })
		}
		s := m.await("commits beside the capture", func(s replica.Status) bool { return s.Commit >= 60 })
		synctest.Wait()
		before := m.machine.all()
		if len(before) >= 60 || s.Applied >= s.Commit {
			t.Errorf("%d commands of 60 were applied while Snapshot had not returned: %+v", len(before), s)
		}
		for _, command := range before {
			if string(command) == "beside" {
				t.Error("a command was applied beside Snapshot")
				break
			}
		}
		close(slow.release)
		group.Wait()
		m.await("the snapshot", hasSnapshot)
		c.converge()
	})
}
