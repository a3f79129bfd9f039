package core_test

import (
	"slices"
	"testing"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
)

// This file: the log of a follower, and when it may say what.

// termsOf lists the terms of the blocks' entries.
func termsOf(blocks []*entry.Block) []entry.Term {
	var terms []entry.Term
	for _, b := range blocks {
		for i := b.First(); i <= b.Last(); i++ {
			terms = append(terms, b.Term(i))
		}
	}
	return terms
}

// Paper, figure 3 (leader append-only): a leader never truncates or takes entries, whatever it is
// told in its own term.
func TestPaperLeaderAppendsOnly(t *testing.T) {
	p := newSolo(t, setting{terms: []entry.Term{1, 1, 2}})
	p.lead()
	p.propose(3, 100)
	last, term := p.last(), p.term()
	for prev := range last.Index {
		m := appendOf("b", term, at(prev, 1), last.Index, term, term)
		if prev == 0 {
			m = appendOf("b", term, at(0, 0), last.Index, term, term)
		}
		out := p.receive(m)
		if out.Write.Seq != 0 || p.last() != last || p.role() != core.Leader {
			t.Fatalf("a leader took entries after %d: %+v", prev, out.Write)
		}
	}
	if p.core.Counters().Malformed != uint64(last.Index) {
		t.Errorf("counters %+v", p.core.Counters())
	}
}

// Paper, section 5.3: entries are taken exactly when the one before them is there with the same
// term; else the answer names a place where the logs may agree.
func TestPaperConsistencyCheck(t *testing.T) {
	own := []entry.Term{1, 1, 3, 3}
	table := []struct {
		name string
		prev entry.Position
		ok   bool
		hint entry.Position
	}{
		{"empty prefix", at(0, 0), true, at(0, 0)},
		{"same entry", at(2, 1), true, at(0, 0)},
		{"last entry", at(4, 3), true, at(0, 0)},
		{"beyond the end", at(6, 3), false, at(4, 3)},
		{"beyond the end, older term", at(6, 2), false, at(2, 1)},
		{"other term", at(4, 4), false, at(4, 3)},
		{"older term", at(4, 2), false, at(2, 1)},
		{"newer term inside", at(2, 2), false, at(2, 1)},
	}
	for _, row := range table {
		t.Run(row.name, func(t *testing.T) {
			p := newSolo(t, setting{terms: own})
			out := p.receive(appendOf("b", 5, row.prev, 0, 5))
			m := p.only(core.MsgAppendReply, "b")
			if m.Reject == row.ok || (len(out.Write.Received) == 1) != row.ok {
				t.Fatalf("answer %+v, write %+v", m, out.Write)
			}
			if row.ok && p.last() != at(row.prev.Index+1, 5) {
				t.Errorf("the log ends at %+v", p.last())
			}
			if !row.ok && (at(entry.Index(m.Hint), m.HintTerm) != row.hint || m.Index != row.prev.Index) {
				t.Errorf("refused %d with hint %d, %d, want %+v", m.Index, m.Hint, m.HintTerm, row.hint)
			}
		})
	}
}

// Paper, section 5.3 ("if an existing entry conflicts with a new one ... delete the existing entry
// and all that follow it"): and only then. A message that is shorter than the log, late or repeated
// removes nothing and writes nothing.
func TestPaperTruncatesOnConflictOnly(t *testing.T) {
	own := []entry.Term{1, 1, 3, 3, 3}
	table := []struct {
		name     string
		prev     entry.Position
		terms    []entry.Term
		truncate entry.Index
		fresh    []entry.Term
		last     entry.Position
	}{
		{"repeated", at(0, 0), []entry.Term{1, 1, 3}, 0, nil, at(5, 3)},
		{"repeated whole", at(0, 0), own, 0, nil, at(5, 3)},
		{"heartbeat in the middle", at(2, 1), nil, 0, nil, at(5, 3)},
		{"overlap and more", at(3, 3), []entry.Term{3, 3, 4}, 0, []entry.Term{4}, at(6, 4)},
		{"conflict at the first", at(2, 1), []entry.Term{4}, 3, []entry.Term{4}, at(3, 4)},
		{"conflict inside", at(2, 1), []entry.Term{3, 4, 4}, 4, []entry.Term{4, 4}, at(5, 4)},
		{"conflict at the last", at(3, 3), []entry.Term{3, 4}, 5, []entry.Term{4}, at(5, 4)},
	}
	for _, row := range table {
		t.Run(row.name, func(t *testing.T) {
			p := newSolo(t, setting{terms: own})
			w := p.receive(appendOf("b", 4, row.prev, 0, row.terms...)).Write
			if w.TruncateFrom != row.truncate || !slices.Equal(termsOf(w.Received), row.fresh) || p.last() != row.last {
				t.Errorf("truncated from %d, took %v, ends at %+v", w.TruncateFrom, termsOf(w.Received), p.last())
			}
			if m := p.only(core.MsgAppendReply, "b"); m.Reject || m.Match != row.prev.Index+entry.Index(len(row.terms)) {
				t.Errorf("answered %+v: a member vouches for what it was shown, not for its whole log", m)
			}
		})
	}
}

