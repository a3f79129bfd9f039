package wal_test

import (
	"errors"
	"fmt"
	"syscall"
	"testing"

	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/internal/vfs"
	"v.io/x/ref/lib/raft/storage/wal"
)

// quota is a file system whose files may reserve so many bytes in all.
type quota struct {
	left  int64
	sizes map[string]int64
	// writes counts what was written while there was no room.
	writes int
	tight  bool
}

func (q *quota) inject(op vfs.Op) vfs.Fault {
	switch op.Kind {
	case vfs.OpPreallocate:
		if more := op.Offset - q.sizes[op.Name]; more > q.left {
			return vfs.Fault{Err: fmt.Errorf("fallocate %s: %w", op.Name, vfs.ErrNoSpace)}
		} else if more > 0 {
			q.left -= more
			q.sizes[op.Name] = op.Offset
		}
	case vfs.OpRename:
		delete(q.sizes, op.Name) // the next file of that name is another one
	case vfs.OpWrite:
		if q.tight {
			q.writes++
		}
	}
	return vfs.Fault{}
}

// TestFullFileSystem fills a file system: entries are refused before anything is written, and nothing is
// poisoned; votes go on for long; with space again the log goes on; all that was stored is there.
func TestFullFileSystem(t *testing.T) {
	disk := vfs.NewMemory()
	q := &quota{left: 5 * wal.SegmentSizeMin, sizes: map[string]int64{}}
	l := start(t, vfs.NewFaulty(disk, q.inject), crashOptions)
	last, err := entry.Index(0), error(nil)
	for err == nil {
		if !l.Room(false) {
			t.Fatal("Room says false, and it was not tried")
		}
		if err = l.Store(&entry.Batch{Blocks: []*entry.Block{makeBlock(last+1, 1, 5, 700)}}); err == nil {
			last++
		}
	}
	if !errors.Is(err, entry.ErrNoSpace) || last < 20 {
		t.Fatalf("after %d entries: %v", last, err)
	}
	q.tight = true
	for range 3 {
		err := l.Store(&entry.Batch{Blocks: []*entry.Block{makeBlock(last+1, 1, 5, 10)}})
		if !errors.Is(err, entry.ErrNoSpace) {
			t.Fatalf("another entry: %v", err)
		}
		if l.Room(false) || l.Room(true) {
			t.Fatal("Room says true on a full file system")
		}
	}
	if q.writes != 0 {
		t.Fatalf("%d writes for entries that were refused", q.writes)
	}
	q.tight = false
	vote := entry.HardState{}
	for term := entry.Term(2); ; term++ {
		next := entry.HardState{Term: term, Vote: "v"}
		if err = l.Store(&entry.Batch{Hard: &next}); err != nil {
			break
		}
		vote = next
	}
	if !errors.Is(err, entry.ErrNoSpace) || vote.Term < 3 {
		t.Fatalf("after the vote %v: %v", vote, err)
	}
	if _, err := l.Read(1, last, 1<<20); err != nil {
		t.Fatal(err)
	}
	same := &entry.Batch{TruncateFrom: last}
	if err := l.Store(same); !errors.Is(err, entry.ErrNoSpace) {
		t.Fatalf("a truncation with the reserve used up: %v", err)
	}
	q.left = 3 * wal.SegmentSizeMin
	if l.Room(false) || !l.Room(true) || !l.Room(false) {
		t.Fatal("Room does not see that there is space again, or sees it without asking")
	}
	fill(t, l, last+1, last+5, 700)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	_, rec := reopen(t, disk.Crash(vfs.Lose), crashOptions)
	if rec.Last != last+5 || rec.Hard != vote || rec.Damaged != nil {
		t.Fatalf("recovered %+v, want %d entries and %v", rec, last+5, vote)
	}
}

