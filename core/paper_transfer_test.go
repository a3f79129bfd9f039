package core_test

import (
	"slices"
	"testing"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
)

// This file: leadership moves on purpose.

// handOver asks the member for a transfer.
func (p *solo) handOver(id core.TransferID, to entry.MemberID) *core.Effects {
	p.t.Helper()
	return p.step(core.Input{Transfers: []core.TransferRequest{{ID: id, To: to}}})
}

// wantTransferred checks the one answer of the newest effects.
func (p *solo) wantTransferred(id core.TransferID, why core.TransferRefusal) {
	p.t.Helper()
	if got := p.out.Transferred; len(got) != 1 || got[0] != (core.TransferResult{ID: id, Refusal: why}) {
		p.t.Fatalf("answers %+v, want refusal %d of transfer %d", got, why, id)
	}
}

// giveUp lets the time pass, with everybody acknowledging, until the transfer under way is given up.
func (p *solo) giveUp() {
	p.t.Helper()
	for range 20 {
		p.agree()
		p.expire()
		if p.core.Status().Transferring == "" {
			return
		}
	}
	p.t.Fatalf("the transfer is not given up: %+v", p.core.Status())
}

// Thesis, section 3.10: the prior leader stops accepting new requests, brings the target's log up to
// date, and only then tells it to campaign; everything is committed by then, so that nobody waits for
// an answer that the next leader would have to give.
func TestPaperTransferBringsTheTargetUpToDate(t *testing.T) {
	p := newSolo(t, setting{})
	p.lead()
	p.agree()
	p.propose(2, 100)
	p.sync()
	p.handOver(1, "b")
	if got := p.core.Status().Transferring; got != "b" {
		t.Fatalf("hands over to %q", got)
	}
	if out := p.propose(1, 100); len(out.Refused) != 1 || out.Refused[0].Why != core.RefusedTransferring {
		t.Fatalf("a proposal during a transfer: %+v", out.Refused)
	}
	p.ack("b", 2, 0)
	if got := p.sent(core.MsgTransfer, ""); len(got) != 0 {
		t.Fatalf("told before it holds everything: %+v", got)
	}
	p.receive(core.Message{Kind: core.MsgAppendReply, From: "b", Term: p.term(), Index: 3, Match: 2})
	if got := p.sent(core.MsgTransfer, ""); len(got) != 0 {
		t.Fatalf("told before it holds everything durably: %+v", got)
	}
	p.ack("b", 3, 0)
	if m := p.only(core.MsgTransfer, "b"); m.After != 0 || len(p.sent(core.MsgTransfer, "c")) != 0 {
		t.Errorf("sent %+v", p.out.Send)
	}
	p.receive(core.Message{Kind: core.MsgVote, From: "b", Term: p.term() + 1, Index: 3, LogTerm: p.term(), Hint: 1})
	p.sync()
	p.want(core.Follower)
	if len(p.out.Transferred) != 0 {
		t.Errorf("answered before the target leads: %+v", p.out.Transferred)
	}
	p.receive(appendOf("b", p.term(), at(3, p.term()-1), 3))
	p.wantTransferred(1, 0)
}

// Everything is committed before leadership moves: a target that holds the log is not told while the
// leader waits for a majority.
func TestPaperTransferWaitsForTheCommit(t *testing.T) {
	p := newSolo(t, setting{members: voters("a", "b", "c", "d", "e")})
	p.lead()
	p.agree()
	p.propose(1, 100)
	p.handOver(1, "b")
	p.ack("b", 2, 0)
	if got := p.sent(core.MsgTransfer, ""); len(got) != 0 {
		t.Fatalf("told while entry 2 has two copies of five: %+v", got)
	}
	p.ack("c", 2, 0)
	p.sync()
	p.wantCommit(2)
	p.only(core.MsgTransfer, "b")
}

