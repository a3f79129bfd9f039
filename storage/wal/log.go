package wal

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"sync"
	"time"

	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/internal/vfs"
)

// Sizes of segments in bytes.
const (
	SegmentSizeDefault = 16 << 20
	SegmentSizeMin     = 8 << 10
	SegmentSizeMax     = 1 << 40
)

// sparesMax is how many spare segments are kept; more are removed.
const sparesMax = 2

// zerosMax is how many zeros are written ahead at most, at once.
const zerosMax = 64 << 10

// bufferMax is how many bytes of the write buffer are kept from one batch to the next.
const bufferMax = 4 << 20

// ErrClosed is returned by a log that was closed.
var ErrClosed = errors.New("wal: the log is closed")

// Options say how a log is kept. They are not stored; a log may be opened with others.
type Options struct {
	// Incarnation is the directory's. A segment that bears another one is refused.
	Incarnation entry.Incarnation
	// SegmentSize is how many bytes a new segment reserves, 0 for SegmentSizeDefault. A batch that
	// needs more gets a larger segment.
	SegmentSize int64
	// Synced is called, when not nil, after each batch became durable, with the time that the sync
	// took. It is called by the goroutine that called Store and must not block.
	Synced func(time.Duration)
	// Now is the clock for Synced, time.Now when nil.
	Now func() time.Time
	// Salvage is for tools that look for what is left of a member: a newest vote that cannot be read is
	// recovered as none, where Recover would refuse the log else, and nothing can be stored.
	Salvage bool
}

