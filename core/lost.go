package core

import "v.io/x/ref/lib/raft/entry"

// This file: a member whose log has lost its end. It may have acknowledged what it lost, and entries may be
// committed because of it, so until its log has come up to what it can have held it votes as if it still
// had that, and stands for no election. core/DESIGN.md has the argument.
//
//	index    1   2   3   4
//	   a     1   1   2   2     the leader; 4 is committed, by a and b
//	   b     1   1   ?   ?     its log ends at (index 2, term 1), and held up to (4, 2)
//	   c     1   1             would win with b's vote, if b compared by (2, 1)

// lost reports whether the log may lack what this member has acknowledged.
func (l *logState) lost() bool { return l.held.Index != 0 }

// makeUp ends the loss once the durable log has come up to what it can have held: then it has every entry
// of it that was committed, since the lemma by which votes are given (paper, section 5.4.3) holds for a
// log that was sent just as for one that a candidate has.
func (c *Core) makeUp() {
	if !c.log.lost() {
		return
	}
	term, ok := c.log.term(c.disk.last)
	if durable := (entry.Position{Index: c.disk.last, Term: term}); ok && durable.Compare(c.log.held) >= 0 {
		c.log.held = entry.Position{}
	}
}

// confess takes a member's word that it has lost its log's end: what it acknowledged beyond what it holds
// now does not count any more. It is no older copy of itself, which would have forgotten votes, too, so
// what it acknowledges from now on counts. Acks from before the loss may still be on their way; they bear
// no later round than the present one, so only those of the next round on count.
func (c *Core) confess(p *progress, m *Message) {
	c.report.counters.Lost++
	holds := m.Match
	if m.Reject {
		holds = entry.Index(m.Hint)
	}
	p.match, p.since, p.settled = min(p.match, holds), 0, c.lead.round
	c.lead.broadcast = true
	if p.state != snapshotting {
		p.probe(p.match + 1)
	}
}
