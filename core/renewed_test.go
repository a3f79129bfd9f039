package core_test

import (
	"testing"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
)

// A member that lost its newest vote goes on under another incarnation and says which it had. While the log
// records none for it, the former one can have voted and acknowledged: the present one's votes elect nobody, its
// acks commit nothing, and it becomes a voter again only through the log.
func TestRenewedMembersCountForNothingUnrecorded(t *testing.T) {
	p := newSolo(t, setting{})
	p.incarnations = map[entry.MemberID]entry.Incarnation{"b": 2, "c": 9}
	p.step(core.Input{Peers: []core.Peer{{ID: "b", Incarnation: 2}, {ID: "c", Incarnation: 9, Former: 3}}})
	p.receive(vote(core.MsgPreVote, "c", 2, at(1, 1)))
	if p.only(core.MsgPreVoteReply, "c").Reject { // what it asks is heard
		t.Error("it may not stand")
	}
	p.expire()
	for _, ballot := range []struct {
		kind core.MessageKind
		from entry.MemberID
		then core.Role
	}{
		{core.MsgPreVoteReply, "c", core.PreCandidate}, {core.MsgPreVoteReply, "b", core.Candidate},
		{core.MsgVoteReply, "c", core.Candidate}, {core.MsgVoteReply, "b", core.Leader},
	} {
		p.receive(core.Message{Kind: ballot.kind, From: ballot.from, Term: 1})
		p.sync()
		p.want(ballot.then)
	}
	p.wantConfiguration("a b#2 c#3")
	p.ack("c", 1, p.round)
	p.wantCommit(0)
	p.ack("b", 1, p.round)
	p.wantCommit(1)
	for range 7 {
		p.now += beat
		p.step(core.Input{})
		p.answer("b")
	}
	p.wantConfiguration("a b#2 c#9(arriving)")
	p.answer("b", "c")
	p.answer("b", "c")
	p.wantConfiguration("a b#2 c#9")
}

// The same where the leader has written its first entry without having met the member.
func TestRenewedMembersAcknowledgeNothingUnrecorded(t *testing.T) {
	p := newSolo(t, setting{})
	p.lead()
	p.sync()
	p.wantConfiguration("a b c")
	p.step(core.Input{
		Peers: []core.Peer{{ID: "c", Incarnation: 9, Former: 3}},
		Received: []core.Message{
			{Kind: core.MsgAppendReply, From: "c", To: "a", Term: 1, Index: 1, Match: 1, Round: p.round, Incarnation: 9},
		},
	})
	if p.wantCommit(0); p.core.Counters().Replaced != 1 {
		t.Errorf("counters %+v", p.core.Counters())
	}
	p.ack("b", 1, p.round)
	p.wantCommit(1)
	p.everybodyBut("c")
	p.wantConfiguration("a b c#3")
}

// The member itself stands for nothing until the log names the incarnation that it has now; and it founds nothing.
func TestRenewedMembersDoNotStandUnrecorded(t *testing.T) {
	for _, row := range []struct {
		recorded, former entry.Incarnation
		stands           bool
	}{{0, 0, true}, {0, 3, false}, {3, 3, false}, {9, 3, true}} {
		members := voters("a", "b", "c")
		members[0].Incarnation = row.recorded
		start := core.Start{
			Former:         row.former,
			Recovered:      entry.Recovered{Hard: entry.HardState{Term: 1}, Last: 1, Terms: runsOf(0, []entry.Term{1})},
			Configurations: []core.ConfigurationAt{{Index: 1, Value: entry.Configuration{Cluster: cluster, Members: members}}},
		}
		c, err := core.New(core.Config{ID: "a", Incarnation: 9, Heartbeat: beat}, start)
		if err != nil {
			t.Fatal(err)
		}
		var out core.Effects
		c.Step(&core.Input{Now: 1}, &out)
		c.Step(&core.Input{Now: 100 * beat, Campaign: true}, &out)
		if stands := c.Status().Role != core.Follower; stands != row.stands {
			t.Errorf("recorded as %d, renewed from %d: it stands: %v", row.recorded, row.former, stands)
		}
	}
	_, err := core.New(core.Config{ID: "a", Heartbeat: beat}, core.Start{
		Former: 3, Initial: entry.Configuration{Cluster: cluster, Members: voters("a")},
	})
	if err == nil {
		t.Error("it may found a cluster")
	}
}
