package core_test

import (
	"testing"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
)

// This file: a log without room. Voting goes on, nothing that needs room is begun.

// full gives an input while the log has no room.
func (p *solo) full(in core.Input) *core.Effects {
	p.t.Helper()
	in.NoRoom = true
	return p.step(in)
}

// from addresses messages to a, in an input.
func from(all ...core.Message) core.Input {
	for i := range all {
		all[i].To = "a"
	}
	return core.Input{Received: all}
}

// A leader without room refuses local commands, forwarded ones and changes of the set, and nothing of them
// is in its log; it goes on sending heartbeats. With room it takes them.
func TestFullLeaderRefuses(t *testing.T) {
	p := newSolo(t, setting{})
	p.lead()
	p.agree()
	before := p.last()
	out := p.full(core.Input{Proposals: []core.Proposal{{ID: 1, Size: 100}}})
	if len(out.Refused) != 1 || out.Refused[0].Why != core.RefusedNoSpace || p.last() != before {
		t.Errorf("a proposal: %+v, log to %+v", out.Refused, p.last())
	}
	p.full(from(core.Message{
		Kind: core.MsgPropose, From: "b", Term: p.term(), Round: 1,
		Entries: core.Range{First: 1, Count: 1}, Body: frames(1, 1),
	}))
	if m := p.only(core.MsgProposeReply, "b"); core.Refusal(m.Round) != core.RefusedNoSpace || p.last() != before {
		t.Errorf("a forwarded command: %+v, log to %+v", m, p.last())
	}
	out = p.full(core.Input{Changes: []core.ChangeRequest{{ID: 1, Change: core.Change{Remove: []entry.MemberID{"c"}}}}})
	if len(out.Changed) != 1 || out.Changed[0].Refusal != core.RefusedNoSpace || out.Changed[0].String() == "" {
		t.Errorf("a change: %+v", out.Changed)
	}
	p.now += beat
	p.full(core.Input{})
	if len(p.sent(core.MsgAppend, "")) != 2 || p.out.Write.Seq != 0 {
		t.Errorf("no heartbeat, or something to write: %+v", p.out)
	}
	p.beats(13) // It handed over meanwhile, in vain.
	p.propose(1, 100)
	if p.last().Index != before.Index+1 {
		t.Errorf("with room again the log ends at %+v", p.last())
	}
}

// A follower without room takes no entries and acknowledges none, but what it holds already and that the
// leader is heard; its leader then sends it heartbeats only, until it says that it has room.
func TestFullFollowerAcknowledgesNothingNew(t *testing.T) {
	p := newSolo(t, setting{})
	p.receive(appendOf("b", 1, at(0, 0), 0, 1, 1))
	p.sync()
	p.full(from(appendOf("b", 1, at(1, 1), 2, 1, 1, 1)))
	m := p.only(core.MsgAppendReply, "b")
	if m.Reject || m.Index != 2 || m.Match != 2 || m.HintTerm != 1 || p.last().Index != 2 || p.out.Write.Seq != 0 {
		t.Errorf("%+v, log to %+v, write %+v", m, p.last(), p.out.Write)
	}
	p.full(from(appendOf("b", 2, at(0, 0), 0, 2)))
	if w := p.out.Write; w.TruncateFrom != 0 || p.last().Index != 2 {
		t.Errorf("a conflict truncates a log that cannot take what follows: %+v", w)
	}
	p.receive(appendOf("b", 2, at(2, 1), 2, 2))
	if m := p.only(core.MsgAppendReply, "b"); m.Match != 3 || m.HintTerm != 0 {
		t.Errorf("with room again: %+v", m)
	}
}

// The leader's side of it.
func TestLeaderSparesFullFollower(t *testing.T) {
	p := newSolo(t, setting{})
	p.lead()
	p.agree()
	reply := core.Message{
		Kind: core.MsgAppendReply, From: "b", Term: p.term(), Index: p.last().Index, Match: p.last().Index,
		Round: p.round, HintTerm: 1,
	}
	p.receive(reply)
	p.propose(1, 100)
	if all := p.sent(core.MsgAppend, "b"); len(all) != 0 {
		t.Errorf("a full follower is sent %+v", all)
	}
	p.now += beat
	p.step(core.Input{})
	if m := p.only(core.MsgAppend, "b"); m.Entries.Count != 0 {
		t.Errorf("a full follower's heartbeat carries %+v", m)
	}
	reply.HintTerm, reply.Round = 0, p.round
	p.receive(reply)
	if m := p.only(core.MsgAppend, "b"); m.Entries.Count != 1 {
		t.Errorf("a follower with room again is sent %+v", m)
	}
}

