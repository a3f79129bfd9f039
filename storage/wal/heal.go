package wal

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"

	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/storage/damage"
)

// Verify reads and checks the entries from index on, those of about maxBytes at most but at least one,
// and returns where to go on, or 0 when that was the end of the log. An index outside the log starts at
// its beginning. damaged is what it found, in order; damage is no error. It may overlap Store, Compact
// and Repair like Read, and then list an entry that is repaired by now.
func (l *Log) Verify(from entry.Index, maxBytes int) (next entry.Index, damaged []entry.Damage, err error) {
	l.mu.Lock()
	base, last := l.base.Index, l.last.Index
	l.mu.Unlock()
	if from <= base || from > last {
		from = base + 1
	}
	if base == last {
		return 0, nil, nil
	}
	maxBytes = max(1, maxBytes)
	plan, err := l.plan(from, last, maxBytes)
	if errors.Is(err, entry.ErrCompacted) {
		return l.Verify(0, maxBytes) // what was to be checked is gone by now
	}
	if err != nil {
		return 0, nil, err
	}
	c := checker{store: l.options.Incarnation, terms: plan.terms}
	for _, s := range plan.spans {
		if err == nil && maxBytes > 0 {
			maxBytes -= int(s.chunk.end - s.chunk.at)
			next = s.last + 1
			err = c.walk(s, func(_ *extent, r run) bool {
				if !r.ok && r.last >= from {
					damaged = addDamage(damaged, entry.Damage{First: max(r.first, from), Last: r.last, Known: r.known})
				}
				return true
			})
		}
	}
	if err := errors.Join(err, l.release(plan.segments())); err != nil {
		return 0, nil, err
	}
	if next > last {
		next = 0
	}
	return next, damaged, nil
}

// Repair puts intact copies in place of damaged entries, on the very bytes of the disk that are damaged,
// and makes that durable. Each entry of the block must be in the log with its index and term, and equal to
// what the log still knows of it: its frame's header, or the room that it left, or, once the last entry of
// a batch is repaired, the digest of all the batch's frames. Else the copies are refused: the error wraps
// entry.ErrCopyRefused, and nothing has changed. What is not damaged is left as it is. Any other error
// poisons the log like one of Store.
func (l *Log) Repair(b *entry.Block) error {
	if err := l.usable(); err != nil {
		return err
	}
	if b.First() <= l.base.Index || b.Last() > l.last.Index {
		return fmt.Errorf("wal: repair of entries %d to %d, the log has %d to %d: %w",
			b.First(), b.Last(), l.base.Index+1, l.last.Index, entry.ErrCopyRefused)
	}
	var jobs []*mending
	for i := b.First(); i <= b.Last(); {
		m, err := l.mend(b, i)
		if errors.Is(err, entry.ErrCopyRefused) {
			return err
		}
		if err != nil {
			return l.fail(err)
		}
		jobs = append(jobs, m)
		i = m.live + 1
	}
	l.found = nil
	for _, m := range jobs {
		if err := m.write(l); err != nil {
			return l.fail(err)
		}
	}
	return nil
}

// mending is the repair of one batch.
type mending struct {
	segment *segment
	extent  *extent
	header  header
	control []byte
	// live is the batch's last entry that is in the log; those above were truncated.
	live entry.Index
	// after is what the sectors will be.
	after []byte
	// configurations are the repaired entries of which the outline may not know that they are such.
	configurations []entry.Index
}

// mend prepares the repair of the batch that holds entry i, with what b has of its entries.
func (l *Log) mend(b *entry.Block, i entry.Index) (*mending, error) {
	s, at := l.segmentOf(i)
	h, e, err := l.batchAt(s, at, i)
	if err != nil {
		return nil, err
	}
	m := newMending(s, h, e)
	m.live = min(h.last(), s.outline.liveUntil(i, e.place.at, e.place.at+h.size()))
	o := overlay{mending: m, block: b, term: func(i entry.Index) entry.Term { return l.positionAt(i).Term }}
	w := walker{e, func(f entry.Header) bool {
		return f.Index > m.live && f.Term <= h.lastTerm || f.Term == o.term(f.Index)
	}}
	w.walk(h.head(), h.first, h.last(), o.take)
	if o.err == nil && o.whole() && o.digest != h.digest {
		o.err = fmt.Errorf("the entries of its batch are not those that it was written with: %w", entry.ErrCopyRefused)
	}
	if o.err != nil {
		return nil, fmt.Errorf("wal: repair of entries %d to %d: %w", b.First(), b.Last(), o.err)
	}
	o.finish()
	return m, nil
}

