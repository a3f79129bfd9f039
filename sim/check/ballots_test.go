package check

import (
	"testing"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
)

// durably stores a vote of a member.
func durably(s *Suite, life Life, hard entry.HardState) {
	b := &entry.Batch{Hard: &hard}
	s.Storing(life, b)
	if err := s.Stored(life, b); err != nil {
		panic(err)
	}
}

// TestBallotsCount: more than half of the size, distinct members, the leader's own vote only when durable.
func TestBallotsCount(t *testing.T) {
	s := New()
	ballots := NewBallots(s, 4, false)
	grant := core.Message{Kind: core.MsgVoteReply, To: "a", Term: 2}
	follower, leads := status(core.Candidate, 2, 0, nil), status(core.Leader, 2, 0, nil)
	for _, voter := range []Life{b, b, c} {
		wants(t, ballots.Sent(voter, &grant), "")
	}
	refusal := grant
	refusal.Reject = true
	wants(t, ballots.Sent(Life{Member: "d"}, &refusal), "")
	earlier := grant
	earlier.Term = 1
	wants(t, ballots.Sent(Life{Member: "d"}, &earlier), "")
	wants(t, ballots.Turned(turn(a, follower, leads, nil)), "more than half elect")
	durably(s, a, entry.HardState{Term: 2, Vote: "a"})
	wants(t, ballots.Turned(turn(a, follower, leads, nil)), "")
	wants(t, ballots.Turned(turn(b, follower, leads, nil)), "more than half elect")
	wants(t, ballots.Turned(turn(b, leads, leads, nil)), "")
}

// TestBallotsAsked: each yes is good for one vote, of that voter, that candidate, that term and that kind.
func TestBallotsAsked(t *testing.T) {
	ballots := NewBallots(New(), 3, true)
	vote := core.Message{Kind: core.MsgVoteReply, To: "a", Term: 2}
	promise := core.Message{Kind: core.MsgPreVoteReply, To: "a", Term: 2}
	ballots.Answered(b, core.MsgVote, "a", 2, false)
	wants(t, ballots.Sent(b, &vote), "a vote needs a yes")
	ballots.Answered(b, core.MsgVote, "a", 2, true)
	wants(t, ballots.Sent(b, &promise), "a vote needs a yes")
	later := vote
	later.Term = 3
	wants(t, ballots.Sent(b, &later), "a vote needs a yes")
	again := b
	again.Start++
	wants(t, ballots.Sent(again, &vote), "a vote needs a yes")
	wants(t, ballots.Sent(b, &vote), "")
	wants(t, ballots.Sent(b, &vote), "a vote needs a yes")
	ballots.Answered(b, core.MsgPreVote, "a", 2, true)
	wants(t, ballots.Sent(b, &promise), "")
	promise.Reject = true
	wants(t, ballots.Sent(b, &promise), "")
	if ballots.Answers != 2 || ballots.Spent != 2 {
		t.Errorf("%d answers, %d spent", ballots.Answers, ballots.Spent)
	}
}
