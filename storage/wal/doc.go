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
// what exists is faster than making a file grow. When there is none, one is reserved ahead. A new segment
// is complete and synced before it takes its name, so a segment that has its name has its header.
//
//	 0          512        1024       1536
//	+----------+----------+----------+---------+---------+- - - -+---------+- - - - - - - - -+
//	| header   | seal     | header   | batch   | batch   |       | footer  | zeros, or what  |
//	|          |          | again    |         |         |       |         | a former life   |
//	|          |          |          |         |         |       |         | left            |
//	+----------+----------+----------+---------+---------+- - - -+---------+- - - - - - - - -+
//
// The header is written once, in two sectors. The first batch of a segment repeats the hard state, so
// dropping old segments never loses a vote. Seal and footer are written once the successor is durable:
// the seal proves that the successor existed, the footer lists what the segment holds so that a start
// does not read all of it.
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
//	| 8 B    | u32 = 2 | u32    | u64         | u64        | index u64 | term u64 |
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
// predecessor's batches end; next number and chain continue its row of batches. Every version keeps
// magic, version, incarnation and sum in their places, so that any library can say which one it needs.
//
// # Seal, 40 bytes at 512, zeros while the segment is the last
//
//	 0       4        8            16          24          32         36      40
//	+-------+--------+------------+-----------+-----------+----------+-------+
//	| magic | zero   | successor  | footer at | footer    | footer   | seal  |
//	| u32   | u32    | u64        | u64       | size u64  | sum u32  | sum   |
//	+-------+--------+------------+-----------+-----------+----------+-------+
//
// # Batch, in whole sectors of 512 bytes
//
// Everything that one Store makes durable: one write, one fdatasync. Each sector carries 500 bytes of it,
// and a mark of 12 bytes that proves the sector, says where a frame starts in it, and tells one that was
// never written in this generation from one that was written and damaged since. The mark is drawn
// in sector.go.
//
//	 0        96                                                          sectors x 500
//	+--------+-----------+------------------------+------+-----------+--------+
//	| header | control   | frames, exactly as     | zero | control   | header |
//	|        | records   | package entry made them|      | again     | again  |
//	+--------+-----------+------------------------+------+-----------+--------+
//
// No sector has a part of both copies of header and records: one bad sector takes neither a vote, nor a
// truncation, nor the knowledge of which entries a batch holds. A batch has two sectors at least.
//
//	 0       4       6       8            16       24        32       40       48
//	+-------+-------+-------+------------+--------+---------+--------+--------+
//	| magic | flags | group | generation | number | durable | commit | first  |
//	| u32   | u16   | u16=0 | u64        | u64    | u64     | u64    | u64    |
//	+-------+-------+-------+------------+--------+---------+--------+--------+
//	 48      52        56       64      72      80       84        88      92       96
//	+-------+---------+--------+-------+-------+--------+---------+-------+--------+
//	| count | control | frames | first | last  | digest | control | chain | header |
//	| u32   | size u32| size   | term  | term  | u32    | sum u32 | u32   | sum    |
//	|       |         | u64    | u64   | u64   |        |         |       | u32    |
//	+-------+---------+--------+-------+-------+--------+---------+-------+--------+
//
// Number counts the batches of a log without a gap. Chain is the header sum of the batch before. Durable
// is the offset in this segment below which everything was synced before this batch was written. First
// and count say which entries follow, first term and last term those of the first and the last of them.
// Digest is the CRC-32C of the sums of the frames' headers, one after the other, which cover the sums of
// the payloads: it stands for all the frames. Flags say which control records there are: 1 hard,
// 2 truncate, 4 reset, 8 trim, 16 held.
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
//	hard      term u64, vote size u64, vote
//	truncate  from u64: entries with this index or a greater one are gone
//	reset     index u64, term u64: the log is empty and goes on after this entry
//	trim      first live generation u64, index u64, term u64: as in the segment header
//	held      index u64, term u64: up to where the log can have reached before its end was lost
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
// The last segment is read from its first batch on. Where no batch follows is the end of the log. Recover
// has four outcomes.
//
// Whole: every sector of every batch is what was written.
//
// Cut: a sector of the last batch was never written in this generation. Such a batch was never
// acknowledged, since that needs a sync of all of it, and no vote of it was told to anybody. What is
// left of it stays where it is until the next batch, which starts a segment, so that no sector of a batch
// is ever written with two contents in one generation, which is what the marks stand on.
//
// Listed: all sectors were written, as their stamps say or a later batch's durable mark does, and some are
// not what was written. The frames are judged one by one. An entry whose payload is bad but whose header
// is not is known by its header; one whose header is bad by its batch, which gives its index, and its term
// when the entries on both sides have the same. Where the term is not certain and entries follow, the log
// is refused; where none follow, the log ends before it, and remembers up to where it can have reached
// (held) until it reaches there again. Repair puts copies on the very bytes that are damaged: what was
// written is known by the header, or by the room it takes and the digest of its batch.
//
// Refused: a segment is missing, or of another directory, or of another format version; two histories are
// mixed; or both copies of a batch's description, or of what it did to the log, are gone. When a vote may
// have gone with them the error wraps damage.ErrVoteLost, and the member must not go on with an older
// one. Nothing is changed then.
//
// What cannot be told: a write that was lost whole, or of which a sector was lost and is what it was
// before, as long as no later batch was written, looks like one that never happened. A batch that a crash
// tore looks like one that was written and damaged if its missing sectors are damaged before another batch
// is written; it is there then, and no harm is done, because whatever was promised meanwhile would be another
// batch. A sector that bears the stamp of a generation 65,536 or more before its own is taken for damage.
//
// The older segments were sealed, and are known by their footers, or read whole where a crash came
// between the successor and the seal. Damage in a sealed segment is found by Read, or by Verify. Before
// Recover returns, the last batch is written again, as it was found, and the last segment and the
// directory are synced: what was found in the page cache after the death of a process is durable before
// anybody acts on it. A sync alone would not do: after one that failed, the next succeeds without having
// written what the failed one should have.
//
// # Lack of space
//
// A spare is reserved when the current segment is half full. When there is no room for one, entries are
// taken as long as they leave a reserve in the current segment; after that Store says entry.ErrNoSpace
// before it writes anything, and takes only what is no entry. Room tries again.
//
// # Versions
//
// Version 2 is frozen: from now on directories are opened by every later version. Version 1, which was
// declared changeable and lost an acknowledged last batch to a single bad sector, is refused by name.
package wal
