package explore

import (
	"testing"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
)

// items makes a log; equal numbers are equal entries, the tens are terms.
func items(ids ...uint32) []item {
	var all []item
	for _, id := range ids {
		all = append(all, item{id: id, term: entry.Term(id / 10)})
	}
	return all
}

// seenAs makes a member's view whose log is durable.
func seenAs(member int, s core.Status, log ...uint32) *view {
	v := &view{member: member, status: s, log: items(log...)}
	v.disk = disk{log: v.log, hard: entry.HardState{Term: s.Term, Vote: s.Vote}}
	return v
}

// led is a truth of which member 0 led term 1 and has committed two entries.
func led() *truth {
	three := entry.Configuration{Members: []entry.Member{{ID: "a"}, {ID: "b"}, {ID: "c"}}}
	t := newTruth(&three, 4)
	t.votes[2] = [membersMax]uint8{0, 2, 2}
	t.committed, t.within = items(10, 11), []entry.Term{1, 1}
	t.leaders[1] = 1
	return t
}

// planted is a step, and whether it is sound or breaks the invariant named.
type planted struct {
	invariant string
	step      *change
	sound     bool
}

// wantFound lets the checkers of steps look at each.
func wantFound(t *testing.T, all []planted) {
	t.Helper()
	for _, c := range all {
		got := monotone(c.step)
		if got == nil {
			got = acks(c.step)
		}
		if got == nil {
			got = led().learn(c.step)
		}
		if c.sound != (got == nil) || got != nil && got.invariant != c.invariant {
			t.Errorf("%s, sound %v: found %+v in %+v", c.invariant, c.sound, got, *c.step)
		}
	}
}

// step is a change of one member that sends the messages.
func step(before, after *view, sends ...*core.Message) *change {
	return &change{before: before, after: after, sends: sends}
}

// but returns the status changed by f.
func but(s core.Status, f func(*core.Status)) core.Status {
	f(&s)
	return s
}

var (
	follower = core.Status{Role: core.Follower, Term: 2}
	leader   = core.Status{Role: core.Leader, Term: 2, Commit: 1}
)

// Each invariant of elections is broken by a step that is planted, under its name; the sound one
// beside it is not.
func TestPlantedElections(t *testing.T) {
	first := core.Status{Role: core.Candidate, Term: 1}
	leads := core.Status{Role: core.Leader, Term: 1}
	voted := but(follower, func(s *core.Status) { s.Vote = "b" })
	other := but(follower, func(s *core.Status) { s.Vote = "c" })
	grant := &core.Message{Kind: core.MsgVoteReply, From: "a", To: "b", Term: 2}
	unsaved := seenAs(0, voted)
	unsaved.disk.hard = entry.HardState{Term: 1}
	wantFound(t, []planted{
		{"election safety", step(seenAs(1, first), seenAs(1, leads, 10, 11)), false},
		{"election safety", step(seenAs(0, first), seenAs(0, leads, 10, 11)), true},
		{"leader completeness", step(seenAs(1, follower), seenAs(1, leader, 10)), false},
		{"leader completeness", step(seenAs(1, follower), seenAs(1, leader, 10, 12)), false},
		{"leader completeness", step(seenAs(1, follower), seenAs(1, leader, 10, 11)), true},
		{"a leader is voted for", step(seenAs(0, follower), seenAs(0, leader, 10, 11)), false},
		{"one vote per term", step(seenAs(0, voted), seenAs(0, other)), false},
		{"one vote per term", step(seenAs(0, voted), seenAs(0, follower)), false},
		{"one vote per term", step(seenAs(0, follower), seenAs(0, voted)), true},
		{"promises are durable", step(seenAs(0, follower), unsaved, grant), false},
		{"promises are durable", step(seenAs(0, follower), seenAs(0, voted), grant), true},
		{"terms only grow", step(seenAs(0, follower), seenAs(0, first)), false},
	})
}

