package raft

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"v.io/v23/context"
)

// watcher sees who leads in which term, all the time.
type watcher struct {
	c       *cluster
	mu      sync.Mutex // also guards the cluster's members against restarts
	leaders map[Term]string
	acks    atomic.Int64 // of all writers
	stop    chan struct{}
	done    sync.WaitGroup
}

// watch begins to look at every member once a millisecond.
func watch(c *cluster) *watcher {
	w := &watcher{c: c, leaders: map[Term]string{}, stop: make(chan struct{})}
	w.done.Go(func() {
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-w.stop:
				return
			case <-tick.C:
				w.look()
			}
		}
	})
	return w
}

// look fails the test when two members lead in one term.
func (w *watcher) look() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, m := range w.c.members {
		s := m.Stats()
		if s.Role != RoleLeader {
			continue
		}
		if other, ok := w.leaders[s.Term]; ok && other != s.ID {
			w.c.t.Errorf("term %d has two leaders: %s and %s", s.Term, other, s.ID)
		}
		w.leaders[s.Term] = s.ID
	}
}

func (w *watcher) end() {
	close(w.stop)
	w.done.Wait()
}

// writer appends numbered commands through random members and remembers which were acknowledged.
type writer struct {
	w     *watcher
	name  int
	acked []string
}

// run appends until stop is closed. A command whose outcome is unknown, or that was refused, is not
// tried again: the next one is another.
func (wr *writer) run(stop <-chan struct{}) {
	random := rand.New(rand.NewPCG(uint64(wr.name), 1))
	for n := 0; ; n++ {
		select {
		case <-stop:
			return
		default:
		}
		wr.w.mu.Lock()
		m := wr.w.c.members[random.IntN(len(wr.w.c.members))]
		raft, ctx := m.Raft, m.ctx
		wr.w.mu.Unlock()
		cmd := fmt.Sprintf("writer %d command %d", wr.name, n)
		ctx, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
		if _, err := raft.Append(ctx, []byte(cmd)); err == nil {
			wr.acked = append(wr.acked, cmd)
			wr.w.acks.Add(1)
		}
		cancel()
	}
}

// restartSome stops random members, at times more than the set can bear, and starts them again.
func (w *watcher) restartSome(random *rand.Rand, times int) {
	for range times {
		n := len(w.c.members)
		first, count := random.IntN(n), 1+random.IntN(max(1, n/2))
		for k := range count {
			w.c.members[(first+k)%n].Stop() // Not up again before create, so callers meet a stopped one.
		}
		for k := range count {
			w.mu.Lock()
			w.c.restart((first + k) % n)
			w.mu.Unlock()
		}
		enough := w.acks.Load() + 10
		eventually(w.c.t, "writing goes on", func() bool { return w.acks.Load() >= enough })
	}
}

// checkHistory checks that every acknowledged command was applied once, and nothing twice.
func checkHistory(t *testing.T, applied []string, acked []string) {
	t.Helper()
	times := map[string]int{}
	for _, cmd := range applied {
		if times[cmd]++; times[cmd] > 1 {
			t.Errorf("%q was applied %d times", cmd, times[cmd])
		}
	}
	for _, cmd := range acked {
		if times[cmd] == 0 {
			t.Errorf("%q was acknowledged and is lost", cmd)
		}
	}
}

func TestNothingIsLostOverRandomRestarts(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 2, 3, 4, 5, 7} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			c := startCluster(t, n, func(_ int, config *RaftConfig) { config.SnapshotThreshold = 200 })
			w := watch(c)
			stop := make(chan struct{})
			var running sync.WaitGroup
			writers := make([]*writer, 4)
			for i := range writers {
				writers[i] = &writer{w: w, name: i}
				running.Go(func() { writers[i].run(stop) })
			}
			c.append(c.leader(), "the first")
			w.restartSome(rand.New(rand.NewPCG(uint64(n), 2)), 5)
			close(stop)
			running.Wait()
			leader := c.leader()
			c.append(leader, "the last")
			w.end()
			c.agree(c.members[leader].client.commands())
			acked := []string{"the first", "the last"}
			for _, wr := range writers {
				acked = append(acked, wr.acked...)
			}
			checkHistory(t, c.members[leader].client.commands(), acked)
		})
	}
}

func TestUnknownOutcomesAreSaid(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 3, nil)
	seen := map[string]int{}
	for range 5 {
		old := c.leader()
		results := make(chan error, 64)
		m := c.members[old]
		for i := range cap(results) {
			go func() {
				_, err := m.Append(m.ctx, []byte(fmt.Sprint(i)))
				results <- err
			}()
		}
		c.stop(old)
		for range cap(results) {
			switch err := <-results; {
			case err == nil:
				seen["acknowledged"]++
			case errors.Is(err, ErrOutcomeUnknown):
				seen["unknown"]++
			case errors.Is(err, ErrNotRunning), errors.Is(err, ErrNoLeader), errors.Is(err, ErrNotProposed):
				seen["not proposed"]++
			default:
				t.Errorf("an Append cut by Stop returned %v", err)
			}
		}
		c.restart(old)
	}
	t.Log(seen)
}
