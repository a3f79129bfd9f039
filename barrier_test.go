package raft

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"v.io/v23/context"
)

func TestBarrierCoversWhatWasProposedBefore(t *testing.T) {
	c := startCluster(t, 3, nil)
	for i, m := range c.members {
		c.append((i+1)%3, fmt.Sprint(i))
		at, err := m.Barrier(c.soon())
		got := m.client.all()
		if err != nil || len(got) != i+1 || got[i].Index >= at || m.Stats().Applied < at {
			t.Fatalf("member %d: a barrier at %d, %v; applied %d of %d commands", i, at, err, len(got), i+1)
		}
	}
	for i := range c.members {
		c.stop(i)
	}
	if _, err := c.members[0].Barrier(c.soon()); !errors.Is(err, ErrNotRunning) {
		t.Errorf("after Stop: %v", err)
	}
}

// appending appends through some members until it is stopped, without trying anything again.
type appending struct {
	stop    chan struct{}
	running sync.WaitGroup
	mu      sync.Mutex
	// done are the commands that succeeded, by their name. Guarded by mu.
	done map[string]bool
}

// appendThrough starts callers callers at each member named.
func (c *cluster) appendThrough(name string, callers int, members ...int) *appending {
	a := &appending{stop: make(chan struct{}), done: map[string]bool{}}
	for _, i := range members {
		for k := range callers {
			a.running.Go(func() { a.call(c, c.members[i], fmt.Sprint(name, " ", i, " ", k)) })
		}
	}
	return a
}

func (a *appending) call(c *cluster, m *member, name string) {
	for n := 0; ; n++ {
		select {
		case <-a.stop:
			return
		default:
		}
		cmd := fmt.Sprint(name, " ", n)
		ctx, cancel := context.WithTimeout(m.ctx, patience)
		applied, err := m.Append(ctx, []byte(cmd))
		cancel()
		if applied != nil || err != nil {
			c.t.Errorf("Append(%q): %v, %v", cmd, applied, err)
			return
		}
		a.mu.Lock()
		a.done[cmd] = true
		a.mu.Unlock()
	}
}

// count returns how many succeeded so far.
func (a *appending) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.done)
}

// more waits until some more have succeeded.
func (a *appending) more(t *testing.T) {
	t.Helper()
	before := a.count()
	eventually(t, "commands go on to succeed", func() bool { return a.count() > before+20 })
}

// end stops the callers and checks that every command was applied once, at every running member.
func (a *appending) end(c *cluster) {
	c.t.Helper()
	close(a.stop)
	a.running.Wait()
	for i, m := range c.members {
		if !m.up {
			continue
		}
		if _, err := m.Barrier(c.soon()); err != nil {
			c.t.Fatal(err)
		}
		times := map[string]int{}
		for _, cmd := range m.client.commands() {
			times[cmd]++
		}
		for cmd := range a.done {
			if times[cmd] != 1 {
				c.t.Errorf("member %d applied %q %d times", i, cmd, times[cmd])
			}
		}
	}
}

func TestTransferUnderLoadFailsNoAppend(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 3, nil)
	c.leader()
	a := c.appendThrough("x", 4, 0, 1, 2)
	for i := range 9 {
		a.more(t)
		by, to := c.members[i%3], c.members[(c.leader()+1)%3]
		eventually(t, "leadership moves", func() bool {
			err := by.TransferLeadership(c.soon(), to.ID())
			if err != nil && !errors.Is(err, ErrNotTransferred) {
				t.Fatalf("transfer %d: %v", i, err)
			}
			return err == nil
		})
	}
	a.more(t)
	a.end(c)
}

func TestRollingRestartFailsNoAppendElsewhere(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 3, nil)
	c.leader()
	for i := range c.members {
		a := c.appendThrough(fmt.Sprint("while ", i, " is away:"), 4, (i+1)%3, (i+2)%3)
		a.more(t)
		c.stop(i)
		a.more(t)
		c.restart(i)
		eventually(t, "the restarted member is ready", func() bool { return c.members[i].Ready() == nil })
		a.more(t)
		a.end(c)
	}
}
