package wal

import (
	"encoding/binary"
	"errors"
	"fmt"

	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/internal/vfs"
)

const (
	// The first byte of a batch is neither 0, which is padding, nor entry.FrameVersion, which is a
	// frame: a reader that stands behind a frame can tell what comes next.
	batchMagic  = 0x48435442 // "BTCH"
	batchHeader = 80

	tagHard     = 0x64726168 // "hard"
	tagTruncate = 0x6e757274 // "trun"
	tagReset    = 0x74657372 // "rset"
	tagTrim     = 0x6d697274 // "trim"
	tagPad      = 0x20646170 // "pad "
	recordHead  = 8
	hardFixed   = 32

	// controlMax bounds the control records of a batch that is read: two hard states with the padding
	// between them, and the three others, are less than half of it.
	controlMax = 8 << 10
)

// errNoBatch is returned for bytes that are no batch header of the segment they lie in.
var errNoBatch = errors.New("no batch header")

// place says where a batch lies, which its checksums depend on.
type place struct {
	store      entry.Incarnation
	generation uint64
	at         int64
}

// header is the decoded header of a batch.
type header struct {
	number  uint64
	durable int64
	commit  entry.Index
	first   entry.Index
	count   uint32
	control uint32 // bytes of control records
	frames  int64  // bytes of frames, without padding
	chain   uint32
	bodySum uint32
	sum     uint32
}

// align rounds up to a multiple of 8.
func align(n int64) int64 { return (n + 7) &^ 7 }

// body returns the number of bytes behind the header.
func (h *header) body() int64 { return align(int64(h.control) + h.frames) }

// put writes the header over the first bytes of b and computes its sum.
func (h *header) put(b []byte, p place) {
	b = b[:0]
	b = binary.LittleEndian.AppendUint32(b, batchMagic)
	b = binary.LittleEndian.AppendUint32(b, 0)
	for _, v := range []uint64{p.generation, h.number, uint64(h.durable), uint64(h.commit), uint64(h.first)} {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	b = binary.LittleEndian.AppendUint32(b, h.count)
	b = binary.LittleEndian.AppendUint32(b, h.control)
	b = binary.LittleEndian.AppendUint64(b, uint64(h.frames))
	b = binary.LittleEndian.AppendUint32(b, h.chain)
	b = binary.LittleEndian.AppendUint32(b, h.bodySum)
	b = binary.LittleEndian.AppendUint32(b, 0)
	h.sum = sum(p.store, p.at, b)
	binary.LittleEndian.AppendUint32(b, h.sum)
}

// decodeBatchHeader reads the header of a batch at p. The error is errNoBatch when the bytes are
// none that was written there.
func decodeBatchHeader(b []byte, p place) (header, error) {
	if len(b) < batchHeader || binary.LittleEndian.Uint64(b) != batchMagic ||
		binary.LittleEndian.Uint64(b[8:]) != p.generation {
		return header{}, errNoBatch
	}
	h := header{
		number:  binary.LittleEndian.Uint64(b[16:]),
		durable: int64(binary.LittleEndian.Uint64(b[24:])),
		commit:  entry.Index(binary.LittleEndian.Uint64(b[32:])),
		first:   entry.Index(binary.LittleEndian.Uint64(b[40:])),
		count:   binary.LittleEndian.Uint32(b[48:]),
		control: binary.LittleEndian.Uint32(b[52:]),
		frames:  int64(binary.LittleEndian.Uint64(b[56:])),
		chain:   binary.LittleEndian.Uint32(b[64:]),
		bodySum: binary.LittleEndian.Uint32(b[68:]),
		sum:     binary.LittleEndian.Uint32(b[76:]),
	}
	switch {
	case h.sum != sum(p.store, p.at, b[:76]) || binary.LittleEndian.Uint32(b[72:]) != 0:
		return header{}, errNoBatch
	case h.control%8 != 0 || h.control > controlMax || h.frames < 0 || h.frames > 1<<40:
		return header{}, errNoBatch
	case (h.count == 0) != (h.frames == 0) || int64(h.count) > h.frames/entry.HeaderSize:
		return header{}, errNoBatch
	}
	return h, nil
}

// contents is everything that a batch may hold.
type contents struct {
	hard     *entry.HardState
	truncate entry.Index
	reset    *entry.Position
	trim     *trim
	blocks   []*entry.Block
	commit   entry.Index
}

// sizeMax returns a bound of the bytes that the contents take as a batch.
func (c *contents) sizeMax() int64 {
	const recordsMax = 3*recordHead + 48 // truncate, reset and trim
	size := int64(batchHeader + recordsMax + 8)
	if c.hard != nil {
		size += 2*(recordHead+hardFixed+align(int64(len(c.hard.Vote)))) + vfs.SectorSize
	}
	for _, b := range c.blocks {
		size += int64(b.Size())
	}
	return size
}

// encode appends the batch of c at p to buf, which must be empty, and returns its header. The
// fields number, durable and chain of h are the caller's.
func (c *contents) encode(buf []byte, h header, p place) ([]byte, header) {
	buf = append(buf, make([]byte, batchHeader)...)
	buf = c.appendControl(buf, h.number, p)
	h.control = uint32(len(buf) - batchHeader)
	h.commit = c.commit
	for _, b := range c.blocks {
		if h.count == 0 {
			h.first = b.First()
		}
		h.count += uint32(b.Len())
		h.frames += int64(b.Size())
		buf = append(buf, b.Bytes()...)
	}
	for len(buf)%8 != 0 {
		buf = append(buf, 0)
	}
	h.bodySum = sum(p.store, p.at, buf[batchHeader:])
	h.put(buf, p)
	return buf, h
}

// appendControl appends the control records. The hard state comes first and again last, in other
// sectors of the file.
func (c *contents) appendControl(buf []byte, number uint64, p place) []byte {
	if c.hard != nil {
		buf = appendRecord(buf, tagHard, hardValue(*c.hard, number, p))
	}
	if c.truncate != 0 {
		buf = appendRecord(buf, tagTruncate, words(uint64(c.truncate)))
	}
	if c.reset != nil {
		buf = appendRecord(buf, tagReset, words(uint64(c.reset.Index), uint64(c.reset.Term)))
	}
	if c.trim != nil {
		base := c.trim.base
		buf = appendRecord(buf, tagTrim, words(c.trim.generation, uint64(base.Index), uint64(base.Term)))
	}
	if c.hard != nil {
		if gap := (vfs.SectorSize - (p.at+int64(len(buf)))%vfs.SectorSize) % vfs.SectorSize; gap > 0 {
			buf = appendRecord(buf, tagPad, make([]byte, gap-recordHead))
		}
		buf = appendRecord(buf, tagHard, hardValue(*c.hard, number, p))
	}
	return buf
}

func words(v ...uint64) []byte {
	b := make([]byte, 0, 8*len(v))
	for _, w := range v {
		b = binary.LittleEndian.AppendUint64(b, w)
	}
	return b
}

func appendRecord(buf []byte, tag uint32, value []byte) []byte {
	buf = binary.LittleEndian.AppendUint32(buf, tag)
	buf = binary.LittleEndian.AppendUint32(buf, uint32(len(value)))
	buf = append(buf, value...)
	return append(buf, make([]byte, align(int64(len(value)))-int64(len(value)))...)
}

// hardValue returns the value of a hard record. It proves itself, so that it can be believed
// without the batch around it.
func hardValue(h entry.HardState, number uint64, p place) []byte {
	b := words(p.generation, number, uint64(h.Term))
	b = binary.LittleEndian.AppendUint32(b, 0)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(h.Vote)))
	b = append(b, 0, 0)
	b = append(b, h.Vote...)
	binary.LittleEndian.PutUint32(b[24:], hardSum(b, p.store))
	return b
}

