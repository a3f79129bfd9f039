package wal

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"

	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/internal/vfs"
	"v.io/x/ref/lib/raft/storage/damage"
)

// windowSize is how many bytes a scan reads at once, unless a batch is longer.
const windowSize = 256 << 10

// scan is what reading the batches of a segment, one by one, found.
type scan struct {
	segment *segment
	store   entry.Incarnation
	// sealed is set when every batch below the limit is known to have been durable.
	sealed bool
	window *window
	// beyond is what lies behind the first place that was not in order, nil while everything was.
	beyond *survey

	outline outline
	tail    tail
	// last is the batch that was read last, nil while there is none.
	last *extent
	// hard says of what became of the hard state: found, and lost when a newer one was not readable.
	hard hardness
	// damaged are the runs of this segment's entries that cannot be read.
	damaged []entry.Damage
	// observe is told of each batch, when it is not nil.
	observe func(header, *contents, *extent)
}

// hardness is what became of a log's hard state.
type hardness struct{ found, lost bool }

// scanSegment reads the batches of a segment that lie below limit. sealed says that all of them were
// durable; else the row ends where no batch follows that was. The error is a *damage.Error when what
// cannot be read is more than entries.
func scanSegment(s *segment, store entry.Incarnation, limit int64, sealed bool) (*scan, error) {
	f, err := newScan(s, store, limit, sealed)
	if err != nil {
		return nil, err
	}
	return f, f.run()
}

// newScan returns a scan that has not begun.
func newScan(s *segment, store entry.Incarnation, limit int64, sealed bool) (*scan, error) {
	end, err := s.file.DataEnd()
	if err != nil {
		return nil, fmt.Errorf("wal: look for the end of data in %s: %w", s.path, err)
	}
	return &scan{
		segment: s, store: store, sealed: sealed, window: &window{file: s.file, limit: limit, data: end},
		outline: newOutline(),
		tail: tail{
			end: batchesOffset, number: s.header.number, chain: s.header.chain, trim: s.header.trim,
		},
	}, nil
}

// run reads the batches.
func (f *scan) run() (err error) {
	for more := true; more && err == nil; {
		more, err = f.batch()
	}
	return err
}

// place returns where the next batch lies.
func (f *scan) place() place {
	return place{store: f.store, generation: f.segment.header.generation, at: f.tail.end}
}

// refuse returns the error for damage that nobody can repair.
func (f *scan) refuse(at int64, format string, args ...any) error {
	return damage.At(f.segment.path, at, format, args...)
}

// batch reads the next batch and takes it over. more is false where the row ends.
func (f *scan) batch() (more bool, err error) {
	p := f.place()
	h, ok, err := f.header(p)
	if err != nil {
		return false, err
	}
	if !ok {
		return false, f.end(p)
	}
	if h.number != f.tail.number || h.chain != f.tail.chain {
		return false, f.refuse(p.at, "found batch %d with chain %08x, want %d with %08x: two histories are mixed",
			h.number, h.chain, f.tail.number, f.tail.chain)
	}
	if h.size() > f.window.limit-p.at {
		return false, f.refuse(p.at, "batch %d of %d bytes is cut by the end at byte %d", h.number, h.size(), f.window.limit)
	}
	raw, err := f.window.bytes(p.at, int(h.size()))
	if err != nil {
		return false, err
	}
	e := newExtent(p, append([]byte(nil), raw...))
	if n := e.count(); n[unwritten] > 0 {
		durable, err := f.durable(p)
		if err != nil {
			return false, err
		}
		if !durable {
			f.tail.stale = true
			return false, nil
		}
	}
	return true, f.take(h, e)
}

// header finds the header of the batch at p: its first copy, or else its second.
func (f *scan) header(p place) (h header, ok bool, err error) {
	b, err := f.window.bytes(p.at, sectorSize)
	if err != nil || len(b) < sectorSize {
		return header{}, false, err
	}
	if h, err := decodeBatchHeader(b, p); err == nil {
		return h, true, nil
	}
	if err := f.survey(p); err != nil {
		return header{}, false, err
	}
	h, ok = f.beyond.seconds[p.at]
	return h, ok, nil
}

// durable reports whether the batch at p was durable once: a later one says so, or the segment is an
// older one.
func (f *scan) durable(p place) (bool, error) {
	if f.sealed {
		return true, nil
	}
	err := f.survey(p)
	return err == nil && f.beyond.durable > p.at, err
}

