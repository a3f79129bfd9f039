package wal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"path/filepath"
	"strconv"
	"strings"

	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/internal/vfs"
	"v.io/x/ref/lib/raft/storage/damage"
)

const (
	segmentMagic   = "raftwal\x01"
	segmentVersion = 2
	headerSize     = 512
	headerUsed     = 96
	sealOffset     = 512
	sealSize       = 40
	sealMagic      = 0x6c616573 // "seal"
	secondOffset   = 1024       // of the header's second copy
	batchesOffset  = 1536
	nameSuffix     = ".log"
	temporary      = ".tmp"
	sparePrefix    = "spare."
)

// ErrVersion is wrapped by the error of Recover for a log of another format version.
var ErrVersion = errors.New("format version")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// sum is the checksum of bytes at a place of one of a directory's segments.
func sum(store entry.Incarnation, at int64, b []byte) uint32 {
	return crc32.Update(addWord(addWord(0, uint64(store)), uint64(at)), castagnoli, b)
}

// addWord is crc32.Update with the eight bytes of a little-endian number, which it does not allocate.
func addWord(crc uint32, word uint64) uint32 {
	crc = ^crc
	for range 8 {
		crc = castagnoli[byte(crc)^byte(word)] ^ crc>>8
		word >>= 8
	}
	return ^crc
}

// segment is one open file of the log.
type segment struct {
	file   vfs.File
	path   string
	size   int64 // bytes reserved
	header segmentHeader
	// outline is what of the log lives in this segment. Guarded by Log.mu.
	outline outline
	// readers counts the reads under way. Guarded by Log.mu.
	readers int
	// dropped is set once the segment is no part of the log any more; the last reader closes
	// the file. Guarded by Log.mu.
	dropped bool
}

// trim says where the log begins.
type trim struct {
	// generation is the oldest segment that counts.
	generation uint64
	// base is the entry before the log's first.
	base entry.Position
}

// segmentHeader is the first sector of a segment.
type segmentHeader struct {
	store      entry.Incarnation
	generation uint64
	// base is the last entry of the log when the segment was created.
	base entry.Position
	trim trim
	// formerEnd is where the batches of the segment before end; 0 in the first.
	formerEnd int64
	// number is that of the segment's first batch.
	number uint64
	// chain is the header sum of the batch before number.
	chain uint32
}

