package core_test

import (
	"bytes"
	"slices"
	"testing"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
)

// This file: what a leader sends to whom, and how much of it.

// Thesis, section 10.2.1 (pipelining): entries follow each other without waiting for acks, within a
// window counted in bytes; each message is bounded in bytes, too. The window begins with two messages,
// grows by what is acknowledged up to its bound, and halves when the connection breaks.
func TestPaperWindowIsBoundedInBytes(t *testing.T) {
	limits := core.Config{Message: 300, Window: 1000, Tail: 1 << 20, Uncommitted: 1 << 20}
	p := newSolo(t, setting{limits: limits})
	p.lead()
	p.ack("b", 1, 0)
	next, acked := entry.Index(2), entry.Index(1)
	// take counts the messages that went to b, each of which must continue the one before.
	take := func() int {
		sent := p.sent(core.MsgAppend, "b")
		for _, m := range sent {
			if m.Entries.First != next || m.Entries.Count != 3 || m.Index != next-1 {
				t.Fatalf("sent %+v, want 3 entries from %d", m.Entries, next)
			}
			next = m.Entries.Last() + 1
		}
		return len(sent)
	}
	ack := func() {
		acked += 3
		p.ack("b", acked, 0)
	}
	if p.propose(300, 100); take() != 2 {
		t.Fatalf("the first window ends before entry %d, want 2 messages", next)
	}
	if p.propose(1, 100); len(p.sent(core.MsgAppend, "b")) != 0 {
		t.Fatal("sent beyond the window")
	}
	for i, want := range []int{2, 2, 1, 1, 1, 1} { // 900 bytes, then 1000: in flight 3, 4, 4, ... messages
		if ack(); take() != want {
			t.Fatalf("after ack %d the window ends before entry %d with %d acknowledged, want %d messages",
				i+1, next, acked, want)
		}
	}
	p.step(core.Input{Lost: []entry.MemberID{"b"}})
	p.expire()
	if m := p.only(core.MsgAppend, "b"); m.Index != acked || m.Entries.Count != 0 {
		t.Fatalf("probes with %+v", m)
	}
	p.ack("b", acked, 0)
	if next = acked + 1; take() != 2 {
		t.Errorf("after a loss the window ends before entry %d with %d acknowledged, want 2 messages", next, acked)
	}
}

// A refusal of entries that were sent on trust means that something before them was lost: the window
// halves, too, but one message is always sent.
func TestWindowHalvesWithALostMessage(t *testing.T) {
	limits := core.Config{Message: 300, Window: 1 << 20, Tail: 1 << 20, Uncommitted: 1 << 20}
	p := newSolo(t, setting{limits: limits})
	p.lead()
	p.agree()
	p.propose(300, 100)
	var sizes []int
	for last := entry.Index(1); len(sizes) < 6; {
		sent := p.sent(core.MsgAppend, "b")
		sizes = append(sizes, len(sent))
		if len(sizes) == 3 {
			p.receive(p.refusal("b", sent[len(sent)-1].Index, at(last, p.term())))
			continue
		}
		last = sent[len(sent)-1].Entries.Last()
		p.ack("b", last, 0)
	}
	if want := []int{2, 4, 8, 1, 4, 8}; !slices.Equal(sizes, want) {
		t.Errorf("sent %d messages, want %d", sizes, want)
	}
}

// One entry always travels, however large.
func TestPaperOneEntryAlwaysTravels(t *testing.T) {
	limits := core.Config{Message: 300, Window: 1000, Tail: 1 << 20, Uncommitted: 1 << 20}
	p := newSolo(t, setting{limits: limits})
	p.lead()
	p.agree()
	p.propose(2, 50000)
	if m := p.only(core.MsgAppend, "b"); m.Entries != (core.Range{First: 2, Count: 1}) {
		t.Errorf("sent %+v", m.Entries)
	}
}

// Paper, section 5.3: while it is unknown where the logs agree, one message at a time asks; the
// next heartbeat repeats it, since it may be lost.
func TestPaperProbeOneAtATime(t *testing.T) {
	p := newSolo(t, setting{terms: []entry.Term{1, 1}})
	p.candidate()
	p.receive(core.Message{Kind: core.MsgVoteReply, From: "b", Term: p.term()})
	if m := p.only(core.MsgAppend, "c"); m.Index != 2 || m.LogTerm != 1 {
		t.Fatalf("probes with %+v", m)
	}
	p.propose(3, 100)
	if got := p.sent(core.MsgAppend, "c"); len(got) != 0 {
		t.Fatalf("a second probe: %+v", got)
	}
	p.expire()
	if m := p.only(core.MsgAppend, "c"); m.Index != 2 || m.Entries.Count != 4 {
		t.Fatalf("the heartbeat's probe is %+v", m)
	}
	p.ack("c", 2, 0)
	p.propose(1, 100)
	if got := p.sent(core.MsgAppend, "c"); len(got) != 1 || got[0].Entries.First != 7 {
		t.Errorf("once they agree: %+v, want the new entry only", got)
	}
}

