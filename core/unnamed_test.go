package core_test

import (
	"testing"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
)

// This file: elections among members that are counted and not listed, and comparisons by the program.

// newUnnamed starts member a of size.
func newUnnamed(t *testing.T, size int, ask bool) *solo {
	t.Helper()
	c, err := core.New(core.Config{
		ID: "a", Heartbeat: beat, ElectionOnly: true, Electors: core.Electors{Size: size, Ask: ask},
	}, core.Start{})
	if err != nil {
		t.Fatal(err)
	}
	p := &solo{t: t, core: c}
	p.step(core.Input{})
	return p
}

// say delivers a message that its sender has addressed, or broadcast with "".
func (p *solo) say(m core.Message) *core.Effects {
	p.t.Helper()
	return p.step(core.Input{Received: []core.Message{m}})
}

// grant says yes to the present campaign.
func (p *solo) grant(from entry.MemberID) {
	p.t.Helper()
	kind, term := core.MsgPreVoteReply, p.term()+1
	if p.role() == core.Candidate {
		kind, term = core.MsgVoteReply, p.term()
	}
	p.say(core.Message{Kind: kind, From: from, To: "a", Term: term})
}

// Questions are broadcast, once; a majority of Size distinct ids elects; a repeated answer counts once,
// and this member's own question that comes back is nothing.
func TestUnnamedMajority(t *testing.T) {
	p := newUnnamed(t, 4, false)
	p.expire()
	if m := p.only(core.MsgPreVote, ""); m.To != "" {
		t.Fatalf("asks %q", m.To)
	}
	echo := p.out.Send[0].Message
	p.step(core.Input{Received: []core.Message{echo}, Peers: []core.Peer{{ID: "a", Incarnation: 1}}})
	p.grant("b")
	p.grant("b")
	p.want(core.PreCandidate)
	p.grant("c")
	p.want(core.Candidate)
	p.sync()
	p.grant("b")
	p.grant("b")
	p.want(core.Candidate)
	p.grant("d")
	p.want(core.Leader)
	if got := p.sent(core.MsgAppend, ""); len(got) != 1 || got[0].To != "" {
		t.Errorf("the first heartbeat: %+v", got)
	}
	if n := p.core.Counters(); n != (core.Counters{}) {
		t.Errorf("refused %+v", n)
	}
}

// More ids than Size are no voters: the surplus is not counted, and reported.
func TestUnnamedSurplusIsReported(t *testing.T) {
	p := newUnnamed(t, 3, false)
	p.expire()
	for _, id := range []entry.MemberID{"x", "y", "z"} {
		p.say(core.Message{Kind: core.MsgPreVoteReply, From: id, To: "a", Term: p.term(), Reject: true})
	}
	if n := p.core.Counters().Crowded; n != 1 {
		t.Errorf("%d counted as one too many, want 1", n)
	}
	p = newUnnamed(t, 3, false)
	p.expire()
	p.grant("b")
	p.sync()
	p.grant("b")
	p.want(core.Leader)
	round := p.only(core.MsgAppend, "").Round
	for _, id := range []entry.MemberID{"b", "c", "d"} {
		p.say(core.Message{Kind: core.MsgAppendReply, From: id, To: "a", Term: 1, Round: round})
	}
	if n := p.core.Counters().Crowded; n != 1 || len(p.core.Peers(nil)) != 2 {
		t.Errorf("%d counted as one too many, peers %+v", n, p.core.Peers(nil))
	}
}

