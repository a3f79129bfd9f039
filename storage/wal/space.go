package wal

import (
	"fmt"

	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/internal/vfs"
)

// reserveMax is how many bytes of the last segment that there is room for are kept, at most, for what
// is no entry: a vote or a truncation takes one or two kilobytes.
const reserveMax = 64 << 10

// space is what the log has to write to beyond the current segment.
type space struct {
	// spares are paths of files whose space the next segment may take.
	spares []string
	// full is set when a segment could not be had for lack of room, and missing when a spare could not.
	full, missing bool
}

// add keeps a spare.
func (s *space) add(path string) {
	s.spares = append(s.spares, path)
	s.full, s.missing = false, false
}

// reserve returns how many bytes of the current segment entries must leave while there is no spare.
func (l *Log) reserve() int64 { return min(reserveMax, l.options.SegmentSize/4) }

// free returns how many bytes of the current segment batches may take: what the footer needs is kept.
func (l *Log) free() int64 {
	s := l.current()
	if l.tail.stale {
		return 0
	}
	return s.size - l.tail.end - s.outline.bytes()
}

// Room reports whether the log has place for entries. While it says false, Store takes only batches
// without entries, for which a reserve is kept; others fail with entry.ErrNoSpace. Asked with try it asks
// the file system once for more; without it answers from memory. It is called by the goroutine that
// calls Store.
func (l *Log) Room(try bool) bool {
	if l.usable() != nil {
		return false
	}
	if try && !l.room() {
		if err := l.makeSpare(); err != nil {
			return false
		}
	}
	return l.room()
}

func (l *Log) room() bool {
	switch {
	case l.space.full:
		return false
	case len(l.space.spares) > 0 || !l.space.missing:
		return true
	}
	return l.free() >= 2*l.reserve()
}

// makeRoom makes the current segment one that has place for the batch. It returns an error that wraps
// entry.ErrNoSpace, and has changed nothing, when the file system is full.
func (l *Log) makeRoom(c *contents) error {
	if len(l.space.spares) == 0 && !l.space.missing && l.free() < l.current().size/2 {
		if err := l.makeSpare(); err != nil && !vfs.NoSpace(err) {
			return l.fail(err)
		}
	}
	need, reserved := c.size(), int64(0)
	if len(c.blocks) > 0 {
		if !l.room() {
			return fmt.Errorf("wal: entries are not taken while the file system of %s is full: %w", l.dir, entry.ErrNoSpace)
		}
		need += 24 * (need/chunkSize + 2) // of the footer
		if len(l.space.spares) == 0 {
			reserved = l.reserve()
		}
	}
	if need+reserved <= l.free() {
		return nil
	}
	if err := l.rotate(need + reserved); err != nil {
		if vfs.NoSpace(err) && l.space.full {
			return err
		}
		return l.fail(err)
	}
	if c.reset != nil {
		c.trim.generation = l.current().header.generation
	}
	return nil
}

// makeSpare reserves a file for the next segment. Like every file that is no segment yet it may be lost
// by a crash.
func (l *Log) makeSpare() error {
	path := l.path(sparePrefix + "next")
	err := removeFile(l.fs, path)
	if err != nil {
		return err
	}
	f, err := l.fs.Create(path)
	if err == nil {
		err = joinClose(f.Preallocate(l.options.SegmentSize), f)
	}
	if err == nil {
		l.space.add(path)
		return nil
	}
	err = l.short(fmt.Errorf("wal: reserve %d bytes for %s: %w", l.options.SegmentSize, path, err))
	if vfs.NoSpace(err) {
		l.space.missing = true
		if failed := removeFile(l.fs, path); failed != nil {
			return failed
		}
	}
	return err
}

// short adds entry.ErrNoSpace to an error that says that there is no room.
func (l *Log) short(err error) error {
	if vfs.NoSpace(err) {
		return fmt.Errorf("%w: %w", entry.ErrNoSpace, err)
	}
	return err
}

// takeFile opens a spare, or creates a temporary file, with at least size bytes reserved. It returns the
// file's present path. When there is no room for it, nothing has changed but what is noted in space.
func (l *Log) takeFile(s *segment, size int64) (path string, err error) {
	n := len(l.space.spares)
	if n > 0 {
		path = l.space.spares[n-1]
		s.file, err = l.fs.OpenWrite(path)
	} else {
		path = s.path + temporary
		if err := removeFile(l.fs, path); err != nil {
			return "", err
		}
		s.file, err = l.fs.Create(path)
	}
	if err != nil {
		l.space.full = vfs.NoSpace(err)
		return "", l.short(fmt.Errorf("wal: create segment: %w", err))
	}
	if s.size, err = s.file.Size(); err == nil {
		s.size = max(s.size, size)
		err = s.file.Preallocate(s.size)
	}
	if err != nil {
		l.space.full = vfs.NoSpace(err)
		return "", joinClose(l.short(fmt.Errorf("wal: reserve %d bytes for %s: %w", s.size, path, err)), s.file)
	}
	if n > 0 {
		l.space.spares = l.space.spares[:n-1]
	}
	// What fails from here on for lack of room, such as the name of the file, may have happened.
	l.space.full = false
	return path, nil
}
