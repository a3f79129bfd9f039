package entry

import "cmp"

// HardState is what a member must never forget: the newest term it has seen and the member it voted
// for in that term (paper, figure 2, "persistent state"). Both are one record: they are written
// and synced together, before any answer that depends on them leaves.
type HardState struct {
	Term Term
	// Vote is the member voted for in Term, "" for none. Invariant: within one Term it changes only
	// from "" to an id, never back and never to another id.
	Vote MemberID
}

// Batch is one write of a member's log: everything that one turn of the loop must make durable. A
// store applies it in the order Hard, Truncate, Blocks; a crash between any two is safe, so a
// store without a combined write may do them one by one.
type Batch struct {
	// Seq numbers the batches of one run of a member, strictly increasing. Batches that waited for
	// the same write are merged into one that bears the last one's number.
	Seq uint64
	// Hard is the new term and vote, nil when unchanged.
	Hard *HardState
	// TruncateFrom, when not 0, removes every entry with this index or a greater one: a conflict
	// with the leader's log (paper, section 5.3).
	TruncateFrom Index
	// Reset, when not nil, removes the whole log; the next entry follows the installed snapshot
	// that it names. It is set only when the log does not contain the snapshot's (Index, Term).
	Reset *Position
	// Blocks are the new entries, contiguous, following the log's last entry after truncation. The
	// store must not modify them and may keep them.
	Blocks []*Block
	// Commit is the commit index as known when the batch was made. It is written lazily: a batch
	// with nothing else in it need not be synced.
	Commit Index
}

// Empty reports whether the batch has nothing that must be durable before Store returns.
func (b *Batch) Empty() bool {
	return b.Hard == nil && b.TruncateFrom == 0 && b.Reset == nil && len(b.Blocks) == 0
}

// Position names an entry, or with both numbers 0 the place before the first.
type Position struct {
	Index Index
	Term  Term
}

// Compare returns -1, 0 or +1 as a log that ends at p is less, equally or more up to date than one that ends
// at q (paper, section 5.4.1): terms first, then indexes.
func (p Position) Compare(q Position) int {
	return cmp.Or(cmp.Compare(p.Term, q.Term), cmp.Compare(p.Index, q.Index))
}

// TermRun says that the entries from First up to the next run's First-1 have term Term.
type TermRun struct {
	First Index
	Term  Term
}

// Recovered is what a member's log says after a restart.
type Recovered struct {
	// Hard is the newest durable term and vote, the zero value in a fresh directory.
	Hard HardState
	// Base is the entry before the log's first: what compaction or a snapshot left. The log holds
	// the entries Base.Index+1 to Last.
	Base Position
	// Last is the index of the log's last entry, Base.Index when the log is empty.
	Last Index
	// Terms are the runs of the entries Base.Index+1 to Last, in order; empty when the log is.
	Terms []TermRun
	// Configurations are the indexes of the log's [KindConfiguration] entries, in order. The
	// member reads these few entries once to know who its peers are.
	Configurations []Index
	// Commit is the newest commit index found, or 0. Entries up to it may be applied before a
	// leader is known. Invariant: Commit <= Last.
	Commit Index
	// Damaged are the entries that the log holds and cannot read. Invariant: ascending, disjoint and not
	// adjacent, within Base.Index+1 to Last, and Terms covers them with the terms that they have: see
	// [Damage]. Only a store that can repair them lists any; others refuse to recover. A store that does not
	// read its whole log when it starts finds the others when they are read, or verified.
	Damaged []Damage
	// Held is the greatest position that the log can have held, when its end cannot be read and the
	// entries from Last+1 on are therefore missing; else it is zero. The member may have acknowledged
	// entries up to there. Invariant: zero, or by term and then index after Last; and once reported, every
	// later Recover reports it, until Last has come up to it: what was stored, truncated or reset
	// meanwhile does not undo that the member may have acknowledged more.
	Held Position
}

// Damage is a run of log entries whose stored bytes are not what was written. It is no absence: the
// member stored these entries, and counts for them, but has to get a copy from another one.
//
// The term of a damaged entry is always certain: its frame's header tells it, or its batch's, or the
// intact entries on both sides have the same. With its index the term identifies an entry (paper,
// section 5.3), so any member's intact copy of it is right, committed or not. An entry whose term is
// not certain is never listed: if anything intact follows it the log is refused, else the log ends
// before it (Recovered.Held).
type Damage struct {
	// First and Last are the run's ends, both included. Invariant: 0 < First <= Last.
	First, Last Index
	// Known is true when the frames' headers are intact, so that the store itself can tell a right copy
	// from a wrong one by kind, size, origin and payload checksum.
	Known bool
}

// SnapshotMeta describes a snapshot: the state after applying every entry up to Index.
type SnapshotMeta struct {
	// ID names the snapshot within one member's store; a receiver keeps the sender's ID so that a
	// broken transfer can be resumed.
	ID    string
	Index Index
	Term  Term
	// Configuration is the one in force at Index.
	Configuration Configuration
	// Sessions is the encoded table of seen origins and sequences, empty until clients use it.
	Sessions []byte
	// Size is the length in bytes of the user's image, 0 for an empty snapshot; -1 while it is
	// still being written.
	Size int64
	// Checksum is the CRC-32C of the image, meaningful when Size >= 0.
	Checksum uint32
}

// Position returns the last entry that the snapshot replaces.
func (m SnapshotMeta) Position() Position { return Position{Index: m.Index, Term: m.Term} }
