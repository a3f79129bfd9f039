package core_test

import (
	"testing"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
)

// This file: reads and forwarded commands.

// Thesis, section 6.4: a read is answered by a round that began after the question and that a
// majority has answered; answers to rounds that were under way prove nothing.
func TestPaperReadNeedsAFreshRound(t *testing.T) {
	p := newSolo(t, setting{})
	p.lead()
	p.agree()
	p.expire()
	old := p.only(core.MsgAppend, "b").Round
	if out := p.step(core.Input{Reads: []core.ReadID{7}}); len(out.Reads) != 0 {
		t.Fatalf("answered at once: %+v", out.Reads)
	}
	round := p.only(core.MsgAppend, "b").Round
	if round <= old {
		t.Fatalf("round %d after round %d", round, old)
	}
	if out := p.ack("b", 1, old); len(out.Reads) != 0 {
		t.Fatalf("answered by an older round: %+v", out.Reads)
	}
	// A second question while the round is under way waits for the next one.
	p.step(core.Input{Reads: []core.ReadID{8}})
	out := p.ack("b", 1, round)
	if len(out.Reads) != 1 || out.Reads[0] != (core.ReadPoint{Read: 7, Index: 1}) {
		t.Fatalf("answered %+v, want read 7 at 1", out.Reads)
	}
	next := p.only(core.MsgAppend, "c").Round
	if out = p.ack("c", 1, round); len(out.Reads) != 0 || next <= round {
		t.Fatalf("round %d answered for a question after it: %+v", round, out.Reads)
	}
	if out = p.ack("c", 1, next); len(out.Reads) != 1 || out.Reads[0].Read != 8 {
		t.Errorf("answered %+v, want read 8", out.Reads)
	}
}

// Another member's question that comes while a round is under way waits for the next one, too.
func TestPaperRemoteReadNeedsAFreshRound(t *testing.T) {
	p := newSolo(t, setting{})
	p.lead()
	p.agree()
	p.step(core.Input{Reads: []core.ReadID{7}})
	round := p.only(core.MsgAppend, "b").Round
	p.receive(core.Message{Kind: core.MsgRead, From: "c", Term: p.term(), Round: 55})
	p.ack("b", 1, round)
	if got := p.sent(core.MsgReadReply, "c"); len(got) != 0 {
		t.Fatalf("a round that began before the question answered it: %+v", got)
	}
	p.ack("b", 1, p.only(core.MsgAppend, "b").Round)
	if m := p.only(core.MsgReadReply, "c"); m.Reject || m.Index != 1 || m.Round != 55 {
		t.Errorf("answered %+v", m)
	}
}

// A refusal and a heartbeat's answer carry the round as well as an ack; half is no majority.
func TestPaperReadNeedsAMajority(t *testing.T) {
	p := newSolo(t, setting{members: voters("a", "b", "c", "d")})
	p.lead()
	p.agree()
	p.step(core.Input{Reads: []core.ReadID{7}})
	round := p.only(core.MsgAppend, "b").Round
	if out := p.ack("b", 1, round); len(out.Reads) != 0 {
		t.Fatalf("two of four confirmed: %+v", out.Reads)
	}
	out := p.receive(core.Message{Kind: core.MsgAppendReply, From: "d", Term: p.term(), Round: round,
		Reject: true})
	if len(out.Reads) != 1 || out.Reads[0].Failed {
		t.Errorf("three of four: %+v", out.Reads)
	}
}

// Paper, section 8: until a leader has committed an entry of its own term its commit index may be
// behind, so no read is answered.
func TestPaperReadNeedsACommitOfTheTerm(t *testing.T) {
	p := newSolo(t, setting{terms: []entry.Term{1, 1}, commit: 2})
	p.lead()
	p.step(core.Input{Reads: []core.ReadID{7}})
	for range 3 {
		p.expire()
		round := p.only(core.MsgAppend, "b").Round
		if out := p.ack("b", 2, round); len(out.Reads) != 0 {
			t.Fatalf("answered %+v before the term's first commit", out.Reads)
		}
	}
	p.ack("b", 3, 0)
	p.wantCommit(3)
	out := p.ack("b", 3, p.only(core.MsgAppend, "b").Round)
	if len(out.Reads) != 1 || out.Reads[0].Index != 3 {
		t.Errorf("answered %+v, want 3", out.Reads)
	}
}