// Entries that come and conflict within one Step leave one truncation and one run of new entries.
func TestPaperConflictsWithinOneStep(t *testing.T) {
	p := newSolo(t, setting{terms: []entry.Term{1, 1, 1}})
	w := p.receive(
		appendOf("b", 2, at(3, 1), 0, 2, 2),
		appendOf("c", 3, at(2, 1), 0, 3, 3, 3),
		appendOf("c", 3, at(4, 3), 0, 3, 3),
	).Write
	if w.TruncateFrom != 3 || !slices.Equal(termsOf(w.Received), []entry.Term{3, 3, 3, 3}) || w.Received[0].First() != 3 {
		t.Errorf("truncate from %d, received %v from %d", w.TruncateFrom, termsOf(w.Received), w.Received[0].First())
	}
	if m := p.only(core.MsgAppendReply, "c"); m.Match != 6 || m.After != w.Seq {
		t.Errorf("answered %+v, want one ack of 6 after batch %d", m, w.Seq)
	}
	if len(p.sent(core.MsgAppendReply, "b")) != 0 {
		t.Errorf("the deposed leader was told %+v", p.sent(core.MsgAppendReply, "b"))
	}
}

// A leader that loses its place within one Step takes back what it had just ordered, before it was
// written; a follower cuts the block that it had just taken.
func TestPaperConflictWithTheSameStepsEntries(t *testing.T) {
	p := newSolo(t, setting{})
	p.lead()
	term := p.term()
	w := p.receive(
		forwarded("b", term, 7, 1, 2),
		appendOf("c", term+1, at(1, term), 0, term+1),
	).Write
	if len(w.Appended) != 0 || w.TruncateFrom != 0 || !slices.Equal(termsOf(w.Received), []entry.Term{term + 1}) {
		t.Errorf("ordered %+v, truncated from %d, received %v", w.Appended, w.TruncateFrom, termsOf(w.Received))
	}
	p = newSolo(t, setting{})
	w = p.receive(appendOf("b", 1, at(0, 0), 0, 1, 1, 1), appendOf("c", 2, at(1, 1), 0, 2)).Write
	if w.TruncateFrom != 0 || !slices.Equal(termsOf(w.Received), []entry.Term{1, 2}) {
		t.Errorf("truncated from %d, received %v", w.TruncateFrom, termsOf(w.Received))
	}
}

// Paper, section 5.3 and 5.4.3: a leader that contradicts a committed entry cannot exist. Rather
// than lose the entry the member stops, and stays stopped.
func TestPaperCommittedEntriesAreNeverTruncated(t *testing.T) {
	for name, m := range map[string]core.Message{
		"entry": appendOf("b", 9, at(1, 1), 0, 9),
		"check": appendOf("b", 9, at(2, 9), 0),
	} {
		t.Run(name, func(t *testing.T) {
			p := newSolo(t, setting{terms: []entry.Term{1, 1, 1}, commit: 2})
			m.To = "a"
			in := core.Input{Received: []core.Message{m}}
			p.core.Step(&in, &p.out)
			if p.out.Fatal == nil || p.out.Write.TruncateFrom != 0 || p.last().Index != 3 {
				t.Fatalf("fatal %v, write %+v", p.out.Fatal, p.out.Write)
			}
			p.core.Step(&core.Input{}, &p.out)
			if p.out.Fatal == nil || p.core.Deadline() != core.Forever {
				t.Error("the member went on")
			}
		})
	}
}

// Paper, figure 2, receiver's step 5: the commit index becomes the smaller of the leader's and the
// last entry that the message proves to agree, not the last of the log.
func TestPaperFollowerCommit(t *testing.T) {
	own := []entry.Term{1, 1, 2, 2, 2}
	table := []struct {
		name   string
		m      core.Message
		commit entry.Index
	}{
		{"heartbeat proves its prefix", appendOf("b", 3, at(2, 1), 9), 2},
		{"leader is behind", appendOf("b", 3, at(4, 2), 3), 3},
		{"entries prove themselves", appendOf("b", 3, at(2, 1), 9, 2, 2), 4},
		{"new entries", appendOf("b", 3, at(4, 2), 9, 3), 5},
		{"nothing agrees", appendOf("b", 3, at(4, 3), 9), 0},
		{"a heartbeat for any log", appendOf("b", 3, at(0, 0), 9), 0},
		{"nothing committed", appendOf("b", 3, at(5, 2), 0), 0},
	}
	for _, row := range table {
		t.Run(row.name, func(t *testing.T) {
			p := newSolo(t, setting{terms: own})
			p.receive(row.m)
			p.wantCommit(row.commit)
			p.receive(appendOf("b", 3, at(0, 0), 0))
			p.wantCommit(row.commit)
		})
	}
}

