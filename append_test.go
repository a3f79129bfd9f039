package raft

import (
	"bytes"
	stdcontext "context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"v.io/v23/context"
	"v.io/v23/verror"
)

func TestAppendReturnsWhatTheLocalApplyReturned(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, nil)
	for _, m := range c.members {
		m.client.fail = func(cmd []byte) error {
			if bytes.HasPrefix(cmd, []byte("bad")) {
				return fmt.Errorf("refused %s at %s", cmd, m.ID())
			}
			return nil
		}
	}
	c.start()
	c.elect()
	for i, m := range c.members {
		applied, err := m.Append(m.ctx, []byte("bad thing"))
		if err != nil || applied == nil || applied.Error() != "refused bad thing at "+m.ID() {
			t.Errorf("through member %d: %v, %v", i, applied, err)
		}
		c.append(i, "good thing")
	}
}

func TestAppendBeforeStartAndAfterStop(t *testing.T) {
	c := newCluster(t, 1, nil)
	m := c.members[0]
	_, err := m.Append(m.ctx, []byte("x"))
	if !errors.Is(err, ErrNotRunning) || !strings.Contains(err.Error(), "not started") {
		t.Errorf("before Start: %v", err)
	}
	if _, err := m.ReadIndex(m.ctx); !errors.Is(err, ErrNotRunning) {
		t.Errorf("ReadIndex before Start: %v", err)
	}
	m.Start()
	c.append(0, "x")
	c.stop(0)
	_, err = m.Append(m.ctx, []byte("x"))
	if !errors.Is(err, ErrNotRunning) || !strings.Contains(err.Error(), "stopped") {
		t.Errorf("after Stop: %v", err)
	}
	if _, role, _ := m.Status(); role != RoleStopped {
		t.Errorf("role after Stop is %d", role)
	}
	m.Stop() // Again: nothing happens.
}

func TestCommandAtTheLimit(t *testing.T) {
	c := startCluster(t, 3, nil)
	largest := strings.Repeat("x", CommandMax)
	c.append((c.leader()+1)%3, largest) // Through a follower: forwarded, replicated, applied.
	c.agree([]string{largest})
	before := c.members[0].Stats().Last
	for i, m := range c.members {
		_, err := m.Append(m.ctx, []byte(largest+"x"))
		if !errors.Is(err, ErrTooLarge) || verror.Action(err) != verror.NoRetry {
			t.Errorf("one byte above the limit, member %d: %v", i, err)
		}
	}
	if after := c.members[0].Stats().Last; after != before {
		t.Errorf("the log grew from %d to %d", before, after)
	}
}

func TestAppendWithoutALeader(t *testing.T) {
	c := newCluster(t, 3, nil)
	c.introduce()
	m := c.members[0]
	m.Start() // One of three: no leader.
	ctx, cancel := context.WithTimeout(m.ctx, 100*time.Millisecond)
	defer cancel()
	_, err := m.Append(ctx, []byte("x"))
	if !errors.Is(err, ErrNoLeader) || !errors.Is(err, stdcontext.DeadlineExceeded) {
		t.Errorf("got %v, want ErrNoLeader and the deadline", err)
	}
	ctx, cancel = context.WithTimeout(m.ctx, 100*time.Millisecond)
	defer cancel()
	_, err = m.ReadIndex(ctx)
	if !errors.Is(err, ErrNoLeader) {
		t.Errorf("ReadIndex: %v", err)
	}
	if err := m.Ready(); err == nil {
		t.Error("a member without a leader says that it is ready")
	}
	if err := m.Live(); err != nil {
		t.Errorf("a member without a leader says that it is dead: %v", err)
	}
}