// A read point is the commit index when the round began: what is committed meanwhile need not be
// waited for.
func TestPaperReadPointIsTakenBeforeTheRound(t *testing.T) {
	p := newSolo(t, setting{})
	p.lead()
	p.agree()
	p.step(core.Input{Reads: []core.ReadID{7}})
	round := p.only(core.MsgAppend, "b").Round
	p.propose(1, 100)
	p.sync()
	p.ack("c", 2, 0)
	p.wantCommit(2)
	if out := p.ack("b", 1, round); len(out.Reads) != 1 || out.Reads[0].Index != 1 {
		t.Errorf("answered %+v, want 1", out.Reads)
	}
}

// A read whose leader ends is answered with "cannot tell", at the leader and at who asked it.
func TestPaperReadsFailWithTheLeader(t *testing.T) {
	p := newSolo(t, setting{})
	p.lead()
	p.agree()
	p.step(core.Input{Reads: []core.ReadID{7}})
	p.receive(core.Message{Kind: core.MsgRead, From: "b", Term: p.term(), Round: 99})
	out := p.receive(core.Message{Kind: core.MsgAppendReply, From: "b", Term: p.term() + 1, Reject: true})
	if len(out.Reads) != 1 || !out.Reads[0].Failed || out.Reads[0].Read != 7 {
		t.Errorf("answered %+v", out.Reads)
	}
	if m := p.only(core.MsgReadReply, "b"); !m.Reject || m.Round != 99 {
		t.Errorf("told b %+v", m)
	}
}

// A follower asks its leader under a fresh number each time; only the answer to the newest question,
// from the leader, counts.
func TestPaperFollowerReads(t *testing.T) {
	p := newSolo(t, setting{})
	if out := p.step(core.Input{Reads: []core.ReadID{6}}); len(out.Reads) != 1 || !out.Reads[0].Failed {
		t.Fatalf("without a leader: %+v", out.Reads)
	}
	p.receive(core.Message{Kind: core.MsgAppend, From: "b", Term: 1})
	p.sync()
	p.step(core.Input{Reads: []core.ReadID{7}})
	first := p.only(core.MsgRead, "b").Round
	p.step(core.Input{Reads: []core.ReadID{8}})
	if len(p.sent(core.MsgRead, "b")) != 0 {
		t.Fatal("a second question while one is under way")
	}
	p.now += 3 * beat
	p.step(core.Input{})
	second := p.only(core.MsgRead, "b").Round
	answer := func(from entry.MemberID, round uint64) []core.ReadPoint {
		return p.receive(core.Message{Kind: core.MsgReadReply, From: from, Term: 1, Round: round, Index: 5}).Reads
	}
	if got := answer("b", first); len(got) != 0 || second <= first {
		t.Fatalf("number %d after %d, the old answer gave %+v", second, first, got)
	}
	if got := answer("c", second); len(got) != 0 {
		t.Fatalf("an answer by another than the leader gave %+v", got)
	}
	if got := answer("b", second); len(got) != 2 || got[0].Index != 5 || got[1].Failed {
		t.Fatalf("answered %+v", got)
	}
	if got := answer("b", second); len(got) != 0 {
		t.Errorf("answered twice: %+v", got)
	}
}

// Two starts of one member use different numbers, so that an answer to the earlier one's question
// is not taken for the later one's.
func TestPaperReadNumbersDifferBetweenStarts(t *testing.T) {
	number := func(seed uint64) uint64 {
		p := newSolo(t, setting{limits: core.Config{Seed: seed}})
		p.receive(core.Message{Kind: core.MsgAppend, From: "b", Term: 1})
		p.step(core.Input{Reads: []core.ReadID{1}})
		return p.only(core.MsgRead, "b").Round
	}
	if one, two := number(1), number(2); one == two || one+1 == two || two+1 == one {
		t.Errorf("numbers %d and %d", one, two)
	}
}

