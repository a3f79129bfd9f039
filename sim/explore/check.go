package explore

import (
	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
)

// monotone checks what one step may never do to a member.
func monotone(c *change) *broken {
	before, after := &c.before.status, &c.after.status
	who := c.after.member + 1
	if after.Term < before.Term && !c.restarted() {
		return breach("terms only grow", "member %d goes from term %d to %d", who, before.Term, after.Term)
	}
	if c.restarted() {
		return nil
	}
	if after.Term == before.Term && before.Vote != "" && after.Vote != before.Vote {
		return breach("one vote per term", "member %d has voted for %q in term %d, and now for %q",
			who, before.Vote, before.Term, after.Vote)
	}
	if after.Commit < before.Commit {
		return breach("commit only grows", "member %d goes from commit index %d to %d", who, before.Commit, after.Commit)
	}
	if after.Role != core.Leader || before.Role != core.Leader || after.Term != before.Term || c.confessed() {
		return nil
	}
	for i := range c.after.match {
		// Of a member that is none any more a leader counts nothing.
		if was, is := c.before.match[i], c.after.match[i]; is < was && c.after.knows(name(uint8(i+1))) {
			return breach("match only grows", "leader %d lowers the match of %d from %d to %d", who, i+1, was, is)
		}
	}
	return nil
}

// acks checks that a member acknowledges only what is durable.
func acks(c *change) *broken {
	for _, m := range c.sends {
		durable := entry.Index(len(c.after.disk.kept()))
		if m.Kind == core.MsgAppendReply && !m.Reject && m.Match > durable {
			return breach("promises are durable", "%s acknowledges %d entries to %s in term %d, durable are %d",
				m.From, m.Match, m.To, m.Term, durable)
		}
	}
	return nil
}

// standing checks a state, of which the member changed has just reached its own: what holds of the
// others alone was checked before.
func standing(all []*view, changed int, t *truth) *broken {
	own := all[changed]
	for _, other := range all {
		if other == own {
			continue
		}
		if b := matching(own, other); b != nil {
			return b
		}
		if b := counted(own, other); b != nil {
			return b
		}
		if b := counted(other, own); b != nil {
			return b
		}
	}
	if b := single(own, t); b != nil {
		return b
	}
	if b := reticent(own); b != nil {
		return b
	}
	return copies(all, t)
}

// single checks that a leader has one change of the configuration under way at most (thesis, section
// 4.1): of more than two configurations some two would share no member of their quorums.
// A leader that has restarted may not know what is committed; the history does.
func single(v *view, t *truth) *broken {
	n := 0
	for i := max(int(v.status.Commit), len(t.committed)); i < len(v.log); i++ {
		if v.log[i].configuration != nil {
			n++
		}
	}
	if v.status.Role != core.Leader || n < 2 {
		return nil
	}
	return breach("one change at a time", "leader %d has %d configurations that are not committed", v.member+1, n)
}

// reticent checks that a member that has lost the end of its log does not stand for an election.
func reticent(v *view) *broken {
	if v.disk.held.Index == 0 || v.status.Role == core.Follower {
		return nil
	}
	return breach("a lost end does not stand", "member %d is %v of term %d, its log ends at %d and it held up to %d",
		v.member+1, v.status.Role, v.status.Term, len(v.disk.log), v.disk.held.Index)
}

// matching checks log matching (paper, figure 3).
func matching(a, b *view) *broken {
	same := false
	for i := min(len(a.log), len(b.log)) - 1; i >= 0; i-- {
		same = same || a.log[i].term == b.log[i].term
		if same && a.log[i] != b.log[i] {
			return breach("log matching", "members %d and %d differ at %d and agree later",
				a.member+1, b.member+1, i+1)
		}
	}
	return nil
}

// counted checks that what a leader counts of a member is there, as long as the member is in the
// leader's term. Of one that has lost its log's end the leader may not have heard that yet: what it commits
// meanwhile lasts because of how that member votes, which [copies] looks at.
func counted(leader, of *view) *broken {
	match := leader.match[of.member]
	if leader.status.Role != core.Leader || of.status.Term != leader.status.Term || match == 0 ||
		of.disk.held.Index != 0 {
		return nil
	}
	kept := of.disk.kept()
	for i := range match {
		if int(i) >= len(kept) || kept[i] != leader.log[i] {
			return breach("match is durable", "leader %d counts %d entries of member %d, entry %d is not durable there",
				leader.member+1, match, of.member+1, i+1)
		}
	}
	return nil
}

// copies checks that no quorum could decide anything without a member that holds durably what was
// committed, or votes as if it did because it once has: what makes it last.
func copies(all []*view, t *truth) *broken {
	for i, committed := range t.committed {
		lacks := func(id entry.MemberID) bool {
			d := &all[id[0]-'a'].disk
			kept := d.kept()
			return (i >= len(kept) || kept[i] != committed) && !d.lacks(committed, entry.Index(i+1))
		}
		if quorum(t.configuration, lacks) {
			return breach("committed lasts", "entry %d is committed, and a quorum of %s does not hold it durably",
				i+1, describeConfiguration(t.configuration))
		}
	}
	return nil
}