// hardSum is the checksum of a hard record's value, whose own place counts as zero. It does not
// depend on the place, so that the two records are equal bytes.
func hardSum(b []byte, store entry.Incarnation) uint32 {
	head := append([]byte(nil), b[:hardFixed]...)
	clear(head[24:28])
	return sum(store, tagHard, append(head, b[hardFixed:]...))
}

// decodeHard reads the value of a hard record.
func decodeHard(b []byte, number uint64, p place) (entry.HardState, error) {
	if len(b) < hardFixed || len(b) > hardFixed+entry.MemberIDMax {
		return entry.HardState{}, fmt.Errorf("hard record of %d bytes", len(b))
	}
	vote := b[hardFixed:]
	switch {
	case binary.LittleEndian.Uint32(b[24:]) != hardSum(b, p.store):
		return entry.HardState{}, errors.New("hard record's checksum does not fit")
	case binary.LittleEndian.Uint64(b) != p.generation || binary.LittleEndian.Uint64(b[8:]) != number:
		return entry.HardState{}, errors.New("hard record of another batch")
	case int(binary.LittleEndian.Uint16(b[28:])) != len(vote) || binary.LittleEndian.Uint16(b[30:]) != 0:
		return entry.HardState{}, errors.New("hard record's vote size does not fit")
	case binary.LittleEndian.Uint64(b[16:]) > entry.NumberMax:
		return entry.HardState{}, errors.New("hard record's term is too large")
	}
	return entry.HardState{
		Term: entry.Term(binary.LittleEndian.Uint64(b[16:])), Vote: entry.MemberID(vote),
	}, nil
}

// decodeControl reads the control records of a batch with the given number at p.
func decodeControl(b []byte, number uint64, p place) (contents, error) {
	var c contents
	for len(b) > 0 {
		if len(b) < recordHead {
			return c, errors.New("control record is cut")
		}
		tag, size := binary.LittleEndian.Uint32(b), int64(binary.LittleEndian.Uint32(b[4:]))
		end := recordHead + align(size)
		if end > int64(len(b)) {
			return c, fmt.Errorf("control record of %d bytes is cut", size)
		}
		if err := c.record(tag, b[recordHead:recordHead+size], number, p); err != nil {
			return c, err
		}
		b = b[end:]
	}
	return c, nil
}

// record takes one control record into c.
func (c *contents) record(tag uint32, value []byte, number uint64, p place) error {
	size := map[uint32]int{tagTruncate: 8, tagReset: 16, tagTrim: 24}[tag]
	if size != 0 && size != len(value) {
		return fmt.Errorf("control record %#x of %d bytes, want %d", tag, len(value), size)
	}
	word := func(i int) uint64 { return min(binary.LittleEndian.Uint64(value[8*i:]), entry.NumberMax) }
	switch tag {
	case tagHard:
		h, err := decodeHard(value, number, p)
		if err != nil {
			return err
		}
		c.hard = &h
	case tagTruncate:
		if c.truncate = entry.Index(word(0)); c.truncate == 0 {
			return errors.New("truncate record without an index")
		}
	case tagReset:
		c.reset = &entry.Position{Index: entry.Index(word(0)), Term: entry.Term(word(1))}
	case tagTrim:
		c.trim = &trim{word(0), entry.Position{Index: entry.Index(word(1)), Term: entry.Term(word(2))}}
	case tagPad:
	default:
		return fmt.Errorf("control record with unknown tag %#x", tag)
	}
	return nil
}
