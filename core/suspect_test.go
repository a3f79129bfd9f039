package core_test

import (
	"testing"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
)

// follower returns member a of three, which follows b since now.
func follower(t *testing.T, now core.Instant) (*core.Core, *core.Effects) {
	t.Helper()
	initial := entry.Configuration{Cluster: entry.ClusterID{1}, Members: []entry.Member{{ID: "a"}, {ID: "b"}, {ID: "c"}}}
	c, err := core.New(core.Config{ID: "a", Seed: 1, Heartbeat: beat, Message: 1 << 20, Window: 1 << 20, Tail: 1 << 20},
		core.Start{Initial: initial})
	if err != nil {
		t.Fatal(err)
	}
	out := &core.Effects{}
	c.Step(&core.Input{Now: now, Received: []core.Message{{Kind: core.MsgAppend, From: "b", To: "a", Term: 1}}}, out)
	if c.Status().Leader != "b" {
		t.Fatalf("a follows %q", c.Status().Leader)
	}
	return c, out
}

// preVote is c's question in the term after b's.
func preVote() core.Message {
	return core.Message{Kind: core.MsgPreVote, From: "c", To: "a", Term: 2}
}

// granted reports whether a pre-vote was granted in out.
func granted(out *core.Effects) bool {
	for i := range out.Send {
		if m := &out.Send[i]; m.Kind == core.MsgPreVoteReply && !m.Reject {
			return true
		}
	}
	return false
}

// A broken connection to the leader is no proof that it is gone, but reason enough to ask.
func TestLostLeaderIsSuspected(t *testing.T) {
	c, out := follower(t, 10*beat)
	c.Step(&core.Input{Now: 10 * beat, Received: []core.Message{preVote()}}, out)
	if granted(out) {
		t.Fatal("a pre-vote was granted while the leader is heard (thesis, section 4.2.3)")
	}
	c.Step(&core.Input{Now: 10 * beat, Lost: []entry.MemberID{"c"}}, out)
	if early := c.Deadline(); early < 16*beat {
		t.Fatalf("losing another member than the leader moved the deadline to %d", early)
	}
	c.Step(&core.Input{Now: 10 * beat, Lost: []entry.MemberID{"b"}}, out)
	if due := c.Deadline(); due < 11*beat || due >= 13*beat {
		t.Fatalf("the deadline is %d, want in [11, 13) heartbeats", due)
	}
	c.Step(&core.Input{Now: 10 * beat, Received: []core.Message{preVote()}}, out)
	if !granted(out) {
		t.Fatal("no pre-vote although the leader is suspected")
	}
	if c.Status().Term != 1 {
		t.Fatal("suspicion raised the term")
	}
}

// A leader that is heard again is trusted again.
func TestSuspicionEndsWhenTheLeaderIsHeard(t *testing.T) {
	c, out := follower(t, 10*beat)
	c.Step(&core.Input{Now: 10 * beat, Lost: []entry.MemberID{"b"}}, out)
	c.Step(&core.Input{Now: 10*beat + 1,
		Received: []core.Message{{Kind: core.MsgAppend, From: "b", To: "a", Term: 1}}}, out)
	if due := c.Deadline(); due < 16*beat {
		t.Errorf("the deadline is %d, want a whole election time-out", due)
	}
	c.Step(&core.Input{Now: 10*beat + 1, Received: []core.Message{preVote()}}, out)
	if granted(out) {
		t.Error("a pre-vote was granted although the leader is heard again")
	}
}