// Paper, section 5.3 (the optimisation): a refusal takes the leader back one term at a time, not
// one entry.
func TestPaperConflictHintSkipsTerms(t *testing.T) {
	var terms []entry.Term
	for term := entry.Term(1); term <= 5; term++ {
		for range 100 {
			terms = append(terms, term)
		}
	}
	p := newSolo(t, setting{terms: terms})
	p.lead()
	p.receive(p.refusal("b", 500, at(450, 2)))
	if m := p.only(core.MsgAppend, "b"); at(m.Index, m.LogTerm) != at(200, 2) {
		t.Errorf("probes %d of term %d next, want 200 of term 2", m.Index, m.LogTerm)
	}
	p.receive(p.refusal("c", 500, at(3, 1)))
	if m := p.only(core.MsgAppend, "c"); at(m.Index, m.LogTerm) != at(3, 1) {
		t.Errorf("probes %d of term %d next, want the other log's end, 3", m.Index, m.LogTerm)
	}
}

// A refusal that is late or impossible moves nothing.
func TestPaperLateRefusalsAreIgnored(t *testing.T) {
	p := newSolo(t, setting{terms: []entry.Term{1, 1, 1}})
	p.lead()
	p.agree()
	for _, m := range []core.Message{
		{Index: 2, Hint: 1, HintTerm: 1}, {Index: 3, Hint: 0}, {Index: 400, Hint: 0},
	} {
		m.Kind, m.From, m.Term, m.Reject = core.MsgAppendReply, "b", p.term(), true
		p.receive(m)
	}
	p.ack("b", 1, 0)
	p.propose(1, 100)
	if m := p.only(core.MsgAppend, "b"); m.Entries != (core.Range{First: 5, Count: 1}) {
		t.Errorf("sent %+v, want only the new entry", m.Entries)
	}
	p.sync()
	p.ack("c", 5, 0)
	p.wantCommit(5)
}

// A member that denies what it acknowledged, in answer to a message that was sent later, has lost its
// disk: it is asked again from there, and what is committed stays committed.
func TestPaperForgottenEntriesAreSentAgain(t *testing.T) {
	p := newSolo(t, setting{})
	p.lead()
	p.agree()
	p.wantCommit(1)
	p.expire()
	refusal := p.refusal("b", 1, at(0, 0))
	refusal.Round = p.only(core.MsgAppend, "b").Round
	p.receive(refusal)
	if m := p.only(core.MsgAppend, "b"); m.Index != 0 || m.Entries.Count != 1 {
		t.Errorf("sent %+v, want the log from its beginning", m.Entries)
	}
	p.wantCommit(1)
	p.ack("b", 1, 0)
	p.propose(1, 100)
	if m := p.only(core.MsgAppend, "b"); m.Entries != (core.Range{First: 2, Count: 1}) {
		t.Errorf("goes on with %+v", m.Entries)
	}
}

// A refusal that was sent before the ack and comes after it denies nothing: the news of a commit
// overtook the entries, was refused, and the refusal was overtaken by the ack. The bounded model
// check found that the leader then lowered the member's match and called it forgetful.
func TestPaperLateRefusalIsNoDenial(t *testing.T) {
	p := newSolo(t, setting{})
	p.lead()
	p.agree()
	p.wantCommit(1)
	refusal := p.refusal("b", 1, at(0, 0))
	refusal.Round = 1 // the broadcast that opened the term
	p.receive(refusal)
	if got := p.sent(core.MsgAppend, "b"); len(got) != 0 || p.core.Match("b") != 1 || p.core.Counters().Forgotten != 0 {
		t.Errorf("sends %+v, counts %d entries of b, counters %+v", got, p.core.Match("b"), p.core.Counters())
	}
}

// An ack beyond the log, or of a round that was never sent, is not believed.
func TestPaperImpossibleAcksAreRefused(t *testing.T) {
	p := newSolo(t, setting{})
	p.lead()
	p.ack("b", 2, 0)
	p.ack("b", 1, 1<<40)
	p.wantCommit(0)
	if p.core.Counters().Malformed != 2 {
		t.Errorf("counters %+v", p.core.Counters())
	}
}

// After a lost connection what was on its way is sent again from what is certain, with the next
// heartbeat.
func TestPaperLostConnectionRestartsTheWindow(t *testing.T) {
	p := newSolo(t, setting{})
	p.lead()
	p.agree()
	p.propose(3, 100)
	p.step(core.Input{Lost: []entry.MemberID{"b"}})
	p.propose(1, 100)
	if got := p.sent(core.MsgAppend, "b"); len(got) != 0 {
		t.Fatalf("sent %+v", got)
	}
	p.expire()
	if m := p.only(core.MsgAppend, "b"); m.Entries != (core.Range{First: 2, Count: 4}) {
		t.Errorf("sent %+v, want all from 2 again", m.Entries)
	}
}

