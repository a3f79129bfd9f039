package check

import (
	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
)

const leader = core.Leader

// Commits checks that what is committed never changes, that every new leader has all of it (leader
// completeness; paper, section 5.4.3 and figure 3), and that a leader calls committed only what a
// majority has confirmed as durable.
type Commits struct {
	disks          *Disks
	configurations *Configurations
	// terms are those of the committed entries, from index 1.
	terms []entry.Term
	// by are the terms in which they were first known to be committed.
	by []entry.Term
}

// Last returns the greatest index that any member knew to be committed.
func (c *Commits) Last() entry.Index { return entry.Index(len(c.terms)) }

// Term returns the term of a committed entry, 0 when it is not committed.
func (c *Commits) Term(i entry.Index) entry.Term {
	if i == 0 || i > c.Last() {
		return 0
	}
	return c.terms[i-1]
}

// Turned is told of every turn.
func (c *Commits) Turned(t *Turn) error {
	became := t.After.Role == leader && (t.Before.Role != leader || t.Before.Term != t.After.Term)
	if became {
		if err := c.complete(t); err != nil {
			return err
		}
	}
	for i := t.Before.Commit + 1; i <= t.After.Commit; i++ {
		if err := c.commit(t, i); err != nil {
			return err
		}
	}
	if t.After.Role == leader && t.After.Commit > t.Before.Commit && t.Before.Role == leader {
		return c.proven(t)
	}
	return nil
}

// complete checks that a new leader's log contains everything that was committed in earlier terms. A
// leader of an old term, elected late because it was not scheduled, may lack what came after.
func (c *Commits) complete(t *Turn) error {
	end := c.Last()
	for end > 0 && c.by[end-1] >= t.After.Term {
		end--
	}
	if t.After.Last.Index < end {
		return broken("leader completeness", "%s leads term %d with a log that ends at %d, but %d is committed",
			t.Life.Member, t.After.Term, t.After.Last.Index, end)
	}
	for i := end; i > 0; i-- {
		term, found := t.Log.TermAt(i)
		if !found {
			return nil // compacted, and so is everything before
		}
		if term != c.terms[i-1] {
			return broken("leader completeness", "%s leads term %d with entry %d of term %d, committed is term %d",
				t.Life.Member, t.After.Term, i, term, c.terms[i-1])
		}
	}
	return nil
}

func (c *Commits) commit(t *Turn, i entry.Index) error {
	term, found := t.Log.TermAt(i)
	switch {
	case !found && i > c.Last():
		return broken("committed never changes", "%s committed up to %d by an image, but only %d is known",
			t.Life.Member, t.After.Commit, c.Last())
	case !found:
		return nil
	case i == c.Last()+1:
		c.terms, c.by = append(c.terms, term), append(c.by, t.After.Term)
		return c.configurations.committed(entry.Position{Index: i, Term: term})
	case i > c.Last():
		return broken("committed never changes", "%s knows %d to be committed, others only %d",
			t.Life.Member, i, c.Last())
	case term != c.terms[i-1]:
		return broken("committed never changes", "%s committed entry %d of term %d, it is of term %d",
			t.Life.Member, i, term, c.terms[i-1])
	}
	return nil
}

// proven checks that a quorum holds what a leader has just called committed, and that it is of its
// own term (paper, section 5.4.2).
func (c *Commits) proven(t *Turn) error {
	at := entry.Position{Index: t.After.Commit, Term: c.Term(t.After.Commit)}
	if at.Term != t.After.Term {
		return broken("commit rule", "%s, leader of term %d, committed entry %d of term %d by counting",
			t.Life.Member, t.After.Term, at.Index, at.Term)
	}
	// Either configuration that was in force in the turn will do: which of them counted is not seen.
	if !c.quorumHolds(&t.After.Configuration, at) && !c.quorumHolds(&t.Before.Configuration, at) {
		return broken("commit rule", "%s committed entry %d of term %d, which no quorum has confirmed as durable",
			t.Life.Member, at.Index, at.Term)
	}
	return nil
}

// quorumHolds counts for itself: a majority of the voters, and of both sets of a joint configuration.
func (c *Commits) quorumHolds(configuration *entry.Configuration, at entry.Position) bool {
	for _, set := range [][]entry.MemberID{configuration.Incoming(), configuration.Outgoing()} {
		n := 0
		for _, id := range set {
			if c.disks.holds(id, at) {
				n++
			}
		}
		if len(set) > 0 && 2*n <= len(set) {
			return false
		}
	}
	return true
}