// TestSpareAhead: the file of the next segment is reserved before the current one is full, so that a
// batch that starts a segment does not wait for it, and Room knows early.
func TestSpareAhead(t *testing.T) {
	disk := vfs.NewMemory()
	q := &quota{left: 2 * wal.SegmentSizeMin, sizes: map[string]int64{}}
	l := start(t, vfs.NewFaulty(disk, q.inject), crashOptions)
	fill(t, l, 1, 5, 700)
	if spares := files(t, disk, "spare."); len(spares) != 1 || !l.Room(false) {
		t.Fatalf("spares %v", spares)
	}
	fill(t, l, 6, 6, 700) // in the spare; there is no room for another
	if !l.Room(false) && len(files(t, disk, "spare.")) > 0 {
		t.Error("Room says false with a spare")
	}
	for i, err := entry.Index(7), error(nil); err == nil; i++ {
		err = l.Store(&entry.Batch{Blocks: []*entry.Block{makeBlock(i, 1, 5, 700)}})
	}
	free := 0
	for term := entry.Term(2); l.Store(&entry.Batch{Hard: &entry.HardState{Term: term}}) == nil; term++ {
		free++
	}
	if free < 2 {
		t.Errorf("%d votes were taken after Room said false", free)
	}
}

// TestReserve: an entry that would fit into the last segment that there is room for, and take the reserve
// for votes, is refused.
func TestReserve(t *testing.T) {
	q := &quota{left: wal.SegmentSizeMin, sizes: map[string]int64{}}
	l := start(t, vfs.NewFaulty(vfs.NewMemory(), q.inject), crashOptions)
	const most = wal.SegmentSizeMin - 1536 - 1024 // without the header and the first batch
	err := l.Store(&entry.Batch{Blocks: []*entry.Block{makeBlock(1, 1, 5, most-1024)}})
	if !errors.Is(err, entry.ErrNoSpace) {
		t.Fatalf("an entry that leaves no reserve: %v", err)
	}
	if err := l.Store(&entry.Batch{Hard: &entry.HardState{Term: 1, Vote: "v"}}); err != nil {
		t.Fatal(err)
	}
}

// TestNoSpaceForTheName: a lack of room that is found when something was written already poisons, also when
// the log had been full before: nobody knows whether the segment has its name.
func TestNoSpaceForTheName(t *testing.T) {
	for _, kind := range []vfs.OpKind{vfs.OpRename, vfs.OpSyncDir, vfs.OpSync} {
		q := &quota{left: wal.SegmentSizeMin, sizes: map[string]int64{}}
		armed := false
		l := start(t, vfs.NewFaulty(vfs.NewMemory(), func(op vfs.Op) vfs.Fault {
			if armed && op.Kind == kind {
				return vfs.Fault{Err: vfs.ErrNoSpace}
			}
			return q.inject(op)
		}), crashOptions)
		term, err := entry.Term(1), error(nil)
		for ; err == nil; term++ {
			err = l.Store(&entry.Batch{Hard: &entry.HardState{Term: term}})
		}
		if !errors.Is(err, entry.ErrNoSpace) {
			t.Fatal(err)
		}
		q.left, armed = 10*wal.SegmentSizeMin, true
		if err := l.Store(&entry.Batch{Hard: &entry.HardState{Term: term}}); !errors.Is(err, vfs.ErrNoSpace) {
			t.Fatalf("%s: %v", kind, err)
		}
		armed = false
		if err := l.Store(&entry.Batch{Hard: &entry.HardState{Term: term}}); err == nil || l.Room(true) {
			t.Errorf("%s: the log goes on after it: %v", kind, err)
		}
	}
}

// TestReadOnly makes each operation of the file system fail as on one that became read-only: the call that
// meets it fails, and what was acknowledged is there afterwards.
func TestReadOnly(t *testing.T) {
	steps := script(1, 30)
	for at := 0; ; at++ {
		disk := vfs.NewMemory()
		if err := errors.Join(disk.MkdirAll("d"), wal.Create(disk, "d", crashOptions)); err != nil {
			t.Fatal(err)
		}
		changes := 0
		l, _, err := recovered(vfs.NewFaulty(disk, func(op vfs.Op) vfs.Fault {
			if op.Changes() {
				changes++
			}
			if changes > at && op.Changes() {
				return vfs.Fault{Err: syscall.EROFS}
			}
			return vfs.Fault{}
		}))
		var acked, tried model
		for _, s := range steps {
			if err != nil {
				break
			}
			tried = acked.after(s)
			if err = s.run(l); err == nil {
				acked = tried
			}
		}
		if err == nil {
			if at < 50 {
				t.Errorf("the script has %d changes only", at)
			}
			return
		}
		if !errors.Is(err, syscall.EROFS) {
			t.Fatalf("change %d failed: %v", at, err)
		}
		if err := verify(disk, acked, tried); err != nil {
			t.Fatalf("change %d failed: %v", at, err)
		}
	}
}