// Thesis, section 3.10: if the target does not take over within an election time-out, the transfer is
// given up and the leader takes requests again. The message that tells the target is repeated until
// then, since it may be lost.
func TestPaperTransferIsGivenUp(t *testing.T) {
	p := newSolo(t, setting{})
	p.lead()
	p.agree()
	p.handOver(1, "b")
	begun := p.now
	p.only(core.MsgTransfer, "b")
	repeated := 0
	for len(p.out.Transferred) == 0 && p.now-begun < 20*beat {
		p.agree()
		p.expire()
		repeated += len(p.sent(core.MsgTransfer, "b"))
	}
	p.wantTransferred(1, core.TransferTimeout)
	if took := p.now - begun; took != 12*beat || repeated != 11 {
		t.Errorf("given up after %d ms and %d repetitions, want 600 ms and 11", took/millisecond, repeated)
	}
	p.want(core.Leader)
	if out := p.propose(1, 100); len(out.Refused) != 0 {
		t.Errorf("a proposal after the transfer: %+v", out.Refused)
	}
	if p.expire(); len(p.sent(core.MsgTransfer, "")) != 0 {
		t.Error("the target is told after the transfer was given up")
	}
}

// What cannot come about is refused at once, with its reason; what is so already is done.
func TestTransferRefusals(t *testing.T) {
	silent := func(p *solo) {
		p.now += 11 * beat
		p.ack("b", 1, 0)
		p.now += beat
	}
	for _, row := range []struct {
		name string
		to   entry.MemberID
		make func(*solo)
		want core.TransferRefusal
	}{
		{"a stranger", "x", nil, core.TransferNotVoter},
		{"a learner", "l", nil, core.TransferNotVoter},
		{"not heard for an election time-out", "c", silent, core.TransferUnheard},
		{"its connection broke", "b", func(p *solo) { p.step(core.Input{Lost: []entry.MemberID{"b"}}) },
			core.TransferUnheard},
		{"no majority could elect", "b", func(p *solo) { p.step(core.Input{Lost: []entry.MemberID{"c", "d"}}) },
			core.TransferUnheard},
		{"nobody is left", "", func(p *solo) { p.step(core.Input{Lost: []entry.MemberID{"b", "c", "d"}}) },
			core.TransferUnheard},
		{"another is under way", "c", func(p *solo) { p.handOver(9, "b") }, core.TransferBusy},
		{"the leader itself", "a", nil, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			p := newSolo(t, setting{members: append(voters("a", "b", "c", "d"), entry.Member{ID: "l", Learner: true})})
			p.lead()
			p.agree()
			if row.make != nil {
				row.make(p)
			}
			p.want(core.Leader)
			p.handOver(1, row.to)
			p.wantTransferred(1, row.want)
			if busy := row.want == core.TransferBusy; !busy && p.core.Status().Transferring != "" {
				t.Error("it hands over nevertheless")
			}
		})
	}
}

// The only voter has nobody to hand over to.
func TestTransferOfTheOnlyVoter(t *testing.T) {
	p := newSolo(t, setting{members: voters("a")})
	p.expire()
	p.sync()
	p.want(core.Leader)
	p.handOver(1, "")
	p.wantTransferred(1, core.TransferUnheard)
}

// Without a name the best voter takes over: of those that are heard the one with the lowest rank, and
// among equals the one with the longest log.
func TestTransferToTheBest(t *testing.T) {
	rank := func(from entry.MemberID, match entry.Index, rank uint64) core.Message {
		return core.Message{Kind: core.MsgAppendReply, From: from, Index: match, Match: match, Hint: rank}
	}
	for _, row := range []struct {
		name string
		acks []core.Message
		lost []entry.MemberID
		want entry.MemberID
	}{
		{"the longest log", []core.Message{rank("b", 1, 0), rank("c", 2, 0), rank("d", 1, 0)}, nil, "c"},
		{"the lowest rank", []core.Message{rank("b", 2, 2), rank("c", 2, 2), rank("d", 1, 1)}, nil, "d"},
		{"not the lost", []core.Message{rank("b", 1, 1), rank("c", 2, 0), rank("d", 1, 2)}, []entry.MemberID{"c"}, "b"},
		{"not the learner", []core.Message{rank("b", 1, 1), rank("c", 1, 1), rank("d", 1, 1), rank("l", 2, 0)}, nil, "b"},
	} {
		t.Run(row.name, func(t *testing.T) {
			p := newSolo(t, setting{members: append(voters("a", "b", "c", "d"), entry.Member{ID: "l", Learner: true})})
			p.lead()
			p.agree()
			p.propose(1, 100)
			for i := range row.acks {
				row.acks[i].Term = p.term()
			}
			p.receive(row.acks...)
			p.step(core.Input{Lost: row.lost})
			p.handOver(1, "")
			if got := p.core.Status().Transferring; got != row.want {
				t.Errorf("hands over to %q, want %q", got, row.want)
			}
		})
	}
}

