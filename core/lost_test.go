package core_test

import (
	"testing"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
)

// This file: a member whose log has lost its end, which it may have acknowledged.

// newLost starts a with entries of the terms given and held as what its log can have had.
func newLost(t *testing.T, hard entry.HardState, held entry.Position, terms ...entry.Term) *solo {
	t.Helper()
	return newSolo(t, setting{terms: terms, hard: hard, held: held, limits: core.Config{Incarnation: 5}})
}

// It gives its vote to whose log is as up to date as the one that it once had, and to nobody else; its own
// last entry does not matter.
func TestLostEndVotesAsIfItWereThere(t *testing.T) {
	for _, c := range []struct {
		last  entry.Position
		grant bool
	}{
		{at(2, 1), false}, // what it holds
		{at(9, 1), false}, // longer, of an older term
		{at(3, 2), false}, // of the same term, shorter
		{at(4, 2), true},
		{at(3, 3), true},
	} {
		p := newLost(t, entry.HardState{Term: 3}, at(4, 2), 1, 1)
		p.receive(core.Message{Kind: core.MsgVote, From: "c", Term: 4, Index: c.last.Index, LogTerm: c.last.Term})
		if m := p.only(core.MsgVoteReply, "c"); m.Reject == c.grant {
			t.Errorf("a candidate whose log ends at %+v: %+v", c.last, m)
		}
		p = newLost(t, entry.HardState{Term: 3}, at(4, 2), 1, 1)
		p.receive(core.Message{Kind: core.MsgPreVote, From: "c", Term: 4, Index: c.last.Index, LogTerm: c.last.Term})
		if m := p.only(core.MsgPreVoteReply, "c"); m.Reject == c.grant {
			t.Errorf("a pre-candidate whose log ends at %+v: %+v", c.last, m)
		}
	}
}

// It does not stand, whoever wants it, until its durable log has come up to what it had.
func TestLostEndDoesNotCampaign(t *testing.T) {
	p := newLost(t, entry.HardState{Term: 2}, at(4, 2), 1, 1)
	for range 5 {
		p.now = max(p.now, p.core.Deadline())
		if p.step(core.Input{Campaign: true}); len(p.out.Send) != 0 {
			t.Fatalf("campaigns: %+v", p.out.Send)
		}
	}
	p.receive(appendOf("b", 2, at(2, 1), 0, 2, 2))
	p.receive(core.Message{Kind: core.MsgTransfer, From: "b", Term: 2})
	if p.want(core.Follower); p.core.Status().Held != at(4, 2) {
		t.Errorf("what it lacked is there before it is durable: %+v", p.core.Status())
	}
	p.sync()
	if held := p.core.Status().Held; held != at(0, 0) {
		t.Errorf("it still lacks something: %+v", held)
	}
	p.receive(core.Message{Kind: core.MsgTransfer, From: "b", Term: 2})
	p.want(core.Candidate)
}

// It acknowledges what its durable log holds, not what it once held: not before an entry is durable again, and
// no further.
func TestLostEndAcknowledgesWhatItHolds(t *testing.T) {
	p := newLost(t, entry.HardState{Term: 2}, at(4, 2), 1, 1)
	p.receive(appendOf("b", 2, at(2, 1), 0))
	if m := p.only(core.MsgAppendReply, "b"); m.Reject || m.Match != 2 {
		t.Errorf("asked about entry 2, which it holds: %+v", m)
	}
	p.receive(appendOf("b", 2, at(2, 1), 0, 2))
	if m := p.only(core.MsgAppendReply, "b"); m.Reject || m.Match != 3 || m.After == 0 {
		t.Errorf("with entry 3 under way to the disk: %+v", m)
	}
	p.sync()
	if held := p.core.Status().Held; held != at(4, 2) {
		t.Errorf("it held up to %+v", held)
	}
}

// A snapshot makes up for the loss, too, if it reaches as far.
func TestLostEndIsMadeUpByASnapshot(t *testing.T) {
	for index, lacks := range map[entry.Index]bool{3: true, 4: false} {
		p := newLost(t, entry.HardState{Term: 2}, at(4, 2), 1, 1)
		configuration := entry.Configuration{Cluster: cluster, Members: voters("a", "b", "c")}
		p.step(core.Input{Installed: &entry.SnapshotMeta{Index: index, Term: 2, Configuration: configuration}})
		p.sync()
		if held := p.core.Status().Held; (held != at(0, 0)) != lacks {
			t.Errorf("after a snapshot up to %d: held %+v", index, held)
		}
	}
}

