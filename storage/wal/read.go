package wal

import (
	"errors"
	"fmt"
	"slices"

	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/storage/damage"
)

// span is a chunk that a read needs.
type span struct {
	segment *segment
	chunk   chunk
	// last is the greatest index that the chunk still holds.
	last entry.Index
}

// readPlan is what a read takes from the log's state before it touches a file.
type readPlan struct {
	spans []span
	terms []entry.TermRun // of the segments in spans, in order
}

// segments returns the segments of the plan, each once.
func (p *readPlan) segments() []*segment {
	var all []*segment
	for _, s := range p.spans {
		if len(all) == 0 || all[len(all)-1] != s.segment {
			all = append(all, s.segment)
		}
	}
	return all
}

// Read returns entries lo to hi, or fewer when their frames exceed maxBytes, but at least one. Each
// is verified against its checksums, its index and its term. The block is the caller's. A truncation
// that overlaps a read may make it return what was there before. The error wraps entry.ErrCompacted
// when lo is no longer in the log, and is a *damage.Error when the disk's bytes are not what was
// written.
func (l *Log) Read(lo, hi entry.Index, maxBytes int) (*entry.Block, error) {
	maxBytes = min(maxBytes, entry.BlockMax)
	plan, err := l.plan(lo, hi, maxBytes)
	if err != nil {
		return nil, err
	}
	g := gatherer{lo: lo, hi: hi, maxBytes: maxBytes, terms: plan.terms, store: l.options.Incarnation}
	err = g.gather(plan.spans)
	if err := errors.Join(err, l.release(plan.segments())); err != nil {
		return nil, err
	}
	return g.block(plan)
}

// plan finds the chunks to read and holds their segments. They are enough for maxBytes.
func (l *Log) plan(lo, hi entry.Index, maxBytes int) (*readPlan, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.closed:
		return nil, ErrClosed
	case lo == 0 || lo > hi || hi > l.last.Index:
		return nil, fmt.Errorf("wal: read %d to %d, the log has %d to %d", lo, hi, l.base.Index+1, l.last.Index)
	case lo <= l.base.Index:
		return nil, fmt.Errorf("wal: read from %d, the log starts at %d: %w", lo, l.base.Index+1, entry.ErrCompacted)
	}
	plan := &readPlan{}
	for _, s := range l.segments {
		if s.outline.empty() || s.outline.last < lo || s.outline.chunks[0].first > hi {
			continue
		}
		if maxBytes = plan.add(s, lo, hi, maxBytes); maxBytes <= 0 {
			break
		}
	}
	for _, s := range plan.segments() {
		s.acquire()
	}
	return plan, nil
}

// add appends the chunks of one segment and returns how many bytes are left to find. An entry
// counts with the least that it can have, so that there are always enough; the first chunk counts
// for nothing, since it may lie mostly before lo.
func (p *readPlan) add(s *segment, lo, hi entry.Index, left int) int {
	o := &s.outline
	p.terms = append(p.terms, o.terms...)
	for k := max(0, o.find(lo)); k < len(o.chunks) && o.chunks[k].first <= hi; k++ {
		found := span{segment: s, chunk: o.chunks[k], last: o.last}
		if k+1 < len(o.chunks) {
			found.last = o.chunks[k+1].first - 1
		}
		if len(p.spans) > 0 {
			left -= entry.HeaderSize * int(found.last-found.chunk.first+1)
		}
		p.spans = append(p.spans, found)
		if left <= 0 {
			break
		}
	}
	return left
}

// gatherer collects the frames of a read.
type gatherer struct {
	lo, hi   entry.Index
	maxBytes int
	terms    []entry.TermRun
	store    entry.Incarnation

	next   entry.Index // index expected
	frames []byte
	full   bool
	raw    []byte // a chunk as read
}

// gather reads the spans, one after the other, until it has enough.
func (g *gatherer) gather(spans []span) error {
	for _, s := range spans {
		if g.full {
			return nil
		}
		n := int(s.chunk.end - s.chunk.at)
		g.raw = slices.Grow(g.raw[:0], n)[:n]
		if _, err := s.segment.file.ReadAt(g.raw, s.chunk.at); err != nil {
			return fmt.Errorf("wal: read %d bytes at %d of %s: %w", n, s.chunk.at, s.segment.path, err)
		}
		if err := g.walk(s); err != nil {
			return err
		}
	}
	return nil
}

// walk takes the wanted frames out of a chunk, verifying everything on the way.
func (g *gatherer) walk(s span) error {
	g.next = s.chunk.first
	for at := int64(0); g.next <= s.last && !g.full; {
		skip, err := g.envelope(s, at)
		if err != nil {
			return err
		}
		if skip > 0 {
			at += skip
			continue
		}
		h, _, err := entry.DecodeFrame(g.raw[at:])
		if err != nil {
			return damage.At(s.segment.path, s.chunk.at+at, "entry %d: %v", g.next, err)
		}
		if want := g.term(g.next); h.Index != g.next || h.Term != want {
			return damage.At(s.segment.path, s.chunk.at+at, "found entry (index %d, term %d), want (index %d, term %d)",
				h.Index, h.Term, g.next, want)
		}
		g.take(h, g.raw[at:at+int64(h.FrameSize())])
		at += int64(h.FrameSize())
		g.next++
	}
	return nil
}

// take keeps a frame that is wanted, and notices when that is all.
func (g *gatherer) take(h entry.Header, frame []byte) {
	if h.Index < g.lo {
		return
	}
	if len(g.frames) > 0 && len(g.frames)+len(frame) > g.maxBytes {
		g.full = true
		return
	}
	g.frames = append(g.frames, frame...)
	g.full = h.Index == g.hi
}

// term returns the term of entry i as the log knows it.
func (g *gatherer) term(i entry.Index) entry.Term {
	for len(g.terms) > 1 && g.terms[1].First <= i {
		g.terms = g.terms[1:]
	}
	return g.terms[0].Term
}

// envelope returns how many bytes at raw[at] are not a frame: padding, or the header and control
// records of a batch, which is verified. 0 means that a frame starts there.
func (g *gatherer) envelope(s span, at int64) (int64, error) {
	if at >= int64(len(g.raw)) {
		return 0, damage.At(s.segment.path, s.chunk.at+at, "entry %d is not in its chunk", g.next)
	}
	where := s.chunk.at + at
	switch g.raw[at] {
	case entry.FrameVersion:
		return 0, nil
	case 0:
		if pad := align(where) - where; pad > 0 {
			return pad, nil
		}
	}
	p := place{store: g.store, generation: s.segment.header.generation, at: where}
	h, err := decodeBatchHeader(g.raw[at:], p)
	if err != nil {
		return 0, damage.At(s.segment.path, where, "neither entry %d nor a batch starts here", g.next)
	}
	return batchHeader + int64(h.control), nil
}

// block makes the block. The frames were verified where they were found, with their place for the
// message; entry verifies them once more as one run.
func (g *gatherer) block(p *readPlan) (*entry.Block, error) {
	b, err := entry.Parse(g.frames)
	if err != nil {
		return nil, fmt.Errorf("wal: read %d to %d from %s: %w", g.lo, g.hi, p.spans[0].segment.path, err)
	}
	return b, nil
}
