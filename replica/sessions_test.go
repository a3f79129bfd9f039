package replica_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/replica"
	"v.io/x/ref/lib/raft/session"
	"v.io/x/ref/lib/raft/transport/mem"
)

// once wants every command to be applied exactly once at every running member.
func (c *cluster) once(commands []string) {
	c.t.Helper()
	for _, m := range c.members {
		if m.Replica == nil {
			continue
		}
		counts := map[string]int{}
		for _, command := range m.machine.all() {
			counts[string(command)]++
		}
		for _, command := range commands {
			if counts[command] != 1 {
				c.t.Errorf("%s applied %q %d times", m.id, command, counts[command])
			}
		}
	}
}

// repeated sums up what the members did so that commands are applied once.
func (c *cluster) repeated() (sum replica.RepeatedCommands) {
	for _, m := range c.members {
		if m.Replica == nil {
			continue
		}
		r := m.Stats().Commands
		sum.ProposedAgain += r.ProposedAgain
		sum.Renewed += r.Renewed
		sum.Duplicates += r.Duplicates
		sum.Refused += r.Refused
	}
	return sum
}

// clients propose through every member without an end of their own, until told, and want nothing but
// success. A refusal that says "not proposed" is tried again, as a door does.
type clients struct {
	c        *cluster
	group    sync.WaitGroup
	stop     chan struct{}
	mu       sync.Mutex
	commands []string
}

func (c *cluster) clients(n int) *clients {
	all := &clients{c: c, stop: make(chan struct{})}
	for i := range n {
		m := c.members[i%len(c.members)]
		all.group.Go(func() {
			for k := 0; ; k++ {
				select {
				case <-all.stop:
					return
				case <-time.After(10 * time.Millisecond):
				}
				command := fmt.Sprintf("%d/%d", i, k)
				m.propose(command)
				all.mu.Lock()
				all.commands = append(all.commands, command)
				all.mu.Unlock()
			}
		})
	}
	return all
}

// end stops the clients, and wants each command to be applied once everywhere.
func (all *clients) end() {
	all.c.t.Helper()
	close(all.stop)
	all.group.Wait()
	all.c.leader().propose("last")
	all.c.converge()
	all.c.once(all.commands)
}

// TestEveryCommandOnce changes the leader again and again, in every way, while clients propose at all
// members: every command succeeds, and every member applies each exactly once.
func TestEveryCommandOnce(t *testing.T) {
	for name, trouble := range map[string]func(*cluster){
		"isolated leader":   func(c *cluster) { c.network.Isolate(c.leader().id) },
		"deaf leader":       func(c *cluster) { c.cutTo(c.leader()) },
		"mute leader":       func(c *cluster) { c.cutFrom(c.leader()) },
		"lossy network":     func(c *cluster) { c.network.SetFaults(mem.Faults{Drop: 0.3, Jitter: 30 * time.Millisecond}) },
		"isolated follower": func(c *cluster) { c.network.Isolate(c.follower().id) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCluster(t, 3, func(_ *member, config *replica.Config) {
					config.Snapshot = replica.SnapshotPolicy{Entries: 500, Trailing: 1000}
				}).start()
				c.leader()
				all := c.clients(9)
				for range 6 {
					time.Sleep(300 * time.Millisecond)
					trouble(c)
					time.Sleep(time.Second)
					c.network.Heal()
					c.network.SetFaults(mem.Faults{})
				}
				all.end()
				if r := c.repeated(); r.ProposedAgain == 0 || len(all.commands) < 500 {
					t.Errorf("%d commands, %+v: that proves little", len(all.commands), r)
				}
			})
		})
	}
}

// cutTo cuts everything that is sent to a member, cutFrom what it sends.
func (c *cluster) cutTo(m *member) {
	for _, other := range c.members {
		if other != m {
			c.network.Cut(other.id, m.id)
		}
	}
}

func (c *cluster) cutFrom(m *member) {
	for _, other := range c.members {
		if other != m {
			c.network.Cut(m.id, other.id)
		}
	}
}

// TestProposedTwice forwards a command that the leader orders, while entries do not reach the member
// that forwarded it until it gives it up for lost and sends it again: both copies are committed, one is
// applied, and the caller gets the result of that one.
func TestProposedTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newChoosy(t, nil)
		leader, follower := c.leader(), c.follower()
		c.choosy[leader.id].starve(follower.id)
		answered := follower.proposeLater("twice")
		leader.await("the first copy", func(s replica.Status) bool { return s.Commit >= 3 })
		leader.await("the second copy", func(s replica.Status) bool { return s.Commit >= 4 })
		c.choosy[leader.id].starve("")
		if o := <-answered; o.err != nil || o.result != 1 || o.at.Index != 3 {
			t.Errorf("the command that was sent twice: %+v", o)
		}
		c.proposeMany(3, "after")
		c.converge()
		c.once([]string{"twice"})
		for _, m := range c.members {
			if r := m.Stats().Commands; r.Duplicates != 1 {
				t.Errorf("%s skipped %d duplicates, want 1", m.id, r.Duplicates)
			}
		}
	})
}