// Entries that only the segments hold are asked for once, and sent when they come, if they are
// still those of the log and still needed.
func TestPaperOldEntriesAreLoaded(t *testing.T) {
	p := newSolo(t, setting{terms: []entry.Term{1, 1, 1, 2}})
	p.lead()
	p.receive(p.refusal("b", 4, at(0, 0)))
	if m := p.only(core.MsgAppend, "b"); m.Index != 0 || m.Entries.Count != 0 {
		t.Fatalf("probes with %+v", m)
	}
	out := p.ack("b", 0, 0)
	want := core.Load{To: "b", Entries: core.Range{First: 1, Count: 4}, MaxBytes: 1 << 20}
	if len(out.Loads) != 1 || out.Loads[0] != want {
		t.Fatalf("loads %+v, want %+v", out.Loads, want)
	}
	if out = p.expire(); len(out.Loads) != 0 {
		t.Fatalf("asked again: %+v", out.Loads)
	}
	load := func(terms ...entry.Term) *core.Effects {
		return p.step(core.Input{Loaded: []core.Loaded{{
			To: "b", Entries: core.Range{First: 1, Count: uint32(len(terms))}, Body: frames(1, terms...),
		}}})
	}
	load(1, 1, 2)
	if got := p.sent(core.MsgAppend, "b"); len(got) != 0 {
		t.Fatalf("sent entries of another log: %+v", got)
	}
	if len(p.out.Loads) != 1 {
		t.Fatalf("not asked again: %+v", p.out.Loads)
	}
	load(1, 1)
	if m := p.only(core.MsgAppend, "b"); m.Entries != (core.Range{First: 1, Count: 2}) || len(m.Body) != 1 {
		t.Fatalf("sent %+v", m)
	}
	if len(p.out.Loads) != 1 || p.out.Loads[0].Entries != (core.Range{First: 3, Count: 2}) {
		t.Errorf("asks next for %+v", p.out.Loads)
	}
}

// Paper, section 7: a member whose next entry was compacted away is sent the snapshot, once; it is
// kept by heartbeats meanwhile, and goes on behind the snapshot's last entry.
func TestPaperSnapshotProgress(t *testing.T) {
	snapshot := &entry.SnapshotMeta{Index: 10, Term: 2, Configuration: entry.Configuration{Members: voters("a", "b", "c")}}
	start := setting{base: at(10, 2), terms: []entry.Term{2, 2}, snapshot: snapshot, commit: 10}
	lagging := func(t *testing.T) *solo {
		p := newSolo(t, start)
		p.lead()
		out := p.receive(p.refusal("b", 12, at(4, 1)))
		if len(out.Snapshots) != 1 || out.Snapshots[0].To != "b" {
			t.Fatalf("snapshots %+v", out.Snapshots)
		}
		return p
	}
	t.Run("installed", func(t *testing.T) {
		p := lagging(t)
		for range 3 {
			out := p.expire()
			m := p.only(core.MsgAppend, "b")
			if len(out.Snapshots) != 0 || m.Index != 0 || m.Entries.Count != 0 {
				t.Fatalf("during the transfer: %+v, %+v", out.Snapshots, m)
			}
			p.ack("b", 0, m.Round)
			p.ack("c", 13, m.Round)
		}
		p.receive(core.Message{Kind: core.MsgSnapshotReply, From: "b", Term: p.term(), Index: 10})
		if m := p.only(core.MsgAppend, "b"); at(m.Index, m.LogTerm) != at(10, 2) {
			t.Fatalf("goes on with %+v", m)
		}
		out := p.ack("b", 10, 0)
		if len(out.Loads) != 1 || out.Loads[0].Entries.First != 11 {
			t.Errorf("goes on with loads %+v", out.Loads)
		}
	})
	t.Run("an answer from before comes late", func(t *testing.T) {
		p := lagging(t)
		p.expire()
		beside := p.only(core.MsgAppend, "b")
		p.receive(core.Message{Kind: core.MsgSnapshotReply, From: "b", Term: p.term(), Index: 10})
		if out := p.ack("b", 0, beside.Round); len(out.Snapshots) != 0 {
			t.Errorf("an image that was installed is followed by %+v", out.Snapshots)
		}
		if out := p.ack("b", 10, beside.Round); len(out.Loads) != 1 || out.Loads[0].Entries.First != 11 {
			t.Errorf("goes on with loads %+v", out.Loads)
		}
	})
	t.Run("failed", func(t *testing.T) {
		p := lagging(t)
		out := p.receive(core.Message{Kind: core.MsgSnapshotReply, From: "b", Term: p.term(), Index: 10, Reject: true})
		if len(out.Snapshots) != 0 {
			t.Fatal("tried again at once")
		}
		if out = p.expire(); len(out.Snapshots) != 1 {
			t.Errorf("the next heartbeat orders %+v", out.Snapshots)
		}
	})
	t.Run("compacted while loading", func(t *testing.T) {
		p := newSolo(t, start)
		p.lead()
		p.ack("b", 10, 0)
		out := p.step(core.Input{Loaded: []core.Loaded{{To: "b", Entries: core.Range{First: 11}}}})
		if len(out.Snapshots) != 1 {
			t.Errorf("snapshots %+v", out.Snapshots)
		}
	})
}

