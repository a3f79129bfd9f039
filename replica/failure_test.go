package replica_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/replica"
)

var errDisk = errors.New("input/output error")

// ended waits until the replica has stopped by itself and returns why.
func ended(t *testing.T, m *member) error {
	t.Helper()
	select {
	case <-m.Done():
	case <-time.After(30 * time.Second):
		t.Fatal("the replica goes on after a failure")
	}
	if err := m.Live(); err == nil {
		t.Error("a failed replica says that it lives")
	}
	if s := m.Status(); s.Running || s.Role == core.Leader {
		t.Errorf("a failed replica shows the status %+v", s)
	}
	return m.Err()
}

// TestPanic lets the program of one follower panic: that member stops loudly, the others go on.
func TestPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 3, nil).start()
		victim := c.follower()
		victim.machine.hook = func(cmds []replica.Command) {
			for _, command := range cmds {
				if strings.Contains(string(command.Payload), "poison") {
					panic("the program does not like this")
				}
			}
		}
		c.leader().propose("poison")
		err := ended(t, victim)
		if !errors.Is(err, replica.ErrMachine) || !strings.Contains(err.Error(), "does not like") {
			t.Errorf("Err is %v", err)
		}
		victim.stop()
		c.leader().propose("after")
		c.converge()
	})
}

// TestRestoreFails refuses to start with an image that the program does not take.
func TestRestoreFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 1, often).start()
		m := c.members[0]
		c.proposeMany(50, "command")
		m.await("a snapshot", hasSnapshot)
		m.stop()
		c.configure = func(_ *member, config *replica.Config) {
			config.Machine = &journal{restoreErr: errors.New("not my format")}
		}
		if _, err := m.open(); !errors.Is(err, replica.ErrMachine) {
			t.Errorf("New with an image that cannot be restored: %v", err)
		}
	})
}

// TestBlockedApply stops a member whose program does not return.
func TestBlockedApply(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 1, func(_ *member, config *replica.Config) {
			config.Limits.StopWait = 50 * time.Millisecond
		}).start()
		m := c.leader()
		entered, release := make(chan struct{}), make(chan struct{})
		m.machine.hook = func([]replica.Command) {
			close(entered)
			<-release
		}
		failed := make(chan error, 1)
		go func() {
			_, _, err := m.Propose(t.Context(), []byte("blocks"))
			failed <- err
		}()
		<-entered
		if err := m.Replica.Stop(); !errors.Is(err, replica.ErrBlocked) {
			t.Errorf("Stop beside a blocked Apply: %v", err)
		}
		if err := <-failed; !errors.Is(err, replica.ErrOutcomeUnknown) || !errors.Is(err, replica.ErrStopped) {
			t.Errorf("the blocked command: %v", err)
		}
		m.Replica = nil
		close(release)
	})
}

// TestBlockedApplyKeepsLeading shows that a program that does not return delays no heartbeat.
func TestBlockedApplyKeepsLeading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 3, nil).start()
		leader := c.leader()
		term := leader.Status().Term
		release := make(chan struct{})
		leader.machine.hook = func([]replica.Command) { <-release }
		go func() {
			if _, _, err := leader.Propose(t.Context(), []byte("slow")); err != nil {
				t.Errorf("a slow command: %v", err)
			}
			close(release)
		}()
		select {
		case <-release:
		case <-time.After(1500 * time.Millisecond):
			release <- struct{}{}
			<-release
		}
		if s := leader.Status(); s.Role != core.Leader || s.Term != term {
			t.Errorf("the leader of term %d lost its role while Apply was slow: %+v", term, s)
		}
	})
}

// TestOverloaded fills the queue of a leader whose disk stands still.
func TestOverloaded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		c := newCluster(t, 1, func(_ *member, config *replica.Config) {
			config.Limits.QueueCount = 4
			config.Log = gatedLog{config.Log, gate}
		})
		go func() { gate <- struct{}{}; gate <- struct{}{} }()
		c.start()
		m := c.leader()
		results := make(chan error, 20)
		for range 20 {
			go func() {
				_, _, err := m.Propose(t.Context(), []byte("x"))
				results <- err
			}()
		}
		overloaded := 0
		for range 20 - 4 - 4 {
			if err := <-results; errors.Is(err, replica.ErrOverloaded) {
				overloaded++
			} else {
				t.Errorf("a command beside a full queue: %v", err)
			}
		}
		close(gate)
		for range 8 {
			if err := <-results; errors.Is(err, replica.ErrOverloaded) {
				overloaded++
			} else if err != nil {
				t.Error(err)
			}
		}
		if overloaded < 8 {
			t.Errorf("%d of 20 commands were refused by a queue of 4", overloaded)
		}
	})
}

// gatedLog stores a batch for each value of its gate.
type gatedLog struct {
	replica.LogStore
	gate chan struct{}
}

func (l gatedLog) Store(b *entry.Batch) error {
	<-l.gate
	return l.LogStore.Store(b)
}

// TestConfig is the table of what New refuses.
func TestConfig(t *testing.T) {
	for name, change := range map[string]func(*replica.Config){
		"no id":             func(c *replica.Config) { c.ID = "" },
		"no origin":         func(c *replica.Config) { c.Origin = 0 },
		"no log":            func(c *replica.Config) { c.Log = nil },
		"no machine":        func(c *replica.Config) { c.Machine = nil },
		"negative beat":     func(c *replica.Config) { c.Heartbeat = -1 },
		"negative limit":    func(c *replica.Config) { c.Limits.Command = -1 },
		"command too large": func(c *replica.Config) { c.Limits.Command = entry.PayloadMax + 1 },
		"no cluster id":     func(c *replica.Config) { c.Initial.Cluster = entry.ClusterID{} },
		"member twice": func(c *replica.Config) {
			c.Initial.Members = []entry.Member{{ID: "a"}, {ID: "a"}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t, 1, func(_ *member, config *replica.Config) { change(config) })
			if _, err := c.members[0].open(); err == nil {
				t.Error("New accepted it")
			}
		})
	}
}
