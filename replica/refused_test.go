package replica_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/replica"
	"v.io/x/ref/lib/raft/replica/storetest"
)

// TestUncommittedBound cuts off a leader and goes on giving it commands: what it orders without
// being able to commit stays within Limits.Uncommitted, and the rest is refused as overloaded. Who has
// no deadline hears at the end of Limits.Patience that nothing can be told.
func TestUncommittedBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const bound, size, callers = 10_000, 1000, 100
		c := newCluster(t, 3, func(_ *member, config *replica.Config) { config.Limits.Uncommitted = bound }).start()
		old := c.leader()
		old.propose("before")
		c.converge()
		c.network.Isolate(old.id)
		results := make(chan error, callers)
		for range callers {
			go func() {
				_, _, err := old.Propose(t.Context(), make([]byte, size))
				results <- err
			}()
		}
		synctest.Wait()
		s := old.Status()
		ordered := int(s.Last.Index - s.Commit)
		if s.Role != core.Leader || ordered == 0 || ordered*(size+entry.HeaderSize) > bound {
			t.Errorf("a leader without a quorum ordered %d commands of %d bytes within %d bytes: %+v",
				ordered, size, bound, s)
		}
		if n := len(results); n != callers-ordered {
			t.Errorf("%d commands were refused at once, want %d", n, callers-ordered)
		}
		for range callers - ordered {
			if err := <-results; !errors.Is(err, replica.ErrOverloaded) || errors.Is(err, replica.ErrOutcomeUnknown) {
				t.Errorf("a command beyond the bound: %v, want ErrOverloaded", err)
			}
		}
		old.await("the end of its leadership", func(s replica.Status) bool { return s.Role != core.Leader })
		began := time.Now()
		for range ordered {
			if err := <-results; !errors.Is(err, replica.ErrOutcomeUnknown) || !errors.Is(err, replica.ErrNoLeader) {
				t.Errorf("a command within the bound: %v, want an unknown outcome", err)
			}
		}
		if took := time.Since(began); took < 29*time.Second || took > 31*time.Second {
			t.Errorf("commands without a leader were given up after %v, want 30s", took)
		}
		if _, _, err := old.Propose(t.Context(), make([]byte, size)); !errors.Is(err, replica.ErrNoLeader) {
			t.Errorf("a command after the leader stepped down: %v, want ErrNoLeader", err)
		}
		c.network.Heal()
		c.leader().propose("after")
		c.converge()
	})
}

// TestOutsider proposes at a replica that its configuration does not name.
func TestOutsider(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 3, nil).start()
		c.leader().propose("before")
		outsider := &member{
			t: t, cluster: c, id: "outsider", log: new(storetest.LogPlace), images: new(storetest.SnapshotPlace),
		}
		outsider.start()
		defer outsider.stop()
		_, at, err := outsider.Propose(t.Context(), []byte("not mine to say"))
		if !errors.Is(err, replica.ErrRemoved) || errors.Is(err, replica.ErrOutcomeUnknown) || at.Index != 0 {
			t.Errorf("a command at an outsider: %v at %v, want ErrRemoved", err, at)
		}
		c.leader().propose("after")
		c.converge()
		if n := len(c.leader().machine.all()); n != 2 {
			t.Errorf("the cluster applied %d commands, want 2", n)
		}
	})
}
