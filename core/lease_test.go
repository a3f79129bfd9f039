package core_test

import (
	"testing"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
)

// This file: reads from a lease, and what members promise for it.

// leasing makes a leader where leases are on, whose first entry is committed and who has just sent a
// round that nobody has answered.
func leasing(t *testing.T, members ...entry.MemberID) (*solo, uint64) {
	t.Helper()
	p := newSolo(t, setting{lease: true, members: voters(members...)})
	p.lead()
	p.agree()
	p.expire()
	return p, p.only(core.MsgAppend, "b").Round
}

// answered asks for a read and reports whether it was answered in the same Step.
func (p *solo) answered() bool {
	p.t.Helper()
	p.next++
	out := p.step(core.Input{Reads: []core.ReadID{core.ReadID(p.next)}})
	for _, r := range out.Reads {
		if r.Read == core.ReadID(p.next) {
			if r.Failed || r.Index != p.commit() {
				p.t.Fatalf("answered with %+v", r)
			}
			return true
		}
	}
	return false
}

// Thesis, section 6.4.1: a lease runs from when the round was sent, not from when its answers came in:
// they may have been under way for long. It lasts three quarters of the shortest election time-out.
func TestPaperLeaseRunsFromTheSendTime(t *testing.T) {
	p, _ := leasing(t, "a", "b", "c")
	if p.answered() {
		t.Fatal("answered before anybody acknowledged a round")
	}
	p, round := leasing(t, "a", "b", "c")
	sent := p.now
	p.now = sent + 4*beat
	p.ack("b", p.last().Index, round)
	if !p.answered() {
		t.Fatal("not answered under a lease")
	}
	p.now = sent + 9*beat/2 - 1
	if !p.answered() {
		t.Fatal("not answered at the end of the lease")
	}
	p.now++
	if p.answered() {
		t.Fatal("answered after the lease")
	}
	p.only(core.MsgAppend, "b") // a round asks instead
}

// A quorum must have answered: two of five are none, and a learner's answer proves nothing.
func TestLeaseNeedsAQuorum(t *testing.T) {
	p, round := leasing(t, "a", "b", "c", "d", "e")
	if p.ack("b", p.last().Index, round); p.answered() {
		t.Error("two of five grant a lease")
	}
	p, round = leasing(t, "a", "b", "c", "d", "e")
	p.ack("b", p.last().Index, round)
	if p.ack("c", p.last().Index, round); !p.answered() {
		t.Error("three of five grant no lease")
	}
}

// A voter that does not hold the leader's first entry may not know of leases: its answer is none.
func TestLeaseNeedsVotersThatKnowOfIt(t *testing.T) {
	p := newSolo(t, setting{lease: true, members: voters("a", "b", "c", "d", "e")})
	p.lead()
	for _, m := range []entry.MemberID{"b", "c"} {
		p.ack(m, 1, 0)
	}
	p.sync()
	p.expire()
	round := p.only(core.MsgAppend, "b").Round
	p.ack("b", 1, round)
	p.receive(core.Message{Kind: core.MsgAppendReply, From: "d", Term: p.term(), Round: round, Index: 0, Reject: true})
	if p.answered() {
		t.Error("the answer of a member with an empty log counts")
	}
}

// Without the configuration's word there is no lease, and a member whose clock may stand still while
// the machine sleeps has none as a leader.
func TestLeaseIsOptIn(t *testing.T) {
	for name, s := range map[string]setting{
		"not configured": {}, "no clock": {lease: true, limits: core.Config{Unleased: true}},
	} {
		p := newSolo(t, s)
		p.lead()
		p.agree()
		p.expire()
		p.ack("b", p.last().Index, p.only(core.MsgAppend, "b").Round)
		if p.answered() {
			t.Errorf("%s: answered without a round", name)
		}
	}
}