// A follower that was told by its leader campaigns at once, in the next term, without a pre-vote; one
// that is told by anybody else, or may not lead, does not.
func TestPaperTransferTargetCampaignsAtOnce(t *testing.T) {
	told := func(from entry.MemberID) core.Message {
		return core.Message{Kind: core.MsgTransfer, From: from, Term: 1}
	}
	p := newSolo(t, setting{})
	p.receive(core.Message{Kind: core.MsgAppend, From: "b", Term: 1}, told("c"))
	p.want(core.Follower)
	p.receive(told("b"))
	p.want(core.Candidate)
	for _, to := range p.peers() {
		if m := p.only(core.MsgVote, to); m.Hint != 1 || m.Term != 2 || m.After != p.written {
			t.Errorf("asks with %+v", m)
		}
	}
	learner := voters("a", "b", "c")
	learner[0].Learner = true
	p = newSolo(t, setting{members: learner})
	p.receive(core.Message{Kind: core.MsgAppend, From: "b", Term: 1}, told("b"))
	p.want(core.Follower)
}

// Thesis, sections 3.10 and 4.2.3: a request for votes that the leader wants is answered although the
// leader is heard, also by the leader; its time-out's next request is an ordinary one.
func TestPaperTransferOverridesStickiness(t *testing.T) {
	for _, hint := range []uint64{0, 1} {
		p := newSolo(t, setting{})
		p.receive(core.Message{Kind: core.MsgAppend, From: "b", Term: 1})
		m := vote(core.MsgVote, "c", 2, at(0, 0))
		m.Hint = hint
		p.receive(m)
		if got := p.core.Status().Vote == "c"; got != (hint == 1) {
			t.Errorf("hint %d: voted %v", hint, got)
		}
	}
	p := newSolo(t, setting{})
	p.receive(core.Message{Kind: core.MsgAppend, From: "b", Term: 1},
		core.Message{Kind: core.MsgTransfer, From: "b", Term: 1})
	p.sync()
	p.expire()
	p.want(core.PreCandidate)
	p.receive(core.Message{Kind: core.MsgPreVoteReply, From: "c", Term: p.term() + 1})
	if m := p.only(core.MsgVote, "c"); m.Hint != 0 {
		t.Errorf("the second campaign claims to be the leader's wish: %+v", m)
	}
}

// A follower that is asked for a transfer asks its leader and answers when it knows the outcome.
func TestTransferThroughAFollower(t *testing.T) {
	follow := func() *solo {
		p := newSolo(t, setting{})
		p.receive(core.Message{Kind: core.MsgAppend, From: "b", Term: 1})
		p.handOver(7, "c")
		if m := p.only(core.MsgTransferRequest, "b"); m.Target != "c" || m.Round != 7 || m.Term != 1 {
			t.Fatalf("asks with %+v", m)
		}
		return p
	}
	p := follow()
	p.receive(core.Message{Kind: core.MsgAppend, From: "c", Term: 2})
	p.wantTransferred(7, 0)

	p = follow()
	p.handOver(8, "")
	p.receive(core.Message{Kind: core.MsgVote, From: "a", Term: 2}, core.Message{Kind: core.MsgAppend, From: "b", Term: 3})
	got := p.out.Transferred
	if len(got) != 2 || got[0].Refusal != core.TransferLost || got[1].Refusal != core.TransferLost {
		t.Errorf("when the old leader is elected again: %+v", got)
	}

	p = follow()
	p.receive(core.Message{Kind: core.MsgTransferReply, From: "c", Term: 1, Round: 7, Reject: true, Hint: 2})
	p.receive(core.Message{Kind: core.MsgTransferReply, From: "b", Term: 1, Round: 6, Reject: true, Hint: 2})
	p.receive(core.Message{Kind: core.MsgTransferReply, From: "b", Term: 1, Round: 7, Reject: true, Hint: 99})
	if len(p.out.Transferred) != 0 {
		t.Fatalf("believed another's answer: %+v", p.out.Transferred)
	}
	p.receive(core.Message{Kind: core.MsgTransferReply, From: "b", Term: 1, Round: 7, Reject: true, Hint: 2})
	p.wantTransferred(7, core.TransferNotVoter)

	p = follow()
	for begun := p.now; len(p.out.Transferred) == 0; p.receive(core.Message{Kind: core.MsgAppend, From: "b", Term: 1}) {
		if p.expire(); p.now-begun > 15*beat {
			t.Fatal("no answer after five quarters of an election time-out")
		}
		if len(p.out.Transferred) > 0 {
			break
		}
	}
	p.wantTransferred(7, core.TransferTimeout)

	p = newSolo(t, setting{})
	p.handOver(1, "b")
	p.wantTransferred(1, core.TransferNoLeader)
}