// Each invariant of logs and reads, likewise.
func TestPlantedReplication(t *testing.T) {
	committed := but(follower, func(s *core.Status) { s.Commit = 2 })
	reached := func(index entry.Index) core.Status {
		return but(leader, func(s *core.Status) { s.Commit = index })
	}
	ack := &core.Message{Kind: core.MsgAppendReply, From: "a", To: "b", Term: 2, Match: 2}
	restarted := seenAs(0, follower, 10, 11)
	restarted.run++
	matching := func(match entry.Index) *view {
		v := seenAs(0, leader, 10, 11)
		v.match[1] = match
		return v
	}
	alone := seenAs(0, leader, 10, 11, 20)
	alone.log[2].configuration = &entry.Configuration{Members: []entry.Member{{ID: "a"}}}
	answer := func(index entry.Index) *change {
		c := step(seenAs(0, follower), seenAs(0, follower))
		c.asked, c.reads = 1, []core.ReadPoint{{Read: 1, Index: index}}
		return c
	}
	unasked := answer(2)
	unasked.asked = 0
	wantFound(t, []planted{
		{"promises are durable", step(seenAs(0, follower), seenAs(0, follower, 10), ack), false},
		{"promises are durable", step(seenAs(0, follower), seenAs(0, follower, 10, 11), ack), true},
		{"state machine safety", step(seenAs(0, follower), seenAs(0, committed, 10, 12)), false},
		{"state machine safety", step(seenAs(0, follower), seenAs(0, committed, 10)), false},
		{"state machine safety", step(seenAs(0, follower), seenAs(0, committed, 10, 11)), true},
		{"a leader counts its own term", step(seenAs(0, reached(0), 10, 11), seenAs(0, reached(1), 10, 11)), false},
		{"a leader counts its own term", step(seenAs(0, reached(0), 10, 11, 20), seenAs(0, reached(2), 10, 11, 20)), false},
		{"a leader counts its own term", step(seenAs(0, reached(0), 10, 11, 20), seenAs(0, reached(3), 10, 11, 20)), true},
		{"commit only grows", step(seenAs(0, committed, 10, 11), seenAs(0, follower, 10, 11)), false},
		{"commit only grows", step(seenAs(0, committed, 10, 11), restarted), true},
		{"match only grows", step(matching(2), matching(1)), false},
		{"match only grows", step(matching(1), matching(2)), true},
		{"match only grows", step(matching(2), alone), true},
		{"reads are never old", answer(1), false},
		{"reads are never old", answer(2), true},
		{"reads are answered once", unasked, false},
	})
}

// A vote that was said and is forgotten over a crash is found at the restart.
func TestForgottenVote(t *testing.T) {
	known := led()
	before := seenAs(1, core.Status{Term: 3, Vote: "c"})
	grant := &core.Message{Kind: core.MsgVoteReply, From: "b", To: "c", Term: 3}
	if b := known.learn(&change{before: before, after: before, sends: []*core.Message{grant}}); b != nil {
		t.Fatal(b)
	}
	after := seenAs(1, core.Status{Term: 3})
	after.run++
	if b := known.learn(&change{before: before, after: after}); b == nil || b.invariant != "promises are durable" {
		t.Errorf("found %+v", b)
	}
	twice := &core.Message{Kind: core.MsgVoteReply, From: "b", To: "a", Term: 3}
	lies := seenAs(1, core.Status{Term: 3, Vote: "a"})
	if b := known.learn(&change{before: lies, after: lies, sends: []*core.Message{twice}}); b == nil ||
		b.invariant != "one vote per term" {
		t.Errorf("found %+v", b)
	}
}

// lost makes the view of a member whose log of one entry once held more.
func lost(s core.Status, held entry.Index) *view {
	v := seenAs(1, s, 10)
	v.disk.held = entry.Position{Index: held, Term: 1}
	return v
}

// What holds of states is checked on pairs of members and on all of them.
func TestPlantedStates(t *testing.T) {
	counts := func(v *view, match entry.Index) *view { v.match[1] = match; return v }
	for _, c := range []struct {
		invariant string
		all       []*view
	}{
		{"", []*view{seenAs(0, leader, 10, 11), seenAs(1, follower, 10, 11), seenAs(2, follower, 10)}},
		{"log matching", []*view{
			seenAs(0, leader, 10, 11, 20), seenAs(1, follower, 10, 12, 20), seenAs(2, follower, 10, 11),
		}},
		{"match is durable", []*view{
			counts(seenAs(0, leader, 10, 11), 2), seenAs(1, follower, 10), seenAs(2, follower, 10, 11),
		}},
		{"", []*view{counts(seenAs(0, leader, 10, 11), 2), seenAs(1, follower, 10, 11), seenAs(2, follower)}},
		{"committed lasts", []*view{seenAs(0, leader, 10, 11), seenAs(1, follower, 10), seenAs(2, follower, 10, 20)}},
		// One that has lost entry 2 votes as if it had it, and does not stand; the leader may not know yet.
		{"", []*view{counts(seenAs(0, leader, 10, 11), 2), lost(follower, 2), seenAs(2, follower, 10)}},
		{"committed lasts", []*view{seenAs(0, leader, 10, 11), lost(follower, 1), seenAs(2, follower, 10)}},
		{"a lost end does not stand", []*view{lost(leader, 2), seenAs(1, follower, 10, 11), seenAs(2, follower, 10, 11)}},
	} {
		got := standing(c.all, 0, led())
		if (got == nil) != (c.invariant == "") || got != nil && got.invariant != c.invariant {
			t.Errorf("want %q, found %+v", c.invariant, got)
		}
	}
}