// TestDuplicateAfterSnapshot restarts a member from a snapshot between the two copies of a command: it
// skips the second as the others do, because the table came with the snapshot.
func TestDuplicateAfterSnapshot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newChoosy(t, func(_ *member, config *replica.Config) {
			config.Snapshot = replica.SnapshotPolicy{Entries: 20, Trailing: 1000}
		})
		leader, follower := c.leader(), c.follower()
		third := c.members[slices.IndexFunc(c.members, func(m *member) bool { return m != leader && m != follower })]
		c.choosy[leader.id].starve(follower.id)
		answered := follower.proposeLater("twice")
		leader.await("the first copy", func(s replica.Status) bool { return s.Commit >= 3 })
		for i := range 40 {
			leader.propose(fmt.Sprint("more ", i))
		}
		third.await("a snapshot", hasSnapshot)
		third.stop()
		third.start()
		if len(third.machine.restored) != 1 {
			t.Fatal("the third member did not start from its snapshot")
		}
		last := leader.Status().Last.Index
		leader.await("the second copy", func(s replica.Status) bool { return s.Last.Index > last })
		c.choosy[leader.id].starve("")
		if o := <-answered; o.err != nil {
			t.Errorf("the command that was sent twice: %+v", o)
		}
		leader.propose("after")
		c.converge()
		c.once([]string{"twice"})
		if third.Stats().Commands.Duplicates == 0 {
			t.Error("no second copy came to the member that was restored")
		}
	})
}

// TestPlacedAtDeposedLeader deposes a leader that has ordered a command which only it has, and one that
// its successor has: both callers succeed, and each command is applied once.
func TestPlacedAtDeposedLeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 5, nil).start()
		old := c.leader()
		old.propose("before")
		c.converge()
		heir := c.follower()
		for _, m := range c.members {
			if m != old && m != heir {
				c.network.Cut(old.id, m.id)
			}
		}
		want := old.Status().Last.Index + 1
		inherited := old.proposeLater("inherited")
		heir.await("the command", func(s replica.Status) bool { return s.Last.Index >= want })
		c.network.Isolate(old.id)
		alone := old.proposeLater("alone")
		old.await("the end of its leadership", func(s replica.Status) bool { return s.Role != core.Leader })
		c.network.Heal()
		for _, answered := range []<-chan answer{inherited, alone} {
			if o := <-answered; o.err != nil {
				t.Errorf("a command of a deposed leader: %+v", o)
			}
		}
		c.leader().propose("after")
		c.converge()
		c.once([]string{"before", "inherited", "alone", "after"})
	})
}

// TestManyOrigins forgets sessions all the time, because the table has room for fewer origins than
// there are members: what is refused was certainly not applied, and is proposed under a new origin.
func TestManyOrigins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 3, func(_ *member, config *replica.Config) {
			config.Snapshot = replica.SnapshotPolicy{Entries: 20, Trailing: 1000}
			config.Limits.Sessions = session.Bounds{Origins: 2, Ranges: 4, Life: 1000}
		}).start()
		c.leader()
		var commands []string
		for i := range 60 {
			command := fmt.Sprint("command ", i)
			if _, _, err := c.members[i%3].Propose(t.Context(), []byte(command)); err != nil {
				t.Fatalf("%s: %v", command, err)
			}
			commands = append(commands, command)
		}
		c.converge()
		c.once(commands)
		if r := c.repeated(); r.Renewed < 20 || r.Refused < 20 {
			t.Errorf("%+v: that proves little", r)
		}
	})
}

// TestSessionExpires lets one member be silent for longer than a session lives.
func TestSessionExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 3, func(_ *member, config *replica.Config) {
			config.Limits.Sessions = session.Bounds{Origins: 10, Ranges: 4, Life: 20}
		}).start()
		silent := c.follower()
		silent.propose("first")
		c.proposeMany(40, "meanwhile")
		_, _, err := silent.Propose(t.Context(), []byte("second"))
		if err != nil || silent.Stats().Commands.Renewed != 1 {
			t.Errorf("after its session expired: %v, %+v", err, silent.Stats().Commands)
		}
		c.converge()
		c.once([]string{"first", "second"})
	})
}

// TestRestartedOrigin restarts a member whose numbers begin anew: its commands are not taken for those
// of its earlier start.
func TestRestartedOrigin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 3, nil).start()
		var commands []string
		for i := range 4 {
			m := c.follower()
			for k := range 3 {
				commands = append(commands, fmt.Sprintf("%d/%d", i, k))
				m.propose(commands[len(commands)-1])
			}
			m.stop()
			m.start()
		}
		c.converge()
		c.once(commands)
	})
}

