package session

import (
	"cmp"
	"fmt"
	"slices"

	"v.io/x/ref/lib/raft/entry"
)

// Verdict says what is to be done with an entry.
type Verdict uint8

const (
	// Fresh: it was not seen. Apply it.
	Fresh Verdict = iota + 1
	// Duplicate: it was seen, and applied then. Skip it.
	Duplicate
	// Below: it lies below its session's mark, where it is not known any more what was seen. Skip
	// it; every copy of it is and will be refused.
	Below
	// Unknown: its origin has no session, because none was opened yet or because it was forgotten
	// ([Table.Floor] tells which). Skip it.
	Unknown
)

// String returns the verdict's name.
func (v Verdict) String() string {
	switch v {
	case Fresh:
		return "fresh"
	case Duplicate:
		return "duplicate"
	case Below:
		return "below the mark"
	case Unknown:
		return "unknown session"
	}
	return fmt.Sprintf("verdict %d", uint8(v))
}

// Bounds are the bounds of a table. They decide what is forgotten, so they are part of the
// replicated state: all members must have the same.
type Bounds struct {
	// Origins is the number of sessions; one more forgets the one that was used longest ago.
	Origins int
	// Ranges is the number of runs of sequences seen in one session. One more raises the mark over
	// the lowest.
	Ranges int
	// Life is how many entries of the log may follow a session's last entry until it is forgotten.
	Life entry.Index
}

// Validate returns an error that names the first bound that is not in its limits.
func (b Bounds) Validate() error {
	switch {
	case b.Origins < 1 || b.Origins > OriginsMax:
		return fmt.Errorf("session: %d origins, want 1 to %d", b.Origins, OriginsMax)
	case b.Ranges < 1 || b.Ranges > RangesMax:
		return fmt.Errorf("session: %d ranges, want 1 to %d", b.Ranges, RangesMax)
	case b.Life < 1 || b.Life > entry.NumberMax:
		return fmt.Errorf("session: a life of %d entries, want 1 to %d", b.Life, uint64(entry.NumberMax))
	}
	return nil
}

// Range is a run of sequences, both ends included.
type Range struct{ First, Last uint64 }

// Session is what is known of one origin.
type Session struct {
	Origin uint64
	// Opened is the entry that opened it, Last the newest entry of the origin. Invariant:
	// Opened <= Last.
	Opened, Last entry.Index
	// Mark is the sequence up to which it is not known any more what was seen: everything up to it
	// is refused. Invariant: it never decreases.
	Mark uint64
	// Seen are the sequences above Mark that were applied. Invariant: sorted, all above Mark, with
	// at least one sequence missing between neighbours.
	Seen []Range
}

// Judge returns what is known of a sequence: Fresh, Duplicate or Below.
func (s *Session) Judge(sequence uint64) Verdict {
	if sequence <= s.Mark {
		return Below
	}
	if i := s.search(sequence); i < len(s.Seen) && s.Seen[i].First <= sequence {
		return Duplicate
	}
	return Fresh
}

// search returns the first range that does not end before the sequence.
func (s *Session) search(sequence uint64) int {
	i, _ := slices.BinarySearchFunc(s.Seen, sequence, func(r Range, n uint64) int { return cmp.Compare(r.Last, n) })
	return i
}

// take is Judge, and notes that the sequence is seen now.
func (s *Session) take(sequence uint64, ranges int) Verdict {
	// Nearly every command follows the one before.
	if n := len(s.Seen); n > 0 && sequence > s.Seen[n-1].Last && sequence-s.Seen[n-1].Last == 1 {
		s.Seen[n-1].Last = sequence
		return Fresh
	}
	if v := s.Judge(sequence); v != Fresh {
		return v
	}
	s.insert(sequence)
	if len(s.Seen) > ranges {
		s.Mark = s.Seen[0].Last
		s.Seen = slices.Delete(s.Seen, 0, 1)
	}
	return Fresh
}

// insert adds a sequence that is in no range, joining its neighbours.
func (s *Session) insert(sequence uint64) {
	i := s.search(sequence)
	after := i > 0 && s.Seen[i-1].Last == sequence-1
	before := i < len(s.Seen) && s.Seen[i].First-1 == sequence
	switch {
	case after && before:
		s.Seen[i-1].Last = s.Seen[i].Last
		s.Seen = slices.Delete(s.Seen, i, i+1)
	case after:
		s.Seen[i-1].Last = sequence
	case before:
		s.Seen[i].First = sequence
	default:
		s.Seen = slices.Insert(s.Seen, i, Range{First: sequence, Last: sequence})
	}
}

