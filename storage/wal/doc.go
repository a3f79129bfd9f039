// Package wal is one member's log on disk: entries, term and vote, in segments that are written
// front to back.
//
// It knows indexes, bytes and a hard state. It does not know what an entry means, who leads, or
// what is committed; it only keeps what it was told, and says so only once it is durable.
//
// # Files
//
// A log is a row of segment files in one directory, named
//
//	<generation %020d>.<base index %020d>.log
//
// Generations count from 1 without a gap. A segment is preallocated; its successor is created when
// the next batch does not fit. Only the last one is written. A segment whose entries a snapshot
// covers becomes a spare, named spare.<n>, whose space the next segment takes over: writing over
// what exists is faster than making a file grow. A new segment is complete and synced before it
// takes its name, so a segment that has its name has its header.
//
//	 0          512        1024
//	+----------+----------+---------+---------+- - - -+---------+- - - - - - - - - - -+
//	| header   | seal     | batch   | batch   |       | footer  | zeros, or what a     |
//	|          |          |         |         |       |         | former life left     |
//	+----------+----------+---------+---------+- - - -+---------+- - - - - - - - - - -+
//
// The header is written once. The first batch of a segment repeats the hard state, so dropping old
// segments never loses a vote. Seal and footer are written once the successor is durable: the seal
// proves that the successor existed, the footer lists what the segment holds so that a start does
// not read all of it.
//
// All numbers are little-endian. All checksums are CRC-32C. Those of the log's envelope start from
// the directory's incarnation and the place in the file, so that bytes of another directory, of
// another place or of a payload that imitates the format do not pass.
//
// # Segment header, 512 bytes
//
//	 0        8         12       16            24           32          40         48
//	+--------+---------+--------+-------------+------------+-----------+----------+
//	| magic  | version | zero   | incarnation | generation | base      | base     |
//	| 8 B    | u32 = 1 | u32    | u64         | u64        | index u64 | term u64 |
//	+--------+---------+--------+-------------+------------+-----------+----------+
//	 48           56         64         72          80          88      92       96
//	+------------+----------+----------+-----------+-----------+-------+--------+
//	| first live | trim     | trim     | former    | next      | chain | header |
//	| generation | index    | term     | end       | number    | u32   | sum    |
//	| u64        | u64      | u64      | u64       | u64       |       | u32    |
//	+------------+----------+----------+-----------+-----------+-------+--------+
//
// then zeros. (base index, base term) is the entry before the first that this segment can hold;
// (trim index, trim term) the one before the log's first entry, and first live generation the
// oldest segment that counts: older files are left over and may go. Former end is where the
// predecessor's batches end; next number and chain continue its row of batches.
//
// # Seal, 40 bytes at 512, zeros while the segment is the last
//
//	 0       4        8            16          24          32         36      40
//	+-------+--------+------------+-----------+-----------+----------+-------+
//	| magic | zero   | successor  | footer at | footer    | footer   | seal  |
//	| u32   | u32    | u64        | u64       | size u64  | sum u32  | sum   |
//	+-------+--------+------------+-----------+-----------+----------+-------+
//
// # Batch, at a multiple of 8
//
// Everything that one Store makes durable: one write, one fdatasync.
//
//	 0       4       6       8            16       24        32       40
//	+-------+-------+-------+------------+--------+---------+--------+
//	| magic | flags | group | generation | number | durable | commit |
//	| u32   | u16   | u16=0 | u64        | u64    | u64     | u64    |
//	+-------+-------+-------+------------+--------+---------+--------+
//	 40      48      52        56       64      68      72      76      80
//	+-------+-------+---------+--------+-------+-------+-------+--------+
//	| first | count | control | frames | chain | body  | zero  | header |
//	| u64   | u32   | size u32| size   | u32   | sum   | u32   | sum    |
//	|       |       |         | u64    |       | u32   |       | u32    |
//	+-------+-------+---------+--------+-------+-------+-------+--------+
//	 80             80+control size               padded to a multiple of 8
//	+--------------+-----------------------------+------+
//	| control      | frames, exactly as package  | zero |
//	| records      | entry made them             |      |
//	+--------------+-----------------------------+------+
//
// Number counts the batches of a log without a gap. Chain is the header sum of the batch before.
// Durable is the offset in this segment below which everything was synced before this batch was
// written: a batch that does not verify but lies below a later one's mark is damage, never a torn
// write. First and count say which entries follow. Flags are 0 in this version.
//
// # Control record, at a multiple of 8
//
//	 0     4      8                  padded to a multiple of 8
//	+-----+------+------------------+
//	| tag | size | value            |
//	| u32 | u32  | size bytes       |
//	+-----+------+------------------+
//
//	tag       value
//	hard      generation u64, number u64, term u64, sum u32, vote size u16, zero u16, vote
//	truncate  from u64: entries with this index or a greater one are gone
//	reset     index u64, term u64: the log is empty and goes on after this entry
//	trim      first live generation u64, index u64, term u64: as in the segment header
//	pad       zeros
//
// A batch with a hard state has two equal hard records. Each proves itself. Between them is as much padding as it takes
// for the second to start a 512-byte sector of which the first has no part: one bad sector does not
// take a vote.
//
// # Footer
//
//	 0       4       8                       16             24          32
//	+-------+-------+-----------------------+--------------+-----------+
//	| magic | flags | kept u64              | reset index  | reset term|
//	| u32   | u32   | (all ones: all)       | u64          | u64       |
//	+-------+-------+-----------------------+--------------+-----------+
//	 32     40            48         56               64
//	+------+-------------+----------+----------------+
//	| last | chunks u64  | terms u64| configurations |   then the three lists:
//	| u64  |             |          | u64            |
//	+------+-------------+----------+----------------+
//	chunk: first u64, at u64, end u64    term run: first u64, term u64    configuration: index u64
//
// Entries of older segments with an index above kept are gone; with flag 1 all of them are. The
// chunks, each about 32 KiB, are the index with which a read finds its place.
//
// # Recovery
//
// The last segment is read from its first batch on. Where the row of batches breaks off is the end
// of the log, unless a later batch proves that what is broken had been durable: then the log is
// damaged, damage.Error says where, and nothing is changed. What a machine that lost power while
// writing leaves is cut: it was never acknowledged. Its term and vote are kept when one of the two
// hard records is readable. The entries of a last batch that was acknowledged and rotted before the
// next was written cannot be told from torn ones: that would need a mark per sector. A batch that
// never reached the disk, whole, is invisible to any log.
//
// The older segments were sealed, and are known by their footers, or read whole where a crash came
// between the successor and the seal. Before Recover returns, the last batch is written again, as it was
// found, and the last segment and the directory are synced: what was found in the page cache after the
// death of a process is durable before anybody acts on it. A sync alone would not do: after one that
// failed, the next succeeds without having written what the failed one should have.
package wal