// newMending prepares the repair of a batch that was read.
func newMending(s *segment, h header, e *extent) *mending {
	m := &mending{segment: s, extent: e, header: h, after: bytes.Clone(e.raw)}
	for _, at := range []int64{batchHeader, h.tail()} {
		if c := e.data[at : at+int64(h.control)]; crc32.Checksum(c, castagnoli) == h.controlSum {
			m.control = c
		}
	}
	return m
}

// alone restores what needs no copy: the batch's description and records from their other copy, and the
// marks of sectors whose frames are intact.
func (m *mending) alone() {
	if m.header.count == 0 {
		(&overlay{mending: m}).finish()
		return
	}
	h := m.header
	o := overlay{mending: m}
	w := walker{m.extent, func(f entry.Header) bool { return f.Term >= h.firstTerm && f.Term <= h.lastTerm }}
	w.walk(h.head(), h.first, h.last(), o.take)
	o.finish()
}

// segmentOf returns the segment that holds entry i, which is in the log, and the offset of a frame at or
// before i's.
func (l *Log) segmentOf(i entry.Index) (*segment, int64) {
	for _, s := range l.segments {
		if o := &s.outline; !o.empty() && o.chunks[0].first <= i && i <= o.last {
			return s, o.chunks[o.find(i)].at
		}
	}
	panic(fmt.Sprintf("wal: no segment holds entry %d", i)) // the invariant of segments
}

// batchAt finds the batch that holds entry i, going on from the one that has a part of the sector of
// offset at.
func (l *Log) batchAt(s *segment, at int64, i entry.Index) (header, *extent, error) {
	p := place{store: l.options.Incarnation, generation: s.header.generation, at: floor(at)}
	start, err := s.startOf(p)
	for err == nil {
		p.at = start
		var h header
		if h, err = s.headerOf(p); err != nil {
			break
		}
		if h.count > 0 && h.first <= i && i <= h.last() {
			raw := make([]byte, h.size())
			err = readSectors(s.file, raw, start)
			return h, newExtent(p, raw), err
		}
		start += h.size()
	}
	return header{}, nil, err
}

// startOf returns where the batch that has a part of the sector at p starts.
func (s *segment) startOf(p place) (int64, error) {
	w := window{file: s.file, limit: s.size, data: s.size}
	// The batch's own second header tells it, or its first, or the second header of the batch before.
	for q := p; q.at < s.size; q.at += sectorSize {
		b, err := w.bytes(q.at, sectorSize)
		if err != nil {
			return 0, err
		}
		if _, start, err := decodeSecondHeader(b, q); err == nil && start <= p.at {
			return start, nil
		}
		if _, err := decodeBatchHeader(b, q); err == nil {
			if q.at == p.at {
				return q.at, nil
			}
			break
		}
	}
	for q := p; q.at >= batchesOffset; q.at -= sectorSize {
		b := make([]byte, sectorSize)
		if err := readSectors(s.file, b, q.at); err != nil {
			return 0, err
		}
		if _, err := decodeBatchHeader(b, q); err == nil {
			return q.at, nil
		}
	}
	return 0, damage.At(s.path, p.at, "no batch is found that this sector belongs to")
}

// headerOf reads the header of the batch at p, from its end when need be.
func (s *segment) headerOf(p place) (header, error) {
	w := window{file: s.file, limit: s.size, data: s.size}
	for q := p; q.at < s.size; q.at += sectorSize {
		b, err := w.bytes(q.at, sectorSize)
		if err != nil {
			return header{}, err
		}
		if h, err := decodeBatchHeader(b, q); err == nil && q == p {
			return h, nil
		}
		if h, start, err := decodeSecondHeader(b, q); err == nil && start == p.at {
			return h, nil
		}
	}
	return header{}, damage.At(s.path, p.at, "neither description of a batch can be read")
}

// overlay puts copies where a walk finds damage.
type overlay struct {
	*mending
	block *entry.Block
	term  func(entry.Index) entry.Term
	// starts are the positions of the frames, as far as they are certain; gaps the runs of data that are
	// still not.
	starts []int64
	gaps   []run
	digest uint32
	err    error
}

// whole reports whether every frame of the batch is there.
func (o *overlay) whole() bool { return len(o.gaps) == 0 }

