package entry

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
)

// Index is a position in the replicated log. The first entry has index 1; 0 means "before the
// first entry".
type Index uint64

// Term numbers an election (Raft paper, section 5.1). 0 means "before the first election".
type Term uint64

// Kind says who an entry is for. Kinds are a closed list: a member that reads a kind it does not
// know stops with a clear message, because skipping it could diverge from its peers.
type Kind uint8

const (
	// KindCommand carries bytes for the user's program. It is 0, the seed API's ClientEntry.
	KindCommand Kind = 0
	// KindNoOp is the empty entry with which a leader opens its term (paper, section 8). It is 1,
	// the seed API's RaftEntry.
	KindNoOp Kind = 1
	// KindConfiguration carries an encoded [Configuration], in force as soon as it is appended
	// (Ongaro's thesis, section 4.1).
	KindConfiguration Kind = 2
	// KindSession opens the session of an origin (thesis, section 6.3): from it on every member
	// remembers which of the origin's commands were applied. It has no payload; its Sequence is the
	// session's base, see package session.
	KindSession Kind = 3
)

// Known reports whether this version of the library understands k.
func (k Kind) Known() bool { return k <= KindSession }

// String returns the kind's name, or its number when it is unknown.
func (k Kind) String() string {
	switch k {
	case KindCommand:
		return "command"
	case KindNoOp:
		return "no-op"
	case KindConfiguration:
		return "configuration"
	case KindSession:
		return "session"
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// FrameVersion is the format version in the first byte of every frame.
const FrameVersion = 1

// NumberMax is the largest index and the largest term that anything from outside may carry: far
// beyond any log, and far enough below the type's end that adding to it never wraps.
const NumberMax = 1 << 62

// HeaderSize is the number of bytes in front of the payload of a frame.
const HeaderSize = 48

// PayloadMax is the largest payload that a frame can carry, in bytes. Doors set lower limits; this
// one bounds what a decoder may be asked to believe.
const PayloadMax = 64 << 20

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Checksum returns the CRC-32C that a frame carries of its payload. It is taken when a command is
// proposed, so that damage on any later way is found.
func Checksum(payload []byte) uint32 { return crc32.Checksum(payload, castagnoli) }

// Header is everything a frame says about its entry but the payload itself.
type Header struct {
	Kind  Kind
	Index Index
	Term  Term
	// Origin names the start of the member that proposed the command: a random number drawn anew
	// at each start. With Sequence it identifies a command for ever.
	Origin uint64
	// Sequence counts the commands and barriers (no-ops that a caller waits for) of one origin, from 1.
	// 0 marks entries that no caller waits for: a leader's no-op and configurations. In an entry of
	// KindSession it is the session's base, an index.
	Sequence uint64
	// Size is the payload's length in bytes. Invariant: Size <= PayloadMax.
	Size uint32
	// PayloadSum is the payload's [Checksum].
	PayloadSum uint32
}

// FrameSize returns the length in bytes of the whole frame.
func (h Header) FrameSize() int { return HeaderSize + int(h.Size) }

// ErrShort is returned when a buffer ends before the frame that it starts does.
var ErrShort = errors.New("entry: buffer ends inside a frame")

// ErrCorrupt is wrapped by every error that says a frame's bytes are not what was written.
var ErrCorrupt = errors.New("entry: damaged frame")

// AppendFrame appends the frame of (h, payload) to dst and returns the longer slice. h.Size must be
// len(payload) and h.PayloadSum must be Checksum(payload); it is not recomputed here, because it
// was taken when the command was proposed.
//
//	 0       1      2        4        8           16          24          32          40
//	+-------+------+--------+--------+-----------+-----------+-----------+-----------+
//	|version| kind | zero   | size   | index     | term      | origin    | sequence  |
//	| u8    | u8   | u16    | u32    | u64       | u64       | u64       | u64       |
//	+-------+------+--------+--------+-----------+-----------+-----------+-----------+
//	 40          44          48
//	+-----------+-----------+------------------+
//	|payload sum|header sum | payload          |
//	| u32 crc32c| u32 crc32c| size bytes       |
//	+-----------+-----------+------------------+
//
// All numbers are little-endian. The header sum covers bytes 0 to 43, the payload sum included, so
// an intact header proves which payload belongs to it.
func AppendFrame(dst []byte, h Header, payload []byte) []byte {
	dst = AppendHeader(dst, h)
	return append(dst, payload...)
}

// AppendHeader appends the 48 header bytes of h to dst; the caller appends the payload.
func AppendHeader(dst []byte, h Header) []byte {
	start := len(dst)
	dst = append(dst, FrameVersion, byte(h.Kind), 0, 0)
	dst = binary.LittleEndian.AppendUint32(dst, h.Size)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(h.Index))
	dst = binary.LittleEndian.AppendUint64(dst, uint64(h.Term))
	dst = binary.LittleEndian.AppendUint64(dst, h.Origin)
	dst = binary.LittleEndian.AppendUint64(dst, h.Sequence)
	dst = binary.LittleEndian.AppendUint32(dst, h.PayloadSum)
	return binary.LittleEndian.AppendUint32(dst, crc32.Checksum(dst[start:start+44], castagnoli))
}

// DecodeHeader reads and verifies the header at the start of b. It does not look at the payload.
// The error is [ErrShort] when b is shorter than a header, and wraps [ErrCorrupt] when the bytes
// are not a header that this version wrote.
func DecodeHeader(b []byte) (Header, error) {
	if len(b) < HeaderSize {
		return Header{}, ErrShort
	}
	if sum := crc32.Checksum(b[:44], castagnoli); sum != binary.LittleEndian.Uint32(b[44:]) {
		return Header{}, fmt.Errorf("%w: header checksum is %08x, computed %08x",
			ErrCorrupt, binary.LittleEndian.Uint32(b[44:]), sum)
	}
	h := Header{
		Kind:       Kind(b[1]),
		Size:       binary.LittleEndian.Uint32(b[4:]),
		Index:      Index(binary.LittleEndian.Uint64(b[8:])),
		Term:       Term(binary.LittleEndian.Uint64(b[16:])),
		Origin:     binary.LittleEndian.Uint64(b[24:]),
		Sequence:   binary.LittleEndian.Uint64(b[32:]),
		PayloadSum: binary.LittleEndian.Uint32(b[40:]),
	}
	return h, h.validate(b[0], binary.LittleEndian.Uint16(b[2:]))
}

// validate checks what a correct checksum does not promise: that a writer of this version could
// have written these fields.
func (h Header) validate(version byte, reserved uint16) error {
	switch {
	case version != FrameVersion:
		return fmt.Errorf("%w: frame version %d, this library reads %d", ErrCorrupt, version, FrameVersion)
	case reserved != 0:
		return fmt.Errorf("%w: reserved bytes are %#04x, want 0", ErrCorrupt, reserved)
	case h.Size > PayloadMax:
		return fmt.Errorf("%w: payload of %d bytes, at most %d", ErrCorrupt, h.Size, PayloadMax)
	case h.Index == 0 || h.Index > NumberMax || h.Term == 0 || h.Term > NumberMax:
		return fmt.Errorf("%w: index %d and term %d must lie in 1 to %d", ErrCorrupt, h.Index, h.Term, uint64(NumberMax))
	}
	return nil
}

// DecodeFrame reads and verifies the frame at the start of b. The payload shares b's memory. The
// error is [ErrShort] when b ends too early, and wraps [ErrCorrupt] when a checksum fails.
func DecodeFrame(b []byte) (Header, []byte, error) {
	h, err := DecodeHeader(b)
	if err != nil {
		return Header{}, nil, err
	}
	if len(b) < h.FrameSize() {
		return h, nil, ErrShort
	}
	payload := b[HeaderSize:h.FrameSize():h.FrameSize()]
	if sum := Checksum(payload); sum != h.PayloadSum {
		return h, nil, fmt.Errorf("%w: payload checksum of entry (index %d, term %d) is %08x, computed %08x",
			ErrCorrupt, h.Index, h.Term, h.PayloadSum, sum)
	}
	return h, payload, nil
}
