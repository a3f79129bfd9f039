package raft

import (
	stdcontext "context"
	"errors"
	"testing"
	"time"

	"v.io/v23/context"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/replica"
)

// until reads events until one is what ok looks for, and returns it and those before.
func until(t *testing.T, c *cluster, s *Subscription, what string, ok func(Event) bool) []Event {
	t.Helper()
	var seen []Event
	for ctx := c.soon(); ; {
		e, err := s.Next(ctx)
		if err != nil {
			t.Fatalf("waiting for %s: %v; seen %+v", what, err, seen)
		}
		if seen = append(seen, e); ok(e) {
			return seen
		}
	}
}

func TestEventsTellWhatHappens(t *testing.T) {
	c := newCluster(t, 1, func(_ int, config *RaftConfig) { config.SnapshotThreshold = 20 })
	m := c.members[0]
	s := m.Subscribe(0)
	defer s.Close()
	m.Start()
	seen := until(t, c, s, "the role of leader", func(e Event) bool { return e.Kind == EventRole && e.Role == RoleLeader })
	if last := seen[len(seen)-1]; last.Was != RoleCandidate || last.Term == 0 || last.Leader != m.ID() {
		t.Errorf("the member leads: %+v", last)
	}
	if seen[0].Kind != EventTerm || seen[0].Term == 0 {
		t.Errorf("the first event is %+v, want the first term", seen[0])
	}
	until(t, c, s, "the leader", func(e Event) bool { return e.Kind == EventLeader && e.Leader == m.ID() })
	c.append(0, "x")
	c.join()
	c.add(0, 1)
	until(t, c, s, "the new member set", func(e Event) bool { return e.Kind == EventMembership && len(m.Members()) == 2 })
	other := c.members[1].Subscribe(0)
	defer other.Close()
	if err := m.TransferLeadership(c.soon(), c.members[1].ID()); err != nil {
		t.Fatal(err)
	}
	until(t, c, s, "the role of follower", func(e Event) bool { return e.Kind == EventRole && e.Was == RoleLeader })
	until(t, c, other, "the role of leader", func(e Event) bool { return e.Kind == EventRole && e.Role == RoleLeader })
	for range 40 {
		c.append(1, "y")
	}
	taken := until(t, c, s, "a snapshot", func(e Event) bool { return e.Kind == EventSnapshotTaken })
	if last := taken[len(taken)-1]; last.Index < 20 || last.Err != nil {
		t.Errorf("the snapshot: %+v", last)
	}
}

func TestSlowSubscriberIsToldWhatItMissed(t *testing.T) {
	c := newCluster(t, 1, nil)
	m := c.members[0]
	s := m.Subscribe(1)
	defer s.Close()
	m.Start()
	c.append(0, "x") // Term, role and leader have changed since: only the first event has room.
	c.join()
	ctx := c.soon()
	first, err := s.Next(ctx)
	if err != nil || first.Missed != 0 {
		t.Fatalf("the first event is %+v, %v", first, err)
	}
	dropped := s.Dropped()
	if dropped < 2 {
		t.Errorf("%d events were dropped", dropped)
	}
	c.add(0, 1)
	next, err := s.Next(ctx)
	if err != nil || next.Missed != dropped {
		t.Errorf("the next event is %+v, %v, want it to tell of %d that were dropped", next, err, dropped)
	}
}

func TestSubscriptionEnds(t *testing.T) {
	c := startCluster(t, 1, nil)
	c.append(0, "x")
	s, closed := c.members[0].Subscribe(0), c.members[0].Subscribe(0)
	ctx, cancel := context.WithTimeout(c.ctx, time.Millisecond)
	defer cancel()
	if _, err := s.Next(ctx); !errors.Is(err, stdcontext.DeadlineExceeded) {
		t.Errorf("with nothing to tell: %v", err)
	}
	closed.Close()
	closed.Close()
	if _, err := closed.Next(c.soon()); !errors.Is(err, ErrNotRunning) {
		t.Errorf("after Close: %v", err)
	}
	c.stop(0)
	for { // What happened at the end comes first.
		if _, err := s.Next(c.soon()); err != nil {
			if !errors.Is(err, ErrNotRunning) {
				t.Errorf("after Stop: %v", err)
			}
			return
		}
	}
}

func TestEveryKindOfEventHasItsName(t *testing.T) {
	for kind := replica.EventTerm; kind <= replica.EventFailed; kind++ {
		if got := eventKinds[kind]; string(got) != kind.String() {
			t.Errorf("%v is called %q", kind, got)
		}
	}
	if extra := replica.EventFailed + 1; len(eventKinds) != int(extra)-1 {
		t.Errorf("%d kinds have a name", len(eventKinds))
	}
}

// Each field of an event reaches the subscriber, a stall's among them.
func TestEventsKeepTheirFields(t *testing.T) {
	failed := errors.New("failed")
	for kind := replica.EventTerm; kind <= replica.EventFailed; kind++ {
		got := newEvent(replica.Event{
			Kind: kind, At: 1, Term: 2, Role: core.Leader, Was: core.PreCandidate, Leader: "a", Index: 3, Member: "b",
			Stalled: kind == replica.EventStall, Err: failed, Missed: 4,
		})
		want := Event{
			Kind: EventKind(kind.String()), Term: 2, Role: RoleLeader, Was: RoleCandidate, Leader: "a", Index: 3, Member: "b",
			Stalled: got.Kind == EventStall, Err: failed, Missed: 4,
		}
		if got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
	}
}