// Paper, figure 2 ("before responding to RPCs"): new entries are acknowledged once their batch is
// durable; of two batches under way the second ack waits for the second.
func TestPaperAckWaitsForItsBatch(t *testing.T) {
	p := newSolo(t, setting{})
	first := p.receive(appendOf("b", 1, at(0, 0), 0, 1, 1)).Write.Seq
	if m := p.only(core.MsgAppendReply, "b"); m.After != first || first == 0 || m.Match != 2 {
		t.Fatalf("ack %+v, want 2 after batch %d", m, first)
	}
	second := p.receive(appendOf("b", 1, at(2, 1), 0, 1)).Write.Seq
	if m := p.only(core.MsgAppendReply, "b"); m.After != second || second <= first || m.Match != 3 {
		t.Fatalf("ack %+v, want 3 after batch %d", m, second)
	}
	// The first batch is stored, the second is not: the same entries again, whole or in part.
	p.stored = first
	p.receive(appendOf("b", 1, at(0, 0), 0, 1, 1, 1))
	if m := p.only(core.MsgAppendReply, "b"); m.After != second || m.Match != 3 {
		t.Fatalf("ack %+v, want 3 after batch %d", m, second)
	}
	p.receive(appendOf("b", 1, at(0, 0), 0, 1, 1))
	if m := p.only(core.MsgAppendReply, "b"); m.After != 0 || m.Match != 2 {
		t.Fatalf("ack %+v, want 2 at once", m)
	}
}

// A heartbeat's answer does not wait for a slow disk, and vouches for what is durable only.
func TestPaperHeartbeatAckNamesWhatIsDurable(t *testing.T) {
	p := newSolo(t, setting{})
	p.receive(appendOf("b", 1, at(0, 0), 0, 1, 1))
	p.sync()
	p.receive(appendOf("b", 1, at(2, 1), 0, 1, 1))
	p.receive(appendOf("b", 1, at(4, 1), 0))
	if m := p.only(core.MsgAppendReply, "b"); m.After != 0 || m.Match != 2 || m.Index != 4 {
		t.Errorf("answer %+v, want match 2 of 4 at once", m)
	}
}

// A batch that ends late must not vouch for entries that another leader has replaced since.
func TestPaperTruncationTakesDurabilityBack(t *testing.T) {
	p := newSolo(t, setting{})
	first := p.receive(appendOf("b", 1, at(0, 0), 0, 1, 1, 1)).Write.Seq
	second := p.receive(appendOf("c", 2, at(1, 1), 0, 2, 2)).Write.Seq
	p.stored = first
	p.receive(appendOf("c", 2, at(3, 2), 0))
	if m := p.only(core.MsgAppendReply, "c"); m.Match != 1 {
		t.Fatalf("answer %+v: batch %d held entries that are gone", m, first)
	}
	p.stored = second
	p.receive(appendOf("c", 2, at(3, 2), 0))
	if m := p.only(core.MsgAppendReply, "c"); m.Match != 3 || m.After != 0 {
		t.Errorf("answer %+v, want 3", m)
	}
}

// One ack speaks for all messages of a Step, with the newest round.
func TestPaperOneAckPerStep(t *testing.T) {
	p := newSolo(t, setting{})
	one, two := appendOf("b", 1, at(0, 0), 0, 1), appendOf("b", 1, at(1, 1), 1, 1)
	one.Round, two.Round = 4, 5
	p.receive(one, two)
	if m := p.only(core.MsgAppendReply, "b"); m.Match != 2 || m.Round != 5 {
		t.Errorf("ack %+v", m)
	}
	p.wantCommit(1)
}

// Paper, section 7: a follower that has compacted its prefix agrees with every leader there.
func TestPaperCompactedPrefixAgrees(t *testing.T) {
	p := newSolo(t, setting{
		base: at(5, 2), terms: []entry.Term{3, 3}, commit: 6,
		snapshot: &entry.SnapshotMeta{Index: 5, Term: 2, Configuration: entry.Configuration{Members: voters("a", "b", "c")}},
	})
	out := p.receive(appendOf("b", 4, at(3, 1), 6, 2, 2, 3, 3, 4))
	if m := p.only(core.MsgAppendReply, "b"); m.Reject || m.Match != 8 {
		t.Errorf("answer %+v, want 8", m)
	}
	if out.Write.TruncateFrom != 0 || !slices.Equal(termsOf(out.Write.Received), []entry.Term{4}) {
		t.Errorf("write %+v", out.Write)
	}
	p.wantCommit(6)
}