// A leader that hears no majority of Size steps down, and reads need one: who never answered counts as
// silent, however many others there are none of.
func TestUnnamedLeaderNeedsAMajority(t *testing.T) {
	p := newUnnamed(t, 5, false)
	p.expire()
	for range 2 {
		p.grant("b")
		p.grant("c")
		p.sync()
	}
	p.want(core.Leader)
	p.step(core.Input{Reads: []core.ReadID{1}})
	round := p.only(core.MsgAppend, "").Round
	p.say(core.Message{Kind: core.MsgAppendReply, From: "b", To: "a", Term: 1, Round: round})
	if len(p.out.Reads) != 0 {
		t.Fatal("two of five confirm a read")
	}
	p.say(core.Message{Kind: core.MsgAppendReply, From: "d", To: "a", Term: 1, Round: round})
	if len(p.out.Reads) != 1 || p.out.Reads[0].Failed {
		t.Fatalf("three of five do not confirm a read: %+v", p.out.Reads)
	}
	for range 13 {
		p.now += beat
		p.step(core.Input{})
		p.say(core.Message{Kind: core.MsgAppendReply, From: "b", To: "a", Term: 1})
	}
	p.want(core.Follower)
}

// A member that comes back under another id takes the place of one that is silent.
func TestUnnamedPlaceIsGivenAway(t *testing.T) {
	p := newUnnamed(t, 3, false)
	p.expire()
	p.grant("b")
	p.sync()
	p.grant("b")
	p.want(core.Leader)
	reply := func(from entry.MemberID) {
		p.say(core.Message{Kind: core.MsgAppendReply, From: from, To: "a", Term: 1})
	}
	reply("c")
	for range 12 {
		p.now += beat
		reply("b")
	}
	reply("d")
	ids := map[entry.MemberID]bool{}
	for _, peer := range p.core.Peers(nil) {
		ids[peer.ID] = true
	}
	if p.want(core.Leader); len(ids) != 2 || !ids["b"] || !ids["d"] {
		t.Errorf("peers %v, want b and d", ids)
	}
}