// Table is the sessions that one member knows after some entry of the log. It is a function of the
// committed entries up to there. It is not safe for concurrent use.
type Table struct {
	bounds Bounds
	// floor is the greatest index at which a forgotten session was opened. Invariant: it never
	// decreases, and no session is opened whose base is below it.
	floor entry.Index
	// sessions are sorted by origin. Invariant: at most bounds.Origins.
	sessions []*Session
	// recent is the session that was found last: commands of one origin come in runs.
	recent *Session
}

// New returns an empty table. The bounds must be valid ([Bounds.Validate]); what exceeds them is
// forgotten.
func New(b Bounds) *Table { return &Table{bounds: b} }

// Bounds returns the table's bounds.
func (t *Table) Bounds() Bounds { return t.bounds }

// Floor returns the least base with which a session can still be opened. An origin whose base is
// below it and that has no session now never has one again.
func (t *Table) Floor() entry.Index { return t.floor }

// Len returns the number of sessions.
func (t *Table) Len() int { return len(t.sessions) }

// Find returns a copy of the origin's session, and false when it has none.
func (t *Table) Find(origin uint64) (Session, bool) {
	i, found := t.search(origin)
	if !found {
		return Session{}, false
	}
	s := *t.sessions[i]
	s.Seen = slices.Clone(s.Seen)
	return s, true
}

func (t *Table) search(origin uint64) (int, bool) {
	return slices.BinarySearchFunc(t.sessions, origin, func(s *Session, o uint64) int { return cmp.Compare(s.Origin, o) })
}

// Open takes the entry at index at that opens the session of an origin. base is the index up to
// which the proposer knew the log to be committed when it drew the origin. The verdict is Fresh when
// the session begins, Duplicate when it is open already, and Unknown when it is refused: the origin
// was forgotten, or its proposer lags behind the floor, and must draw another.
func (t *Table) Open(origin uint64, base, at entry.Index) Verdict {
	t.expire(at)
	i, found := t.search(origin)
	if found {
		t.sessions[i].Last = at
		return Duplicate
	}
	if origin == 0 || base < t.floor || base >= at {
		return Unknown
	}
	if len(t.sessions) >= t.bounds.Origins {
		t.forget(t.idlest())
		i, _ = t.search(origin)
	}
	t.sessions = slices.Insert(t.sessions, i, &Session{Origin: origin, Opened: at, Last: at})
	return Fresh
}

// Take takes the command at index at.
func (t *Table) Take(origin, sequence uint64, at entry.Index) Verdict {
	s := t.recent
	if s == nil || s.Origin != origin {
		i, found := t.search(origin)
		if !found {
			return Unknown
		}
		s = t.sessions[i]
		t.recent = s
	}
	if t.expired(s, at) {
		t.forget(s)
		return Unknown
	}
	s.Last = at
	return s.take(sequence, t.bounds.Ranges)
}

func (t *Table) expired(s *Session, at entry.Index) bool {
	return at > s.Last && at-s.Last > t.bounds.Life
}

// expire forgets the sessions that are too old at index at.
func (t *Table) expire(at entry.Index) {
	for i := len(t.sessions) - 1; i >= 0; i-- {
		if s := t.sessions[i]; t.expired(s, at) {
			t.forget(s)
		}
	}
}

// idlest returns the session that was used longest ago.
func (t *Table) idlest() *Session {
	return slices.MinFunc(t.sessions, func(a, b *Session) int { return cmp.Compare(a.Last, b.Last) })
}

// forget removes a session for ever.
func (t *Table) forget(s *Session) {
	i, _ := t.search(s.Origin)
	t.sessions = slices.Delete(t.sessions, i, i+1)
	t.floor = max(t.floor, s.Opened)
	t.recent = nil
}

// Clone returns a table that shares nothing with t.
func (t *Table) Clone() *Table {
	c := &Table{bounds: t.bounds, floor: t.floor}
	for _, s := range t.sessions {
		copied := *s
		copied.Seen = slices.Clone(s.Seen)
		c.sessions = append(c.sessions, &copied)
	}
	return c
}
