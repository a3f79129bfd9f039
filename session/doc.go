// Package session decides which commands have been applied already, so that a command that the
// library itself sends twice takes effect once (Ongaro's thesis, section 6.3).
//
// A command is named by its origin, one start of one member, and by its sequence there. Every
// member keeps a [Table]: for each origin what it has seen. The table is changed by the committed
// entries alone, one after the other, so it is the same on every member, and it travels in every
// snapshot. A command that was seen is a [Duplicate] and is skipped. A command of which that can no
// longer be told, because its session has expired or it lies below the session's mark, is refused
// by every member: it is never applied and never called a success.
//
// The table is bounded: so many origins, so many ranges of sequences for each, so many entries of
// the log until an idle origin is forgotten. Nothing depends on time.
//
// Why a forgotten session stays forgotten: an origin opens its session with an entry that says how
// much of the log its proposer knew to be committed, its base. It says the same in every copy of that entry, and the
// entry stands behind its base. When the table forgets a session that was opened at index i, it
// raises its floor to i, and from then on refuses to open a session whose base is below the floor.
// All copies of the forgotten session's entry are below it. So an origin's session exists at most
// once, and a command of a forgotten session is refused for ever, whatever copies of it are still
// under way.
//
// The package is pure: no time, no goroutine, no I/O.
package session