// Paper, section 8: a new leader does not know what its predecessors committed until an entry of its
// own is; a lease changes nothing about that.
func TestPaperLeaseNeedsTheFirstCommit(t *testing.T) {
	p := newSolo(t, setting{lease: true, terms: []entry.Term{1, 1, 1}, hard: entry.HardState{Term: 1}, commit: 1})
	p.now += 6 * beat
	p.lead()
	p.expire()
	round := p.only(core.MsgAppend, "b").Round
	p.receive(core.Message{Kind: core.MsgAppendReply, From: "b", Term: p.term(), Index: 3, Match: 3, Round: round})
	if p.answered() {
		t.Fatal("answered before the first commit")
	}
}

// A lease is over once the target of a transfer was told to campaign, before the message leaves: its
// request for votes overrides what members promised. It does not come back in this term, though the
// transfer is given up and rounds are answered, since the message may arrive late.
func TestTransferEndsTheLease(t *testing.T) {
	p, round := leasing(t, "a", "b", "c")
	p.ack("b", p.last().Index, round)
	p.ack("c", p.last().Index, round)
	if !p.answered() {
		t.Fatal("no lease")
	}
	p.propose(1, 100)
	p.sync()
	p.handOver(1, "b")
	if !p.answered() {
		t.Fatal("the lease ended before the target was told")
	}
	p.ack("b", p.last().Index, round)
	p.only(core.MsgTransfer, "b")
	if p.answered() {
		t.Fatal("answered from a lease after the target was told to campaign")
	}
	p.giveUp()
	p.expire()
	p.ack("c", p.last().Index, p.only(core.MsgAppend, "c").Round)
	if p.answered() {
		t.Error("the lease came back in the same term")
	}
}

// refusesVotes reports whether neither a vote nor a pre-vote is given to c, in the member's next term.
func (p *solo) refusesVotes() bool {
	p.t.Helper()
	twin := p.core.Clone()
	var out core.Effects
	last, term := p.last(), p.term()+1
	ask := []core.Message{vote(core.MsgPreVote, "c", term, last), vote(core.MsgVote, "c", term, last)}
	for i := range ask {
		ask[i].To = "a"
	}
	twin.Step(&core.Input{Now: p.now, Stored: p.stored, Received: ask}, &out)
	given := 0
	for i := range out.Send {
		if m := &out.Send[i]; (m.Kind == core.MsgVoteReply || m.Kind == core.MsgPreVoteReply) && !m.Reject {
			given++
		}
	}
	if given == 1 {
		p.t.Fatalf("either a vote or a pre-vote was given: %+v", out.Send)
	}
	return given == 0
}

// While leases are on, a member that restarts gives no vote for the shortest election time-out, nor
// does it stand: it may have acknowledged a leader just before. One that was never in a term has not.
func TestRestartedMemberIsQuiet(t *testing.T) {
	for _, row := range []struct {
		name  string
		lease bool
		term  entry.Term
		quiet bool
	}{{"leases", true, 4, true}, {"no leases", false, 4, false}, {"a new directory", true, 0, false}} {
		t.Run(row.name, func(t *testing.T) {
			p := newSolo(t, setting{lease: row.lease, hard: entry.HardState{Term: row.term}})
			for _, after := range []core.Instant{0, 6*beat - 1} {
				p.now = after
				if got := p.refusesVotes(); got != row.quiet {
					t.Errorf("%d ms after its start votes are refused: %v", after/millisecond, got)
				}
			}
			twin := p.core.Clone()
			var out core.Effects
			twin.Step(&core.Input{Now: p.now, Campaign: true}, &out)
			if got := twin.Status().Role == core.Follower; got != row.quiet {
				t.Errorf("asked to campaign it is a %v", twin.Status().Role)
			}
			p.now = 6 * beat
			if p.refusesVotes() {
				t.Error("votes are refused for longer than the shortest election time-out")
			}
		})
	}
}

