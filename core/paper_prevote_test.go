package core_test

import (
	"testing"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
)

// This file: what keeps elections rare and undisturbing.

// Thesis, section 9.6: a pre-campaign changes nothing durable, neither in who asks nor in who is
// asked, however often it is repeated.
func TestPaperPreVoteRaisesNoTerm(t *testing.T) {
	p := newSolo(t, setting{hard: entry.HardState{Term: 4, Vote: "c"}})
	for range 100 {
		out := p.expire()
		p.want(core.PreCandidate)
		if s := p.core.Status(); s.Term != 4 || s.Vote != "c" || out.Write.Seq != 0 {
			t.Fatalf("status %+v, write %+v", s, out.Write)
		}
		for _, to := range p.peers() {
			if m := p.only(core.MsgPreVote, to); m.Term != 5 || m.After != 0 {
				t.Fatalf("asked with %+v, want term 5 at once", m)
			}
		}
	}
	p = newSolo(t, setting{hard: entry.HardState{Term: 4, Vote: "c"}})
	before, deadline := p.core.Status(), p.core.Deadline()
	p.now = deadline - 1
	out := p.receive(vote(core.MsgPreVote, "b", 5, at(0, 0)))
	if m := p.only(core.MsgPreVoteReply, "b"); m.Reject || m.Term != 5 {
		t.Errorf("answered %+v, want yes to term 5", m)
	}
	if p.core.Status() != before || p.core.Deadline() != deadline || out.Write.Seq != 0 {
		t.Errorf("granting a pre-vote changed %+v to %+v", before, p.core.Status())
	}
}

// Thesis, section 9.6: the term is raised once a majority said that it would vote, not before; an
// answer to another term's question does not count.
func TestPaperPreVoteMajority(t *testing.T) {
	p := newSolo(t, setting{members: voters("a", "b", "c", "d"), hard: entry.HardState{Term: 4}})
	p.expire()
	yes := core.Message{Kind: core.MsgPreVoteReply, From: "b", Term: 5}
	p.receive(yes, yes)
	p.want(core.PreCandidate)
	p.receive(core.Message{Kind: core.MsgPreVoteReply, From: "c", Term: 9})
	p.receive(core.Message{Kind: core.MsgPreVoteReply, From: "d", Term: 4, Reject: true})
	p.want(core.PreCandidate)
	p.receive(core.Message{Kind: core.MsgPreVoteReply, From: "c", Term: 5})
	p.want(core.Candidate)
	if p.term() != 5 {
		t.Errorf("term %d, want 5", p.term())
	}
}

// A refusal by a member that was never in a term is an answer, too, and raises nobody's term.
func TestPaperPreVoteRefusedInTermZero(t *testing.T) {
	p := newSolo(t, setting{})
	// An empty member that knows of a settled cluster helps nobody to found another one.
	p.step(core.Input{Peers: []core.Peer{{ID: "c", Settled: true}}})
	p.receive(vote(core.MsgPreVote, "b", 1, at(0, 0)))
	refusal := p.only(core.MsgPreVoteReply, "b").Message
	if !refusal.Reject || refusal.Term != 0 {
		t.Fatalf("refused with %+v", refusal)
	}
	p = newSolo(t, setting{})
	p.expire()
	refusal.From = "c"
	p.receive(refusal)
	if p.core.Counters() != (core.Counters{}) || p.term() != 0 || p.role() != core.PreCandidate {
		t.Errorf("counters %+v, status %+v", p.core.Counters(), p.core.Status())
	}
}

// Thesis, section 4.2.3: while a leader is alive as far as a member knows, requests for votes are
// refused whatever their term, so that a member which lost its connection deposes nobody. The
// bound is the minimum election time-out, six heartbeats.
func TestPaperStickiness(t *testing.T) {
	for _, row := range []struct {
		silence core.Instant
		granted bool
	}{{0, false}, {beat, false}, {6*beat - 1, false}, {6 * beat, true}} {
		p := newSolo(t, setting{})
		p.receive(core.Message{Kind: core.MsgAppend, From: "b", Term: 1})
		p.now += row.silence
		p.receive(vote(core.MsgPreVote, "c", 2, at(0, 0)))
		if m := p.only(core.MsgPreVoteReply, "c"); m.Reject == row.granted {
			t.Errorf("pre-vote %d ms after a heartbeat: %+v", row.silence/millisecond, m)
		}
		p.receive(vote(core.MsgVote, "c", 2, at(0, 0)))
		if got := len(p.sent(core.MsgVoteReply, "c")) == 1 && p.term() == 2; got != row.granted {
			t.Errorf("vote %d ms after a heartbeat: %+v in term %d", row.silence/millisecond, p.out.Send, p.term())
		}
		if sticky := p.core.Counters().Sticky; (sticky == 2) == row.granted {
			t.Errorf("%d refusals counted", sticky)
		}
	}
}

