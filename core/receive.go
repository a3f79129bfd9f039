package core

import "v.io/x/ref/lib/raft/entry"

// receive routes one message: refuse what cannot be heard, agree on the term, then by kind.
func (c *Core) receive(m *Message, out *Effects) {
	if c.report.fatal != nil || !c.admit(m) || !c.agreeOnTerm(m, out) {
		return
	}
	switch m.Kind {
	case MsgPreVote:
		c.onPreVote(m, out)
	case MsgPreVoteReply:
		c.onPreVoteReply(m, out)
	case MsgVote:
		c.onVote(m, out)
	case MsgVoteReply:
		c.onVoteReply(m, out)
	case MsgAppend:
		c.onAppend(m, out)
	case MsgAppendReply:
		c.onAppendReply(m)
	case MsgPropose:
		c.onPropose(m, out)
	case MsgProposeReply:
		c.onProposeReply(m, out)
	case MsgRead:
		c.onRead(m, out)
	case MsgReadReply:
		c.onReadReply(m, out)
	case MsgSnapshotReply:
		c.onSnapshotReply(m)
	case MsgTransfer:
		c.onTransfer(m, out)
	case MsgTransferRequest:
		c.onTransferRequest(m, out)
	case MsgTransferReply:
		c.onTransferReply(m, out)
	case MsgChange:
		c.onChange(m, out)
	case MsgChangeReply:
		c.onChangeReply(m, out)
	}
}

// admit refuses and counts what this member must not listen to.
func (c *Core) admit(m *Message) bool {
	n := &c.report.counters
	switch {
	case c.echo(m):
		return false
	case !m.Kind.Known():
		n.Unknown++
	case !c.forUs(m) || m.From == c.config.ID || !m.wellFormed() || m.describes() && !c.config.Ask ||
		c.config.ElectionOnly && m.needsLog():
		n.Malformed++
	case c.heard(m):
		return c.counts(m)
	case c.members.removed(m.From):
		n.Removed++
	default:
		n.Strangers++
	}
	return false
}

// heard reports whether the sender may say this to us. To the configuration in force it may be
// unknown because we lag behind the one that made it a member (paper, section 6): so a leader is
// heard, whoever it is, since a quorum has elected it; and a candidate whose log is at least as up to
// date as ours, since that log holds every configuration that ours holds as committed, and it stands
// nevertheless. A leader also hears whom it has just removed, until that one knows, but orders nothing for
// it. All else is for those whom we know to be members.
func (c *Core) heard(m *Message) bool {
	switch {
	case c.members.knows(m.From), m.From == c.leader, m.Kind == MsgAppend:
		return true
	case c.role == Leader && c.peer(m.From) != nil && m.Kind != MsgPropose:
		return true
	case m.Kind == MsgPreVote || m.Kind == MsgVote:
		return c.log.upToDate(entry.Position{Index: m.Index, Term: m.LogTerm})
	}
	return false
}

// agreeOnTerm compares the message's term with ours (paper, section 5.1) and reports whether the
// message is to be handled.
func (c *Core) agreeOnTerm(m *Message, out *Effects) bool {
	switch {
	case m.Term < c.hard.Term:
		c.report.counters.Stale++
		c.answerStale(m, out)
		return false
	case m.Term == c.hard.Term || m.Kind == MsgPreVote || m.Kind == MsgPreVoteReply && !m.Reject:
		// A pre-vote speaks of a term that nobody has entered yet.
		return true
	case m.Kind == MsgVote && m.Hint != forced && c.sticky():
		c.report.counters.Sticky++
		return false
	}
	c.becomeFollower(m.Term, "", out)
	return true
}

// answerStale tells the sender of an old term's question which term it is, so that a deposed leader
// or a member that was away learns of it.
func (c *Core) answerStale(m *Message, out *Effects) {
	reply := Message{To: m.From, Term: c.hard.Term, Reject: true}
	switch m.Kind {
	case MsgPreVote:
		reply.Kind = MsgPreVoteReply
	case MsgVote:
		reply.Kind = MsgVoteReply
	case MsgAppend:
		// Without the round, which is that of the old term: who led it may lead this one, too, and count it.
		reply.Kind = MsgAppendReply
	case MsgPropose:
		// Whether an earlier copy of the message was ordered cannot be told any more.
		reply.Kind, reply.Reject, reply.Index, reply.Round = MsgProposeReply, false, 1, uint64(RefusedNotLeader)
	case MsgRead:
		reply.Kind, reply.Round = MsgReadReply, m.Round
	case MsgTransferRequest:
		reply.Kind, reply.Round, reply.Hint = MsgTransferReply, m.Round, uint64(TransferNoLeader)
	case MsgChange:
		reply.Kind, reply.Round, reply.Hint = MsgChangeReply, m.Round, uint64(RefusedNotLeader)
	default:
		return
	}
	c.send(reply, c.afterHard(), out)
}

// wellFormed reports whether a member of this version could have sent the message. Everything that
// later code adds to or indexes with is bounded here.
func (m *Message) wellFormed() bool {
	// A member that has never been in a term says so when it refuses a pre-vote.
	unborn := m.Kind == MsgPreVoteReply && m.Reject
	if len(m.From) == 0 || len(m.From) > entry.MemberIDMax || m.Term == 0 && !unborn || m.Term > entry.NumberMax ||
		len(m.Target) > entry.MemberIDMax || m.Target != "" && m.Kind != MsgTransferRequest {
		return false
	}
	for _, n := range [...]uint64{
		uint64(m.Index), uint64(m.LogTerm), uint64(m.Commit), uint64(m.Match), uint64(m.HintTerm),
	} {
		if n > entry.NumberMax {
			return false
		}
	}
	switch m.Kind {
	case MsgAppend:
		return m.LogTerm <= m.Term && (m.Index == 0) == (m.LogTerm == 0) &&
			m.bodyFits(m.Index+1, m.LogTerm, m.Term)
	case MsgPropose:
		return m.Entries.Count > 0 && m.bodyFits(1, 1, 1)
	case MsgChange:
		return m.Entries.Count == 1 && m.bodyFits(1, 1, 1)
	case MsgPreVote, MsgVote:
		return m.LogTerm < m.Term && (m.Index == 0) == (m.LogTerm == 0) && (m.empty() || m.bodyFits(1, 1, 1))
	}
	return m.empty()
}

// needsLog reports whether a message speaks of entries to a member that has no log.
func (m *Message) needsLog() bool {
	return m.Kind == MsgAppend && (m.Entries.Count > 0 || m.Index > 0 || m.Commit > 0)
}

// describes reports whether a request for a vote says something about the candidate.
func (m *Message) describes() bool { return (m.Kind == MsgVote || m.Kind == MsgPreVote) && !m.empty() }

func (m *Message) empty() bool { return m.Entries.Count == 0 && len(m.Body) == 0 }

// bodyFits reports whether Body holds exactly the announced entries, from first on, with terms that
// do not decrease from low and do not exceed high.
func (m *Message) bodyFits(first entry.Index, low, high entry.Term) bool {
	if m.Entries.Count > 0 && m.Entries.First != first {
		return false
	}
	next := first
	for _, block := range m.Body {
		if block == nil || block.First() != next {
			return false
		}
		for i := block.First(); i <= block.Last(); i++ {
			term := block.Term(i)
			if term < low || term > high {
				return false
			}
			low = term
		}
		next = block.Last() + 1
	}
	return uint64(next-first) == uint64(m.Entries.Count)
}
