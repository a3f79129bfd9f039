package core_test

import (
	"testing"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
)

// The tests named TestPaper each hold one claim of the paper or the thesis about what exists here.
// This file: terms and elections.

// vote is a request for a vote or a pre-vote by a candidate whose log ends at last.
func vote(kind core.MessageKind, from entry.MemberID, term entry.Term, last entry.Position) core.Message {
	return core.Message{Kind: kind, From: from, Term: term, Index: last.Index, LogTerm: last.Term}
}

// Paper, section 5.1: a newer term is adopted at once, by leaders and candidates too.
func TestPaperNewerTermIsAdopted(t *testing.T) {
	become := map[core.Role]func(*solo){
		core.Follower:     func(*solo) {},
		core.PreCandidate: func(p *solo) { p.expire() },
		core.Candidate:    (*solo).candidate,
		core.Leader:       (*solo).lead,
	}
	for role, prepare := range become {
		t.Run(role.String(), func(t *testing.T) {
			p := newSolo(t, setting{hard: entry.HardState{Term: 3, Vote: "b"}})
			prepare(p)
			p.want(role)
			out := p.receive(core.Message{Kind: core.MsgAppendReply, From: "b", Term: 9, Reject: true})
			p.want(core.Follower)
			if s := p.core.Status(); s.Term != 9 || s.Vote != "" || s.Leader != "" {
				t.Errorf("after a message of term 9: %+v", s)
			}
			if out.Write.Hard == nil || *out.Write.Hard != (entry.HardState{Term: 9}) {
				t.Errorf("the new term is not written: %+v", out.Write.Hard)
			}
		})
	}
}

// Paper, section 5.1: requests of an older term are refused, and the refusal tells the newer term,
// so that a deposed leader steps down. Old answers are dropped.
func TestPaperStaleTermIsRefused(t *testing.T) {
	answers := map[core.MessageKind]core.MessageKind{
		core.MsgPreVote: core.MsgPreVoteReply, core.MsgVote: core.MsgVoteReply,
		core.MsgAppend: core.MsgAppendReply, core.MsgRead: core.MsgReadReply,
		core.MsgVoteReply: 0, core.MsgAppendReply: 0, core.MsgReadReply: 0, core.MsgProposeReply: 0,
	}
	for kind, answer := range answers {
		t.Run(kind.String(), func(t *testing.T) {
			p := newSolo(t, setting{hard: entry.HardState{Term: 5}})
			out := p.receive(core.Message{Kind: kind, From: "b", Term: 4, Round: 7})
			if answer == 0 {
				if len(out.Send) != 0 {
					t.Fatalf("an old answer was answered: %+v", out.Send)
				}
			} else if m := p.only(answer, "b"); m.Term != 5 || !m.Reject {
				t.Fatalf("answered with %+v, want a refusal of term 5", m)
			}
			if p.core.Counters().Stale != 1 || out.Write.Seq != 0 {
				t.Errorf("counters %+v, write %+v", p.core.Counters(), out.Write)
			}
		})
	}
}

// Paper, section 5.2: each member votes for at most one candidate in a term, first come first
// served, and repeats that vote when asked again; also after a restart.
func TestPaperOneVotePerTerm(t *testing.T) {
	p := newSolo(t, setting{})
	check := func(from entry.MemberID, granted bool) {
		t.Helper()
		p.receive(vote(core.MsgVote, from, 2, at(0, 0)))
		if m := p.only(core.MsgVoteReply, from); m.Reject == granted || m.Term != 2 {
			t.Fatalf("%q asked for a vote in term 2 and got %+v, want granted %v", from, m, granted)
		}
	}
	check("b", true)
	check("c", false)
	check("b", true)
	p = newSolo(t, setting{hard: entry.HardState{Term: 2, Vote: "b"}})
	check("c", false)
	check("b", true)
	p.receive(vote(core.MsgVote, "c", 3, at(0, 0)))
	if m := p.only(core.MsgVoteReply, "c"); m.Reject {
		t.Error("no vote in a new term")
	}
}

// Two candidates asking in the same Step get one vote between them.
func TestPaperOneVotePerTermWithinOneStep(t *testing.T) {
	p := newSolo(t, setting{})
	p.receive(vote(core.MsgVote, "b", 2, at(0, 0)), vote(core.MsgVote, "c", 2, at(0, 0)))
	if p.only(core.MsgVoteReply, "b").Reject || !p.only(core.MsgVoteReply, "c").Reject {
		t.Errorf("answers %+v", p.out.Send)
	}
}