func TestAppendWaitsForALeader(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, nil)
	c.introduce()
	c.members[0].Start()
	done := make(chan error, 1)
	go func() {
		_, err := c.members[0].Append(c.members[0].ctx, []byte("x"))
		done <- err
	}()
	c.members[1].Start()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestContextEndsTheCallAtOnceAndSaysThatTheOutcomeIsUnknown(t *testing.T) {
	c := startCluster(t, 3, nil)
	leader := c.leader()
	m := c.members[leader]
	c.append(leader, "before")
	for i := range c.members {
		if i != leader {
			c.stop(i) // The leader logs the command but cannot commit it.
		}
	}
	ctx, cancel := context.WithCancel(m.ctx)
	before := m.Stats().Last
	done := make(chan error, 1)
	go func() {
		_, err := m.Append(ctx, []byte("x"))
		done <- err
	}()
	eventually(t, "the command is in the leader's log", func() bool { return m.Stats().Last > before })
	cancel()
	err := <-done
	if !errors.Is(err, ErrOutcomeUnknown) {
		t.Fatalf("got %v, want ErrOutcomeUnknown", err)
	}
	if verror.ErrorID(err) != ErrOutcomeUnknown.ID || verror.Action(err) != verror.NoRetry {
		t.Errorf("%v is not a verror of that id with NoRetry", err)
	}
	_, _, term, index, unknownCause, perr := ParamsErrOutcomeUnknown(err)
	now := m.Stats()
	if perr != nil || term != now.Term || index != now.Last || !errors.Is(unknownCause, stdcontext.Canceled) {
		t.Errorf("parameters: term %d, index %d, cause %v, %v; the command stands at term %d, index %d",
			term, index, unknownCause, perr, now.Term, now.Last)
	}
}

func TestStopEndsWaitingCallsWithAnUnknownOutcome(t *testing.T) {
	c := startCluster(t, 2, nil)
	leader := c.leader()
	m := c.members[leader]
	c.stop(1 - leader)
	before := m.Stats().Last
	done := make(chan error, 1)
	go func() {
		_, err := m.Append(m.ctx, []byte("x"))
		done <- err
	}()
	eventually(t, "the command is in the leader's log", func() bool { return m.Stats().Last > before })
	c.stop(leader)
	if err := <-done; !errors.Is(err, ErrOutcomeUnknown) {
		t.Errorf("got %v, want ErrOutcomeUnknown", err)
	}
}

func TestReadIndexCoversEveryCompletedWrite(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 3, nil)
	for i := range 20 {
		c.append(i%3, fmt.Sprint(i))
		reader := c.members[(i+1)%3]
		at, err := reader.ReadIndex(reader.ctx)
		if err != nil {
			t.Fatal(err)
		}
		if got := reader.client.all(); len(got) != i+1 || got[i].Index > at {
			t.Fatalf("after %d writes and ReadIndex = %d the member has applied %d", i+1, at, len(got))
		}
	}
}

func TestReadIndexNeedsAQuorum(t *testing.T) {
	c := startCluster(t, 3, nil)
	leader := c.leader()
	c.append(leader, "x")
	for i := range c.members {
		if i != leader {
			c.stop(i)
		}
	}
	m := c.members[leader]
	ctx, cancel := context.WithTimeout(m.ctx, 300*time.Millisecond)
	defer cancel()
	if at, err := m.ReadIndex(ctx); err == nil {
		t.Errorf("a leader without a quorum answered a read with index %d", at)
	}
}

func TestAppendCopiesTheCommand(t *testing.T) {
	c := startCluster(t, 1, nil)
	cmd := []byte("as it was")
	if _, err := c.members[0].Append(c.ctx, cmd); err != nil {
		t.Fatal(err)
	}
	copy(cmd, "changed!!")
	c.agree([]string{"as it was"})
}

func TestStartElectionMovesLeadershipToTheCaller(t *testing.T) {
	t.Parallel()
	// A wish to lead lives for 12 heartbeats: enough of them for a machine that is busy.
	c := newCluster(t, 3, func(_ int, config *RaftConfig) { config.Heartbeat = 250 * time.Millisecond })
	c.start()
	c.leader() // The first call comes just after an election.
	var want []string
	for i := range 20 {
		c.members[i%3].StartElection()
		eventually(t, "the caller leads", func() bool { return c.leader() == i%3 })
		want = append(want, fmt.Sprint(i))
		c.append((i+1)%3, want[i])
	}
	c.agree(want)
}