// A leader answers the members that asked it when nothing comes of it, and them only then.
func TestTransferAskersAreAnswered(t *testing.T) {
	p := newSolo(t, setting{})
	p.lead()
	p.agree()
	ask := func(from, target entry.MemberID, round uint64) core.Message {
		return core.Message{Kind: core.MsgTransferRequest, From: from, Term: p.term(), Target: target, Round: round}
	}
	p.receive(ask("c", "x", 3))
	if m := p.only(core.MsgTransferReply, "c"); m.Round != 3 || m.Hint != uint64(core.TransferNotVoter) || !m.Reject {
		t.Errorf("refused with %+v", m)
	}
	p.receive(ask("c", "x", 0))
	if got := p.sent(core.MsgTransferReply, ""); len(got) != 0 {
		t.Errorf("a wish without a number was answered: %+v", got)
	}
	p.receive(ask("b", "a", 4), ask("c", "b", 5), ask("b", "", 6))
	if got := p.sent(core.MsgTransferReply, ""); len(got) != 0 || p.core.Status().Transferring != "b" {
		t.Errorf("answered %+v, hands over to %q", got, p.core.Status().Transferring)
	}
	p.giveUp()
	for from, round := range map[entry.MemberID]uint64{"c": 5, "b": 6} {
		if m := p.only(core.MsgTransferReply, from); m.Round != round || m.Hint != uint64(core.TransferTimeout) {
			t.Errorf("%s is told %+v", from, m)
		}
	}
	term := p.term()
	p.receive(core.Message{Kind: core.MsgAppend, From: "b", Term: term + 1})
	p.receive(core.Message{Kind: core.MsgTransferRequest, From: "c", Term: term + 1, Target: "b", Round: 8})
	if m := p.only(core.MsgTransferReply, "c"); m.Round != 8 || m.Hint != uint64(core.TransferNoLeader) {
		t.Errorf("a follower answers %+v", m)
	}
}

// Forwarded commands are refused during a transfer, and a late copy of the message that carried them
// is not ordered once the leader takes commands again: whoever was refused may have proposed anew.
func TestTransferRefusesForwardedCommands(t *testing.T) {
	p := newSolo(t, setting{})
	p.lead()
	p.agree()
	p.handOver(1, "b")
	m := core.Message{Kind: core.MsgPropose, From: "c", Term: p.term(), Entries: core.Range{First: 1, Count: 1},
		Body: frames(1, 1)}
	p.receive(m)
	if r := p.only(core.MsgProposeReply, "c"); core.Refusal(r.Round) != core.RefusedTransferring {
		t.Fatalf("refused with %+v", r)
	}
	p.giveUp()
	last := p.last()
	p.receive(m)
	if p.last() != last {
		t.Error("a refused command was ordered by a late copy of its message")
	}
}

// StartElection: a member that hears a leader asks it to hand over, which costs the cluster no time
// without a leader; one that hears none, or lost its connection to it, asks for pre-votes at once.
func TestCampaignAsksTheLeader(t *testing.T) {
	p := newSolo(t, setting{})
	p.receive(core.Message{Kind: core.MsgAppend, From: "b", Term: 1})
	p.step(core.Input{Campaign: true})
	p.want(core.Follower)
	if m := p.only(core.MsgTransferRequest, "b"); m.Target != "a" || m.Round != 0 {
		t.Errorf("asks with %+v", m)
	}
	p.step(core.Input{Lost: []entry.MemberID{"b"}, Campaign: true})
	p.want(core.PreCandidate)
}

// wantAsked checks that the member has just asked the leader, and nobody else, to lead itself.
func (p *solo) wantAsked(leader entry.MemberID) {
	p.t.Helper()
	if m := p.only(core.MsgTransferRequest, leader); m.Target != "a" || len(p.sent(core.MsgTransferRequest, "")) != 1 {
		p.t.Fatalf("asks with %+v", p.out.Send)
	}
}

