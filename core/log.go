package core

import (
	"slices"
	"sort"

	"v.io/x/ref/lib/raft/entry"
)

// logState is what core knows of the log: for every entry its term, for the newest ones also their
// size. It never holds a payload.
type logState struct {
	// base is the entry before the first one that can still be read.
	base entry.Position
	// last is the index of the newest entry. Invariant: last >= base.Index.
	last entry.Index
	// runs are the terms of base.Index+1 to last. Invariant: both fields strictly increase; empty
	// exactly when the log is.
	runs []entry.TermRun
	// tail has the sizes of the newest entries. Invariant: tail.first+len == last+1.
	tail tail
	// bare is true while the log goes on from an image that is lost: see Start.Lost.
	bare bool
	// held is the greatest position that the log can have had before its end became unreadable, zero
	// when that did not happen. Invariant: not before any entry that this member has acknowledged and
	// lost, by term and then index; it ends only when the durable log has come up to it.
	held entry.Position
}

// position returns the newest entry.
func (l *logState) position() entry.Position {
	return entry.Position{Index: l.last, Term: l.lastTerm()}
}

func (l *logState) lastTerm() entry.Term {
	if n := len(l.runs); n > 0 {
		return l.runs[n-1].Term
	}
	return l.base.Term
}

// term returns the term of entry i; false when the log does not reach that far, in either direction.
func (l *logState) term(i entry.Index) (entry.Term, bool) {
	switch {
	case i == l.base.Index:
		return l.base.Term, true
	case i < l.base.Index || i > l.last:
		return 0, false
	}
	return l.runs[l.run(i)].Term, true
}

// run returns the position of the run that contains entry i, which must be in the log.
func (l *logState) run(i entry.Index) int {
	if n := len(l.runs); l.runs[n-1].First <= i {
		return n - 1
	}
	return sort.Search(len(l.runs), func(k int) bool { return l.runs[k].First > i }) - 1
}

// holds reports whether the log contains exactly this entry, the base included.
func (l *logState) holds(p entry.Position) bool {
	term, ok := l.term(p.Index)
	return ok && term == p.Term
}

// append adds the entry last+1.
func (l *logState) append(term entry.Term, size uint32) {
	l.last++
	if n := len(l.runs); n == 0 || l.runs[n-1].Term != term {
		l.runs = append(l.runs, entry.TermRun{First: l.last, Term: term})
	}
	l.tail.push(size)
}

// truncate removes the entries from index from on; from must be greater than base.Index.
func (l *logState) truncate(from entry.Index) {
	l.last = from - 1
	for n := len(l.runs); n > 0 && l.runs[n-1].First >= from; n-- {
		l.runs = l.runs[:n-1]
	}
	l.tail.truncate(from)
}

// reset empties the log; the next entry follows base.
func (l *logState) reset(base entry.Position) {
	*l = logState{base: base, last: base.Index, tail: tail{first: base.Index + 1}, held: l.held}
}

// compact moves the base forward to an entry of the log.
func (l *logState) compact(base entry.Position) {
	if base.Index == l.last {
		l.runs = nil
	} else {
		k := l.run(base.Index + 1)
		l.runs = slices.Clone(l.runs[k:])
		l.runs[0].First = base.Index + 1
	}
	l.base = base
	l.tail.dropBefore(base.Index + 1)
}

// conflict returns the greatest index up to i whose term is at most term: where two logs may still
// agree when one of them has (i, term) as its hint. Everything between has a term that the other
// log cannot have there, because terms never decrease (paper, section 5.3, the optimisation of
// the consistency check).
func (l *logState) conflict(i entry.Index, term entry.Term) entry.Index {
	i = min(i, l.last)
	if i <= l.base.Index {
		return min(i, l.base.Index)
	}
	for k := l.run(i); k >= 0; k-- {
		if l.runs[k].Term <= term {
			return i
		}
		i = l.runs[k].First - 1
	}
	return l.base.Index
}

// upToDate reports whether a log that ends with other is at least as up to date as this one (paper,
// section 5.4.1), and as the one that this member once had: see lost.go.
func (l *logState) upToDate(other entry.Position) bool {
	return other.Compare(l.position()) >= 0 && other.Compare(l.held) >= 0
}

// tail holds the sizes of the newest entries, those that replica keeps in memory.
type tail struct {
	// first is the index of the oldest entry with a known size.
	first entry.Index
	// sizes[head:] are the sizes from first on; what is before head is free.
	sizes []uint32
	head  int
	// bytes is the sum of sizes[head:].
	bytes int
}

func (t *tail) end() entry.Index { return t.first + entry.Index(len(t.sizes)-t.head) }

func (t *tail) size(i entry.Index) int { return int(t.sizes[t.head+int(i-t.first)]) }

func (t *tail) push(size uint32) {
	if len(t.sizes) == cap(t.sizes) && t.head > len(t.sizes)/2 {
		n := copy(t.sizes, t.sizes[t.head:])
		t.sizes, t.head = t.sizes[:n], 0
	}
	t.sizes = append(t.sizes, size)
	t.bytes += int(size)
}

func (t *tail) truncate(from entry.Index) {
	if from <= t.first {
		*t = tail{first: from, sizes: t.sizes[:0]}
		return
	}
	for t.end() > from {
		n := len(t.sizes) - 1
		t.bytes -= int(t.sizes[n])
		t.sizes = t.sizes[:n]
	}
}

// dropBefore forgets the entries before index.
func (t *tail) dropBefore(index entry.Index) {
	for t.first < index && t.head < len(t.sizes) {
		t.bytes -= int(t.sizes[t.head])
		t.head++
		t.first++
	}
	if t.first < index {
		*t = tail{first: index, sizes: t.sizes[:0]}
	}
}

// bound forgets the oldest entries while the rest exceeds limit bytes, but none from keep on.
func (t *tail) bound(limit int, keep entry.Index) {
	for t.bytes > limit && t.first < keep && t.head < len(t.sizes) {
		t.bytes -= int(t.sizes[t.head])
		t.head++
		t.first++
	}
}

// prefix returns how many entries from index from on fit in limit bytes, at least 1 when there is
// one, and their size.
func (t *tail) prefix(from entry.Index, limit int) (count uint32, bytes int) {
	for i := from; i < t.end(); i++ {
		size := t.size(i)
		if count > 0 && bytes+size > limit {
			break
		}
		bytes += size
		count++
	}
	return count, bytes
}
