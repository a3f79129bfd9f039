package replica_test

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/replica"
	"v.io/x/ref/lib/raft/transport/mem"
)

// leasing starts a cluster of three with leases; the clock of each member can be made to stand still
// before it is read, or between its reading and the turn.
func leasing(t *testing.T) (*cluster, map[entry.MemberID]*pausedClock) {
	clocks := map[entry.MemberID]*pausedClock{}
	c := newCluster(t, 3, func(m *member, config *replica.Config) {
		clocks[m.id] = &pausedClock{now: config.Now}
		config.Now = clocks[m.id].read
	})
	c.initial.Lease = true
	return c.start(), clocks
}

// pausedClock stops the goroutine that reads it, as SIGSTOP stops a process.
type pausedClock struct {
	now           func() core.Instant
	before, after stall
	// reads counts, so that a test knows that the loop has come here.
	reads atomic.Int64
}

func (c *pausedClock) read() core.Instant {
	c.reads.Add(1)
	c.before.pass()
	now := c.now()
	c.after.pass()
	return now
}

// TestLeaseReadCostsNoRoundTrip reads through a leader over a slow network: with leases the answer is
// there at once, without them after a round trip.
func TestLeaseReadCostsNoRoundTrip(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const delay = 5 * time.Millisecond
		read := func(c *cluster) time.Duration {
			c.network.SetFaults(mem.Faults{Delay: delay})
			leader := c.leader()
			leader.propose("x")
			<-time.After(2 * replica.DefaultHeartbeat)
			began := time.Now()
			if _, err := leader.ReadIndex(t.Context()); err != nil {
				t.Error(err)
			}
			return time.Since(began)
		}
		leased, _ := leasing(t)
		if took := read(leased); took != 0 {
			t.Errorf("a read from a lease took %v", took)
		}
		if took := read(newCluster(t, 3, nil).start()); took < 2*delay {
			t.Errorf("a read without leases took %v, less than a round trip", took)
		}
	})
}

// TestPausedLeaderReadsNothingOld pauses a leader for longer than three election time-outs, at either
// side of the moment at which it looks at the clock. Another one leads meanwhile and takes a command.
// A read that was asked of the paused one after that must know of the command, or be refused.
func TestPausedLeaderReadsNothingOld(t *testing.T) {
	for name, gate := range map[string]func(*pausedClock) *stall{
		"before the clock": func(c *pausedClock) *stall { return &c.before },
		"after the clock":  func(c *pausedClock) *stall { return &c.after },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, clocks := leasing(t)
				old := c.leader()
				old.propose("before")
				c.converge()
				if _, err := old.ReadIndex(t.Context()); err != nil {
					t.Fatal(err)
				}
				pause := gate(clocks[old.id])
				pause.close()
				defer pause.open()
				for pause.held.Load() == 0 {
					<-time.After(time.Millisecond)
				}
				for _, m := range c.members {
					if m != old {
						// What others say would tell the paused one that it leads no more.
						c.network.Cut(m.id, old.id)
						m.await("another leader", func(s replica.Status) bool { return s.Leader != "" && s.Leader != old.id })
					}
				}
				next := c.members[0]
				if next == old {
					next = c.members[1]
				}
				at := next.propose("while the old leader is paused")
				<-time.After(36 * replica.DefaultHeartbeat)
				type answer struct {
					index entry.Index
					err   error
				}
				answered := make(chan answer, 1)
				go func() {
					index, err := old.ReadIndex(t.Context())
					answered <- answer{index, err}
				}()
				synctest.Wait()
				pause.open()
				if a := <-answered; a.err == nil && a.index < at.Index {
					t.Errorf("the paused leader read at %d, the command stands at %d", a.index, at.Index)
				}
			})
		})
	}
}

// TestRestartedMembersAreQuiet restarts a follower, takes the leader away at once, and measures: with
// leases the restarted one gives its vote only after the shortest election time-out.
func TestRestartedMembersAreQuiet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := leasing(t)
		leader, other := c.leader(), c.follower()
		leader.propose("x")
		c.converge()
		other.stop()
		began := time.Now()
		other.start()
		c.network.Isolate(leader.id)
		other.await("another leader", func(s replica.Status) bool { return s.Leader != "" && s.Leader != leader.id })
		if took := time.Since(began); took < 6*replica.DefaultHeartbeat {
			t.Errorf("another leader after %v, with the vote of a member that had just restarted", took)
		}
		c.network.Heal()
		c.converge()
	})
}
