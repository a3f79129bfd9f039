package core

import "v.io/x/ref/lib/raft/entry"

// ack is a success to report: one for all of the leader's messages in a Step, because the last one
// says everything that the earlier ones would.
type ack struct {
	to entry.MemberID // "" for none
	// agreed is the last entry known to agree with the leader's log.
	agreed entry.Index
	round  uint64
	// entries is true when one of the messages carried some: then the ack waits for the disk.
	entries bool
}

// onAppend is the receiver of AppendEntries (paper, figure 2).
func (c *Core) onAppend(m *Message, out *Effects) {
	if c.role == Leader || c.leader != "" && c.leader != m.From {
		// A term has one leader. Whoever says otherwise is not believed.
		c.report.counters.Malformed++
		return
	}
	if c.role != Follower || c.leader == "" {
		c.becomeFollower(m.Term, m.From, out)
	}
	c.election.heard, c.election.suspect, c.election.excused = c.now, false, false
	c.election.deadline = c.now + c.election.timeout
	c.promise()
	if c.forgot(m) {
		return
	}
	if !c.matches(m) {
		c.rejectAppend(m, out)
		return
	}
	agreed := m.Index + entry.Index(m.Entries.Count)
	if c.disk.noRoom {
		agreed = c.heldOf(m)
	} else if !c.takeEntries(m, out) {
		return
	}
	c.commit = max(c.commit, min(m.Commit, agreed))
	a := &c.step.ack
	a.to, a.agreed = m.From, max(a.agreed, agreed, c.commit)
	a.round = max(a.round, m.Round)
	a.entries = a.entries || m.Entries.Count > 0 && !c.disk.noRoom
}

// forgot reports whether the leader counts on entries that this very directory has acknowledged in this
// term and does not hold: it is an older copy of itself, so nothing that it says can be trusted. A log that
// knows to have lost its end is no such copy: its term and vote are the newest, and it says what it lacks.
func (c *Core) forgot(m *Message) bool {
	if m.Hint == 0 || entry.Incarnation(m.Hint) != c.config.Incarnation || m.Match <= max(c.log.last, c.log.held.Index) {
		return false
	}
	c.fail("this directory (incarnation %x) ends at index %d and is older than what it acknowledged in term %d, up to"+
		" index %d: an old copy was put in its place; remove the directory and start the member empty",
		m.Hint, c.log.last, m.Term, m.Match)
	return true
}

// matches is the consistency check (paper, section 5.3). Entries up to the commit index agree with
// every leader's (paper, section 5.4.3), also those that were compacted away.
func (c *Core) matches(m *Message) bool {
	if m.Index < c.log.base.Index {
		return true
	}
	return c.log.holds(entry.Position{Index: m.Index, Term: m.LogTerm})
}

// rejectAppend says where the logs may still agree, so that the leader needs one step per term and
// not one per entry.
func (c *Core) rejectAppend(m *Message, out *Effects) {
	if m.Index <= c.commit {
		c.fail("member %q, leader of term %d, has term %d at index %d, which is committed with another",
			m.From, m.Term, m.LogTerm, m.Index)
		return
	}
	hint := c.log.conflict(m.Index, m.LogTerm)
	term, _ := c.log.term(hint)
	reply := Message{
		Kind: MsgAppendReply, To: m.From, Term: c.hard.Term, Index: m.Index, Round: m.Round,
		Reject: true, Hint: uint64(hint), HintTerm: term, Commit: c.log.held.Index,
	}
	c.send(reply, c.afterHard(), out)
}

// takeEntries appends the entries that are new and removes those that conflict. It reports whether
// the member can go on.
func (c *Core) takeEntries(m *Message, out *Effects) bool {
	for _, block := range m.Body {
		fresh := c.firstNew(block)
		if fresh > block.Last() {
			continue
		}
		if fresh <= c.commit {
			c.fail("member %q, leader of term %d, sent term %d for index %d, which is committed with another",
				m.From, m.Term, block.Term(fresh), fresh)
			return false
		}
		if fresh <= c.log.last {
			c.truncate(fresh, out)
		}
		if !c.appendReceived(block.Slice(fresh, block.Last()), out) {
			return false
		}
	}
	return true
}

// firstNew returns the first entry of the block that the log does not hold with the same term.
func (c *Core) firstNew(block *entry.Block) entry.Index {
	i := max(block.First(), c.log.base.Index+1)
	for i <= block.Last() && i <= c.log.last && c.log.holds(entry.Position{Index: i, Term: block.Term(i)}) {
		i++
	}
	return i
}

// appendReceived adds a block that follows the log's last entry.
func (c *Core) appendReceived(block *entry.Block, out *Effects) bool {
	for i := block.First(); i <= block.Last(); i++ {
		switch kind := block.Kind(i); kind {
		case entry.KindCommand, entry.KindNoOp, entry.KindSession:
		case entry.KindConfiguration:
			value, err := entry.DecodeConfiguration(block.Payload(i))
			if err != nil {
				c.fail("the configuration at index %d does not decode: %v", i, err)
				return false
			}
			if c.config.below(&value) {
				c.fail("%s", levelText(i, value.Level, c.config.level()))
				return false
			}
			c.members.append(ConfigurationAt{Index: i, Value: value})
		default:
			c.fail("the entry at index %d has %v, which this version does not know; install a newer one", i, kind)
			return false
		}
		c.log.append(block.Term(i), uint32(block.FrameSize(i)))
	}
	out.Write.Received = append(out.Write.Received, block)
	return true
}

// sendAck reports success. An ack of new entries waits for the disk; one for a mere heartbeat does
// not, and counts only what is durable already, so that a slow disk is not taken for a dead member.
func (c *Core) sendAck(out *Effects) {
	a := &c.step.ack
	if a.to == "" || a.to != c.leader {
		return
	}
	m := Message{
		Kind: MsgAppendReply, To: a.to, Term: c.hard.Term, Round: a.round,
		Index: a.agreed, Match: min(a.agreed, c.disk.last), Hint: c.config.Rank,
	}
	if c.disk.noRoom {
		m.HintTerm = noRoomFlag
	}
	m.Commit = c.log.held.Index
	after := c.ackAfterHard(out)
	if a.entries && m.Match < a.agreed {
		m.Match, after = a.agreed, c.disk.seq
	}
	c.send(m, after, out)
}

// ackAfterHard is afterHard at the end of a Step, when its batch has been numbered.
func (c *Core) ackAfterHard(out *Effects) uint64 {
	if out.Write.Hard != nil || c.disk.stored < c.disk.hard {
		return c.disk.hard
	}
	return 0
}
