package check

import (
	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/replica"
)

// Leaders checks election safety: at most one leader per term (paper, section 5.2 and figure 3). A
// member that restarts counts as another one: it must not lead the same term again.
type Leaders struct {
	led map[entry.Term]Life
	// Elections is the number of terms that had a leader.
	Elections int
}

// Turned is told of every turn.
func (l *Leaders) Turned(t *Turn) error {
	if t.After.Role != leader || t.Before.Role == leader && t.Before.Term == t.After.Term {
		return nil
	}
	other, found := l.led[t.After.Term]
	if found && other != t.Life {
		return broken("one leader per term", "%s (start %d) leads term %d, which %s (start %d) has led",
			t.Life.Member, t.Life.Start, t.After.Term, other.Member, other.Start)
	}
	if !found {
		l.Elections++
	}
	l.led[t.After.Term] = t.Life
	return nil
}

// Led returns who led a term.
func (l *Leaders) Led(term entry.Term) (Life, bool) {
	life, found := l.led[term]
	return life, found
}

// Steady checks what never decreases in the life of a process, and that a vote is never changed
// within a term.
type Steady struct{}

// unwritten reports whether a log has lost entries that were never durable in it, because its disk had no room
// for them: then the member stands as after a crash, and may know of them to be committed only by others.
func unwritten(before, after *replica.Status) bool {
	return after.Last.Index < before.Last.Index && after.Commit == after.Last.Index && after.Commit >= before.Durable
}

// Turned is told of every turn.
func (*Steady) Turned(t *Turn) error {
	b, a := &t.Before, &t.After
	switch {
	case a.Term < b.Term || a.Commit < b.Commit && !unwritten(b, a) || a.Applied < b.Applied:
		return broken("nothing goes back", "%s went from term %d, commit %d, applied %d to %d, %d, %d",
			t.Life.Member, b.Term, b.Commit, b.Applied, a.Term, a.Commit, a.Applied)
	case a.Term == b.Term && b.Vote != "" && a.Vote != b.Vote:
		return broken("nothing goes back", "%s changed its vote in term %d from %s to %q",
			t.Life.Member, a.Term, b.Vote, a.Vote)
	case a.Term == b.Term && b.Leader != "" && a.Leader != "" && a.Leader != b.Leader:
		return broken("nothing goes back", "%s heard of two leaders in term %d: %s and %s",
			t.Life.Member, a.Term, b.Leader, a.Leader)
	case a.Commit > a.Last.Index || a.Durable > a.Last.Index || a.Applied > a.Commit:
		return broken("nothing goes back", "%s: last %d, durable %d, commit %d, applied %d",
			t.Life.Member, a.Last.Index, a.Durable, a.Commit, a.Applied)
	}
	return nil
}
