package replica_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/replica"
	"v.io/x/ref/lib/raft/transport/mem"
)

// TestTransfer moves leadership to every member, asked through every member, and to the best. Each
// transfer takes one new term and far less than an election time-out.
func TestTransfer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 3, nil).start()
		for _, asked := range c.members {
			for _, to := range c.members {
				old := c.leader()
				term, began := old.Status().Term, time.Now()
				if err := asked.Transfer(t.Context(), to.id); err != nil {
					t.Fatalf("asked %s for %s: %v", asked.id, to.id, err)
				}
				if s := asked.Status(); s.Leader != to.id {
					t.Errorf("after a transfer to %s the member asked follows %q", to.id, s.Leader)
				}
				want := term
				if old != to {
					want++
				}
				if now := c.leader(); now != to || now.Status().Term != want {
					t.Errorf("%s leads term %d, want %s in term %d", now.id, now.Status().Term, to.id, want)
				}
				if took := time.Since(began); took > replica.DefaultHeartbeat {
					t.Errorf("it took %v, more than a heartbeat", took)
				}
			}
			old := c.leader()
			if err := asked.Transfer(t.Context(), ""); err != nil || c.leader() == old {
				t.Errorf("%s was asked for the best: %v, %s leads", asked.id, err, c.leader().id)
			}
		}
		c.converge()
	})
}

// TestTransferUnderLoad moves leadership while commands are given to the leader: those that it has
// ordered are answered, those that wait go to the next leader. No caller's outcome is unknown.
func TestTransferUnderLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 3, nil).start()
		c.network.SetFaults(mem.Faults{Delay: time.Millisecond, Jitter: time.Millisecond})
		const rounds, callers, each = 20, 16, 20
		for round := range rounds {
			old := c.leader()
			var group sync.WaitGroup
			for i := range callers {
				group.Go(func() {
					for k := range each {
						command := fmt.Sprintf("%d.%d.%d", round, i, k)
						_, _, err := old.Propose(t.Context(), []byte(command))
						if errors.Is(err, replica.ErrTransferring) || errors.Is(err, replica.ErrOutcomeUnknown) {
							t.Errorf("%s: %v", command, err)
						}
						if err != nil {
							old.propose(command)
						}
					}
				})
			}
			<-time.After(10 * time.Millisecond)
			if err := old.Transfer(t.Context(), ""); err != nil {
				t.Error(err)
			}
			group.Wait()
			if c.leader() == old {
				t.Errorf("round %d: %s still leads", round, old.id)
			}
		}
		c.converge()
		if n := len(c.leader().machine.all()); n != rounds*callers*each {
			t.Errorf("%d commands were applied, want %d", n, rounds*callers*each)
		}
	})
}

// TestStopHandsOver stops leaders one after the other: the next one leads at once, although nothing
// tells the others that the connection broke.
func TestStopHandsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 3, nil).start()
		for range 5 {
			old := c.leader()
			old.propose("x")
			term, began := old.Status().Term, time.Now()
			old.stop()
			next := c.leader()
			if took := time.Since(began); took > replica.DefaultHeartbeat || next.Status().Term != term+1 {
				t.Errorf("%v after the leader of term %d stopped, %s leads term %d", took, term, next.id,
					next.Status().Term)
			}
			old.start()
			old.await("the new leader", func(s replica.Status) bool { return s.Leader == next.id })
		}
		c.converge()
	})
}

// TestStopIsBounded stops a leader that hears nobody any more, without having noticed it: it waits for
// an election time-out and no longer.
func TestStopIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 3, nil).start()
		leader := c.leader()
		c.network.SetFaults(mem.Faults{Drop: 1})
		began := time.Now()
		leader.stop()
		if took := time.Since(began); took == 0 || took > 12*replica.DefaultHeartbeat {
			t.Errorf("Stop took %v, want up to %v", took, 12*replica.DefaultHeartbeat)
		}
		c.network.SetFaults(mem.Faults{})
	})
}

// TestStopOfTheOnlyMember has nobody to wait for.
func TestStopOfTheOnlyMember(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 1, nil).start()
		leader, began := c.leader(), time.Now()
		leader.stop()
		if took := time.Since(began); took != 0 {
			t.Errorf("Stop took %v", took)
		}
	})
}

