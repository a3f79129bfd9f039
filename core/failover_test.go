package core_test

import (
	"slices"
	"testing"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
)

// This file: how long a cluster is without a leader, over many seeds in virtual time.

// failover crashes the leader of n members and returns how long the others are without one. told is
// whether the transport says at once that the connections broke.
func failover(t *testing.T, n int, seed uint64, leases, told bool) core.Instant {
	t.Helper()
	w := newWorld(n, seed, leases)
	w.startAll()
	w.run(3000 * millisecond)
	old := w.leading("")
	for range 5 {
		old.propose()
	}
	w.run(w.between(200*millisecond, 300*millisecond))
	if w.failure != nil || old.core.Status().Role != core.Leader {
		t.Fatalf("seed %d: %v", seed, w.failure)
	}
	old.crash()
	began := w.now
	for _, id := range w.ids {
		if m := w.members[id]; told && m != old {
			// After everything that was on its way: a connection breaks behind what it carried.
			w.after(w.between(w.network.delay, 2*w.network.delay), func() { m.step(core.Input{Lost: []entry.MemberID{old.id}}) })
		}
	}
	for w.leading(old.id) == nil {
		if w.run(millisecond); w.failure != nil || w.now-began > 10000*millisecond {
			t.Fatalf("seed %d: no leader after %d ms: %v", seed, (w.now-began)/millisecond, w.failure)
		}
	}
	return w.now - began
}

// leading returns the member that leads, nil for none; not counts as down.
func (w *world) leading(not entry.MemberID) *machine {
	for _, id := range w.ids {
		if m := w.members[id]; id != not && m.core != nil && m.core.Status().Role == core.Leader {
			return m
		}
	}
	return nil
}

// TestFailover bounds the time without a leader: the median and the worst of many seeds, in heartbeats.
// A rule that lets two candidates take each other's votes again and again, or lets one wait a whole
// time-out for votes that it cannot get, shows in the worst.
func TestFailover(t *testing.T) {
	const seeds = 400
	for _, row := range []struct {
		name          string
		n             int
		leases, told  bool
		median, worst core.Instant
	}{
		{"three members, the connection breaks", 3, false, true, 2, 6},
		{"three members, silence", 3, false, false, 8, 14},
		{"five members, the connection breaks", 5, false, true, 2, 6},
		{"five members, silence", 5, false, false, 8, 14},
		{"three members with leases, the connection breaks", 3, true, true, 8, 16},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			var all []core.Instant
			for seed := range uint64(seeds) {
				all = append(all, failover(t, row.n, seed, row.leases, row.told))
			}
			slices.Sort(all)
			median, worst := all[seeds/2], all[seeds-1]
			t.Logf("median %d ms, 99 of 100 %d ms, worst %d ms", median/millisecond, all[seeds*99/100]/millisecond,
				worst/millisecond)
			if median > row.median*beat || worst > row.worst*beat {
				t.Errorf("median %d ms and worst %d ms, want at most %d and %d ms", median/millisecond, worst/millisecond,
					row.median*beat/millisecond, row.worst*beat/millisecond)
			}
		})
	}
}

// A candidate that is refused in its own term stands again soon, by a pre-vote, and does not wait a
// whole time-out; one that hears nothing waits, since votes take as long as a disk takes.
func TestContestedCandidateStandsAgainSoon(t *testing.T) {
	for seed := range uint64(100) {
		p := newSolo(t, setting{limits: core.Config{Seed: seed}})
		p.candidate()
		if wait := p.core.Deadline() - p.now; wait < 5*beat {
			t.Fatalf("a candidate that has heard nothing waits %d ms", wait/millisecond)
		}
		p.receive(core.Message{Kind: core.MsgVoteReply, From: "b", Term: p.term(), Reject: true})
		if wait := p.core.Deadline() - p.now; wait < beat || wait >= 3*beat {
			t.Fatalf("a candidate that was refused waits %d ms", wait/millisecond)
		}
		term := p.term()
		p.expire()
		if p.want(core.PreCandidate); p.term() != term {
			t.Fatal("it raised the term without a pre-vote")
		}
	}
}
