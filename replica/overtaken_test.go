package replica_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/replica"
	"v.io/x/ref/lib/raft/session"
)

// TestOvertakenWaiter gives a command to a follower that then receives a snapshot covering it
// instead of the entry: the table in the snapshot says that the command was applied, or cannot tell
// because the session was forgotten meanwhile. The result is lost in any case, so the caller must hear
// that the outcome is unknown and why, at once and not when its patience ends.
func TestOvertakenWaiter(t *testing.T) {
	for _, placed := range []bool{false, true} {
		for _, forgotten := range []bool{false, true} {
			t.Run(fmt.Sprintf("placed %v, forgotten %v", placed, forgotten), func(t *testing.T) {
				testOvertaken(t, placed, forgotten)
			})
		}
	}
}

func testOvertaken(t *testing.T, placed, forgotten bool) {
	synctest.Test(t, func(t *testing.T) {
		logs := stalledLogs{}
		c := newCluster(t, 3, func(m *member, config *replica.Config) {
			often(m, config)
			logs.wrap(m, config)
			config.Limits.Sessions = session.Bounds{Origins: 2, Ranges: 8, Life: 1000}
		}).start()
		c.proposeMany(5, "together")
		c.converge()
		leader, follower := c.leader(), c.follower()
		want := leader.Status().Last.Index + 2 // Behind the opening of the follower's session.
		disk := &logs[follower.id].stores
		if placed {
			disk.close()
			defer disk.open()
		} else {
			c.network.Cut(leader.id, follower.id)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		answered := make(chan error, 1)
		go func() {
			_, _, err := follower.Propose(ctx, []byte("overtaken"))
			answered <- err
		}()
		leader.await("the forwarded command", func(s replica.Status) bool { return s.Commit >= want })
		if placed {
			follower.await("its place", func(s replica.Status) bool { return s.Last.Index >= want })
			c.network.Cut(leader.id, follower.id)
		}
		leader.propose("one more")
		if forgotten {
			for _, m := range c.members {
				if m != leader && m != follower {
					m.propose("opens a third session")
				}
			}
		}
		proposeUntil(leader, want+10)
		c.network.Heal()
		healed := time.Now()
		checkOvertaken(t, <-answered, placed, forgotten, want)
		if took := time.Since(healed); took > 2*time.Second {
			t.Errorf("the answer came %v after the snapshot could travel", took)
		}
		disk.open()
		c.converge()
		if len(follower.machine.restored) == 0 {
			t.Error("the follower caught up without a snapshot")
		}
	})
}

// proposeUntil gives commands to the leader until it has a snapshot beyond an index.
func proposeUntil(leader *member, beyond entry.Index) {
	for leader.Status().Snapshot.Index <= beyond {
		leader.propose("more")
	}
}

func checkOvertaken(t *testing.T, err error, placed, forgotten bool, want entry.Index) {
	t.Helper()
	var unknown *replica.OutcomeUnknownError
	if !errors.As(err, &unknown) {
		t.Fatalf("a command that a snapshot overtook: %v, want an unknown outcome", err)
	}
	if errors.Is(err, replica.ErrResultLost) == forgotten || errors.Is(err, replica.ErrNotLeader) != forgotten ||
		!strings.Contains(err.Error(), "snapshot") {
		t.Errorf("the cause is %v; the session was forgotten: %v", unknown.Cause, forgotten)
	}
	if placed && unknown.Position.Index != want || !placed && unknown.Position.Index != 0 {
		t.Errorf("the command's place is given as %v; placed at %d: %v", unknown.Position, want, placed)
	}
}

// refusing configures one member whose program takes no image.
func refusing(id entry.MemberID) func(*member, *replica.Config) {
	return func(m *member, config *replica.Config) {
		often(m, config)
		if m.id == id {
			m.machine.restoreErr = errors.New("not my format")
		}
	}
}

// TestReceivedRestoreFails sends an image that the program of one running member does not take:
// that member stops and says why, the others go on.
func TestReceivedRestoreFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 3, often).start()
		c.proposeMany(5, "together")
		victim := c.follower()
		victim.stop()
		proposeUntil(c.leader(), 50)
		c.configure = refusing(victim.id)
		victim.start()
		err := ended(t, victim)
		if !errors.Is(err, replica.ErrMachine) || !strings.Contains(err.Error(), "not my format") {
			t.Errorf("Err is %v, want ErrMachine and the program's reason", err)
		}
		for _, m := range c.members {
			if m != victim && (m.Err() != nil || m.Live() != nil) {
				t.Errorf("%s does not go on: %v", m.id, m.Err())
			}
		}
		victim.stop()
		c.leader().propose("after")
		c.converge()
	})
}