// Paper, figure 2 ("updated on stable storage before responding"): a vote leaves only after the
// batch with it is durable; the same vote, asked for again before that, too.
func TestPaperVoteIsDurableBeforeItLeaves(t *testing.T) {
	p := newSolo(t, setting{})
	out := p.receive(vote(core.MsgVote, "b", 2, at(0, 0)))
	if w := out.Write; w.Hard == nil || *w.Hard != (entry.HardState{Term: 2, Vote: "b"}) {
		t.Fatalf("written: %+v", w.Hard)
	}
	seq := out.Write.Seq
	if m := p.only(core.MsgVoteReply, "b"); m.After != seq || seq == 0 {
		t.Fatalf("the vote leaves after batch %d, want %d", m.After, seq)
	}
	p.receive(vote(core.MsgVote, "b", 2, at(0, 0)))
	if m := p.only(core.MsgVoteReply, "b"); m.Reject || m.After != seq {
		t.Fatalf("the repeated vote is %+v, want one after batch %d", m, seq)
	}
	p.sync()
	p.receive(vote(core.MsgVote, "b", 2, at(0, 0)))
	if m := p.only(core.MsgVoteReply, "b"); m.Reject || m.After != 0 {
		t.Fatalf("once durable the vote is %+v, want one that leaves now", m)
	}
}

// Every message that names a term waits for that term to be durable: what was said in a term must
// not be forgotten by a crash.
func TestPaperTermIsDurableBeforeItIsSpoken(t *testing.T) {
	p := newSolo(t, setting{})
	out := p.receive(core.Message{Kind: core.MsgAppend, From: "b", Term: 2})
	if m := p.only(core.MsgAppendReply, "b"); m.After != out.Write.Seq || m.After == 0 {
		t.Errorf("the heartbeat's answer leaves after %d, want %d", m.After, out.Write.Seq)
	}
	p.receive(vote(core.MsgPreVote, "c", 3, at(0, 0)))
	if m := p.only(core.MsgPreVoteReply, "c"); m.After != p.written {
		t.Errorf("the pre-vote's answer leaves after %d, want %d", m.After, p.written)
	}
}

// Paper, section 5.4.1: no vote, and no pre-vote, for a candidate whose log is less up to date: the
// later last term wins, then the longer log.
func TestPaperVoteRestriction(t *testing.T) {
	own := []entry.Term{1, 1, 3, 3}
	table := []struct {
		last    entry.Position
		granted bool
	}{
		{at(0, 0), false}, {at(4, 2), false}, {at(9, 2), false}, {at(3, 3), false},
		{at(4, 3), true}, {at(5, 3), true}, {at(1, 4), true}, {at(4, 4), true},
	}
	for _, row := range table {
		p := newSolo(t, setting{terms: own, hard: entry.HardState{Term: 4}})
		p.receive(vote(core.MsgPreVote, "b", 5, row.last))
		if m := p.only(core.MsgPreVoteReply, "b"); m.Reject == row.granted {
			t.Errorf("pre-vote for a log that ends at %+v: %+v, want granted %v", row.last, m, row.granted)
		}
		p.receive(vote(core.MsgVote, "b", 5, row.last))
		if m := p.only(core.MsgVoteReply, "b"); m.Reject == row.granted {
			t.Errorf("vote for a log that ends at %+v: %+v, want granted %v", row.last, m, row.granted)
		}
		if vote := p.core.Status().Vote; (vote == "b") != row.granted {
			t.Errorf("a log that ends at %+v: vote recorded for %q", row.last, vote)
		}
	}
}

// Paper, section 5.2: a candidate raises its term and votes for itself, in one record, and its own
// vote counts only when it is durable; its requests wait for the same record.
func TestPaperOwnVoteCountsWhenDurable(t *testing.T) {
	p := newSolo(t, setting{})
	p.expire()
	out := p.receive(core.Message{Kind: core.MsgPreVoteReply, From: "b", Term: 1})
	p.want(core.Candidate)
	if w := out.Write; w.Hard == nil || *w.Hard != (entry.HardState{Term: 1, Vote: "a"}) {
		t.Fatalf("written: %+v", w.Hard)
	}
	for _, to := range p.peers() {
		if m := p.only(core.MsgVote, to); m.After != out.Write.Seq || m.Term != 1 {
			t.Errorf("the request is %+v, want one of term 1 after batch %d", m, out.Write.Seq)
		}
	}
	p.receive(core.Message{Kind: core.MsgVoteReply, From: "b", Term: 1})
	p.want(core.Candidate)
	p.sync()
	p.want(core.Leader)
}