// Two configurations that are not committed are found; what a restarted leader does not know to be
// committed is none.
func TestPlantedChanges(t *testing.T) {
	v := seenAs(0, but(leader, func(s *core.Status) { s.Commit = 0 }), 10, 11, 20, 21)
	v.log[1].configuration, v.log[2].configuration = &entry.Configuration{}, &entry.Configuration{}
	if b := single(v, led()); b != nil {
		t.Errorf("found %+v", b)
	}
	v.log[3].configuration = &entry.Configuration{}
	if b := single(v, led()); b == nil || b.invariant != "one change at a time" {
		t.Errorf("found %+v", b)
	}
}

// A command that is committed twice is found.
func TestPlantedTwice(t *testing.T) {
	l := newLab(&Space{Members: 3})
	frame := func(at entry.Index) item {
		return l.item(build(entry.Header{Index: at, Term: 1, Origin: 7, Sequence: 1}, []byte{1}))
	}
	known := newTruth(&entry.Configuration{}, 1)
	known.committed = []item{frame(1)}
	if b := l.once(known); b != nil {
		t.Fatalf("found %+v", b)
	}
	known.committed = append(known.committed, frame(2))
	if b := l.once(known); b == nil || b.invariant != "at most once" {
		t.Errorf("found %+v", b)
	}
}

// A member that stops is found: here one that is told another entry in the place of a committed one.
func TestPlantedStop(t *testing.T) {
	x := newSearch(&Space{Members: 3, Terms: 3, Entries: 4, Messages: 4, Led: true}, 0)
	s := x.begin()
	if n := x.lab.nodes.items[s.nodes[1]]; n.status.Commit == 0 {
		t.Fatalf("b has committed nothing: %+v", n.status)
	}
	other := build(entry.Header{Index: 1, Term: 2, Origin: 7, Sequence: 1}, []byte{1})
	lie := x.lab.packet(packet{message: core.Message{
		Kind: core.MsgAppend, From: "c", To: "b", Term: 2, Entries: core.Range{First: 1, Count: 1},
		Body: []*entry.Block{other},
	}})
	s.packets = []uint32{lie}
	_, wrong := x.lab.take(&s, event{kind: arrives, member: 1, arg: lie}, &Seen{})
	if wrong == nil || wrong.invariant != "members go on" {
		t.Errorf("found %+v", wrong)
	}
}

// What survives of a batch is a prefix, and a snapshot that the log does not contain takes its place.
func TestDisk(t *testing.T) {
	ten := items(10)[0]
	d := disk{log: items(10, 11)}
	for _, w := range []write{
		{hard: &entry.HardState{Term: 2, Vote: "b"}}, {truncate: 2}, {entry: &ten}, {seq: 1, commit: 1},
	} {
		d.apply(&w)
	}
	if d.hard.Vote != "b" || len(d.log) != 2 || d.log[1] != ten || d.commit != 1 {
		t.Errorf("the disk holds %+v", d)
	}
	d.lose(1)
	if d.held != (entry.Position{Index: 2, Term: 1}) || len(d.log) != 1 || d.lacks(ten, 3) || !d.lacks(ten, 2) {
		t.Errorf("with its end lost the disk holds %+v", d)
	}
	d.lose(0)
	if d.apply(&write{entry: &ten}); d.held.Index != 2 {
		t.Errorf("with a part of what it lost the disk holds %+v", d)
	}
	if d.apply(&write{entry: &ten}); d.held.Index != 0 || len(d.log) != 2 {
		t.Errorf("with what it lost the disk holds %+v", d)
	}
	image := &image{log: items(10, 12), meta: entry.SnapshotMeta{Index: 2, Term: 1}}
	d.snapshot = image
	if kept := d.kept(); len(kept) != 2 || kept[1] != image.log[1] {
		t.Errorf("starts again with %v, want the snapshot", kept)
	}
	d.apply(&write{reset: image})
	if d.base.Index != 2 || len(d.kept()) != 2 {
		t.Errorf("after the reset the disk holds %+v", d)
	}
}