// take looks at one run.
func (o *overlay) take(r run) bool {
	switch {
	case r.ok:
		o.note(r, o.extent.data[r.pos:r.end])
	case r.known:
		o.known(r)
	default:
		o.unknown(r)
	}
	return o.err == nil
}

// note takes over a frame that is certain.
func (o *overlay) note(r run, frame []byte) {
	o.starts = append(o.starts, r.pos)
	o.digest = digest(o.digest, frame)
}

// copyOf returns the copy of entry i, nil when there is none.
func (o *overlay) copyOf(i entry.Index) []byte {
	if o.block == nil || i < o.block.First() || i > min(o.block.Last(), o.live) {
		return nil
	}
	if want := o.term(i); o.block.Term(i) != want {
		o.err = fmt.Errorf("the copy of entry %d has term %d, want %d: %w", i, o.block.Term(i), want, entry.ErrCopyRefused)
		return nil
	}
	return o.block.Frame(i)
}

// known puts a copy in place of a frame whose header is intact.
func (o *overlay) known(r run) {
	frame := o.copyOf(r.first)
	if frame == nil {
		o.starts, o.gaps = append(o.starts, r.pos), append(o.gaps, r)
		return
	}
	if !bytes.Equal(frame[:entry.HeaderSize], o.extent.data[r.pos:r.pos+entry.HeaderSize]) {
		o.err = fmt.Errorf("the copy of entry %d is of another entry, %+v instead of %+v: %w",
			r.first, o.block.Header(r.first), r.header, entry.ErrCopyRefused)
		return
	}
	spread(o.after, r.pos, frame)
	o.note(r, frame)
}

// unknown puts copies in place of a run whose frames cannot be told apart, from its beginning as far as
// there are copies.
func (o *overlay) unknown(r run) {
	end := min(r.end, o.header.head()+o.header.frames)
	for i := r.first; i <= r.last; i++ {
		frame := o.copyOf(i)
		if o.err != nil {
			return
		}
		if frame == nil {
			o.gaps = append(o.gaps, run{first: i, last: r.last, pos: r.pos, end: end})
			return
		}
		next := r.pos + int64(len(frame))
		if i == r.last && next != end || next > end {
			o.err = fmt.Errorf("the copy of entry %d has %d bytes, it left room for %d: %w",
				i, len(frame), end-r.pos, entry.ErrCopyRefused)
			return
		}
		spread(o.after, r.pos, frame)
		o.note(run{pos: r.pos}, frame)
		if o.block.Kind(i) == entry.KindConfiguration {
			o.configurations = append(o.configurations, i)
		}
		r.pos = next
	}
}

// finish restores what surrounds the frames, and the marks of the sectors in which nothing is missing.
func (o *overlay) finish() {
	if o.control == nil && o.header.control > 0 {
		return
	}
	h, p := o.header, o.extent.place
	end := h.head() + h.frames
	spread(o.after, end, make([]byte, h.tail()-end))
	h.envelope(o.after, o.control, p)
	marked := bytes.Clone(o.after)
	h.finish(marked, o.starts, p)
	for k := int64(0); k < h.sectors(); k++ {
		if !o.missing(k*sectorData, (k+1)*sectorData) {
			copy(o.after[k*sectorSize:(k+1)*sectorSize], marked[k*sectorSize:])
		}
	}
}

// missing reports whether data from one position to another is still not certain.
func (o *overlay) missing(from, to int64) bool {
	for _, g := range o.gaps {
		if g.pos < to && g.end > from {
			return true
		}
	}
	return false
}

// write puts the sectors that differ on the disk, durably.
func (m *mending) write(l *Log) error {
	changed, err := m.put()
	if err != nil || !changed {
		return err
	}
	if err := l.sync(m.segment); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, i := range m.configurations {
		m.segment.outline.configure(i)
	}
	return nil
}

// put writes the sectors that differ, and reports whether there are any.
func (m *mending) put() (changed bool, err error) {
	n := m.extent.sectors()
	for k := 0; k < n; k++ {
		from := k
		for k < n && !bytes.Equal(m.after[k*sectorSize:(k+1)*sectorSize], m.extent.sector(k)) {
			k++
		}
		if from == k {
			continue
		}
		changed = true
		if _, err := m.segment.file.WriteAt(m.after[from*sectorSize:k*sectorSize], m.extent.at(from).at); err != nil {
			return true, fmt.Errorf("wal: repair %s at byte %d: %w", m.segment.path, m.extent.at(from).at, err)
		}
	}
	return changed, nil
}