// Paper, section 5.2: a candidate needs the votes of more than half of all voters, each counted
// once; half is not enough.
func TestPaperElectionMajority(t *testing.T) {
	all := []entry.MemberID{"a", "b", "c", "d", "e", "f", "g"}
	for n := 1; n <= len(all); n++ {
		p := newSolo(t, setting{members: voters(all[:n]...)})
		p.candidate()
		for i, from := range all[1:n] {
			if votes := i + 1; votes <= n/2 && p.role() == core.Leader {
				t.Fatalf("of %d members %d votes made a leader", n, votes)
			}
			reply := core.Message{Kind: core.MsgVoteReply, From: from, Term: p.term()}
			p.receive(reply, reply)
		}
		p.want(core.Leader)
	}
}

// A vote counts only in the term in which it was given; a refusal, a stranger's vote and a vote
// after a refusal do not count.
func TestPaperVotesAreBoundToTermAndVoter(t *testing.T) {
	p := newSolo(t, setting{members: voters("a", "b", "c", "d", "e"), hard: entry.HardState{Term: 1}})
	p.candidate()
	old := p.term()
	p.receive(core.Message{Kind: core.MsgVoteReply, From: "b", Term: old})
	p.expire()
	for _, from := range []entry.MemberID{"b", "c"} {
		p.receive(core.Message{Kind: core.MsgPreVoteReply, From: from, Term: old + 1})
	}
	p.sync()
	p.want(core.Candidate)
	p.receive(
		core.Message{Kind: core.MsgVoteReply, From: "b", Term: old},
		core.Message{Kind: core.MsgVoteReply, From: "c", Term: old},
		core.Message{Kind: core.MsgVoteReply, From: "x", Term: old + 1},
		core.Message{Kind: core.MsgVoteReply, From: "y", Term: old + 1},
		core.Message{Kind: core.MsgVoteReply, From: "d", Term: old + 1, Reject: true},
		core.Message{Kind: core.MsgVoteReply, From: "d", Term: old + 1},
		core.Message{Kind: core.MsgPreVoteReply, From: "e", Term: old + 1},
	)
	p.want(core.Candidate)
	p.receive(core.Message{Kind: core.MsgVoteReply, From: "b", Term: old + 1})
	p.want(core.Candidate)
	p.receive(core.Message{Kind: core.MsgVoteReply, From: "c", Term: old + 1})
	p.want(core.Leader)
}

// Paper, section 5.2: a candidate that hears from a leader of its own term follows it.
func TestPaperCandidateYieldsToLeader(t *testing.T) {
	p := newSolo(t, setting{})
	p.candidate()
	p.receive(core.Message{Kind: core.MsgAppend, From: "c", Term: p.term()})
	p.want(core.Follower)
	if s := p.core.Status(); s.Leader != "c" || s.Vote != "a" {
		t.Errorf("status %+v, want leader c and the vote kept", s)
	}
}

// Paper, section 5.2: a term has one leader; whoever else claims it is not believed.
func TestPaperOneLeaderPerTerm(t *testing.T) {
	p := newSolo(t, setting{})
	p.receive(core.Message{Kind: core.MsgAppend, From: "b", Term: 1})
	out := p.receive(appendOf("c", 1, at(0, 0), 0, 1))
	if p.core.Status().Leader != "b" || p.last().Index != 0 || len(out.Send) != 0 {
		t.Errorf("status %+v, sent %+v", p.core.Status(), out.Send)
	}
	if p.core.Counters().Malformed != 1 {
		t.Errorf("counters %+v", p.core.Counters())
	}
}

// Paper, section 5.2: "if a follower receives no communication over a period of time called the
// election timeout" it stands; a heartbeat and a vote given start the wait anew.
func TestPaperHeartbeatHoldsElectionsOff(t *testing.T) {
	p := newSolo(t, setting{})
	for range 50 {
		p.now += 5 * beat
		p.receive(core.Message{Kind: core.MsgAppend, From: "b", Term: 1})
		p.want(core.Follower)
		if wait := p.core.Deadline() - p.now; wait < 6*beat {
			t.Fatalf("%d ms after a heartbeat", wait/millisecond)
		}
	}
	p = newSolo(t, setting{})
	p.now = p.core.Deadline() - 1
	p.receive(vote(core.MsgVote, "b", 1, at(0, 0)))
	if wait := p.core.Deadline() - p.now; wait < 6*beat {
		t.Errorf("%d ms after a vote was given", wait/millisecond)
	}
	p.now = p.core.Deadline() - 1
	p.step(core.Input{})
	p.want(core.Follower)
	p.now++
	p.step(core.Input{})
	p.want(core.PreCandidate)
}
