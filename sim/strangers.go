package sim

import (
	"fmt"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/replica"
)

// This file: machines that no configuration has ever named speak to members. The transport lets them through,
// since they have the right of peers: a machine of another cluster, one that was given the wrong addresses, one
// that uses another's name. What they say must change nothing. They say all that only members may say; they
// never claim to lead, which a machine that keeps to the algorithm cannot do without having been elected.

// strangers is how many such machines there are.
const strangers = 3

// strange are the kinds of messages that need no body.
var strange = []core.MessageKind{
	core.MsgPreVote, core.MsgVote, core.MsgPreVoteReply, core.MsgVoteReply, core.MsgAppendReply, core.MsgRead,
	core.MsgReadReply, core.MsgProposeReply, core.MsgSnapshotReply, core.MsgTransfer, core.MsgTransferRequest,
	core.MsgTransferReply, core.MsgChangeReply, core.MsgImageRequest,
}

// beginStranger lets a machine speak for a while.
func beginStranger(s *strike) func() {
	if s.leader() == nil {
		return nil
	}
	own := s.current().Cluster
	peer := replica.Peer{
		ID:          entry.MemberID(fmt.Sprintf("x%d", 1+s.dice.IntN(strangers))),
		Incarnation: entry.Incarnation(s.dice.Uint64() | 1), Key: []byte("stranger"), Level: core.Level,
		Cluster: pick(s.dice, own, own, entry.ClusterID{}, entry.ClusterID{0xff}),
	}
	for range 4 + s.dice.IntN(12) {
		s.in(s.dice.between(0, s.fault.For), func() { s.accost(peer) })
	}
	return nothing
}

// accost says something to a member that knows what its cluster is. To one that does not, a machine of another
// cluster would be the first that it hears of.
func (s *strike) accost(peer replica.Peer) {
	m := s.alive()
	if s.healing() || m == nil || m.pausedUntil > s.now || m.process.status.Commit == 0 {
		return
	}
	status := &m.process.status
	told := core.Message{
		Kind: pick(s.dice, strange...), From: peer.ID, To: m.id, Round: s.dice.Uint64N(100),
		Term: status.Term + entry.Term(s.dice.IntN(3)), Reject: s.dice.chance(0.3),
	}
	switch told.Kind {
	case core.MsgPreVote, core.MsgVote:
		// A log behind what is committed: who has more is one that was removed, and is heard.
		told.Index, told.LogTerm = status.Commit-1, min(entry.Term(status.Commit-1), 1)
		told.Term++
	case core.MsgAppendReply, core.MsgSnapshotReply, core.MsgReadReply:
		told.Index = entry.Index(s.dice.Uint64N(uint64(status.Last.Index) + 2))
		told.Match = told.Index
	}
	if s.dice.chance(0.1) {
		told.From = s.members[s.dice.IntN(len(s.members))].id
	}
	s.network.arrive(m.number, s.now, parcel{from: peer, messages: []core.Message{told}, copies: m.copies})
}