// A full leader hands over, once, to a voter that has room, and leads on when nobody does.
func TestFullLeaderHandsOver(t *testing.T) {
	p := newSolo(t, setting{})
	p.lead()
	p.agree()
	p.receive(core.Message{
		Kind: core.MsgAppendReply, From: "b", Term: p.term(), Index: p.last().Index, Match: p.last().Index,
		Round: p.round, HintTerm: 1,
	})
	p.full(core.Input{})
	if s := p.core.Status(); s.Transferring != "c" {
		t.Fatalf("a full leader: %+v", s)
	}
	for range 40 {
		p.now += beat
		p.full(core.Input{})
		for _, id := range p.peers() {
			p.full(from(core.Message{
				Kind: core.MsgAppendReply, From: id, Term: p.term(), Index: p.last().Index, Match: p.last().Index,
				Round: p.round,
			}))
		}
	}
	if s := p.core.Status(); s.Role != core.Leader || s.Transferring != "" || s.Stalled {
		t.Errorf("when nobody takes over: %+v", s)
	}
}

// A member without room votes, and asks for no vote: it could not open a term.
func TestFullMemberVotesAndDoesNotCampaign(t *testing.T) {
	p := newSolo(t, setting{})
	for range 5 {
		p.now = max(p.now, p.core.Deadline())
		if out := p.full(core.Input{Campaign: true}); len(out.Send) != 0 {
			t.Fatalf("campaigns without room: %+v", out.Send)
		}
	}
	p.full(from(core.Message{Kind: core.MsgVote, From: "b", Term: 7}))
	if m := p.only(core.MsgVoteReply, "b"); m.Reject || m.After == 0 || p.out.Write.Hard.Vote != "b" {
		t.Errorf("no vote: %+v", m)
	}
}

// What a follower was to write and could not is forgotten as by a crash: the log ends at what is durable,
// the commit index with it, and a candidate that asked for votes with those entries stands no more.
func TestUnwrittenEntriesAreForgotten(t *testing.T) {
	p := newSolo(t, setting{})
	p.receive(appendOf("b", 1, at(0, 0), 0, 1, 1))
	p.sync()
	p.receive(appendOf("b", 1, at(2, 1), 3, 1, 1))
	p.wantCommit(3)
	p.full(core.Input{Space: core.Space{Unwritten: true}})
	cut := p.out.Write.TruncateFrom
	if p.last() != at(2, 1) || p.commit() != 2 || cut != 3 || len(p.sent(core.MsgAppendReply, "")) != 0 {
		t.Errorf("log to %+v, commit %d, write %+v", p.last(), p.commit(), p.out.Write)
	}
	p.sync()
	if s := p.core.Status(); s.Durable != 2 {
		t.Errorf("a batch without its entries makes %d durable", s.Durable)
	}
}

// See TestUnwrittenEntriesAreForgotten.
func TestUnwrittenEntriesEndACandidacy(t *testing.T) {
	p := newSolo(t, setting{terms: []entry.Term{1}})
	p.receive(appendOf("b", 1, at(1, 1), 0, 1)) // not durable
	p.expire()
	for p.role() != core.PreCandidate {
		p.expire()
	}
	p.receive(core.Message{Kind: core.MsgPreVoteReply, From: "b", Term: 2})
	p.want(core.Candidate)
	p.full(core.Input{Space: core.Space{Unwritten: true}})
	p.want(core.Follower)
	p.receive(core.Message{Kind: core.MsgVoteReply, From: "b", Term: 2})
	p.want(core.Follower)
	if p.last() != at(1, 1) {
		t.Errorf("the log ends at %+v", p.last())
	}
}
