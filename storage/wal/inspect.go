package wal

import (
	"bytes"
	"errors"
	"fmt"

	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/internal/vfs"
	"v.io/x/ref/lib/raft/storage/damage"
)

// SegmentFound is a segment that an inspection reads.
type SegmentFound struct {
	File       string
	Generation uint64
	// Base is the last entry of the log when the segment was created.
	Base entry.Position
	// Size is how many bytes the file reserves; the segments are read in order, Read of Total bytes so far.
	Size, Read, Total int64
}

// BatchFound is a batch that an inspection reads.
type BatchFound struct {
	File         string
	Offset, Size int64 // of its sectors
	Number       uint64
	Commit       entry.Index
	First        entry.Index // of the entries
	Count        int
	Hard         *entry.HardState // nil when it has none, or none that can be read
	Truncate     entry.Index      // 0 for none
	Reset, Trim  *entry.Position
}

// EntryFound is an entry, or a run of entries that cannot be told apart, that an inspection reads. Entries
// that were truncated since are among them.
type EntryFound struct {
	First, Last entry.Index
	// Known and Intact say whether the frame's header and its payload are what was written. Header means
	// something when Known is true.
	Known, Intact bool
	Header        entry.Header
	Offset        int64 // where the frame starts in the file
	// Payload is the entry's, nil when it is not Intact. It is valid during the call.
	Payload []byte
}

// Fault is something in a log that is not what was written.
type Fault struct {
	File   string
	Offset int64
	What   string
	// Entries is the run that cannot be read without a copy, zero for none.
	Entries entry.Damage
	// Local is set when the log itself has what is needed to put it right.
	Local bool
}

// Inspector reads a log for tools, batch by batch, whatever its size. Nobody else may have it open.
// Functions that are nil are not called; the others are called in the order of the files and offsets.
type Inspector struct {
	Incarnation entry.Incarnation
	// Mend puts right what is Local, after Fault was called for it. Else nothing on the disk changes.
	Mend bool
	// Stop is asked before each segment and batch, when it is not nil; an error ends the inspection.
	Stop    func() error
	Segment func(SegmentFound)
	Batch   func(BatchFound)
	Entry   func(EntryFound)
	Fault   func(Fault)
}

// Run inspects the log in dir. It reads every live segment whole, where a start reads only the end. The
// error is one for which Recover refuses the log, or cannot read it; what stands before that was visited.
func (i Inspector) Run(fsys vfs.FS, dir string) (err error) {
	found, err := scanDir(fsys, dir)
	if err != nil {
		return err
	}
	if len(found.names) == 0 {
		return damage.At(dir, 0, "it has no log segment, and there was one")
	}
	open := fsys.Open
	if i.Mend {
		open = fsys.OpenWrite
	}
	// The newest segment says which is the oldest that counts, and each the end of the one before.
	var live []*segment
	var refused error
	defer func() {
		for _, s := range live {
			err = joinClose(err, s.file)
		}
	}()
	oldest := uint64(1)
	for g := found.newest(); g >= oldest && g > 0; g-- {
		if found.names[g] == "" {
			return damage.At(dir, 0, "segment %d is missing", g)
		}
		s, err := loadSegment(open, dir, found.names[g], i.Incarnation)
		if err != nil {
			return err
		}
		live = append([]*segment{s}, live...)
		if len(live) == 1 {
			last, err := newScan(s, i.Incarnation, s.size, false)
			if err != nil {
				return err
			}
			refused = last.run() // what can be read before that is visited all the same
			oldest = last.tail.trim.generation
		}
	}
	if err := i.segments(live); err != nil {
		return err
	}
	return refused
}