// TestTransferErrors names why nothing came of a transfer, and the leader goes on.
func TestTransferErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 3, nil)
		c.initial.Members = append(c.initial.Members, entry.Member{ID: "zz-learner", Learner: true})
		c.start()
		leader, other := c.leader(), c.follower()
		for _, m := range []*member{leader, other} {
			for _, to := range []entry.MemberID{"zz-learner", "stranger"} {
				if err := m.Transfer(t.Context(), to); !errors.Is(err, replica.ErrNotTransferred) {
					t.Errorf("%s was asked for %s: %v", m.id, to, err)
				}
			}
		}
		c.network.SetFaults(mem.Faults{Drop: 1})
		ctx, cancel := context.WithTimeout(t.Context(), replica.DefaultHeartbeat)
		defer cancel()
		err := leader.Transfer(ctx, other.id)
		if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, replica.ErrNotTransferred) {
			t.Errorf("when ctx ends: %v", err)
		}
		if s := leader.Status(); s.Role == core.Leader && s.Transferring != other.id {
			t.Errorf("the transfer ended with its caller: %+v", s)
		}
		for _, m := range c.members {
			m.await("the loss of the leader", func(s replica.Status) bool { return s.Leader == "" })
		}
		err = other.Transfer(t.Context(), other.id)
		if !errors.Is(err, replica.ErrNotTransferred) || !errors.Is(err, replica.ErrNoLeader) {
			t.Errorf("without a leader: %v", err)
		}
		c.network.SetFaults(mem.Faults{})
		c.leader().propose("after")
		r := other.Replica
		other.stop()
		if err := r.Transfer(t.Context(), ""); !errors.Is(err, replica.ErrStopped) {
			t.Errorf("after Stop: %v", err)
		}
		c.converge()
	})
}

// TestCampaignAsksForTheTransfer makes a follower the leader with the leader's help, and a member that
// hears none by an election.
func TestCampaignAsksForTheTransfer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 3, nil).start()
		m := c.follower()
		term, began := m.Status().Term, time.Now()
		m.Campaign()
		s := m.await("leadership", func(s replica.Status) bool { return s.Role == core.Leader })
		if took := time.Since(began); s.Term != term+1 || took > replica.DefaultHeartbeat {
			t.Errorf("leads term %d after term %d and %v", s.Term, term, took)
		}
		c.network.SetFaults(mem.Faults{Drop: 1})
		for _, m := range c.members {
			m.await("the loss of the leader", func(s replica.Status) bool { return s.Leader == "" })
		}
		m = c.members[0] // It goes first if another one asks at the same moment.
		term, began = m.Status().Term, time.Now()
		c.network.SetFaults(mem.Faults{})
		m.Campaign()
		s = m.await("leadership", func(s replica.Status) bool { return s.Role == core.Leader })
		if took := time.Since(began); s.Term != term+1 || took > replica.DefaultHeartbeat/20 {
			t.Errorf("without a leader it leads term %d after term %d and %v", s.Term, term, took)
		}
	})
}

// TestCampaignIsPursued: members that want to lead at the same time, while nobody leads yet, all come to lead, one
// after the other. The election that one of them wins does not take the others' wish from them.
func TestCampaignIsPursued(t *testing.T) {
	for apart := range 8 {
		synctest.Test(t, func(t *testing.T) {
			c := newCluster(t, 3, nil)
			c.network.SetFaults(mem.Faults{Delay: time.Millisecond, Jitter: time.Millisecond})
			events := map[*member]*replica.Subscription{}
			for _, m := range c.members {
				events[m] = m.startHeard()
			}
			began := time.Now()
			for _, m := range c.members {
				m.Campaign()
				<-time.After(time.Duration(apart) * time.Millisecond)
			}
			for _, m := range c.members {
				awaitLeading(t, m.id, events[m])
			}
			if took := time.Since(began); took > core.ElectionTimeout*replica.DefaultHeartbeat {
				t.Errorf("wishes %d ms apart: all have led after %v, want an election time-out at most", apart, took)
			}
			c.leader().propose("x")
			c.converge()
		})
	}
}

// awaitLeading reads a member's events until it leads.
func awaitLeading(t *testing.T, id entry.MemberID, events *replica.Subscription) {
	t.Helper()
	defer events.Close()
	deadline := time.After(10 * time.Second)
	for {
		select {
		case e := <-events.Events():
			if e.Kind == replica.EventRole && e.Role == core.Leader {
				return
			}
		case <-deadline:
			t.Fatalf("%s wanted to lead and never did", id)
		}
	}
}