// end judges the place at p, where no header of a batch can be read. It returns nil when the log ends
// there: nothing was written, or what was written never was whole.
func (f *scan) end(p place) error {
	durable, err := f.durable(p)
	if err != nil {
		return err
	}
	if p.at == f.window.limit {
		return nil
	}
	if !durable {
		if f.beyond.from != p.at {
			f.beyond = nil
			if err := f.survey(p); err != nil {
				return err
			}
		}
		if f.tail.stale = f.beyond.written != 0; f.beyond.torn {
			return nil
		}
	}
	return f.refuseVote(p.at, "neither description of batch %d can be read: it may hold a vote, and entries, that "+
		"others count on", f.tail.number)
}

// refuseVote is refuse for damage that may have taken the newest vote, which no older segment holds.
func (f *scan) refuseVote(at int64, format string, args ...any) error {
	refused := &damage.Error{File: f.segment.path, Offset: at, What: fmt.Sprintf(format, args...)}
	if !f.sealed {
		refused.Cause = damage.ErrVoteLost
	}
	return refused
}

// take adds a batch.
func (f *scan) take(h header, e *extent) error {
	c, err := f.control(h, e)
	if err != nil {
		return err
	}
	c.commit = h.commit
	if err := f.follows(&c, h); err != nil {
		return f.refuse(e.place.at, "batch %d: %v", h.number, err)
	}
	f.outline.change(&c)
	f.forget(&c)
	if f.observe != nil {
		f.observe(h, &c, e)
	}
	if err := f.entries(h, e); err != nil {
		return err
	}
	f.last = e
	f.tail.advance(&c, h)
	if c.held != (entry.Position{}) {
		f.tail.held = c.held
	}
	if !f.outline.empty() && f.outline.position().Compare(f.tail.held) >= 0 {
		f.tail.held = entry.Position{}
	}
	return nil
}

// control reads the control records of a batch, from whichever copy is intact. Records of which both are
// lost are an error, but for a hard state: a newer one may follow.
func (f *scan) control(h header, e *extent) (c contents, err error) {
	for _, at := range []int64{batchHeader, h.tail()} {
		b := e.data[at : at+int64(h.control)]
		if crc32.Checksum(b, castagnoli) != h.controlSum {
			continue
		}
		if c, err = decodeControl(b); err != nil || c.flags() != h.flags {
			return c, f.refuse(e.place.at, "batch %d has records that it does not announce: %v", h.number, err)
		}
		if c.hard != nil {
			f.hard = hardness{found: true}
		}
		return c, nil
	}
	if h.flags != flagHard {
		const what = "both copies of what batch %d did to the log cannot be read"
		if h.flags&flagHard != 0 {
			return c, f.refuseVote(e.place.at, what, h.number)
		}
		return c, f.refuse(e.place.at, what, h.number)
	}
	f.hard.lost = true
	return c, nil
}

// forget drops the damage of entries that a batch takes away.
func (f *scan) forget(c *contents) {
	from := c.truncate
	if c.reset != nil {
		from = 1
	}
	if from != 0 {
		f.damaged = clipDamage(f.damaged, 1, from-1)
	}
}

// follows checks that the batch's entries go on where those of this segment end.
func (f *scan) follows(c *contents, h header) error {
	if h.count == 0 || f.outline.empty() || c.reset != nil {
		return nil
	}
	last := f.outline.last
	if c.truncate != 0 {
		last = min(last, c.truncate-1)
	}
	if h.first != last+1 && last >= f.outline.chunks[0].first {
		return fmt.Errorf("entry %d follows entry %d", h.first, last)
	}
	return nil
}

// entries adds the entries of a batch to the outline. Those that cannot be read are listed as damaged
// when their term is certain. When it is not, and nothing of the batch follows that can be read, the log
// ends before them, and has held them.
func (f *scan) entries(h header, e *extent) (err error) {
	if h.count == 0 {
		return nil
	}
	sums, whole := uint32(0), true
	term := h.firstTerm
	w := walker{e, func(found entry.Header) bool { return found.Term >= h.firstTerm && found.Term <= h.lastTerm }}
	w.walk(h.head(), h.first, h.last(), func(r run) bool {
		if r.known {
			term = r.header.Term
			sums = digest(sums, e.data[r.pos:])
		} else if term, err = f.unread(h, w, r, term); err != nil || term == 0 {
			whole = false
			return false
		}
		if whole = whole && r.ok; !r.ok {
			f.damaged = addDamage(f.damaged, entry.Damage{First: r.first, Last: r.last, Known: r.known})
		}
		f.outline.add(r, term, e.place.at)
		return true
	})
	if err == nil && whole && sums != h.digest {
		err = f.refuse(e.place.at, "the entries of batch %d are not those that it was written with", h.number)
	}
	return err
}

