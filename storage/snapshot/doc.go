// Package snapshot keeps images of a member's state on disk.
//
// An image is a stream of bytes that only the user's program understands, and its description
// (entry.SnapshotMeta), which is stored with it and cannot be separated from it. An image is
// written to a temporary file, synced, and given its name in one step; before that it does not
// exist. What is read was verified: a damaged image ends in an error, never in wrong bytes, and is set
// aside under another name. Images of any size are written and read in bounded memory.
//
// # Files
//
//	<term %020d>.<index %020d>.snap          complete; names sort by age
//	<term %020d>.<index %020d>.snap.tmp      being written by this process
//	<term %020d>.<index %020d>.snap.part     received in part; a later transfer may go on
//	<term %020d>.<index %020d>.snap.damaged  set aside: its bytes are not what was written
//
// Only the position names the file. The ID of an image comes from another member and is never part
// of a path.
//
// # Format
//
// All numbers are little-endian, all checksums CRC-32C.
//
//	 0        8         12      16            24          28          32
//	+--------+---------+-------+-------------+-----------+-----------+-------------+
//	| magic  | version | chunk | incarnation | meta size | head sum  | meta        |
//	| 8 B    | u32 = 1 | size  | u64         | u32       | u32       | meta size B |
//	|        |         | u32   |             |           |           |             |
//	+--------+---------+-------+-------------+-----------+-----------+-------------+
//
// The head sum covers everything before it and the meta. Chunk size is how many bytes of the image
// each chunk but the last has. Then come the chunks, and the trailer:
//
//	 0        8        12      16            0        8         16      20      24
//	+--------+--------+-------+-------+     +--------+---------+-------+-------+
//	| number | size   | sum   | bytes | ... | magic  | size    | image | sum   |
//	| u64    | u32    | u32   |       |     | 8 B    | i64     | sum   | u32   |
//	+--------+--------+-------+-------+     +--------+---------+-------+-------+
//
// A chunk's sum covers the head sum, the number and the bytes, so that a chunk of another image or
// of another place does not pass. The trailer's sum covers the head sum and the trailer. An empty
// image has no chunk. Since all chunks but the last have one size, a reader finds any offset without
// an index.
//
//	meta: position index u64, term u64, checksum u32, size i64 (-1: not known when it began),
//	      id size u32, id, configuration size u32, configuration, sessions size u32, sessions
//
// Version 1 is frozen: every later version reads these files. What a configuration and a table of
// sessions are has versions of its own (entry, session), and those are read for as long.
package snapshot
