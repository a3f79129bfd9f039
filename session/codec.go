package session

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"

	"v.io/x/ref/lib/raft/entry"
)

const version = 1

// Append appends the encoded table to dst. Equal tables have equal bytes.
//
//	+---------+---------+---------+---------+---------+---------+-------------+
//	| version | origins | ranges  | life    | floor   | n       | n x session |
//	| u8 = 1  | uvarint | uvarint | uvarint | uvarint | uvarint |             |
//	+---------+---------+---------+---------+---------+---------+-------------+
//
//	session:
//	+---------+---------+---------------+---------+---------+--------------------------------+
//	| origin  | opened  | last - opened | mark    | k       | k x range:                     |
//	| u64 LE  | uvarint | uvarint       | uvarint | uvarint | gap uvarint | length-1 uvarint |
//	+---------+---------+---------------+---------+---------+--------------------------------+
//
// Sessions are sorted by origin. A gap is the distance from the end of the range before, or from
// the mark, to the first sequence: at least 1 after the mark and at least 2 after a range.
func (t *Table) Append(dst []byte) []byte {
	dst = append(dst, version)
	for _, n := range []uint64{
		uint64(t.bounds.Origins), uint64(t.bounds.Ranges), uint64(t.bounds.Life), uint64(t.floor), uint64(len(t.sessions)),
	} {
		dst = binary.AppendUvarint(dst, n)
	}
	for _, s := range t.sessions {
		dst = s.append(dst)
	}
	return dst
}

func (s *Session) append(dst []byte) []byte {
	dst = binary.LittleEndian.AppendUint64(dst, s.Origin)
	dst = binary.AppendUvarint(dst, uint64(s.Opened))
	dst = binary.AppendUvarint(dst, uint64(s.Last-s.Opened))
	dst = binary.AppendUvarint(dst, s.Mark)
	dst = binary.AppendUvarint(dst, uint64(len(s.Seen)))
	end := s.Mark
	for _, r := range s.Seen {
		dst = binary.AppendUvarint(dst, r.First-end)
		dst = binary.AppendUvarint(dst, r.Last-r.First)
		end = r.Last
	}
	return dst
}

// Decode reads a table that fills b exactly. It takes only what [Table.Append] writes. The error
// wraps [entry.ErrCorrupt].
func Decode(b []byte) (*Table, error) {
	if len(b) > EncodedMax {
		return nil, fmt.Errorf("%w: a table of sessions of %d bytes, at most %d", entry.ErrCorrupt, len(b), EncodedMax)
	}
	d := decoder{rest: b}
	if v := d.byte(); !d.failed && v != version {
		return nil, fmt.Errorf("%w: table of sessions, version %d, this library reads %d", entry.ErrCorrupt, v, version)
	}
	t := &Table{bounds: Bounds{
		Origins: int(d.uvarint(OriginsMax)), Ranges: int(d.uvarint(RangesMax)), Life: d.index(),
	}}
	t.floor = d.index()
	n := d.uvarint(uint64(t.bounds.Origins))
	for i := uint64(0); i < n && !d.failed; i++ {
		t.sessions = append(t.sessions, d.session(t.bounds.Ranges))
	}
	if d.failed || len(d.rest) != 0 || t.bounds.Validate() != nil || !t.sorted() || !bytes.Equal(t.Append(nil), b) {
		return nil, fmt.Errorf("%w: a table of sessions of %d bytes does not decode", entry.ErrCorrupt, len(b))
	}
	return t, nil
}

// sorted reports whether the origins are sorted and distinct, and none is 0.
func (t *Table) sorted() bool {
	for i, s := range t.sessions {
		if s.Origin == 0 || i > 0 && s.Origin <= t.sessions[i-1].Origin {
			return false
		}
	}
	return true
}

// decoder reads fields until one fails; then every further read returns zero.
type decoder struct {
	rest   []byte
	failed bool
}

func (d *decoder) take(n int) []byte {
	if d.failed || n > len(d.rest) {
		d.failed = true
		return make([]byte, n)
	}
	out := d.rest[:n]
	d.rest = d.rest[n:]
	return out
}

func (d *decoder) byte() byte { return d.take(1)[0] }

func (d *decoder) uvarint(limit uint64) uint64 {
	v, n := binary.Uvarint(d.rest)
	if d.failed || n <= 0 || v > limit {
		d.failed = true
		return 0
	}
	d.rest = d.rest[n:]
	return v
}

func (d *decoder) index() entry.Index { return entry.Index(d.uvarint(entry.NumberMax)) }

func (d *decoder) session(ranges int) *Session {
	s := &Session{Origin: binary.LittleEndian.Uint64(d.take(8)), Opened: d.index()}
	s.Last = s.Opened + entry.Index(d.uvarint(entry.NumberMax-uint64(s.Opened)))
	s.Mark = d.uvarint(math.MaxUint64)
	n := d.uvarint(uint64(ranges))
	end := s.Mark
	for i := uint64(0); i < n && !d.failed; i++ {
		gap := d.uvarint(math.MaxUint64 - end)
		if gap == 0 || i > 0 && gap == 1 {
			d.failed = true
		}
		first := end + gap
		end = first + d.uvarint(math.MaxUint64-first)
		s.Seen = append(s.Seen, Range{First: first, Last: end})
	}
	return s
}
