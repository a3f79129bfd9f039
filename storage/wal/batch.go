package wal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"

	"v.io/x/ref/lib/raft/entry"
)

const (
	batchMagic  = 0x48435442 // "BTCH"
	batchHeader = 96

	tagHard     = 0x64726168 // "hard"
	tagTruncate = 0x6e757274 // "trun"
	tagReset    = 0x74657372 // "rset"
	tagTrim     = 0x6d697274 // "trim"
	tagHeld     = 0x646c6568 // "held"
	recordHead  = 8
	hardFixed   = 16

	flagHard     = 1
	flagTruncate = 2
	flagReset    = 4
	flagTrim     = 8
	flagHeld     = 16
	flagsAll     = 31

	// controlMax bounds the control records of a batch that is read: a hard state with the longest vote
	// and the four others are less than half of it.
	controlMax = 4 << 10
)

// errNoBatch is returned for bytes that are no batch header of the segment they lie in.
var errNoBatch = errors.New("no batch header")

// header is the decoded header of a batch.
type header struct {
	flags      uint16
	number     uint64
	durable    int64
	commit     entry.Index
	first      entry.Index
	count      uint32
	control    uint32 // bytes of control records
	frames     int64  // bytes of frames
	firstTerm  entry.Term
	lastTerm   entry.Term
	digest     uint32
	controlSum uint32
	chain      uint32
	sum        uint32
}

// align rounds up to a multiple of 8.
func align(n int64) int64 { return (n + 7) &^ 7 }

// head returns the bytes of the header and the control records.
func (h *header) head() int64 { return batchHeader + int64(h.control) }

// sectors returns how many sectors the batch takes: the header with the control records stands at its
// beginning and again at its end, and no sector has a part of both.
func (h *header) sectors() int64 {
	return max(2*sectorsOf(h.head()), sectorsOf(2*h.head()+h.frames))
}

// size returns the bytes of the file that the batch takes.
func (h *header) size() int64 { return h.sectors() * sectorSize }

// tail returns where in the batch's data the second control records start; the second header follows
// them and ends the batch.
func (h *header) tail() int64 { return h.sectors()*sectorData - h.head() }

// last returns the index of the last entry of a batch that has one.
func (h *header) last() entry.Index { return h.first + entry.Index(h.count) - 1 }