// encode returns the header's sector.
func (h segmentHeader) encode() []byte {
	b := make([]byte, 0, headerSize)
	b = append(b, segmentMagic...)
	b = binary.LittleEndian.AppendUint32(b, segmentVersion)
	b = binary.LittleEndian.AppendUint32(b, 0)
	for _, v := range []uint64{
		uint64(h.store), h.generation, uint64(h.base.Index), uint64(h.base.Term),
		h.trim.generation, uint64(h.trim.base.Index), uint64(h.trim.base.Term),
		uint64(h.formerEnd), h.number,
	} {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	b = binary.LittleEndian.AppendUint32(b, h.chain)
	b = binary.LittleEndian.AppendUint32(b, sum(h.store, 0, b))
	return b[:headerSize]
}

// decodeHeader reads a header. store is the incarnation of the directory that the caller opened.
func decodeHeader(b []byte, store entry.Incarnation) (segmentHeader, error) {
	if len(b) < headerSize {
		return segmentHeader{}, fmt.Errorf("%d bytes, a segment header has %d", len(b), headerSize)
	}
	if string(b[:8]) != segmentMagic {
		return segmentHeader{}, fmt.Errorf("it starts with %q, a segment starts with %q", b[:8], segmentMagic)
	}
	if v := binary.LittleEndian.Uint32(b[8:]); v != segmentVersion {
		return segmentHeader{}, fmt.Errorf("%w %d, this library reads %d", ErrVersion, v, segmentVersion)
	}
	at := func(i int) uint64 { return binary.LittleEndian.Uint64(b[i:]) }
	h := segmentHeader{
		store: entry.Incarnation(at(16)), generation: at(24),
		base:      entry.Position{Index: entry.Index(at(32)), Term: entry.Term(at(40))},
		trim:      trim{at(48), entry.Position{Index: entry.Index(at(56)), Term: entry.Term(at(64))}},
		formerEnd: int64(at(72)), number: at(80),
		chain: binary.LittleEndian.Uint32(b[88:]),
	}
	if got, want := sum(h.store, 0, b[:92]), binary.LittleEndian.Uint32(b[92:]); got != want {
		return segmentHeader{}, fmt.Errorf("header checksum is %08x, computed %08x", want, got)
	}
	if h.store != store {
		return segmentHeader{}, fmt.Errorf("it belongs to the directory with incarnation %016x, this one is %016x",
			h.store, store)
	}
	return h, h.validate(b[headerUsed:headerSize])
}

// headed reports whether a sector is the header of one of the directory's segments.
func headed(b []byte, store entry.Incarnation) bool {
	return string(b[:8]) == segmentMagic && sum(store, 0, b[:92]) == binary.LittleEndian.Uint32(b[92:])
}

// validate checks what a correct checksum does not promise.
func (h segmentHeader) validate(rest []byte) error {
	switch {
	case h.generation == 0 || h.trim.generation == 0 || h.trim.generation > h.generation:
		return fmt.Errorf("generation %d with first live generation %d", h.generation, h.trim.generation)
	case h.formerEnd < 0 || h.formerEnd%8 != 0 || h.number == 0:
		return fmt.Errorf("former end %d, next number %d", h.formerEnd, h.number)
	case max(h.base.Index, h.trim.base.Index) > entry.NumberMax || max(h.base.Term, h.trim.base.Term) > entry.NumberMax:
		return fmt.Errorf("base %d, trim %d", h.base, h.trim.base)
	}
	for i, c := range rest {
		if c != 0 {
			return fmt.Errorf("byte %d of the header is %#02x, want 0", headerUsed+i, c)
		}
	}
	return nil
}

// seal is the second sector of a segment that has a successor.
type seal struct {
	successor uint64
	footerAt  int64
	footerLen int64
	footerSum uint32
}

// encode returns the seal's bytes.
func (s seal) encode(store entry.Incarnation) []byte {
	b := make([]byte, 0, sealSize)
	b = binary.LittleEndian.AppendUint32(b, sealMagic)
	b = binary.LittleEndian.AppendUint32(b, 0)
	b = binary.LittleEndian.AppendUint64(b, s.successor)
	b = binary.LittleEndian.AppendUint64(b, uint64(s.footerAt))
	b = binary.LittleEndian.AppendUint64(b, uint64(s.footerLen))
	b = binary.LittleEndian.AppendUint32(b, s.footerSum)
	return binary.LittleEndian.AppendUint32(b, sum(store, sealOffset, b))
}

// decodeSeal reads a seal; ok is false when the bytes are none.
func decodeSeal(b []byte, store entry.Incarnation) (s seal, ok bool) {
	if len(b) < sealSize || binary.LittleEndian.Uint64(b) != sealMagic {
		return seal{}, false
	}
	if sum(store, sealOffset, b[:36]) != binary.LittleEndian.Uint32(b[36:]) {
		return seal{}, false
	}
	s = seal{
		successor: binary.LittleEndian.Uint64(b[8:]),
		footerAt:  int64(binary.LittleEndian.Uint64(b[16:])),
		footerLen: int64(binary.LittleEndian.Uint64(b[24:])),
		footerSum: binary.LittleEndian.Uint32(b[32:]),
	}
	return s, s.footerAt >= batchesOffset && s.footerLen >= footerHead
}

// segmentName returns the file name of a segment.
func segmentName(generation uint64, base entry.Index) string {
	return fmt.Sprintf("%020d.%020d%s", generation, base, nameSuffix)
}

// parseName reads a segment's file name; ok is false when it is none.
func parseName(name string) (generation uint64, base entry.Index, ok bool) {
	stem, found := strings.CutSuffix(name, nameSuffix)
	first, second, dot := strings.Cut(stem, ".")
	if !found || !dot || len(first) != 20 || len(second) != 20 {
		return 0, 0, false
	}
	generation, err := strconv.ParseUint(first, 10, 64)
	if err != nil {
		return 0, 0, false
	}
	index, err := strconv.ParseUint(second, 10, 64)
	if err != nil {
		return 0, 0, false
	}
	return generation, entry.Index(index), segmentName(generation, entry.Index(index)) == name
}

// openSegment opens the file name of dir and verifies that its header fits its name.
func openSegment(fsys vfs.FS, dir, name string, store entry.Incarnation) (*segment, error) {
	return loadSegment(fsys.OpenWrite, dir, name, store)
}

// loadSegment is openSegment with the way to open the file.
func loadSegment(open func(string) (vfs.File, error), dir, name string, store entry.Incarnation) (*segment, error) {
	path := filepath.Join(dir, name)
	f, err := open(path)
	if err != nil {
		return nil, fmt.Errorf("wal: open segment: %w", err)
	}
	s := &segment{file: f, path: path}
	if err := s.load(name, store); err != nil {
		return nil, joinClose(err, f)
	}
	return s, nil
}

// load reads the header.
func (s *segment) load(name string, store entry.Incarnation) (err error) {
	if s.size, err = s.file.Size(); err != nil {
		return fmt.Errorf("wal: size of segment: %w", err)
	}
	if s.size < batchesOffset {
		return damage.At(s.path, s.size, "the file ends inside the segment's header")
	}
	if err := s.loadHeader(store); err != nil {
		return err
	}
	if want := segmentName(s.header.generation, s.header.base.Index); want != name {
		return damage.At(s.path, 0, "the header is that of %s", want)
	}
	return nil
}

// versioned reports whether a header is whole but for its version: every version keeps the directory and
// the sum in their places.
func versioned(b []byte) bool {
	store := entry.Incarnation(binary.LittleEndian.Uint64(b[16:]))
	return sum(store, 0, b[:headerUsed-4]) == binary.LittleEndian.Uint32(b[headerUsed-4:])
}

// loadHeader reads the header from the first copy that is intact.
func (s *segment) loadHeader(store entry.Incarnation) error {
	b := make([]byte, batchesOffset)
	if err := readSectors(s.file, b, 0); err != nil {
		return err
	}
	var err error
	if s.header, err = decodeHeader(b[:headerSize], store); err == nil {
		return nil
	}
	second, failed := decodeHeader(b[secondOffset:], store)
	if failed == nil {
		s.header = second
		return nil
	}
	if version := binary.LittleEndian.Uint32(b[8:]); errors.Is(err, ErrVersion) && versioned(b[:headerSize]) {
		return fmt.Errorf("wal: %s has %w %d, this library reads version %d; nothing was changed: "+
			"use the version of the library that wrote it, or move the directory away and let the member join "+
			"again as a new one", s.path, ErrVersion, version, segmentVersion)
	}
	return damage.At(s.path, 0, "%v", err)
}

// seal reads the segment's seal; ok is false when there is none.
func (s *segment) seal(store entry.Incarnation) (found seal, ok bool, err error) {
	b := make([]byte, sealSize)
	if _, err := s.file.ReadAt(b, sealOffset); err != nil {
		return seal{}, false, fmt.Errorf("wal: read seal of %s: %w", s.path, err)
	}
	found, ok = decodeSeal(b, store)
	return found, ok, nil
}
