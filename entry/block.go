package entry

import (
	"encoding/binary"
	"fmt"
)

// Block is a run of frames with contiguous indexes in one buffer. It is immutable once built and
// never reused, so the log's tail, every sender and the apply goroutine may hold the same block at
// the same time; the garbage collector frees it when the last of them lets go.
type Block struct {
	buf []byte
	// offsets[i] is where frame i starts; one more element holds len(buf).
	// Invariant: len(offsets) >= 2 and offsets is strictly increasing.
	offsets []uint32
	first   Index
}

// Builder gathers frames into a [Block]. The zero value is ready. It is not safe for concurrent
// use.
type Builder struct {
	buf     []byte
	offsets []uint32
	first   Index
}

// BlockMax is the largest block in bytes: offsets are 32-bit numbers and a block is the unit of a
// disk write and of a message.
const BlockMax = 1 << 30

// Reserve makes room for n more entries of size bytes in all, frames included, so that adding them
// allocates at most once.
func (b *Builder) Reserve(n, size int) {
	if cap(b.buf)-len(b.buf) < size {
		b.buf = append(make([]byte, 0, len(b.buf)+size), b.buf...)
	}
	if cap(b.offsets)-len(b.offsets) < n+1 {
		b.offsets = append(make([]uint32, 0, len(b.offsets)+n+1), b.offsets...)
	}
}

// Add frames one entry, copying payload. h.Index must follow the entry added before; Size and
// PayloadSum must describe payload (see [AppendFrame]). It panics when the indexes are not
// contiguous or the block would exceed [BlockMax]: both are mistakes of the calling code, never of
// its input.
func (b *Builder) Add(h Header, payload []byte) {
	if len(b.offsets) == 0 {
		b.first = h.Index
	}
	if want := b.first + Index(len(b.offsets)); h.Index != want {
		panic(fmt.Sprintf("entry: block wants index %d next, got %d", want, h.Index))
	}
	if len(b.buf)+h.FrameSize() > BlockMax {
		panic(fmt.Sprintf("entry: block of %d bytes cannot take %d more", len(b.buf), h.FrameSize()))
	}
	b.offsets = append(b.offsets, uint32(len(b.buf)))
	b.buf = AppendFrame(b.buf, h, payload)
}

// Size returns the bytes gathered so far.
func (b *Builder) Size() int { return len(b.buf) }

// Block returns what was gathered, or nil when nothing was, and resets the builder.
func (b *Builder) Block() *Block {
	if len(b.offsets) == 0 {
		return nil
	}
	out := &Block{buf: b.buf, offsets: append(b.offsets, uint32(len(b.buf))), first: b.first}
	*b = Builder{}
	return out
}

// Parse verifies every frame in buf and returns them as one block that takes ownership of buf. It
// returns an error wrapping [ErrCorrupt] when a checksum fails, the indexes are not contiguous or the
// terms decrease, and [ErrShort] when the last frame is cut. An empty buf is an error: a block has
// at least one frame.
func Parse(buf []byte) (*Block, error) {
	if len(buf) == 0 || len(buf) > BlockMax {
		return nil, fmt.Errorf("%w: a block of %d bytes, want 1 to %d", ErrCorrupt, len(buf), BlockMax)
	}
	block := &Block{buf: buf, offsets: make([]uint32, 0, 2+len(buf)/(4*HeaderSize))}
	var last Header
	for at := 0; at < len(buf); {
		h, _, err := DecodeFrame(buf[at:])
		if err != nil {
			return nil, fmt.Errorf("frame %d at byte %d: %w", len(block.offsets), at, err)
		}
		if len(block.offsets) == 0 {
			block.first = h.Index
		} else if h.Index != last.Index+1 || h.Term < last.Term {
			return nil, fmt.Errorf("%w: (index %d, term %d) follows (index %d, term %d)",
				ErrCorrupt, h.Index, h.Term, last.Index, last.Term)
		}
		block.offsets = append(block.offsets, uint32(at))
		at += h.FrameSize()
		last = h
	}
	block.offsets = append(block.offsets, uint32(len(buf)))
	return block, nil
}

// First returns the index of the first entry.
func (b *Block) First() Index { return b.first }

// Last returns the index of the last entry.
func (b *Block) Last() Index { return b.first + Index(b.Len()) - 1 }

// Len returns the number of entries, at least 1.
func (b *Block) Len() int { return len(b.offsets) - 1 }

// Size returns the number of bytes of all frames.
func (b *Block) Size() int { return int(b.offsets[b.Len()] - b.offsets[0]) }

// Bytes returns all frames. The caller must not modify them.
func (b *Block) Bytes() []byte { return b.Frames(b.First(), b.Last()) }

// Frames returns the bytes of the entries lo to hi, both included, which must lie inside the block.
// The caller must not modify them.
func (b *Block) Frames(lo, hi Index) []byte {
	from, to := b.offsets[lo-b.first], b.offsets[hi-b.first+1]
	return b.buf[from:to:to]
}

// Frame returns the whole frame of entry i. The caller must not modify it.
func (b *Block) Frame(i Index) []byte { return b.Frames(i, i) }

// FrameSize returns the length in bytes of the frame of entry i.
func (b *Block) FrameSize(i Index) int {
	return int(b.offsets[i-b.first+1] - b.offsets[i-b.first])
}

// Header returns the header of entry i, which must lie inside the block. The bytes were verified
// when the block was built, so it cannot fail.
func (b *Block) Header(i Index) Header {
	f := b.buf[b.offsets[i-b.first]:]
	return Header{
		Kind:       Kind(f[1]),
		Size:       binary.LittleEndian.Uint32(f[4:]),
		Index:      Index(binary.LittleEndian.Uint64(f[8:])),
		Term:       Term(binary.LittleEndian.Uint64(f[16:])),
		Origin:     binary.LittleEndian.Uint64(f[24:]),
		Sequence:   binary.LittleEndian.Uint64(f[32:]),
		PayloadSum: binary.LittleEndian.Uint32(f[40:]),
	}
}

// Kind returns the kind of entry i.
func (b *Block) Kind(i Index) Kind { return Kind(b.buf[b.offsets[i-b.first]+1]) }

// Term returns the term of entry i.
func (b *Block) Term(i Index) Term {
	return Term(binary.LittleEndian.Uint64(b.buf[b.offsets[i-b.first]+16:]))
}

// Payload returns the payload of entry i. It shares the block's memory: it may be kept for ever and
// must not be modified.
func (b *Block) Payload(i Index) []byte {
	f := b.Frame(i)
	return f[HeaderSize:len(f):len(f)]
}

// Slice returns the entries lo to hi, both included, as a block that shares this one's memory.
func (b *Block) Slice(lo, hi Index) *Block {
	if lo == b.First() && hi == b.Last() {
		return b
	}
	return &Block{buf: b.buf, offsets: b.offsets[lo-b.first : hi-b.first+2], first: lo}
}