// forwarded is a message with commands of one origin, whose number is the first of them.
func forwarded(from entry.MemberID, term entry.Term, origin uint64, sequences ...uint64) core.Message {
	var b entry.Builder
	for i, sequence := range sequences {
		b.Add(entry.Header{Index: entry.Index(i + 1), Term: 1, Origin: origin, Sequence: sequence,
			Size: 4, PayloadSum: entry.Checksum([]byte("abcd"))}, []byte("abcd"))
	}
	return core.Message{Kind: core.MsgPropose, From: from, Term: term,
		Entries: core.Range{First: 1, Count: uint32(len(sequences))}, Body: []*entry.Block{b.Block()},
		Round: sequences[0]}
}

// A message with forwarded commands is handled once in the term it was meant for, also when it is
// repeated or overtaken; a repeat is answered with nothing, since the first copy may commit. A command
// that comes in another message is ordered again: it is filtered when it is applied (thesis, 6.3).
func TestPaperForwardedAtMostOnce(t *testing.T) {
	p := newSolo(t, setting{})
	p.lead()
	out := p.receive(forwarded("b", p.term(), 77, 1, 2, 3))
	if w := out.Write.Appended; len(w) != 3 || w[2].Forwarded == nil || w[2].At != 3 || w[2].Kind != entry.KindCommand {
		t.Fatalf("ordered %+v", w)
	}
	again := forwarded("b", p.term(), 77, 3, 4)
	if out = p.receive(again); len(out.Write.Appended) != 2 || out.Write.Appended[0].At != 1 {
		t.Fatalf("ordered %+v of another message", out.Write.Appended)
	}
	for _, late := range []core.Message{again, forwarded("b", p.term(), 77, 2, 3)} {
		out = p.receive(late)
		if w := out.Write.Appended; len(w) != 0 || len(p.sent(core.MsgProposeReply, "")) != 0 {
			t.Fatalf("ordered %+v, answered %+v", w, p.sent(core.MsgProposeReply, ""))
		}
	}
	// Another start of the same member counts anew, and so does another member.
	if out = p.receive(forwarded("b", p.term(), 78, 1), forwarded("c", p.term(), 77, 1)); len(out.Write.Appended) != 2 {
		t.Errorf("ordered %+v", out.Write.Appended)
	}
}

// A refusal is final: its origin may have proposed the command anew, so another copy of the refused
// message must not be ordered when there is room again.
func TestPaperForwardedRefusalIsFinal(t *testing.T) {
	limits := core.Config{Message: 1 << 20, Window: 1 << 20, Tail: 1 << 20, Uncommitted: 110}
	for name, before := range map[string][]uint64{"known origin": {1}, "new origin": nil} {
		t.Run(name, func(t *testing.T) {
			p := newSolo(t, setting{limits: limits})
			p.lead()
			p.agree()
			if len(before) > 0 {
				p.receive(forwarded("b", p.term(), 77, before...))
			}
			p.propose(1, 58)
			p.propose(1, 52)
			p.receive(forwarded("b", p.term(), 77, 3))
			if m := p.only(core.MsgProposeReply, "b"); core.Refusal(m.Round) != core.RefusedOverloaded {
				t.Fatalf("answered %+v", m)
			}
			p.sync()
			p.agree()
			out := p.receive(forwarded("b", p.term(), 77, 3))
			if len(out.Write.Appended) != 0 || len(p.sent(core.MsgProposeReply, "b")) != 0 {
				t.Errorf("ordered %+v after it was refused", out.Write.Appended)
			}
			if out = p.receive(forwarded("b", p.term(), 77, 4)); len(out.Write.Appended) != 1 {
				t.Error("the next command was not ordered")
			}
		})
	}
}

// In an older term nothing is ordered, and nothing is said about the commands: an earlier copy may
// have been.
func TestPaperForwardedInItsTermOnly(t *testing.T) {
	p := newSolo(t, setting{hard: entry.HardState{Term: 4}})
	p.lead()
	out := p.receive(forwarded("b", p.term()-1, 77, 1, 2))
	m := p.only(core.MsgProposeReply, "b")
	if len(out.Write.Appended) != 0 || m.Index <= m.Match || m.Term != p.term() {
		t.Errorf("ordered %+v, answered %+v", out.Write.Appended, m)
	}
	out = p.receive(core.Message{Kind: core.MsgProposeReply, From: "b", Term: p.term(), Index: 1, Round: 1})
	if len(out.RefusedForwards) != 0 {
		t.Errorf("such an answer refuses %+v", out.RefusedForwards)
	}
}