// Thesis, section 4.2.3: a leader does not yield to requests for votes either.
func TestPaperLeaderIsSticky(t *testing.T) {
	p := newSolo(t, setting{})
	p.lead()
	term := p.term()
	p.receive(vote(core.MsgVote, "c", term+5, at(9, term)), vote(core.MsgPreVote, "c", term+1, at(9, term)))
	p.want(core.Leader)
	if m := p.only(core.MsgPreVoteReply, "c"); !m.Reject || p.term() != term {
		t.Errorf("answer %+v in term %d", m, p.term())
	}
}

// Paper, section 5.2 and 9.3: election time-outs are random, here in [6, 12) heartbeats, and drawn
// anew for each election, so that split votes end.
func TestPaperElectionTimeoutIsRandom(t *testing.T) {
	const draws = 3000
	p := newSolo(t, setting{})
	var least, most, sum core.Instant = core.Forever, 0, 0
	seen := map[core.Instant]bool{}
	for term := entry.Term(1); term <= draws; term++ {
		// A new leader in a new term: each one is waited for with a fresh draw.
		p.receive(core.Message{Kind: core.MsgAppend, From: "b", Term: term})
		wait := p.core.Deadline() - p.now
		least, most, sum = min(least, wait), max(most, wait), sum+wait
		seen[wait] = true
		p.sync()
	}
	if least < 6*beat || most >= 12*beat {
		t.Errorf("waits of %d to %d ns, want in [%d, %d)", least, most, 6*beat, 12*beat)
	}
	if least > 6*beat+beat/20 || most < 12*beat-beat/20 || len(seen) < draws*99/100 {
		t.Errorf("waits of %d to %d ns, %d different ones: not spread over the range", least, most, len(seen))
	}
	if mean := sum / draws; mean < 8*beat+beat*8/10 || mean > 9*beat+beat*2/10 {
		t.Errorf("mean wait %d ns, want near %d", mean, 9*beat)
	}
}

// A candidate that wins nothing tries again after a fresh wait of the same range.
func TestPaperCandidateTimeoutIsRedrawn(t *testing.T) {
	p := newSolo(t, setting{})
	seen := map[core.Instant]bool{}
	for range 100 {
		p.candidate()
		wait := p.core.Deadline() - p.now
		if wait < 6*beat || wait >= 12*beat {
			t.Fatalf("a candidate waits %d ns", wait)
		}
		seen[wait] = true
	}
	if len(seen) < 99 {
		t.Errorf("%d different waits of 100", len(seen))
	}
}

// Members that share a seed must still draw different time-outs.
func TestPaperTimeoutsDifferBetweenMembers(t *testing.T) {
	seen := map[core.Instant]entry.MemberID{}
	for _, id := range []entry.MemberID{"a", "b", "c", "d", "e"} {
		c, err := core.New(core.Config{ID: id, Seed: 1, Heartbeat: beat},
			core.Start{Initial: entry.Configuration{Members: voters("a", "b", "c", "d", "e")}})
		if err != nil {
			t.Fatal(err)
		}
		var out core.Effects
		c.Step(&core.Input{}, &out)
		if other, ok := seen[c.Deadline()]; ok {
			t.Errorf("%q and %q wait equally long", other, id)
		}
		seen[c.Deadline()] = id
	}
}