// segments visits the segments.
func (i *Inspector) segments(live []*segment) error {
	var read, total int64
	for _, s := range live {
		total += s.size
	}
	for k, s := range live {
		if i.Segment != nil {
			i.Segment(SegmentFound{File: s.path, Generation: s.header.generation, Base: s.header.base,
				Size: s.size, Read: read, Total: total})
		}
		read += s.size
		if err := errors.Join(i.stopped(), i.header(s)); err != nil {
			return err
		}
		limit, sealed := s.size, k+1 < len(live)
		if sealed {
			limit = min(limit, live[k+1].header.formerEnd)
		}
		f, err := newScan(s, i.Incarnation, limit, sealed)
		if err != nil {
			return err
		}
		var failed error
		f.observe = func(h header, c *contents, e *extent) {
			if failed == nil {
				failed = errors.Join(i.stopped(), i.batch(s, h, c, e))
			}
		}
		if err := errors.Join(f.run(), failed); err != nil {
			return err
		}
		if sealed {
			err = i.end(s, f, live[k+1])
		} else if f.hard.lost || !f.hard.found {
			err = voteLost(s)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// voteLost returns the error for a log whose newest hard state cannot be read.
func voteLost(s *segment) error {
	return &damage.Error{File: s.path, Offset: batchesOffset, Cause: damage.ErrVoteLost,
		What: "neither copy of the newest term and vote can be read"}
}

// stopped asks Stop.
func (i *Inspector) stopped() error {
	if i.Stop == nil {
		return nil
	}
	return i.Stop()
}

// fault reports a fault.
func (i *Inspector) fault(s *segment, at int64, local bool, entries entry.Damage, format string, args ...any) {
	if i.Fault != nil {
		i.Fault(Fault{File: s.path, Offset: at, What: fmt.Sprintf(format, args...), Entries: entries, Local: local})
	}
}

// header compares the two copies of a segment's header.
func (i *Inspector) header(s *segment) error {
	b := make([]byte, batchesOffset)
	if err := readSectors(s.file, b, 0); err != nil {
		return err
	}
	want := s.header.encode()
	for _, at := range []int64{0, secondOffset} {
		if bytes.Equal(b[at:at+headerSize], want) {
			continue
		}
		i.fault(s, at, true, entry.Damage{}, "a copy of the segment's header is not what was written")
		if err := i.write(s, want, at); err != nil {
			return err
		}
	}
	return nil
}

// write puts bytes on the disk when mending was asked for.
func (i *Inspector) write(s *segment, b []byte, at int64) error {
	if !i.Mend {
		return nil
	}
	if _, err := s.file.WriteAt(b, at); err != nil {
		return fmt.Errorf("wal: mend %s at byte %d: %w", s.path, at, err)
	}
	if err := s.file.Sync(); err != nil {
		return fmt.Errorf("wal: sync %s: %w", s.path, err)
	}
	return nil
}

// batch visits a batch and its entries.
func (i *Inspector) batch(s *segment, h header, c *contents, e *extent) error {
	if i.Batch != nil {
		found := BatchFound{File: s.path, Offset: e.place.at, Size: h.size(), Number: h.number, Commit: h.commit,
			First: h.first, Count: int(h.count), Hard: c.hard, Truncate: c.truncate, Reset: c.reset}
		if c.trim != nil {
			found.Trim = &c.trim.base
		}
		i.Batch(found)
	}
	m := newMending(s, h, e)
	if e.count()[intact] < e.sectors() {
		m.alone()
	}
	i.sectors(s, m)
	if h.count > 0 {
		w := walker{e, func(f entry.Header) bool { return f.Term >= h.firstTerm && f.Term <= h.lastTerm }}
		w.walk(h.head(), h.first, h.last(), func(r run) bool { i.entry(s, e, r); return true })
	}
	if !i.Mend {
		return nil
	}
	changed, err := m.put()
	if err == nil && changed {
		err = s.file.Sync()
	}
	return err
}

// sectors reports the sectors of a batch that are not what was written.
func (i *Inspector) sectors(s *segment, m *mending) {
	after := newExtent(m.extent.place, m.after)
	for k := range m.extent.sectors() {
		if !bytes.Equal(m.extent.sector(k), after.sector(k)) || m.extent.verdict(k) != intact {
			i.fault(s, m.extent.at(k).at, after.verdict(k) == intact, entry.Damage{},
				"sector %d of %d of batch %d is not what was written", k+1, m.extent.sectors(), m.header.number)
		}
	}
}

// entry visits a run of a batch.
func (i *Inspector) entry(s *segment, e *extent, r run) {
	at := offsetOf(e.place.at, r.pos)
	if i.Entry != nil {
		found := EntryFound{First: r.first, Last: r.last, Known: r.known, Intact: r.ok, Header: r.header, Offset: at}
		if r.ok {
			found.Payload = e.data[r.end-int64(r.header.Size) : r.end]
		}
		i.Entry(found)
	}
	if !r.ok {
		i.fault(s, at, false, entry.Damage{First: r.first, Last: r.last, Known: r.known},
			"entries %d to %d cannot be read", r.first, r.last)
	}
}

// end checks the end of a segment that has a successor: its batches, its seal and its footer.
func (i *Inspector) end(s *segment, f *scan, next *segment) error {
	if t, h := f.tail, next.header; t.end != h.formerEnd || t.number != h.number || t.chain != h.chain {
		return damage.At(s.path, t.end,
			"its batches end here with number %d, the next segment says at byte %d with number %d",
			t.number, h.formerEnd, h.number)
	}
	_, ok, err := s.footer(i.Incarnation, next.header.formerEnd)
	if err != nil || ok {
		return err
	}
	b := make([]byte, sectorSize)
	if err := readSectors(s.file, b, sealOffset); err != nil || bytes.Count(b, []byte{0}) == len(b) {
		return err // a crash came before the seal: that is no damage
	}
	// Without damage the footer can be written anew. With it the members' copies are needed first: a
	// footer would hide that the entries are damaged from the next start.
	whole := len(f.damaged) == 0
	i.fault(s, sealOffset, whole, entry.Damage{},
		"the segment's seal or footer is not what was written: a start reads all of the segment")
	if !whole || !i.Mend {
		return nil
	}
	footer := f.outline.encode()
	sealed := seal{
		successor: next.header.generation, footerAt: f.tail.end, footerLen: int64(len(footer)),
		footerSum: sum(i.Incarnation, f.tail.end, footer),
	}
	if err := i.write(s, footer, sealed.footerAt); err != nil {
		return err
	}
	return i.write(s, sealed.encode(i.Incarnation), sealOffset)
}
