// Package entry holds the words of the log: what an entry is, the frame that carries it, and the
// records that travel with it.
//
// An entry is one place in the replicated log. It is named by its [Index] and [Term], carries a
// payload that only the user's program understands, and is framed exactly once, on the leader, by
// [AppendFrame]. From then on the same bytes go to the leader's disk, to every socket and to every
// follower's disk, and are verified at each boundary; nothing re-encodes them. A frame is a pure
// function of its fields, so a store that keeps fields instead of frames rebuilds equal bytes.
//
// A [Block] is a run of frames in one buffer, immutable once built: the log's tail, the senders
// and the apply goroutine share one block without copying.
//
// The package is a leaf. It imports nothing of this module, so that core (which decides), replica
// (which waits) and storage (which remembers) can speak of the same things without importing each
// other.
package entry