// Thesis, section 4.2.1: a learner never stands, is never asked, and its answers do not count. When
// it is asked all the same it answers like a voter (section 4.2.2, and paper, section 6): the
// configuration that makes it one may not have reached it, and the quorum may need it.
func TestPaperLearnersHaveNoSay(t *testing.T) {
	members := voters("a", "b", "c", "d")
	members[0].Learner = true
	p := newSolo(t, setting{members: members})
	p.receive(vote(core.MsgPreVote, "c", 3, at(0, 0)), vote(core.MsgVote, "b", 2, at(0, 0)))
	if p.only(core.MsgVoteReply, "b").Reject || p.only(core.MsgPreVoteReply, "c").Reject {
		t.Errorf("a learner answers %+v", p.out.Send)
	}
	p.receive(vote(core.MsgVote, "c", 2, at(0, 0)))
	if !p.only(core.MsgVoteReply, "c").Reject {
		t.Error("a learner voted twice in a term")
	}
	for range 20 {
		p.expire()
		p.step(core.Input{Campaign: true})
		p.want(core.Follower)
	}
	members = voters("a", "b", "c", "l", "m", "n")
	for i := range members {
		members[i].Learner = i > 2
	}
	p = newSolo(t, setting{members: members})
	p.expire()
	if len(p.sent(core.MsgPreVote, "")) != 2 {
		t.Errorf("asked %+v, want the two other voters", p.out.Send)
	}
	for _, from := range []entry.MemberID{"l", "m", "n"} {
		p.receive(core.Message{Kind: core.MsgPreVoteReply, From: from, Term: p.term() + 1})
	}
	p.want(core.PreCandidate)
}

// The copies of learners do not commit, and their answers do not keep a leader.
func TestPaperLearnersDoNotCount(t *testing.T) {
	members := voters("a", "b", "c", "l", "m")
	members[3].Learner, members[4].Learner = true, true
	p := newSolo(t, setting{members: members})
	p.lead()
	p.ack("l", 1, 1)
	p.ack("m", 1, 1)
	p.wantCommit(0)
	if len(p.sent(core.MsgAppend, "l")) != 0 {
		t.Errorf("sent %+v", p.out.Send)
	}
	p.propose(1, 100)
	if m := p.only(core.MsgAppend, "l"); m.Entries != (core.Range{First: 2, Count: 1}) {
		t.Errorf("the learner is sent %+v", m)
	}
	for range 13 {
		p.now += beat
		p.ack("l", 1, 1)
		p.ack("m", 1, 1)
	}
	p.want(core.Follower)
}

// A member without a configuration waits to be told its peers: it does not stand, and has no part in elections.
// (Thesis, section 4.1, lets it vote, since there a new voter may be needed before it has the entry that makes it
// one. Here it becomes one when it has caught up.)
func TestPaperNoConfigurationNoElection(t *testing.T) {
	p := newSolo(t, setting{members: []entry.Member{}})
	p.receive(vote(core.MsgVote, "b", 2, at(1, 1)))
	if !p.only(core.MsgVoteReply, "b").Reject {
		t.Error("a member without a configuration votes")
	}
	p.now = 100 * beat
	p.step(core.Input{Campaign: true})
	p.want(core.Follower)
}

// The only voter waits for nobody.
func TestPaperLoneVoterLeadsAtOnce(t *testing.T) {
	p := newSolo(t, setting{members: voters("a")})
	p.want(core.Candidate)
	if p.now != 0 {
		t.Errorf("time passed")
	}
	p.sync()
	p.want(core.Leader)
	p.wantCommit(0)
	p.sync()
	p.wantCommit(1)
}

// Two members that campaign at the same moment do not both win the other's pre-vote: each would then
// vote for itself, and the term would have no leader (paper, section 5.2, leaves that to chance alone).
// The smaller id goes first, unless the other's log is further.
func TestPreVoteOfARivalGoesToTheSmallerID(t *testing.T) {
	for _, c := range []struct {
		from  entry.MemberID
		last  entry.Position
		stand bool // a campaigns itself
		yes   bool
	}{
		{"b", at(3, 2), true, false},
		{"b", at(4, 2), true, true},
		{"Z", at(3, 2), true, true},
		{"b", at(3, 2), false, true},
	} {
		p := newSolo(t, setting{members: voters("Z", "a", "b"), hard: entry.HardState{Term: 4}, terms: []entry.Term{1, 2, 2}})
		if c.stand {
			p.expire()
			p.want(core.PreCandidate)
		}
		p.receive(vote(core.MsgPreVote, c.from, 5, c.last))
		if m := p.only(core.MsgPreVoteReply, c.from); m.Reject == c.yes {
			t.Errorf("%+v: answered %+v", c, m)
		}
	}
}
