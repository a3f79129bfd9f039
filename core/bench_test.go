package core_test

import (
	"testing"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
)

// BenchmarkLeader orders one command, makes it durable, and takes the acks of both followers, one Step
// each: what a leader of three members does for a lone command.
func BenchmarkLeader(b *testing.B) {
	members := []entry.Member{{ID: "127.0.0.1:4001"}, {ID: "127.0.0.1:4002"}, {ID: "127.0.0.1:4003"}}
	c, err := core.New(core.Config{ID: members[0].ID, Heartbeat: beat, Message: 1 << 20, Window: 1 << 22,
		Uncommitted: 1 << 24, Tail: 1 << 20}, core.Start{Initial: entry.Configuration{Members: members}})
	if err != nil {
		b.Fatal(err)
	}
	var out core.Effects
	var seq uint64
	step := func(in core.Input) {
		in.Now, in.Stored = core.Instant(1), seq
		if c.Status().Role != core.Leader {
			in.Now = c.Deadline()
		}
		c.Step(&in, &out)
		seq = max(seq, out.Write.Seq)
	}
	step(core.Input{})
	for c.Status().Role != core.Leader {
		kind, term := core.MsgPreVoteReply, c.Status().Term+1
		if c.Status().Role == core.Candidate {
			kind, term = core.MsgVoteReply, c.Status().Term
		}
		step(core.Input{Received: []core.Message{{Kind: kind, From: members[1].ID, To: members[0].ID, Term: term}}})
	}
	round := uint64(1)
	acks := make([]core.Message, 2)
	proposal := []core.Proposal{{ID: 1, Size: 100}}
	b.ReportAllocs()
	for b.Loop() {
		step(core.Input{Proposals: proposal})
		step(core.Input{})
		last := c.Status().Last.Index
		for i := range acks {
			acks[i] = core.Message{Kind: core.MsgAppendReply, From: members[i+1].ID, To: members[0].ID,
				Term: c.Status().Term, Index: last, Match: last, Round: round}
			step(core.Input{Received: acks[i : i+1]})
		}
	}
	if c.Status().Commit != c.Status().Last.Index {
		b.Fatalf("commit %d of %d", c.Status().Commit, c.Status().Last.Index)
	}
}
