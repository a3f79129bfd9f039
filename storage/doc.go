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
package storage