// Paper, section 7: an installed snapshot replaces the log unless the log contains its last entry;
// then what follows is kept. An older one changes nothing. The configuration of one whose place the log
// holds is the log's, unless the log's cannot be read: TestImageTellsTheConfiguration.
func TestPaperInstalledSnapshot(t *testing.T) {
	table := []struct {
		name   string
		meta   entry.Position
		reset  bool
		last   entry.Position
		commit entry.Index
	}{
		{"beyond the log", at(9, 3), true, at(9, 3), 9},
		{"conflicts", at(3, 2), true, at(3, 2), 3},
		{"contained", at(3, 1), false, at(4, 1), 3},
		{"older than what is committed", at(1, 1), false, at(4, 1), 2},
	}
	for _, row := range table {
		t.Run(row.name, func(t *testing.T) {
			p := newSolo(t, setting{terms: []entry.Term{1, 1, 1, 1}, commit: 2, hard: entry.HardState{Term: 3}})
			members := voters("a", "b", "c")
			if row.reset {
				members = voters("a", "b", "d")
			}
			out := p.step(core.Input{Installed: &entry.SnapshotMeta{Index: row.meta.Index, Term: row.meta.Term,
				Configuration: entry.Configuration{Cluster: cluster, Members: members}}})
			if (out.Write.Reset != nil) != row.reset || row.reset && *out.Write.Reset != row.meta {
				t.Fatalf("reset %+v", out.Write.Reset)
			}
			if p.last() != row.last {
				t.Errorf("the log ends at %+v", p.last())
			}
			p.wantCommit(row.commit)
			if (out.Configuration != nil) != row.reset {
				t.Errorf("configuration %+v", out.Configuration)
			}
		})
	}
}

// A crash between "the snapshot is durable" and "the log is reset" is completed at the next start.
func TestPaperSnapshotWithoutReset(t *testing.T) {
	c, err := core.New(core.Config{ID: "a", Heartbeat: beat}, core.Start{
		Snapshot:  &entry.SnapshotMeta{Index: 9, Term: 3},
		Recovered: entry.Recovered{Hard: entry.HardState{Term: 2, Vote: "b"}, Last: 2, Terms: runsOf(0, []entry.Term{1, 2})},
	})
	if err != nil {
		t.Fatal(err)
	}
	var out core.Effects
	c.Step(&core.Input{}, &out)
	if out.Write.Reset == nil || *out.Write.Reset != at(9, 3) || out.Commit != 9 || c.Status().Term != 3 {
		t.Errorf("effects %+v, status %+v", out, c.Status())
	}
	if c.Step(&core.Input{}, &out); out.Write.Reset != nil {
		t.Error("reset twice")
	}
}

// Compaction drops what is committed and durable, and never more.
func TestPaperCompaction(t *testing.T) {
	p := newSolo(t, setting{})
	p.receive(appendOf("b", 1, at(0, 0), 2, 1, 1, 1, 1))
	for _, row := range []struct {
		stored    uint64
		compacted entry.Index
		done      bool
	}{{0, 2, false}, {1, 3, false}, {1, 2, true}, {1, 1, false}} {
		p.stored = row.stored
		p.step(core.Input{})
		before := p.core.AppendState(nil)
		p.step(core.Input{Compacted: row.compacted})
		if done := !bytes.Equal(p.core.AppendState(nil), before); done != row.done {
			t.Fatalf("compaction up to %d with %d batches durable: %v", row.compacted, row.stored, done)
		}
	}
	// Entry 2 is the base now: what is before it agrees with everyone, what is after is checked.
	p.receive(appendOf("b", 1, at(4, 1), 4))
	p.wantCommit(4)
	p.now += 12 * beat
	p.lead()
	out := p.receive(p.refusal("b", 4, at(1, 1)))
	if len(out.Snapshots) != 1 {
		t.Errorf("a member at entry 1 needs the snapshot: %+v", out.Snapshots)
	}
}
