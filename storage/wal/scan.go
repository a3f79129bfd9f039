package wal

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"slices"

	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/internal/vfs"
	"v.io/x/ref/lib/raft/storage/damage"
)

// windowSize is how many bytes a scan reads at once, unless a batch is longer.
const windowSize = 256 << 10

// scan is what reading the batches of a segment, one by one, found.
type scan struct {
	segment *segment
	outline outline
	tail    tail
	// from is where the last batch starts, 0 while there is none.
	from int64
	// hard is set when a hard state was found.
	hard bool
	// salvaged is the hard state of a last batch that does not verify, nil when none is readable.
	salvaged *entry.HardState
}

// scanSegment reads the batches of a segment that lie below limit. The row ends where no valid
// batch follows. The error is a *damage.Error when a later batch proves that what does not verify was
// durable once.
func scanSegment(s *segment, store entry.Incarnation, limit int64) (*scan, error) {
	found := &scan{segment: s, outline: newOutline(), tail: tail{
		end: batchesOffset, number: s.header.number, chain: s.header.chain, trim: s.header.trim,
	}}
	end, err := s.file.DataEnd()
	if err != nil {
		return nil, fmt.Errorf("wal: look for the end of data in %s: %w", s.path, err)
	}
	w := &window{file: s.file, limit: limit, data: end}
	p := place{store: store, generation: s.header.generation}
	for {
		p.at = found.tail.end
		reason, err := found.batch(w, p)
		if err != nil {
			return nil, err
		}
		if reason == "" {
			continue
		}
		later, err := laterProof(w, p)
		if err != nil {
			return nil, err
		}
		if later >= 0 {
			return nil, damage.At(s.path, p.at, "%s, but the batch at byte %d was written after this one was durable",
				reason, later)
		}
		found.salvaged, err = salvage(w, p, found.tail)
		return found, err
	}
}

// salvage looks for a readable hard record of the batch at p, which does not verify as a whole. The
// batch may be one that was acknowledged and lost a sector since: then its vote counts, and that is
// why there are two records. Or it was never acknowledged: then it does no harm to keep a vote that
// nobody was told of, since a batch's hard state comes before its entries.
func salvage(w *window, p place, t tail) (*entry.HardState, error) {
	b, err := w.bytes(p.at, batchHeader+controlMax)
	if err != nil {
		return nil, err
	}
	for i := batchHeader; i+recordHead+hardFixed <= len(b); i += 8 {
		size := int(binary.LittleEndian.Uint32(b[i+4:]))
		if binary.LittleEndian.Uint32(b[i:]) != tagHard || size > len(b)-i-recordHead {
			continue
		}
		h, err := decodeHard(b[i+recordHead:i+recordHead+size], t.number, p)
		if err == nil && h.Term >= t.hard.Term && h != t.hard {
			return &h, nil
		}
	}
	return nil, nil
}

// batch reads the batch at p and takes it over. The reason says why there is no valid one.
func (f *scan) batch(w *window, p place) (reason string, err error) {
	b, err := w.bytes(p.at, batchHeader)
	if err != nil {
		return "", err
	}
	h, err := decodeBatchHeader(b, p)
	if err != nil {
		return fmt.Sprintf("batch %d has no valid header", f.tail.number), nil
	}
	if h.number != f.tail.number || h.chain != f.tail.chain {
		return fmt.Sprintf("found batch %d with chain %08x, want %d with %08x",
			h.number, h.chain, f.tail.number, f.tail.chain), nil
	}
	if h.body() > w.limit-p.at-batchHeader {
		return fmt.Sprintf("batch %d of %d bytes is cut by the end of the file", h.number, h.body()), nil
	}
	body, err := w.bytes(p.at+batchHeader, int(h.body()))
	if err != nil {
		return "", err
	}
	if sum(p.store, p.at, body) != h.bodySum {
		return fmt.Sprintf("the content of batch %d does not fit its checksum", h.number), nil
	}
	return "", f.take(h, body, p)
}