// The only voter promised nothing to anybody, and leads at once.
func TestRestartedOnlyVoterLeadsAtOnce(t *testing.T) {
	p := newSolo(t, setting{lease: true, members: voters("a"), terms: []entry.Term{1}})
	p.sync()
	p.want(core.Leader)
	if p.now != 0 {
		t.Errorf("after %d ms", p.now/millisecond)
	}
}

// While leases are on, the loss of the connection to the leader changes nothing for a whole shortest
// election time-out: the leader may be alive, and rely on the member. Without them the member gives
// its vote at once.
func TestSuspicionKeepsThePromise(t *testing.T) {
	for _, lease := range []bool{true, false} {
		p := newSolo(t, setting{lease: lease})
		p.receive(core.Message{Kind: core.MsgAppend, From: "b", Term: 1})
		heard := p.now
		p.step(core.Input{Lost: []entry.MemberID{"b"}})
		if due := p.core.Deadline() - heard; (due >= 6*beat) != lease {
			t.Errorf("leases %v: it stands after %d ms", lease, due/millisecond)
		}
		if p.refusesVotes() != lease {
			t.Errorf("leases %v: votes are refused: %v", lease, !lease)
		}
		p.step(core.Input{Campaign: true})
		if stands := p.role() != core.Follower; stands == lease {
			t.Errorf("leases %v: asked to campaign it is a %v", lease, p.role())
		}
		p.now = heard + 6*beat
		if p.role() == core.Follower && p.refusesVotes() {
			t.Errorf("leases %v: votes are refused after the shortest election time-out", lease)
		}
	}
}

// News of a later term make a member forget its leader but not what it promised.
func TestPromiseOutlivesTheTerm(t *testing.T) {
	p := newSolo(t, setting{lease: true})
	p.receive(core.Message{Kind: core.MsgAppend, From: "b", Term: 1})
	p.receive(core.Message{Kind: core.MsgVoteReply, From: "c", Term: 3, Reject: true})
	if s := p.core.Status(); s.Term != 3 || s.Leader != "" {
		t.Fatalf("%+v", s)
	}
	p.now += 6*beat - 1
	p.receive(vote(core.MsgVote, "c", 3, at(0, 0)))
	if !p.refusesVotes() || p.core.Status().Vote != "" {
		t.Error("a vote within the shortest election time-out of hearing a leader")
	}
	p.now++
	p.receive(vote(core.MsgVote, "c", 3, at(0, 0)))
	if p.core.Status().Vote != "c" {
		t.Error("no vote after it")
	}
}

// A paused leader does not answer from a lease that ended meanwhile: the lease is compared with the
// present of the Step that answers.
func TestPausedLeaderHasNoLease(t *testing.T) {
	p, round := leasing(t, "a", "b", "c")
	p.ack("b", p.last().Index, round)
	if !p.answered() {
		t.Fatal("no lease")
	}
	p.now += 36 * beat
	p.next++
	p.step(core.Input{Reads: []core.ReadID{core.ReadID(p.next)}})
	for _, r := range p.out.Reads {
		if !r.Failed {
			t.Errorf("answered %+v after a pause of three election time-outs", r)
		}
	}
}

// A leader that is to be removed has no lease from the moment at which its removal is in its log: the
// voters that are left may elect without anybody who promised it anything.
func TestLeaderOfOthersHasNoLease(t *testing.T) {
	p, round := leasing(t, "a", "b", "c")
	p.ack("b", p.last().Index, round)
	p.ack("c", p.last().Index, round)
	if !p.answered() {
		t.Fatal("no lease")
	}
	p.step(core.Input{Changes: []core.ChangeRequest{{ID: 1, Change: core.Change{Remove: []entry.MemberID{"a"}}}}})
	if p.core.Configuration().Index != p.last().Index {
		t.Fatalf("the change has not begun: %+v", p.out.Changed)
	}
	if p.want(core.Leader); p.answered() {
		t.Error("answered from a lease by a leader that is no voter")
	}
}
