// Package storage is one member's directory: who the member is, its log, and its snapshots.
//
// [Open] takes the directory's lock, finds out whose it is, and hands out the two stores below it:
// package wal (the log, term and vote) and package snapshot (images of the state). A directory is
// used by one owner at a time, in this process or another. A directory that is not a member's, that
// is another format's or another member's is refused with what was found; nothing in it is changed.
// A fresh directory is created, with its parents.
//
// # Files
//
//	LOCK                            locked while the member runs; its content means nothing
//	identity                        who the member is
//	<generation>.<base index>.log   the log, see package wal
//	spare.<n>                       space for the log's next segments
//	<term>.<index>.snap             images, see package snapshot
//	lost-<incarnation>/             what was here under an incarnation whose newest vote was lost
//
// Other files are left alone.
//
// # Identity
//
// A line of text and a JSON object, so that an operator can read it:
//
//	raft-directory 1 crc32c=<8 hex digits of the checksum of everything behind this line>
//	{"member": ..., "incarnation": ..., "cluster": ..., ...}
//
// It is replaced as a whole: temporary file, sync, rename, sync of the directory. The number in the
// first line is the format version; what a later version wrote is refused, naming both.
//
// # How a directory comes to be
//
//  1. identity, with "started" false
//  2. the log's first segment
//  3. identity, with "started" true
//
// A crash between leaves a directory that the next Open completes: nobody was told anything yet. Once
// started is true, a directory without a log has lost it, and is refused.
//
// # A lost vote
//
// The log holds each term and vote twice. When both copies of the newest one cannot be read, an older one must
// not stand for it: the member could vote twice in one term. With Options.Renew the directory begins anew, under
// another incarnation, as what it votes and acknowledges counts only under its own: the identity gets the new
// one and names the former one, whose files are moved, with a copy of the identity, into a directory of their
// own. Nothing of them is changed or deleted. A member that begins anew belongs to a cluster and never founds
// one. It is refused to one that is the only voter of the newest member set that can be read, or that can read
// none: nobody else may have what it holds.
package storage