// put appends the header of the batch at p to b and computes its sum.
func (h *header) put(b []byte, p place) []byte {
	start := len(b)
	b = binary.LittleEndian.AppendUint32(b, batchMagic)
	b = binary.LittleEndian.AppendUint16(b, h.flags)
	b = binary.LittleEndian.AppendUint16(b, 0)
	for _, v := range []uint64{p.generation, h.number, uint64(h.durable), uint64(h.commit), uint64(h.first)} {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	b = binary.LittleEndian.AppendUint32(b, h.count)
	b = binary.LittleEndian.AppendUint32(b, h.control)
	for _, v := range []uint64{uint64(h.frames), uint64(h.firstTerm), uint64(h.lastTerm)} {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	b = binary.LittleEndian.AppendUint32(b, h.digest)
	b = binary.LittleEndian.AppendUint32(b, h.controlSum)
	b = binary.LittleEndian.AppendUint32(b, h.chain)
	h.sum = sum(p.store, p.at, b[start:])
	return binary.LittleEndian.AppendUint32(b, h.sum)
}

// readHeader reads the fields of a header that may be any bytes. It checks only what size needs.
func readHeader(b []byte, generation uint64) (header, error) {
	if len(b) < batchHeader || binary.LittleEndian.Uint32(b) != batchMagic ||
		binary.LittleEndian.Uint16(b[6:]) != 0 || binary.LittleEndian.Uint64(b[8:]) != generation {
		return header{}, errNoBatch
	}
	word := func(i int) uint64 { return binary.LittleEndian.Uint64(b[i:]) }
	half := func(i int) uint32 { return binary.LittleEndian.Uint32(b[i:]) }
	h := header{
		flags: binary.LittleEndian.Uint16(b[4:]), number: word(16), durable: int64(word(24)),
		commit: entry.Index(word(32)), first: entry.Index(word(40)), count: half(48), control: half(52),
		frames: int64(word(56)), firstTerm: entry.Term(word(64)), lastTerm: entry.Term(word(72)),
		digest: half(80), controlSum: half(84), chain: half(88), sum: half(92),
	}
	if h.control%8 != 0 || h.control > controlMax || h.frames < 0 || h.frames > 1<<40 {
		return header{}, errNoBatch
	}
	return h, nil
}

// decodeBatchHeader reads the header of a batch at p. The error is errNoBatch when the bytes are none
// that was written there.
func decodeBatchHeader(b []byte, p place) (header, error) {
	h, err := readHeader(b, p.generation)
	switch {
	case err != nil:
		return header{}, err
	case h.sum != sum(p.store, p.at, b[:batchHeader-4]):
		return header{}, errNoBatch
	case (h.count == 0) != (h.frames == 0) || int64(h.count) > h.frames/entry.HeaderSize || h.flags > flagsAll:
		return header{}, errNoBatch
	case max(uint64(h.first), uint64(h.lastTerm), uint64(h.commit)) > entry.NumberMax || h.firstTerm > h.lastTerm:
		return header{}, errNoBatch
	}
	return h, nil
}

// decodeSecondHeader reads the second header of a batch whose last sector lies at p, and returns where
// the batch starts.
func decodeSecondHeader(sector []byte, p place) (h header, start int64, err error) {
	b := sector[sectorData-batchHeader : sectorData]
	if h, err = readHeader(b, p.generation); err != nil {
		return header{}, 0, err
	}
	if p.at += sectorSize - h.size(); p.at < batchesOffset {
		return header{}, 0, errNoBatch
	}
	h, err = decodeBatchHeader(b, p)
	return h, p.at, err
}

// contents is everything that a batch may hold.
type contents struct {
	hard     *entry.HardState
	truncate entry.Index
	reset    *entry.Position
	trim     *trim
	held     entry.Position
	blocks   []*entry.Block
	commit   entry.Index
}

// size returns the bytes of the file that the contents take as a batch.
func (c *contents) size() int64 {
	h := header{control: uint32(len(c.appendControl(nil)))}
	for _, b := range c.blocks {
		h.frames += int64(b.Size())
	}
	return h.size()
}

// encode returns the batch of c at p, in buf when it is large enough, and its header. The fields number,
// durable and chain of h are the caller's.
func (c *contents) encode(buf []byte, h header, p place) ([]byte, header) {
	control := c.appendControl(nil)
	h.control, h.controlSum = uint32(len(control)), crc32.Checksum(control, castagnoli)
	h.flags, h.commit = c.flags(), c.commit
	for k, b := range c.blocks {
		if k == 0 {
			h.first, h.firstTerm = b.First(), b.Term(b.First())
		}
		h.count += uint32(b.Len())
		h.frames += int64(b.Size())
		h.lastTerm = b.Term(b.Last())
	}
	size := int(h.size())
	buf = slices.Grow(buf[:0], size)[:size]
	var starts []int64
	pos := h.head()
	for _, b := range c.blocks {
		spread(buf, pos, b.Bytes())
		for i := b.First(); i <= b.Last(); i++ {
			starts = append(starts, pos)
			h.digest = digest(h.digest, b.Frame(i))
			pos += int64(b.FrameSize(i))
		}
	}
	spread(buf, pos, make([]byte, h.tail()-pos))
	h.envelope(buf, control, p)
	h.finish(buf, starts, p)
	return buf, h
}

// digest adds a frame to the digest of a batch's frames: its header's sum, which stands for all of it.
func digest(before uint32, frame []byte) uint32 {
	return crc32.Update(before, castagnoli, frame[entry.HeaderSize-4:entry.HeaderSize])
}

// envelope writes the headers and the control records into the sectors of the batch at p.
func (h *header) envelope(sectors, control []byte, p place) {
	b := h.put(make([]byte, 0, batchHeader), p)
	spread(sectors, 0, b)
	spread(sectors, batchHeader, control)
	spread(sectors, h.tail(), control)
	spread(sectors, h.tail()+int64(h.control), b)
}

// finish completes the sectors of the batch at p, whose frames start at the positions starts.
func (h *header) finish(sectors []byte, starts []int64, p place) {
	last := h.sectors() - 1
	for k := int64(0); k <= last; k++ {
		lead := uint16(leadNone)
		for len(starts) > 0 && starts[0] < (k+1)*sectorData {
			if at := starts[0] - k*sectorData; at >= 0 && lead == leadNone {
				lead = uint16(at)
			}
			starts = starts[1:]
		}
		switch k {
		case 0:
			lead |= kindHead
		case last:
			lead |= kindTail
		}
		at := p
		at.at += k * sectorSize
		at.mark(sectors[k*sectorSize:(k+1)*sectorSize], lead)
	}
}

// flags says which records the contents have.
func (c *contents) flags() (flags uint16) {
	set := func(has bool, flag uint16) {
		if has {
			flags |= flag
		}
	}
	set(c.hard != nil, flagHard)
	set(c.truncate != 0, flagTruncate)
	set(c.reset != nil, flagReset)
	set(c.trim != nil, flagTrim)
	set(c.held != entry.Position{}, flagHeld)
	return flags
}

// appendControl appends the control records.
func (c *contents) appendControl(buf []byte) []byte {
	if c.hard != nil {
		buf = appendRecord(buf, tagHard, hardValue(*c.hard))
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
	if c.held != (entry.Position{}) {
		buf = appendRecord(buf, tagHeld, words(uint64(c.held.Index), uint64(c.held.Term)))
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

// hardValue returns the value of a hard record.
func hardValue(h entry.HardState) []byte {
	return append(words(uint64(h.Term), uint64(len(h.Vote))), h.Vote...)
}

// decodeHard reads the value of a hard record.
func decodeHard(b []byte) (entry.HardState, error) {
	if len(b) < hardFixed || len(b) > hardFixed+entry.MemberIDMax {
		return entry.HardState{}, fmt.Errorf("hard record of %d bytes", len(b))
	}
	term, vote := binary.LittleEndian.Uint64(b), b[hardFixed:]
	if binary.LittleEndian.Uint64(b[8:]) != uint64(len(vote)) || term > entry.NumberMax {
		return entry.HardState{}, fmt.Errorf("hard record of term %d with a vote of %d bytes", term, len(vote))
	}
	return entry.HardState{Term: entry.Term(term), Vote: entry.MemberID(vote)}, nil
}

// decodeControl reads the control records of a batch.
func decodeControl(b []byte) (contents, error) {
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
		if err := c.record(tag, b[recordHead:recordHead+size]); err != nil {
			return c, err
		}
		b = b[end:]
	}
	return c, nil
}

// record takes one control record into c.
func (c *contents) record(tag uint32, value []byte) error {
	size := map[uint32]int{tagTruncate: 8, tagReset: 16, tagTrim: 24, tagHeld: 16}[tag]
	if size != 0 && size != len(value) {
		return fmt.Errorf("control record %#x of %d bytes, want %d", tag, len(value), size)
	}
	word := func(i int) uint64 { return min(binary.LittleEndian.Uint64(value[8*i:]), entry.NumberMax) }
	switch tag {
	case tagHard:
		h, err := decodeHard(value)
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
	case tagHeld:
		c.held = entry.Position{Index: entry.Index(word(0)), Term: entry.Term(word(1))}
	default:
		return fmt.Errorf("control record with unknown tag %#x", tag)
	}
	return nil
}
