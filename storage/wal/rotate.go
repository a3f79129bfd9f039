package wal

import (
	"fmt"

	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/internal/vfs"
)

// rotate makes a new segment, with room for a batch of need bytes, the one that is written.
//
// The successor is complete and durable under its name before the old segment says that it exists:
// a crash anywhere between leaves either no successor, or one that the old segment does not
// mention yet.
func (l *Log) rotate(need int64) error {
	old := l.current()
	h := segmentHeader{
		store: l.options.Incarnation, generation: old.header.generation + 1, base: l.last, trim: l.tail.trim,
		formerEnd: l.tail.end, number: l.tail.number, chain: l.tail.chain,
	}
	first := contents{hard: &l.tail.hard, held: l.tail.held, commit: l.tail.commit}
	size := max(l.options.SegmentSize, batchesOffset+first.size()+need)
	s, written, err := l.newSegment(h, size, first)
	if err != nil {
		return err
	}
	zeroed, err := s.file.DataEnd()
	if err == nil {
		err = l.sealOld(old, h.generation)
	}
	if err != nil {
		return joinClose(err, s.file)
	}
	l.mu.Lock()
	l.segments = append(l.segments, s)
	l.mu.Unlock()
	l.tail.end, l.tail.stale, l.tail.zeroed = batchesOffset, false, zeroed
	l.tail.advance(&first, written)
	return nil
}

// newSegment creates a segment with its first batch, durable under its name. It takes over a spare
// when one is large enough.
func (l *Log) newSegment(h segmentHeader, size int64, first contents) (*segment, header, error) {
	name := segmentName(h.generation, h.base.Index)
	s := &segment{path: l.path(name), header: h, outline: newOutline()}
	from, err := l.takeFile(s, size)
	if err != nil {
		return nil, header{}, err
	}
	batch, err := l.writeFirst(s, first)
	if err != nil {
		return nil, header{}, joinClose(fmt.Errorf("wal: create %s: %w", s.path, err), s.file)
	}
	if err := l.fs.Rename(from, s.path); err != nil {
		return nil, header{}, joinClose(fmt.Errorf("wal: name segment: %w", err), s.file)
	}
	if err := l.fs.SyncDir(l.dir); err != nil {
		return nil, header{}, joinClose(fmt.Errorf("wal: sync directory %s: %w", l.dir, err), s.file)
	}
	return s, batch, nil
}

// writeFirst writes the header twice, an empty seal and the first batch, and syncs.
func (l *Log) writeFirst(s *segment, first contents) (header, error) {
	p := place{store: s.header.store, generation: s.header.generation, at: batchesOffset}
	h := header{number: s.header.number, durable: batchesOffset, chain: s.header.chain}
	batch, h := first.encode(nil, h, p)
	head := make([]byte, batchesOffset, batchesOffset+len(batch))
	copy(head, s.header.encode())
	copy(head[secondOffset:], s.header.encode())
	if _, err := s.file.WriteAt(append(head, batch...), 0); err != nil {
		return h, err
	}
	return h, s.file.Sync()
}

// sealOld writes the footer and the seal of a segment whose successor is durable.
func (l *Log) sealOld(s *segment, successor uint64) error {
	footer := s.outline.encode()
	sealed := seal{
		successor: successor, footerAt: l.tail.end, footerLen: int64(len(footer)),
		footerSum: sum(l.options.Incarnation, l.tail.end, footer),
	}
	if _, err := s.file.WriteAt(footer, sealed.footerAt); err != nil {
		return fmt.Errorf("wal: write footer of %s: %w", s.path, err)
	}
	if _, err := s.file.WriteAt(sealed.encode(l.options.Incarnation), sealOffset); err != nil {
		return fmt.Errorf("wal: seal %s: %w", s.path, err)
	}
	return l.sync(s)
}

// Compact drops the oldest segments as far as all their entries are covered: index through or
// lower. It keeps the segment that is written and whatever shares a segment with an entry above
// through. First it makes durable that they do not count any more; then it takes their names away.
func (l *Log) Compact(through entry.Index) error {
	if err := l.usable(); err != nil {
		return err
	}
	n, base := l.covered(through)
	if n == 0 {
		return nil
	}
	t := trim{generation: l.segments[n].header.generation, base: base}
	if err := l.append(&contents{trim: &t, commit: l.tail.commit}); err != nil {
		return err
	}
	return l.drop(t.generation)
}

// covered returns how many of the oldest segments hold no entry above through, and the entry that
// the log starts after without them.
func (l *Log) covered(through entry.Index) (n int, base entry.Position) {
	l.mu.Lock()
	defer l.mu.Unlock()
	base = l.base
	for _, s := range l.segments[:len(l.segments)-1] {
		if !s.outline.empty() {
			if s.outline.last > through {
				break
			}
			base = s.outline.position()
		}
		n++
	}
	return n, base
}

// drop takes the segments before generation out of the log. Their files become spares, or are
// removed when there are enough or somebody still reads.
func (l *Log) drop(generation uint64) error {
	l.mu.Lock()
	n := 0
	for n < len(l.segments) && l.segments[n].header.generation < generation {
		l.segments[n].dropped = true
		n++
	}
	old := l.segments[:n]
	l.segments = append([]*segment(nil), l.segments[n:]...)
	busy := make([]bool, n)
	for i, s := range old {
		busy[i] = s.readers > 0
	}
	l.mu.Unlock()
	if n == 0 {
		return nil
	}
	// The directory need not be synced: an old name that a crash brings back belongs to a generation
	// that is known not to count, whatever the file holds by then.
	for i, s := range old {
		spare, err := l.dismiss(s, busy[i], len(l.space.spares) < sparesMax)
		if err != nil {
			return l.fail(err)
		}
		if spare != "" {
			l.space.add(spare)
		}
	}
	return nil
}

// dismiss takes the name of a dropped segment away. It returns the path of the spare that the file
// became, "" when it was removed.
func (l *Log) dismiss(s *segment, busy, wanted bool) (spare string, err error) {
	if busy || !wanted {
		err = l.fs.Remove(s.path)
	} else {
		spare = l.path(fmt.Sprintf("%s%d", sparePrefix, s.header.generation))
		err = l.fs.Rename(s.path, spare)
	}
	if !busy {
		err = joinClose(err, s.file)
	}
	if err != nil {
		return "", fmt.Errorf("wal: drop %s: %w", s.path, err)
	}
	return spare, nil
}

// acquire and release hold a segment's file open while it is read.
func (s *segment) acquire() { s.readers++ }

// release gives the segments back; the last reader of a dropped one closes its file.
func (l *Log) release(segments []*segment) error {
	var done []vfs.File
	l.mu.Lock()
	for _, s := range segments {
		s.readers--
		if s.readers == 0 && s.dropped {
			done = append(done, s.file)
		}
	}
	l.mu.Unlock()
	for _, f := range done {
		if err := f.Close(); err != nil {
			return fmt.Errorf("wal: close %s: %w", f.Name(), err)
		}
	}
	return nil
}