// TestMembersWithOtherBounds refuses a snapshot whose table was made with other bounds: the members
// would decide differently.
func TestMembersWithOtherBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 3, often).start()
		m := c.follower()
		m.stop()
		c.leader().propose("before")
		proposeUntil(c.leader(), 40)
		c.configure = func(m *member, config *replica.Config) {
			often(m, config)
			config.Limits.Sessions.Origins, config.Limits.Sessions.Ranges, config.Limits.Sessions.Life = 3, 4, 5
		}
		m.start()
		time.Sleep(5 * time.Second)
		if s := m.Status(); s.Snapshot.Index != 0 || m.Err() != nil {
			t.Errorf("it took the snapshot: %+v, %v", s, m.Err())
		}
	})
}

// TestQueueHoldsForwarded cuts a member off: what it has forwarded counts against its queue's bound
// until the outcome is known.
func TestQueueHoldsForwarded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 3, func(_ *member, config *replica.Config) { config.Limits.QueueCount = 10 }).start()
		leader, follower := c.leader(), c.follower()
		c.network.Cut(leader.id, follower.id)
		results := make(chan error, 30)
		for i := range 30 {
			time.Sleep(time.Millisecond)
			go func() {
				_, _, err := follower.Propose(t.Context(), fmt.Append(nil, i))
				results <- err
			}()
		}
		synctest.Wait()
		s := follower.Stats()
		if n := len(results); n != 20 || s.QueueCount != 10 || s.QueueBytes < 10*entry.HeaderSize {
			t.Errorf("%d commands beside a queue of 10 were answered at once, want 20; stats %+v", n, s)
		}
		c.network.Heal()
		refused := 0
		for range 30 {
			switch err := <-results; {
			case errors.Is(err, replica.ErrOverloaded) && !errors.Is(err, replica.ErrOutcomeUnknown):
				refused++
			case err != nil:
				t.Error(err)
			}
		}
		c.converge()
		if n := len(leader.machine.all()); refused != 20 || n != 10 || follower.Stats().QueueCount != 0 {
			t.Errorf("%d refused, %d applied, %d in the queue; want 20, 10, 0", refused, n, follower.Stats().QueueCount)
		}
	})
}

// choosy is a transport that does not take forwarded commands while refusing, and sends no entries to
// the member that it starves, only heartbeats.
type choosy struct {
	replica.Transport
	refusing atomic.Bool
	starved  atomic.Value // of entry.MemberID
}

func (c *choosy) starve(id entry.MemberID) { c.starved.Store(id) }

func (c *choosy) Send(to entry.MemberID, all []core.Message) int {
	for i := range all {
		switch {
		case all[i].Kind == core.MsgPropose && c.refusing.Load():
			return c.Transport.Send(to, all[:i])
		case all[i].Kind == core.MsgAppend && c.starved.Load() == to:
			all[i].Entries, all[i].Body = core.Range{}, nil
		}
	}
	return c.Transport.Send(to, all)
}

// choosyCluster has three members with choosy transports.
type choosyCluster struct {
	*cluster
	choosy map[entry.MemberID]*choosy
}

func newChoosy(t *testing.T, configure func(*member, *replica.Config)) *choosyCluster {
	c := &choosyCluster{choosy: map[entry.MemberID]*choosy{}}
	c.cluster = newCluster(t, 3, func(m *member, config *replica.Config) {
		if configure != nil {
			configure(m, config)
		}
		c.choosy[m.id] = &choosy{Transport: config.Transport}
		config.Transport = c.choosy[m.id]
	}).start()
	return c
}

// TestUntaken gives commands to a member whose transport does not take them: they are certainly with
// nobody else, so the end of ctx withdraws them, and a command without a deadline is given up as "not
// proposed". As soon as the transport takes them they succeed.
func TestUntaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newChoosy(t, nil)
		follower := c.follower()
		c.choosy[follower.id].refusing.Store(true)
		// It ends between two tries, which are a heartbeat of 50 ms apart: while a try is being refused
		// nobody can know yet that it was.
		ctx, cancel := context.WithTimeout(t.Context(), 275*time.Millisecond)
		defer cancel()
		_, _, err := follower.Propose(ctx, []byte("withdrawn"))
		unknown := errors.Is(err, replica.ErrOutcomeUnknown)
		if !errors.Is(err, replica.ErrNotProposed) || !errors.Is(err, ctx.Err()) || unknown {
			t.Errorf("the end of ctx: %v, want that it was not proposed", err)
		}
		began := time.Now()
		_, _, err = follower.Propose(t.Context(), []byte("given up"))
		took, unknown := time.Since(began), errors.Is(err, replica.ErrOutcomeUnknown)
		if !errors.Is(err, replica.ErrNotLeader) || unknown || took < 29*time.Second {
			t.Errorf("after %v without a deadline: %v, want that it was not proposed", took, err)
		}
		if n := follower.Stats().QueueCount; n != 0 {
			t.Errorf("%d commands are still held", n)
		}
		answered := follower.proposeLater("taken at last")
		time.Sleep(time.Second)
		c.choosy[follower.id].refusing.Store(false)
		if o := <-answered; o.err != nil {
			t.Error(o.err)
		}
		c.converge()
		if got := fmt.Sprintf("%s", follower.machine.all()); got != "[taken at last]" {
			t.Errorf("applied %s", got)
		}
	})
}
