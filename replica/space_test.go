package replica_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/replica"
)

// fill takes the room away from all members' disks, or gives it back.
func (c *cluster) fill(full bool) {
	for _, m := range c.members {
		m.log.Fill(full)
	}
}

// try proposes once.
func (m *member) try(payload string) error {
	ctx, cancel := context.WithTimeout(m.t.Context(), 10*time.Second)
	defer cancel()
	_, _, err := m.Propose(ctx, []byte(payload))
	return err
}

// awaitSpace waits for the event that says that there is no room, or that there is some again.
func awaitSpace(t *testing.T, s *replica.Subscription, full bool) {
	t.Helper()
	for deadline := time.After(30 * time.Second); ; {
		select {
		case e := <-s.Events():
			if e.Kind == replica.EventSpace && errors.Is(e.Err, entry.ErrNoSpace) == full {
				return
			}
		case <-deadline:
			t.Fatalf("no event that says full=%v", full)
		}
	}
}

// TestNoSpaceEverywhere fills all disks: commands are refused at once, certainly not proposed, at leader
// and followers; the leader leads on and reads are answered; with room the service returns by itself, and
// nobody's log has lost or doubled anything.
func TestNoSpaceEverywhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 3, nil).start()
		leader := c.leader()
		leader.proposeMany(10, "before")
		c.converge()
		events := leader.Subscribe(1000)
		term := leader.Status().Term
		c.fill(true)
		// The first one finds out: it is on its way to the disk, and stays there.
		first := leader.proposeLater("first")
		awaitSpace(t, events, true)
		time.Sleep(2 * time.Second) // It tries to hand over, to members that are as full.
		if err := leader.try("refused"); !errors.Is(err, replica.ErrNoSpace) || errors.Is(err, replica.ErrOutcomeUnknown) {
			t.Errorf("a command at a full leader: %v", err)
		}
		if err := c.follower().try("refused too"); !errors.Is(err, replica.ErrNoSpace) {
			t.Errorf("a command through a follower of a full leader: %v", err)
		}
		time.Sleep(10 * time.Second)
		if s := leader.Stats(); s.Role != core.Leader || s.Term != term || !s.Full || s.Failure != nil || s.Stalled {
			t.Errorf("a full leader: %+v", s)
		}
		if _, err := leader.ReadIndex(t.Context()); err != nil {
			t.Errorf("a read at a full leader: %v", err)
		}
		c.fill(false)
		awaitSpace(t, events, false)
		if a := <-first; a.err != nil {
			t.Errorf("the command that was under way: %v", a.err)
		}
		leader.propose("after")
		c.converge()
		if n := len(leader.machine.all()); n != 12 {
			t.Errorf("%d commands were applied, want 12", n)
		}
		if leader.Stats().Full {
			t.Error("still called full")
		}
	})
}

// TestNoSpaceAtTheLeader fills the leader's disk only: it hands over to a member with room, and as a
// follower acknowledges nothing that it cannot write, until it has room.
func TestNoSpaceAtTheLeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatched(t, 3, nil)
		for _, m := range w.members {
			m.start()
		}
		old := w.leader()
		old.propose("before")
		w.converge()
		old.log.Fill(true)
		events := old.Subscribe(1000)
		answer := old.proposeLater("under way")
		awaitSpace(t, events, true)
		old.await("another leader", func(s replica.Status) bool { return s.Leader != old.id && s.Leader != "" })
		at := w.leader().propose("elsewhere")
		time.Sleep(5 * time.Second)
		if err := old.try("refused"); !errors.Is(err, replica.ErrNoSpace) || errors.Is(err, replica.ErrOutcomeUnknown) {
			t.Errorf("a command at a full follower: %v", err)
		}
		if _, err := old.ReadIndex(t.Context()); !errors.Is(err, replica.ErrNoSpace) {
			t.Errorf("a read of what a full follower cannot take: %v", err)
		}
		acked := w.spies[old.id].count(func(m *core.Message) bool {
			return m.Kind == core.MsgAppendReply && !m.Reject && m.Match >= at.Index
		})
		if acked > 0 {
			t.Errorf("%d acks of entry %d left a member that had no room for it", acked, at.Index)
		}
		if s := old.Status(); s.Role == core.Leader || !s.Running {
			t.Errorf("the full member: %+v", s)
		}
		old.log.Fill(false)
		awaitSpace(t, events, false)
		if a := <-answer; a.err != nil {
			t.Errorf("the command under way: %v", a.err)
		}
		w.converge()
	})
}

// TestNoSpaceVoting fills the disks of two followers, of which one must vote for the third member when the
// leader goes: it does, although its own log takes nothing.
func TestNoSpaceVoting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 3, nil).start()
		leader := c.leader()
		leader.propose("before")
		c.converge()
		full := c.follower()
		full.log.Fill(true)
		events := full.Subscribe(1000)
		leader.propose("not here")
		awaitSpace(t, events, true)
		term := leader.Status().Term
		leader.stop()
		third := c.leader()
		if third == full || third.Status().Term <= term {
			t.Errorf("%s leads: %+v", third.id, third.Status())
		}
		if vote := full.Status().Vote; vote != third.id {
			t.Errorf("the full member's vote is %q, want %q", vote, third.id)
		}
		full.log.Fill(false)
		third.propose("after")
		c.converge()
	})
}

// TestNoSpaceAtTheStart starts a member whose disk is full: it is told, and nothing is refused but
// entries.
func TestNoSpaceAtTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 1, nil)
		c.configure = func(m *member, config *replica.Config) {
			m.log.Fill(true)
			config.Log.(replica.Healer).Room(true)
		}
		c.start()
		m := c.members[0]
		time.Sleep(5 * time.Second)
		if s := m.Stats(); s.Role == core.Leader || !s.Full || !s.Running {
			t.Errorf("a member that started without room: %+v", s)
		}
		m.log.Fill(false)
		c.leader().propose("with room")
	})
}

// plainLog hides what a log can do beside storing.
type plainLog struct{ replica.LogStore }

// TestNoSpaceWithoutHealer: a store that cannot tell whether there is room is poisoned by the lack of it.
func TestNoSpaceWithoutHealer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 1, func(_ *member, config *replica.Config) { config.Log = plainLog{config.Log} }).start()
		m := c.leader()
		m.log.Fill(true)
		_ = m.try("x")
		if err := ended(t, m); !errors.Is(err, replica.ErrPoisoned) {
			t.Errorf("Err is %v", err)
		}
	})
}