// Settings that do not fit together are refused.
func TestUnnamedSettings(t *testing.T) {
	none, named := entry.Configuration{}, entry.Configuration{Cluster: cluster, Members: voters("a", "b", "c")}
	for name, row := range map[string]struct {
		config  core.Config
		initial entry.Configuration
	}{
		"negative":     {core.Config{Electors: core.Electors{Size: -1}, ElectionOnly: true}, none},
		"too many":     {core.Config{Electors: core.Electors{Size: entry.MembersMax + 1}, ElectionOnly: true}, none},
		"with a log":   {core.Config{Electors: core.Electors{Size: 3}}, none},
		"with names":   {core.Config{Electors: core.Electors{Size: 3}, ElectionOnly: true}, named},
		"ask with log": {core.Config{Electors: core.Electors{Ask: true}}, named},
	} {
		row.config.ID, row.config.Heartbeat = "a", beat
		if _, err := core.New(row.config, core.Start{Initial: row.initial}); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

// candidacy is b's request for a vote in term, with what it says about itself.
func candidacy(kind core.MessageKind, term entry.Term) core.Message {
	return core.Message{Kind: kind, From: "b", Term: term, Entries: core.Range{First: 1, Count: 1}, Body: frames(1, 1)}
}

// A request that passes the other rules is a question; nothing is said before the answer, and the answer
// counts only if the rules still hold.
func TestQuestionsDecideVotes(t *testing.T) {
	for _, kind := range []core.MessageKind{core.MsgPreVote, core.MsgVote} {
		for _, grant := range []bool{true, false} {
			p := newUnnamed(t, 3, true)
			p.say(candidacy(kind, 2))
			if len(p.out.Questions) != 1 || len(p.out.Send) != 0 || p.core.Status().Vote != "" {
				t.Fatalf("%v: %+v", kind, p.out)
			}
			q := p.out.Questions[0]
			if q.From != "b" || q.Term != 2 || len(q.Candidate) != 1 {
				t.Errorf("%v: %+v", kind, q)
			}
			p.say(candidacy(kind, 2))
			if len(p.out.Questions) != 0 {
				t.Errorf("%v: asked twice at once", kind)
			}
			p.step(core.Input{Answers: []core.Answer{{ID: q.ID + 1, Grant: true}, {ID: q.ID, Grant: grant}}})
			if m := p.only(kind+1, "b"); m.Reject == grant {
				t.Errorf("%v, answer %v: %+v", kind, grant, m)
			}
			if voted := p.core.Status().Vote == "b"; voted != (grant && kind == core.MsgVote) {
				t.Errorf("%v, answer %v: voted %v", kind, grant, voted)
			}
			p.step(core.Input{Answers: []core.Answer{{ID: q.ID, Grant: true}}})
			if len(p.out.Send) != 0 {
				t.Errorf("%v: an answer counted twice: %+v", kind, p.out.Send)
			}
		}
	}
}

// Two candidates of one term: whichever answer comes first decides, the vote is given once.
func TestQuestionsGiveOneVote(t *testing.T) {
	p := newUnnamed(t, 3, true)
	other := candidacy(core.MsgVote, 2)
	other.From = "c"
	p.step(core.Input{Received: []core.Message{candidacy(core.MsgVote, 2), other}})
	if len(p.out.Questions) != 2 {
		t.Fatalf("questions %+v", p.out.Questions)
	}
	b, c := p.out.Questions[0].ID, p.out.Questions[1].ID
	p.step(core.Input{Answers: []core.Answer{{ID: c, Grant: true}, {ID: b, Grant: true}}})
	if p.core.Status().Vote != "c" || p.only(core.MsgVoteReply, "c").Reject || !p.only(core.MsgVoteReply, "b").Reject {
		t.Errorf("voted for %q: %+v", p.core.Status().Vote, p.out.Send)
	}
}

// An answer that comes when the term is over, or when a leader is heard, gives nothing.
func TestLateAnswersGiveNoVote(t *testing.T) {
	for name, between := range map[string]core.Message{
		"another term": {Kind: core.MsgVoteReply, From: "c", To: "a", Term: 5, Reject: true},
		"a leader":     {Kind: core.MsgAppend, From: "c", Term: 2, Round: 1, Entries: core.Range{First: 1}},
	} {
		p := newUnnamed(t, 3, true)
		p.say(candidacy(core.MsgVote, 2))
		q := p.out.Questions[0]
		p.say(between)
		p.step(core.Input{Answers: []core.Answer{{ID: q.ID, Grant: true}}})
		for _, m := range p.sent(core.MsgVoteReply, "") {
			if !m.Reject {
				t.Errorf("%s: voted %+v", name, m)
			}
		}
		if p.core.Status().Vote != "" {
			t.Errorf("%s: voted for %q", name, p.core.Status().Vote)
		}
	}
}

// The open questions are bounded, and what a candidate says about itself is refused where nobody asks.
func TestQuestionsAreBounded(t *testing.T) {
	p := newUnnamed(t, 64, true)
	for i := range 1000 {
		m := candidacy(core.MsgPreVote, entry.Term(2+i))
		p.say(m)
	}
	state := len(p.core.AppendState(nil))
	for i := range 1000 {
		p.say(candidacy(core.MsgPreVote, entry.Term(2000+i)))
	}
	if grown := len(p.core.AppendState(nil)); grown > state+1000 {
		t.Errorf("1000 more questions let the state grow from %d to %d bytes", state, grown)
	}
	p = newUnnamed(t, 3, false)
	p.say(candidacy(core.MsgVote, 2))
	if p.core.Counters().Malformed != 1 || len(p.out.Send) != 0 {
		t.Errorf("counters %+v, sent %+v", p.core.Counters(), p.out.Send)
	}
}

// An election takes no entries and no snapshot, whoever sends them: its members have no place for them.
func TestElectionTakesNoEntries(t *testing.T) {
	p := newUnnamed(t, 3, false)
	for _, m := range []core.Message{
		appendOf("b", 2, at(0, 0), 0, 1), appendOf("b", 2, at(3, 1), 0), appendOf("b", 2, at(0, 0), 7),
	} {
		p.say(m)
	}
	meta := entry.SnapshotMeta{Index: 9, Term: 2,
		Configuration: entry.Configuration{Cluster: cluster, Members: voters("a", "b", "c", "d", "e")}}
	p.step(core.Input{Installed: &meta})
	if s := p.core.Status(); s.Last.Index != 0 || s.Commit != 0 || p.core.Counters().Malformed != 3 {
		t.Errorf("status %+v, counters %+v", s, p.core.Counters())
	}
}