// check fills in defaults.
func (o *Options) check() error {
	if o.SegmentSize == 0 {
		o.SegmentSize = SegmentSizeDefault
	}
	if o.SegmentSize < SegmentSizeMin || o.SegmentSize > SegmentSizeMax {
		return fmt.Errorf("wal: segment size is %d, want %d to %d", o.SegmentSize, SegmentSizeMin, int64(SegmentSizeMax))
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Synced == nil {
		o.Synced = func(time.Duration) {}
	}
	return nil
}

// Log is one member's log. Store, Compact, Close and Recover are called by one goroutine, one at
// a time; Read may be called by any number of goroutines beside them. A Log has no goroutine.
type Log struct {
	fs      vfs.FS
	dir     string
	options Options

	// mu guards the fields below it, for moments only: no file is touched while it is held.
	mu sync.Mutex
	// segments are the live ones in order of generation; the last is written.
	// Invariant: the entries of their outlines, one after the other, are base.Index+1 to
	// last.Index without a gap.
	segments []*segment
	base     entry.Position
	last     entry.Position
	closed   bool

	// The fields below belong to the goroutine that calls Store.
	tail   tail
	space  space
	poison error // the first failure, which every later Store repeats
	// found is what Recover returned, nil once something was written.
	found *entry.Recovered
}

// tail is where and how the next batch is written.
type tail struct {
	recovered bool
	end       int64 // offset of the next batch in the last segment
	number    uint64
	chain     uint32
	hard      entry.HardState
	trim      trim
	// held is the greatest position that the log held when it lost its end, zero once it reaches there.
	held    entry.Position
	commit  entry.Index // newest known that the log's entries are ready for
	written entry.Index // newest that a batch carries
	buffer  []byte
	// zeroed is the offset in the last segment below which the file system has real bytes, and not a
	// reservation that every first write has to turn into them, which makes a sync take longer.
	zeroed int64
	// stale is set when what a crash left of a batch lies behind end. The next batch starts a segment, so
	// that no sector is written twice in one generation.
	stale bool
}

// Create makes the first segment of a log in dir, which must exist. It does nothing when dir has a
// log already. Once it returned nil the log can be opened, also after a crash.
func Create(fsys vfs.FS, dir string, o Options) error {
	if err := o.check(); err != nil {
		return err
	}
	found, err := scanDir(fsys, dir)
	if err != nil {
		return err
	}
	if len(found.names) > 0 {
		// The name may be younger than the last sync of the directory.
		return fsys.SyncDir(dir)
	}
	l := &Log{fs: fsys, dir: dir, options: o}
	h := segmentHeader{store: o.Incarnation, generation: 1, trim: trim{generation: 1}, number: 1}
	s, _, err := l.newSegment(h, o.SegmentSize, contents{hard: &entry.HardState{}})
	if err != nil {
		return err
	}
	return s.file.Close()
}

// Open returns the log in dir, which Create made. Call Recover before anything else.
func Open(fsys vfs.FS, dir string, o Options) (*Log, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	info, err := fsys.Stat(dir)
	if err != nil {
		return nil, fmt.Errorf("wal: open: %w", err)
	}
	if !info.Dir {
		return nil, fmt.Errorf("wal: %s is a file, want the log's directory", dir)
	}
	return &Log{fs: fsys, dir: dir, options: o}, nil
}

// usable returns why the log cannot be written, or nil.
func (l *Log) usable() error {
	switch {
	case l.closed:
		return ErrClosed
	case l.poison != nil:
		return fmt.Errorf("wal: nothing is written after a failure: %w", l.poison)
	case !l.tail.recovered:
		return errors.New("wal: Recover was not called")
	}
	return nil
}

// fail poisons the log: after a failed write or sync nobody knows what is on disk.
func (l *Log) fail(err error) error {
	l.poison = err
	return err
}

// Store makes a batch durable: when it returns nil, all of it survives a loss of power; after a
// loss of power before that, all of it is there or nothing of it. A batch with nothing but a commit
// index is only noted; the next batch, or Close, writes it. After an error of writing, or a batch
// that does not follow the log, every later Store fails. The exception is an error that wraps
// entry.ErrNoSpace: then nothing was written, and the log is what it was.
func (l *Log) Store(b *entry.Batch) error {
	if err := l.usable(); err != nil {
		return err
	}
	commit := max(l.tail.commit, b.Commit)
	if b.Empty() {
		l.tail.commit = commit
		return nil
	}
	// The commit index may be about this very batch, which replaces entries perhaps: nothing that
	// becomes durable before it, such as the first batch of a new segment, may carry it.
	c := contents{
		hard: b.Hard, truncate: b.TruncateFrom, reset: b.Reset, blocks: b.Blocks, commit: commit,
	}
	if err := l.follows(&c); err != nil {
		return l.fail(fmt.Errorf("wal: refused batch %d: %w", b.Seq, err))
	}
	if c.reset != nil {
		c.trim = &trim{generation: l.current().header.generation, base: *c.reset}
	}
	return l.append(&c)
}

// current returns the segment that is written.
func (l *Log) current() *segment { return l.segments[len(l.segments)-1] }

// follows checks that the contents are a possible next step of this log: the pair of the checks
// that the core makes before it asks.
func (l *Log) follows(c *contents) error {
	if h, old := c.hard, l.tail.hard; h != nil {
		switch {
		case h.Term < old.Term || h.Term > entry.NumberMax:
			return fmt.Errorf("term %d after term %d", h.Term, old.Term)
		case h.Term == old.Term && old.Vote != "" && h.Vote != old.Vote:
			return fmt.Errorf("vote for %q in term %d after a vote for %q", h.Vote, h.Term, old.Vote)
		case len(h.Vote) > entry.MemberIDMax:
			return fmt.Errorf("vote of %d bytes, at most %d", len(h.Vote), entry.MemberIDMax)
		}
	}
	last := l.last
	if c.truncate != 0 && c.truncate <= last.Index {
		if c.truncate <= l.base.Index {
			return fmt.Errorf("truncate from %d, but the log starts after %d", c.truncate, l.base.Index)
		}
		last = l.positionAt(c.truncate - 1)
	}
	if c.reset != nil {
		last = *c.reset
	}
	return followBlocks(last, c.blocks)
}

// followBlocks checks that blocks go on where last ends.
func followBlocks(last entry.Position, blocks []*entry.Block) error {
	for _, b := range blocks {
		if b.First() != last.Index+1 || b.Term(b.First()) < last.Term {
			return fmt.Errorf("entry (index %d, term %d) after (index %d, term %d)",
				b.First(), b.Term(b.First()), last.Index, last.Term)
		}
		last = entry.Position{Index: b.Last(), Term: b.Term(b.Last())}
	}
	return nil
}

// positionAt returns the position of entry i, which is l.base.Index or in the log.
func (l *Log) positionAt(i entry.Index) entry.Position {
	at := l.base
	for _, s := range l.segments {
		for _, run := range s.outline.terms {
			if run.First <= i {
				at.Term = run.Term
			}
		}
	}
	return entry.Position{Index: i, Term: at.Term}
}

// append writes, syncs and takes over a batch.
func (l *Log) append(c *contents) error {
	l.found = nil
	if err := l.makeRoom(c); err != nil {
		return err
	}
	s := l.current()
	h, err := l.write(s, c)
	if err != nil {
		return l.fail(err)
	}
	if err := l.sync(s); err != nil {
		return l.fail(err)
	}
	l.adopt(s, c, h)
	if c.reset != nil {
		return l.drop(c.trim.generation)
	}
	return nil
}

// write puts the batch behind the last one.
func (l *Log) write(s *segment, c *contents) (header, error) {
	p := place{store: l.options.Incarnation, generation: s.header.generation, at: l.tail.end}
	h := header{number: l.tail.number, durable: l.tail.end, chain: l.tail.chain}
	buf, h := c.encode(l.tail.buffer, h, p)
	buf = l.ahead(s, buf)
	if cap(buf) <= bufferMax {
		l.tail.buffer = buf
	}
	if _, err := s.file.WriteAt(buf, p.at); err != nil {
		return h, fmt.Errorf("wal: write batch %d at byte %d of %s: %w", h.number, p.at, s.path, err)
	}
	return h, nil
}

// ahead adds zeros behind a small batch that is the first to write where it lies, so that the batches after
// it need not be. Zeros are what an unwritten sector has. Beside a batch of more than a quarter of a step they
// would cost more than the few batches save that they are for.
func (l *Log) ahead(s *segment, buf []byte) []byte {
	end := l.tail.end + int64(len(buf))
	if end <= l.tail.zeroed {
		return buf
	}
	l.tail.zeroed = end
	step := min(zerosMax, s.size/256)
	if more := min(step-end%step, s.size-end); int64(len(buf)) <= step/4 && step >= sectorSize && more > 0 {
		l.tail.zeroed += more
		buf = append(buf, make([]byte, more)...)
	}
	return buf
}

// sync makes the segment durable and reports how long that took.
func (l *Log) sync(s *segment) error {
	started := l.options.Now()
	if err := s.file.Sync(); err != nil {
		return fmt.Errorf("wal: sync %s: %w", s.path, err)
	}
	l.options.Synced(l.options.Now().Sub(started))
	return nil
}

// adopt makes a durable batch part of the log.
func (l *Log) adopt(s *segment, c *contents, h header) {
	l.mu.Lock()
	if c.truncate != 0 && c.truncate <= l.last.Index {
		l.last = l.positionAt(c.truncate - 1)
		for _, old := range l.segments {
			old.outline.clip(l.last.Index)
		}
	}
	if c.trim != nil {
		l.base = c.trim.base
	}
	if c.reset != nil {
		l.last = *c.reset
		for _, old := range l.segments {
			old.outline.restart(l.last)
		}
	}
	s.outline.take(c, h, l.tail.end)
	if !s.outline.empty() {
		l.last = s.outline.position()
	}
	l.mu.Unlock()
	if l.last.Compare(l.tail.held) >= 0 {
		l.tail.held = entry.Position{}
	}
	l.tail.advance(c, h)
}

// take notes what a batch that starts at offset start does to the outline of its segment.
func (o *outline) take(c *contents, h header, start int64) {
	o.change(c)
	pos := h.head()
	for _, b := range c.blocks {
		for i := b.First(); i <= b.Last(); i++ {
			r := run{first: i, last: i, known: true, header: b.Header(i), pos: pos, end: pos + int64(b.FrameSize(i))}
			o.add(r, r.header.Term, start)
			pos = r.end
		}
	}
}

// advance moves the tail behind a batch that was written.
func (t *tail) advance(c *contents, h header) {
	t.end += h.size()
	t.number++
	t.chain = h.sum
	t.written = c.commit
	t.commit = max(t.commit, c.commit)
	if c.hard != nil {
		t.hard = *c.hard
	}
	if c.trim != nil {
		t.trim = *c.trim
	}
}

// Close writes the newest commit index, without a sync, and closes the files once no read uses
// them. A closed log stays closed; closing it again does nothing.
func (l *Log) Close() error {
	var err error
	if l.usable() == nil && l.tail.commit > l.tail.written {
		err = l.mark()
	}
	l.mu.Lock()
	var idle []*segment
	for _, s := range l.segments {
		if !l.closed && !s.dropped {
			s.dropped = true
			if s.readers == 0 {
				idle = append(idle, s)
			}
		}
	}
	l.closed = true
	l.mu.Unlock()
	for _, s := range idle {
		err = errors.Join(err, s.file.Close())
	}
	return err
}

// mark writes a batch with nothing but the commit index, when there is room.
func (l *Log) mark() error {
	c := contents{commit: l.tail.commit}
	if l.tail.stale || l.tail.end+c.size() > l.current().size {
		return nil
	}
	h, err := l.write(l.current(), &c)
	if err != nil {
		return l.fail(err)
	}
	l.tail.advance(&c, h)
	return nil
}

// joinClose closes f after err and returns both errors.
func joinClose(err error, f vfs.File) error { return errors.Join(err, f.Close()) }

// removeFile removes a file that need not be there.
func removeFile(fsys vfs.FS, path string) error {
	if err := fsys.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("wal: remove %s: %w", path, err)
	}
	return nil
}

func (l *Log) path(name string) string { return filepath.Join(l.dir, name) }
