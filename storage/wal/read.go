package wal

import (
	"errors"
	"fmt"
	"sort"

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

// Read returns entries lo to hi, or fewer when their frames exceed maxBytes or one cannot be read, but at
// least one. Each is verified against its checksums, its index and its term. The block is the caller's. A
// truncation that overlaps a read may make it return what was there before. The error wraps
// entry.ErrCompacted when lo is no longer in the log, and is a *damage.Error when lo's bytes on the disk
// are not what was written.
func (l *Log) Read(lo, hi entry.Index, maxBytes int) (*entry.Block, error) {
	maxBytes = min(maxBytes, entry.BlockMax)
	plan, err := l.plan(lo, hi, maxBytes)
	if err != nil {
		return nil, err
	}
	g := gatherer{lo: lo, hi: hi, maxBytes: maxBytes}
	c := checker{store: l.options.Incarnation, terms: plan.terms}
	for _, s := range plan.spans {
		if err == nil && !g.full {
			err = c.walk(s, func(e *extent, r run) bool { return g.take(s, e, r) })
		}
	}
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

// checker reads chunks and verifies what is in them.
type checker struct {
	store entry.Incarnation
	terms []entry.TermRun
}

// walk visits the entries of a span, until visit returns false. What visit is given is valid during the
// call.
func (c *checker) walk(s span, visit func(*extent, run) bool) error {
	p := place{store: c.store, generation: s.segment.header.generation, at: floor(s.chunk.at)}
	raw := make([]byte, floor(s.chunk.end+sectorSize-1)-p.at)
	if err := readSectors(s.segment.file, raw, p.at); err != nil {
		return err
	}
	e := newExtent(p, raw)
	w := walker{e, func(h entry.Header) bool { return h.Term == c.term(h.Index) }}
	w.walk(s.chunk.at-p.at, s.chunk.first, s.last, func(r run) bool { return visit(e, r) })
	return nil
}

// term returns the term of entry i as the log knows it.
func (c *checker) term(i entry.Index) entry.Term {
	n := sort.Search(len(c.terms), func(k int) bool { return c.terms[k].First > i })
	if n == 0 {
		return 0
	}
	return c.terms[n-1].Term
}

// gatherer collects the frames of a read.
type gatherer struct {
	lo, hi   entry.Index
	maxBytes int
	frames   []byte
	full     bool
	err      error // says why there is no entry, when there is none
}

// take keeps a frame that is wanted and intact, and reports whether another one is wanted.
func (g *gatherer) take(s span, e *extent, r run) bool {
	switch {
	case r.last < g.lo:
		return true
	case !r.ok:
		g.full = true
		what := "its frame cannot be read"
		if r.known {
			what = "its payload is not what was written"
		}
		g.err = damage.At(s.segment.path, offsetOf(e.place.at, r.pos), "entry %d: %s", max(r.first, g.lo), what)
	case len(g.frames) > 0 && len(g.frames)+int(r.end-r.pos) > g.maxBytes:
		g.full = true
	default:
		g.frames = append(g.frames, e.data[r.pos:r.end]...)
		g.full = r.last == g.hi
	}
	return !g.full
}

// block makes the block. The frames were verified where they were found, with their place for the
// message; entry verifies them once more as one run.
func (g *gatherer) block(p *readPlan) (*entry.Block, error) {
	if len(g.frames) == 0 && g.err != nil {
		return nil, g.err
	}
	b, err := entry.Parse(g.frames)
	if err != nil {
		return nil, fmt.Errorf("wal: read %d to %d from %s: %w", g.lo, g.hi, p.spans[0].segment.path, err)
	}
	return b, nil
}