// The wish to lead outlives what may come between: another member is elected while this one asks for pre-votes,
// the request is lost or refused, the leader changes. Each new leader is asked at once, the same one every three
// heartbeats, until an election time-out is over.
func TestWishToLeadIsPursued(t *testing.T) {
	p := newSolo(t, setting{})
	begun := p.now
	p.step(core.Input{Campaign: true})
	p.want(core.PreCandidate)
	p.receive(core.Message{Kind: core.MsgAppend, From: "b", Term: 1})
	p.want(core.Follower)
	p.wantAsked("b")
	if due := p.core.Deadline(); due != p.now+3*beat {
		t.Fatalf("the next try is due after %d ms, want 3 heartbeats", (due-p.now)/millisecond)
	}
	p.receive(core.Message{Kind: core.MsgAppend, From: "c", Term: 2})
	p.wantAsked("c")
	var asked []core.Instant
	for range 20 {
		p.now += beat
		if p.receive(core.Message{Kind: core.MsgAppend, From: "c", Term: 2}); len(p.sent(core.MsgTransferRequest, "c")) > 0 {
			asked = append(asked, (p.now-begun)/beat)
		}
	}
	if !slices.Equal(asked, []core.Instant{3, 6, 9}) {
		t.Errorf("asks again after %v heartbeats, want 3, 6 and 9", asked)
	}
}

// A wish is fulfilled once: who has led does not ask for it back. One that cannot stand at present does not make
// the leader stop for it.
func TestWishToLeadEnds(t *testing.T) {
	p := newSolo(t, setting{})
	p.step(core.Input{Campaign: true})
	p.receive(core.Message{Kind: core.MsgPreVoteReply, From: "b", Term: 1})
	p.sync()
	p.receive(core.Message{Kind: core.MsgVoteReply, From: "b", Term: 1})
	p.want(core.Leader)
	p.receive(core.Message{Kind: core.MsgAppend, From: "b", Term: 2})
	if got := p.sent(core.MsgTransferRequest, ""); len(got) != 0 {
		t.Errorf("has led, and asks for it back: %+v", got)
	}

	p = newSolo(t, setting{})
	p.receive(appendOf("b", 1, at(0, 0), 0, 1))
	p.now += 12*beat + 1 // Its write has not ended.
	heartbeat := core.Message{Kind: core.MsgAppend, From: "b", Term: 1, Index: 1, LogTerm: 1}
	p.receive(heartbeat)
	p.step(core.Input{Campaign: true})
	if got := p.sent(core.MsgTransferRequest, ""); len(got) != 0 {
		t.Errorf("asks with a stalled disk: %+v", got)
	}
	p.now += 3 * beat
	p.stored = p.written
	p.receive(heartbeat)
	p.wantAsked("b")
}

// The rank delays a member's election time-out, by as much as those of one rank lie apart, so that the
// lower rank stands first; it does not touch how long it refuses votes.
func TestRankDelaysElections(t *testing.T) {
	for rank := range uint64(4) {
		for seed := range uint64(200) {
			p := newSolo(t, setting{limits: core.Config{Seed: seed, Rank: rank}})
			p.receive(core.Message{Kind: core.MsgAppend, From: "b", Term: 1})
			least := core.Instant(6+6*rank) * beat
			if wait := p.core.Deadline() - p.now; wait < least || wait >= least+6*beat {
				t.Fatalf("rank %d waits %d heartbeats, want %d to %d", rank, wait/beat, least/beat, least/beat+6)
			}
			if m := p.only(core.MsgAppendReply, "b"); m.Hint != rank {
				t.Fatalf("rank %d is told as %d", rank, m.Hint)
			}
			p.step(core.Input{Lost: []entry.MemberID{"b"}})
			soon := core.Instant(1+2*rank) * beat
			if wait := p.core.Deadline() - p.now; wait < soon || wait >= soon+2*beat {
				t.Fatalf("rank %d waits %d heartbeats after a loss", rank, wait/beat)
			}
		}
	}
	if _, err := core.New(core.Config{ID: "a", Rank: core.RankMax + 1}, core.Start{}); err == nil {
		t.Error("a rank above the bound is taken")
	}
}