// take adds a batch whose checksums fit. That its content does not make sense then means that it
// was written by another program, or that the checksum met its match; neither is a torn write.
func (f *scan) take(h header, body []byte, p place) error {
	at := p.at + batchHeader
	c, err := decodeControl(body[:h.control], h.number, p)
	if err != nil {
		return damage.At(f.segment.path, at, "batch %d: %v", h.number, err)
	}
	if h.count > 0 {
		frames := slices.Clone(body[h.control : int64(h.control)+h.frames])
		block, err := entry.Parse(frames)
		if err != nil {
			return damage.At(f.segment.path, at+int64(h.control), "batch %d: %v", h.number, err)
		}
		if block.First() != h.first || block.Len() != int(h.count) {
			return damage.At(f.segment.path, p.at, "batch %d says entries %d to %d, it holds %d to %d",
				h.number, h.first, h.first+entry.Index(h.count)-1, block.First(), block.Last())
		}
		c.blocks = []*entry.Block{block}
	}
	c.commit = min(h.commit, entry.NumberMax)
	f.hard = f.hard || c.hard != nil
	if err := f.follows(&c); err != nil {
		return damage.At(f.segment.path, p.at, "batch %d: %v", h.number, err)
	}
	f.outline.take(&c, at+int64(h.control))
	f.from = p.at
	f.tail.advance(&c, h)
	return nil
}

// follows checks that the batch's entries go on where those of this segment end.
func (f *scan) follows(c *contents) error {
	if len(c.blocks) == 0 || f.outline.empty() || c.reset != nil {
		return nil
	}
	last := f.outline.last
	if c.truncate != 0 {
		last = min(last, c.truncate-1)
	}
	if first := c.blocks[0].First(); first != last+1 && last >= f.outline.chunks[0].first {
		return fmt.Errorf("entry %d follows entry %d", first, last)
	}
	return nil
}

// laterProof looks behind p for a batch of this segment that was written when p was durable
// already. It returns its offset, or -1.
func laterProof(w *window, p place) (int64, error) {
	broken := p.at
	magic := []byte{'B', 'T', 'C', 'H'}
	limit := min(w.limit, w.data+batchHeader) // a header may end in zeros, it does not begin with them
	for at := broken + 8; at+batchHeader <= limit; {
		b, err := w.bytes(at, int(min(windowSize, limit-at)))
		if err != nil {
			return 0, err
		}
		for i := bytes.Index(b, magic); i >= 0; i = indexFrom(b, magic, i+1) {
			p.at = at + int64(i)
			if h, err := decodeBatchHeader(b[i:], p); err == nil && h.durable > broken {
				return p.at, nil
			}
		}
		if int64(len(b)) == limit-at {
			break
		}
		at += int64(len(b)-batchHeader) &^ 7
	}
	return -1, nil
}

// indexFrom is bytes.Index from position i on.
func indexFrom(b, pattern []byte, i int) int {
	k := bytes.Index(b[i:], pattern)
	if k < 0 {
		return -1
	}
	return i + k
}

// window reads a file front to back through a buffer.
type window struct {
	file   vfs.File
	limit  int64 // no byte at or behind it counts
	data   int64 // bytes at or behind it are zero, and need not be read
	buffer []byte
	at     int64 // offset of buffer[0]
}

// bytes returns up to n bytes at offset at, fewer at the limit. They are valid until the next call.
func (w *window) bytes(at int64, n int) ([]byte, error) {
	n = int(max(0, min(int64(n), w.limit-at)))
	if at >= w.at && at+int64(n) <= w.at+int64(len(w.buffer)) {
		return w.buffer[at-w.at:][:n], nil
	}
	size := int(max(0, min(int64(max(n, windowSize)), w.limit-at)))
	if cap(w.buffer) < size {
		w.buffer = make([]byte, size)
	}
	w.buffer, w.at = w.buffer[:size], at
	written := w.buffer[:max(0, min(int64(size), w.data-at))]
	clear(w.buffer[len(written):])
	read, err := w.file.ReadAt(written, at)
	if err == io.EOF && read == len(written) {
		err = nil
	}
	if err != nil {
		w.buffer = w.buffer[:0]
		return nil, fmt.Errorf("wal: read %d bytes at %d of %s: %w", len(written), at, w.file.Name(), err)
	}
	return w.buffer[:n], nil
}