// Who does not lead refuses with one answer per run of sequences; the marks outlive the role, so
// that a copy of what was taken is not called "not proposed".
func TestPaperForwardedToAFollower(t *testing.T) {
	p := newSolo(t, setting{hard: entry.HardState{Term: 4}})
	p.receive(forwarded("b", 4, 77, 5, 6, 7, 9))
	got := p.sent(core.MsgProposeReply, "b")
	if len(got) != 2 || got[0].Index != 5 || got[0].Match != 7 || got[1].Index != 9 || got[1].Match != 9 ||
		got[0].Hint != 77 || core.Refusal(got[0].Round) != core.RefusedNotLeader {
		t.Fatalf("answered %+v", got)
	}
	p.lead()
	term := p.term()
	p.receive(forwarded("b", term, 77, 1, 2))
	p.now += 13 * beat
	p.step(core.Input{})
	p.want(core.Follower)
	p.receive(forwarded("b", term, 77, 1, 2), forwarded("b", term, 77, 3))
	if m := p.only(core.MsgProposeReply, "b"); m.Index != 3 || m.Match != 3 {
		t.Errorf("after stepping down in the same term: refused %d to %d, want 3 only", m.Index, m.Match)
	}
}

// A full leader refuses forwarded commands for certain, and takes no kind of entry but commands,
// barriers (a no-op with a number) and what opens a session, whose refusal needs no answer.
func TestPaperForwardedIsBounded(t *testing.T) {
	limits := core.Config{Message: 1 << 20, Window: 1 << 20, Tail: 1 << 20, Uncommitted: 110}
	p := newSolo(t, setting{limits: limits})
	p.lead()
	p.agree()
	out := p.receive(forwarded("b", p.term(), 77, 1, 2, 3))
	m := p.only(core.MsgProposeReply, "b")
	if len(out.Write.Appended) != 2 || m.Index != 3 || core.Refusal(m.Round) != core.RefusedOverloaded {
		t.Fatalf("ordered %d, answered %+v", len(out.Write.Appended), m)
	}
	p.sync()
	p.agree()
	for i, row := range []struct {
		kind              entry.Kind
		sequence          uint64
		ordered, answered int
	}{
		{entry.KindConfiguration, 1, 0, 1}, {entry.KindNoOp, 0, 0, 1}, {entry.KindNoOp, 1, 1, 0},
		{entry.KindSession, 0, 1, 0}, {entry.KindSession, 0, 0, 0},
	} {
		var b entry.Builder
		b.Add(entry.Header{Kind: row.kind, Index: 1, Term: 1, Origin: 5, Sequence: row.sequence,
			PayloadSum: entry.Checksum(nil)}, nil)
		out = p.receive(core.Message{Kind: core.MsgPropose, From: "c", Term: p.term(), Round: uint64(i + 1),
			Entries: core.Range{First: 1, Count: 1}, Body: []*entry.Block{b.Block()}})
		if n := len(p.sent(core.MsgProposeReply, "c")); len(out.Write.Appended) != row.ordered || n != row.answered {
			t.Errorf("%d: of a forwarded %v of sequence %d %+v was ordered, %d refusals sent",
				i, row.kind, row.sequence, out.Write.Appended, n)
		}
	}
}

// A core without a log elects and confirms leadership, and refuses commands.
func TestPaperElectionOnly(t *testing.T) {
	p := newSolo(t, setting{limits: core.Config{ElectionOnly: true}})
	p.lead()
	if p.last().Index != 0 {
		t.Fatalf("a log without a log: %+v", p.last())
	}
	if out := p.propose(1, 10); len(out.Refused) != 1 {
		t.Errorf("refused %+v", out.Refused)
	}
	p.step(core.Input{Reads: []core.ReadID{3}})
	if out := p.ack("b", 0, p.only(core.MsgAppend, "b").Round); len(out.Reads) != 1 || out.Reads[0].Failed {
		t.Errorf("confirmed %+v", out.Reads)
	}
}