// unread returns the term of a run that cannot be read, which is certain when the entries on both sides
// have the same. It returns 0 when the log ends before the run.
func (f *scan) unread(h header, w walker, r run, before entry.Term) (entry.Term, error) {
	after := h.lastTerm
	if r.last < h.last() {
		found, err := entry.DecodeHeader(w.data[r.end:])
		if err != nil {
			return 0, f.refuse(offsetOf(w.place.at, r.pos), "entries %d to %d cannot be read", r.first, r.last)
		}
		after = found.Term
	}
	switch {
	case before == after:
		return after, nil
	case r.last < h.last():
		return 0, f.refuse(offsetOf(w.place.at, r.pos),
			"entries %d to %d cannot be read, and which of the terms %d to %d they have cannot be told",
			r.first, r.last, before, after)
	}
	f.tail.held = entry.Position{Index: h.last(), Term: h.lastTerm}
	return 0, nil
}

// addDamage appends a run, which joins the one before when it follows it.
func addDamage(list []entry.Damage, d entry.Damage) []entry.Damage {
	if n := len(list); n > 0 && list[n-1].Last+1 == d.First {
		list[n-1].Last, list[n-1].Known = d.Last, list[n-1].Known && d.Known
		return list
	}
	return append(list, d)
}

// clipDamage returns what of the list lies from first to last.
func clipDamage(list []entry.Damage, first, last entry.Index) []entry.Damage {
	var kept []entry.Damage
	for _, d := range list {
		if d.First, d.Last = max(d.First, first), min(d.Last, last); d.First <= d.Last {
			kept = append(kept, d)
		}
	}
	return kept
}

// survey is what lies behind a place where no batch can be read.
type survey struct {
	from int64 // the place
	// durable is the greatest mark of a batch, of what was durable before it.
	durable int64
	// seconds are the second headers of batches, by where the batch starts.
	seconds map[int64]header
	// written is the offset of the last sector that was written in this generation, 0 for none.
	written int64
	// torn is set when the sectors prove that no whole batch lies at the place: the first was not written, or
	// another one was not that stands before an intact one, or where the last one would have to be. A damaged
	// one behind a hole proves nothing: a bit that flipped where nothing was written looks like it.
	torn bool
}

// survey looks at the sectors from p on, once.
func (f *scan) survey(p place) error {
	if f.beyond != nil {
		return nil
	}
	v := &survey{from: p.at, seconds: make(map[int64]header)}
	holes, kind := false, uint16(0)
	limit := min(f.window.limit, f.window.data+sectorSize) // zeros behind it were not written
	for ; p.at+sectorSize <= limit; p.at += sectorSize {
		b, err := f.window.bytes(p.at, sectorSize)
		if err != nil {
			return err
		}
		sound := p.judge(b) == intact
		if !sound && !p.written(b) {
			holes, v.torn = true, v.torn || p.at == v.from
			continue
		}
		v.torn = v.torn || holes && sound
		v.written, kind = p.at, 0
		if sound {
			kind = 1<<15 | binary.LittleEndian.Uint16(b[leadAt:])&kindMask
		}
		v.headers(b, p)
	}
	// A batch has two sectors at least, and the last one says that it is.
	v.torn = v.torn || v.written <= v.from || kind != 0 && kind&kindMask != kindTail
	f.beyond = v
	return nil
}

// headers notes the headers of batches in the sector at p.
func (v *survey) headers(b []byte, p place) {
	if h, err := decodeBatchHeader(b, p); err == nil {
		v.durable = max(v.durable, h.durable)
	}
	if h, start, err := decodeSecondHeader(b, p); err == nil {
		v.durable = max(v.durable, h.durable)
		v.seconds[start] = h
	}
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
	if err := readSectors(w.file, written, at); err != nil {
		w.buffer = w.buffer[:0]
		return nil, err
	}
	return w.buffer[:n], nil
}

// readSectors fills b from offset at on. A sector that the disk cannot read is filled with ones, which
// no sector of a log is, as long as it can read another one.
func readSectors(f vfs.File, b []byte, at int64) error {
	n, err := f.ReadAt(b, at)
	if err == nil || err == io.EOF && n == len(b) {
		return nil
	}
	failed := fmt.Errorf("wal: read %d bytes at %d of %s: %w", len(b), at, f.Name(), err)
	if err == io.EOF {
		return failed
	}
	some := false
	for from := 0; from < len(b); {
		to := min(len(b), int(floor(at+int64(from))+sectorSize-at))
		if n, err := f.ReadAt(b[from:to], at+int64(from)); err == nil || err == io.EOF && n == to-from {
			some = true
		} else {
			for i := from; i < to; i++ {
				b[i] = 0xff
			}
		}
		from = to
	}
	if !some { // another place of the file tells a bad place from a disk that is gone
		_, err := f.ReadAt(make([]byte, sectorSize), 0)
		some = err == nil
	}
	if !some {
		return failed
	}
	return nil
}
