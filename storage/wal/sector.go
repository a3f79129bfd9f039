package wal

import (
	"encoding/binary"
	"hash/crc32"

	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/internal/vfs"
)

// A batch is laid into whole sectors. Each carries 500 bytes of it and a mark of 12 bytes:
//
//	 0            500    502    506          508     512
//	+------------+------+------+------------+-------+
//	| data       | lead | sum  | generation | check |
//	| 500 B      | u16  | u32  | low u16    | u32   |
//	+------------+------+------+------------+-------+
//
// Lead: bits 0 to 8 are the offset in data where the first frame of the sector starts, 511 when none
// does; bits 9 and 10 are 1 in the first sector of a batch, 2 in the last, else 0. Sum covers the bytes
// 0 to 501. Check is the checksum of directory, place and generation, and what sum starts from.
//
// Generation and check are the stamp: it stands at the very end, so that a sector of which only the
// first bytes reached the disk still bears the stamp of the life before, or zeros.
//
// Invariant: within one generation a sector is written with one content only (repairing it restores
// that content). So a sector whose sum fits is the one that was written; one whose sum does not fit is
// damaged when it bears the stamp of this generation, and was never written in it when it bears that of
// an earlier one, or none. The segment's header bears none either, and is known by itself: where it lies
// at another place, a disk has mistaken the place.
const (
	sectorSize = vfs.SectorSize
	sectorData = 500
	leadAt     = sectorData
	sumAt      = leadAt + 2
	stampAt    = sumAt + 4
	checkAt    = stampAt + 2
	leadNone   = 511
	leadMask   = 511
	kindHead   = 1 << 9
	kindTail   = 2 << 9
	kindMask   = 3 << 9
)

// verdict says what became of a sector.
type verdict uint8

const (
	// intact is a sector that was written in this generation, as it is.
	intact verdict = iota
	// damaged is a sector that was written in this generation and is not what was written then.
	damaged
	// unwritten is a sector that was not written in this generation, or of which the disk lost all of it.
	unwritten
)

// place says where something lies, which its checksums depend on.
type place struct {
	store      entry.Incarnation
	generation uint64
	at         int64
}

// check returns the checksum of the place itself.
func (p place) check() uint32 {
	return addWord(addWord(addWord(0, uint64(p.store)), uint64(p.at)), p.generation)
}

// mark completes the sector at p.
func (p place) mark(b []byte, lead uint16) {
	check := p.check()
	binary.LittleEndian.PutUint16(b[leadAt:], lead)
	binary.LittleEndian.PutUint32(b[sumAt:], crc32.Update(check, castagnoli, b[:sumAt]))
	binary.LittleEndian.PutUint16(b[stampAt:], uint16(p.generation))
	binary.LittleEndian.PutUint32(b[checkAt:], check)
}

// judge says what became of the sector at p.
func (p place) judge(b []byte) verdict {
	if binary.LittleEndian.Uint32(b[sumAt:]) == crc32.Update(p.check(), castagnoli, b[:sumAt]) {
		return intact
	}
	if !p.written(b) {
		return unwritten
	}
	return damaged
}

// written reports whether the sector's stamp says that it was written in this generation, or says
// nothing that was ever written.
func (p place) written(b []byte) bool {
	generation, check := binary.LittleEndian.Uint16(b[stampAt:]), binary.LittleEndian.Uint32(b[checkAt:])
	if generation == 0 && check == 0 {
		return headed(b, p.store)
	}
	// The stamp tells 65,536 generations apart; an older one is taken for damage, which is safe.
	back := uint64(uint16(p.generation) - generation)
	if back == 0 || back >= p.generation {
		return true
	}
	p.generation -= back
	return check != p.check()
}

// sectorsOf returns how many sectors n bytes of a batch take.
func sectorsOf(n int64) int64 { return (n + sectorData - 1) / sectorData }

// floor returns the offset of the sector that holds the byte at offset at.
func floor(at int64) int64 { return at &^ (sectorSize - 1) }

// offsetOf returns the offset in the file of byte pos of the data of the sectors from start on.
func offsetOf(start, pos int64) int64 { return start + pos/sectorData*sectorSize + pos%sectorData }

// spread writes b at byte pos of the data of sectors.
func spread(sectors []byte, pos int64, b []byte) {
	for len(b) > 0 {
		n := copy(sectors[offsetOf(0, pos):][:sectorData-pos%sectorData], b)
		b, pos = b[n:], pos+int64(n)
	}
}

// extent is a run of whole sectors as they were read.
type extent struct {
	place place  // of the first sector
	raw   []byte // the sectors
	data  []byte // their data
	// verdicts are computed when they are asked for: 0 is not yet, else one more than the verdict.
	verdicts []uint8
}

// newExtent takes over raw, whole sectors that lie at p.
func newExtent(p place, raw []byte) *extent {
	n := len(raw) / sectorSize
	e := &extent{place: p, raw: raw, data: make([]byte, 0, n*sectorData), verdicts: make([]uint8, n)}
	for k := range n {
		e.data = append(e.data, e.sector(k)[:sectorData]...)
	}
	return e
}

func (e *extent) sectors() int { return len(e.verdicts) }

func (e *extent) sector(k int) []byte { return e.raw[k*sectorSize : (k+1)*sectorSize] }

// at returns the place of sector k.
func (e *extent) at(k int) place {
	p := e.place
	p.at += int64(k) * sectorSize
	return p
}

// verdict says what became of sector k.
func (e *extent) verdict(k int) verdict {
	if e.verdicts[k] == 0 {
		e.verdicts[k] = 1 + uint8(e.at(k).judge(e.sector(k)))
	}
	return verdict(e.verdicts[k] - 1)
}

// lead returns where the first frame of sector k starts, -1 for nowhere, and which sector of its batch
// it is. It means something in an intact sector only.
func (e *extent) lead(k int) (first int, kind uint16) {
	lead := binary.LittleEndian.Uint16(e.sector(k)[leadAt:])
	if first = int(lead & leadMask); first >= sectorData {
		first = -1
	}
	return first, lead & kindMask
}

// count returns how many sectors are intact, damaged and unwritten.
func (e *extent) count() (counts [3]int) {
	for k := range e.sectors() {
		counts[e.verdict(k)]++
	}
	return counts
}