// The leader counts on what this directory acknowledged and lost: that is no older copy of itself, if what
// it lost explains it.
func TestLostEndIsNoOlderCopy(t *testing.T) {
	ask := appendOf("b", 2, at(4, 2), 0)
	ask.Match, ask.Hint, ask.To = 4, 5, "a"
	p := newLost(t, entry.HardState{Term: 2}, at(4, 2), 1, 1)
	p.receive(ask)
	if m := p.only(core.MsgAppendReply, "b"); !m.Reject || m.Hint != 2 || m.Commit != 4 {
		t.Errorf("it tells its leader %+v", m)
	}
	ask.Index, ask.Match = 5, 5
	in := core.Input{Received: []core.Message{ask}}
	if p.core.Step(&in, &p.out); p.out.Fatal == nil {
		t.Error("a directory that lost less than its leader counts on goes on")
	}
}

// The leader goes back to what the member holds, counts it no more for what it lost, not even by an ack
// from before that comes late, and counts it again for what it acknowledges now.
//
//	index   1   2   3   4   5
//	  a     1   1   1   1   1     leads; b acknowledged up to 4, and lost 3 and 4
//	  b     1   1
//	  c     1                     silent
func TestLeaderForgetsLostAcks(t *testing.T) {
	p := newSolo(t, setting{})
	p.lead()
	p.agree()
	p.propose(4, 100)
	p.sync()
	p.receive(core.Message{Kind: core.MsgAppendReply, From: "b", Term: 1, Index: 4, Match: 3, Round: p.round})
	p.wantCommit(3)
	old := core.Message{Kind: core.MsgAppendReply, From: "b", Term: 1, Index: 5, Match: 5, Round: p.round}
	lost := core.Message{
		Kind: core.MsgAppendReply, From: "b", Term: 1, Index: 5, Round: p.round, Reject: true, Hint: 2, HintTerm: 1,
		Commit: 5,
	}
	p.receive(lost)
	if m := p.only(core.MsgAppend, "b"); m.Index != 2 || m.Entries.First != 3 || m.Round <= lost.Round {
		t.Errorf("the leader goes on with %+v", m)
	}
	if got := p.core.Match("b"); got != 2 {
		t.Errorf("b counts up to %d, want 2", got)
	}
	p.receive(old)
	p.receive(lost)
	p.wantCommit(3)
	if got := p.core.Match("b"); got != 2 {
		t.Errorf("after a late ack b counts up to %d, want 2", got)
	}
	p.ack("b", 5, p.round)
	p.wantCommit(5)
	if n := p.core.Counters(); n.Lost != 3 || n.Forgotten != 0 {
		t.Errorf("counted %+v", n)
	}
}

// A loss is noticed also when the leader asks for nothing that is lost: a success says so, too.
func TestLeaderForgetsLostAcksOnSuccess(t *testing.T) {
	p := newSolo(t, setting{})
	p.lead()
	p.agree()
	p.propose(2, 100)
	p.sync()
	late := core.Message{Kind: core.MsgAppendReply, From: "b", Term: 1, Index: 3, Match: 3, Round: p.round}
	p.receive(core.Message{Kind: core.MsgAppendReply, From: "b", Term: 1, Index: 1, Match: 1, Round: p.round, Commit: 3})
	p.receive(late)
	p.wantCommit(1)
	p.ack("b", 3, p.round)
	p.wantCommit(3)
}

// What a log says to have held is checked as everything that comes from a disk.
func TestImpossibleLoss(t *testing.T) {
	for name, held := range map[string]entry.Position{
		"a term that was never seen": at(4, 9), "no index": at(0, 1), "no term": at(4, 0),
		"an index beyond all": at(entry.NumberMax+1, 1),
	} {
		_, err := core.New(core.Config{ID: "a", Heartbeat: beat}, core.Start{
			Recovered: entry.Recovered{Hard: entry.HardState{Term: 2}, Held: held},
		})
		if err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}
