package wal_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/internal/vfs"
	"v.io/x/ref/lib/raft/storage/damage"
	"v.io/x/ref/lib/raft/storage/wal"
)

// start creates a log on a file system and recovers it.
func start(t *testing.T, fsys vfs.FS, o wal.Options) *wal.Log {
	t.Helper()
	if err := errors.Join(fsys.MkdirAll("d"), wal.Create(fsys, "d", o)); err != nil {
		t.Fatal(err)
	}
	l, _ := reopen(t, fsys, o)
	return l
}

func reopen(t *testing.T, fsys vfs.FS, o wal.Options) (*wal.Log, entry.Recovered) {
	t.Helper()
	l, err := wal.Open(fsys, "d", o)
	if err != nil {
		t.Fatal(err)
	}
	rec, err := l.Recover()
	if err != nil {
		t.Fatal(err)
	}
	return l, rec
}

// fill stores one entry of size bytes per batch, from first to last.
func fill(t *testing.T, l *wal.Log, first, last entry.Index, size int) {
	t.Helper()
	for i := first; i <= last; i++ {
		if err := l.Store(&entry.Batch{Blocks: []*entry.Block{makeBlock(i, 1, 5, size)}, Commit: i - 1}); err != nil {
			t.Fatalf("store entry %d: %v", i, err)
		}
	}
}

// files returns the names in the directory that have the suffix or prefix.
func files(t *testing.T, fsys vfs.FS, part string) []string {
	t.Helper()
	infos, err := fsys.ReadDir("d")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, info := range infos {
		if strings.Contains(info.Name, part) {
			names = append(names, info.Name)
		}
	}
	return names
}

// wantDamage checks that err is a *damage.Error that names the file.
func wantDamage(t *testing.T, err error, file string) *damage.Error {
	t.Helper()
	var d *damage.Error
	if !errors.As(err, &d) || !errors.Is(err, entry.ErrCorrupt) {
		t.Fatalf("got error %v, want damage", err)
	}
	if !strings.HasSuffix(d.File, file) {
		t.Fatalf("damage in %s, want %s", d.File, file)
	}
	return d
}

// TestOneSyncPerBatch: a batch costs one write and one sync; a commit index alone costs neither.
func TestOneSyncPerBatch(t *testing.T) {
	count := map[vfs.OpKind]int{}
	synced := 0
	fsys := vfs.NewFaulty(vfs.NewMemory(), func(op vfs.Op) vfs.Fault { count[op.Kind]++; return vfs.Fault{} })
	now := time.Unix(0, 0)
	l := start(t, fsys, wal.Options{Incarnation: 1, SegmentSize: 1 << 20,
		Now:    func() time.Time { now = now.Add(time.Millisecond); return now },
		Synced: func(d time.Duration) { synced += int(d / time.Millisecond) }})
	clear(count)
	for i := entry.Index(1); i <= 10; i++ {
		b := &entry.Batch{Blocks: []*entry.Block{makeBlock(2*i-1, 1, 0, 50), makeBlock(2*i, 1, 0, 5000)}}
		if i%2 == 0 {
			b.Hard = &entry.HardState{Term: entry.Term(i), Vote: "v"}
		}
		if err := errors.Join(l.Store(b), l.Store(&entry.Batch{Commit: 2 * i})); err != nil {
			t.Fatal(err)
		}
	}
	if count[vfs.OpWrite] != 10 || count[vfs.OpSync] != 10 || synced != 10 {
		t.Fatalf("10 batches took %d writes and %d syncs of %d ms", count[vfs.OpWrite], count[vfs.OpSync], synced)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, rec := reopen(t, fsys, wal.Options{Incarnation: 1}); rec.Commit != 20 {
		t.Fatalf("recovered commit %d, want the 20 that Close wrote", rec.Commit)
	}
}

// TestPoison: after any failed write, sync, reservation or naming, every later Store fails with the
// first error, even when the disk works again, and reading goes on.
func TestPoison(t *testing.T) {
	failed := errors.New("I/O error")
	cases := map[string]vfs.Op{
		"write":       {Kind: vfs.OpWrite},
		"short write": {Kind: vfs.OpWrite, Size: 100},
		"sync":        {Kind: vfs.OpSync},
		"reserve":     {Kind: vfs.OpPreallocate},
		"name":        {Kind: vfs.OpRename},
		"directory":   {Kind: vfs.OpSyncDir},
		"create":      {Kind: vfs.OpCreate},
	}
	for name, broken := range cases {
		t.Run(name, func(t *testing.T) {
			armed := false
			disk := vfs.NewMemory()
			l := start(t, vfs.NewFaulty(disk, func(op vfs.Op) vfs.Fault {
				if armed && op.Kind == broken.Kind {
					return vfs.Fault{Err: failed, Bytes: broken.Size}
				}
				return vfs.Fault{}
			}), wal.Options{Incarnation: 1, SegmentSize: wal.SegmentSizeMin})
			fill(t, l, 1, 3, 10)
			armed = true
			var err error
			i := entry.Index(4)
			for ; err == nil && i < 40; i++ {
				err = l.Store(&entry.Batch{Blocks: []*entry.Block{makeBlock(i, 1, 5, 500)}})
			}
			if !errors.Is(err, failed) {
				t.Fatalf("got %v, want the disk's error", err)
			}
			armed = false
			for range 2 {
				if err := l.Store(&entry.Batch{Hard: &entry.HardState{Term: 2}}); !errors.Is(err, failed) {
					t.Fatalf("a later Store returned %v, want the first error", err)
				}
			}
			if err := l.Compact(2); !errors.Is(err, failed) {
				t.Fatalf("Compact returned %v, want the first error", err)
			}
			if _, err := l.Read(1, 3, 1<<20); err != nil {
				t.Fatalf("reading what is durable: %v", err)
			}
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			if _, rec := reopen(t, disk, wal.Options{Incarnation: 1}); rec.Last < i-2 || rec.Last > i-1 {
				t.Fatalf("after a restart the log ends at %d, acknowledged was %d", rec.Last, i-2)
			}
			if n := disk.OpenFiles(); n != len(files(t, disk, ".log")) {
				t.Errorf("%d files are open, want those of the second log only", n)
			}
		})
	}
}

// TestRefusesWhatDoesNotFollow: a batch that cannot be the next step of this log is an error of the
// caller, and nothing of it is written.
func TestRefusesWhatDoesNotFollow(t *testing.T) {
	tooLong := entry.MemberID(make([]byte, entry.MemberIDMax+1))
	cases := map[string]entry.Batch{
		"gap":             {Blocks: []*entry.Block{makeBlock(7, 5, 0, 1)}},
		"overlap":         {Blocks: []*entry.Block{makeBlock(5, 5, 0, 1)}},
		"term goes back":  {Blocks: []*entry.Block{makeBlock(6, 2, 0, 1)}},
		"gap of blocks":   {Blocks: []*entry.Block{makeBlock(6, 5, 0, 1), makeBlock(8, 5, 0, 1)}},
		"hard term back":  {Hard: &entry.HardState{Term: 4}},
		"second vote":     {Hard: &entry.HardState{Term: 5, Vote: "other"}},
		"vote taken back": {Hard: &entry.HardState{Term: 5}},
		"vote too long":   {Hard: &entry.HardState{Term: 6, Vote: tooLong}},
	}
	for name, b := range cases {
		t.Run(name, func(t *testing.T) {
			disk := vfs.NewMemory()
			l := start(t, disk, crashOptions)
			if err := l.Store(&entry.Batch{Hard: &entry.HardState{Term: 5, Vote: "a"},
				Blocks: []*entry.Block{makeBlock(1, 5, 0, 1, 2, 3, 4, 5)}}); err != nil {
				t.Fatal(err)
			}
			if err := l.Store(&b); err == nil {
				t.Fatal("Store accepted it")
			}
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			_, rec := reopen(t, disk, crashOptions)
			if rec.Last != 5 || rec.Hard != (entry.HardState{Term: 5, Vote: "a"}) {
				t.Fatalf("recovered %+v", rec)
			}
		})
	}
	t.Run("truncation below the base", func(t *testing.T) {
		l := start(t, vfs.NewMemory(), crashOptions)
		reset := &entry.Position{Index: 9, Term: 1}
		err := l.Store(&entry.Batch{Reset: reset, Blocks: []*entry.Block{makeBlock(10, 1, 0, 1)}})
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Store(&entry.Batch{TruncateFrom: 9}); err == nil {
			t.Fatal("Store accepted it")
		}
	})
}

// TestOrder: Recover comes first, and says the same until something is written; a closed log does nothing.
func TestOrder(t *testing.T) {
	disk := vfs.NewMemory()
	if err := errors.Join(disk.MkdirAll("d"), wal.Create(disk, "d", crashOptions)); err != nil {
		t.Fatal(err)
	}
	l, err := wal.Open(disk, "d", crashOptions)
	if err != nil {
		t.Fatal(err)
	}
	b := &entry.Batch{Hard: &entry.HardState{Term: 1}}
	if l.Store(b) == nil || l.Compact(1) == nil {
		t.Error("the log was written before Recover")
	}
	if _, err := l.Read(1, 1, 1); err == nil {
		t.Error("the log was read before Recover")
	}
	for range 2 {
		if rec, err := l.Recover(); err != nil || rec.Hard.Term != 0 {
			t.Fatalf("recovered %+v, %v", rec, err)
		}
	}
	if err := l.Store(b); err != nil {
		t.Fatal(err)
	}
	if rec, err := l.Recover(); err == nil {
		t.Errorf("after something was written: recovered %+v", rec)
	}
	if err := errors.Join(l.Close(), l.Close()); err != nil {
		t.Fatal(err)
	}
	if err := l.Store(b); !errors.Is(err, wal.ErrClosed) {
		t.Errorf("Store on a closed log: %v", err)
	}
	if _, err := l.Read(1, 1, 1); !errors.Is(err, wal.ErrClosed) {
		t.Errorf("Read on a closed log: %v", err)
	}
	if n := disk.OpenFiles(); n != 0 {
		t.Errorf("%d files are open", n)
	}
}

// TestOpenRefuses: what is not a directory, or not there, or has an impossible option.
func TestOpenRefuses(t *testing.T) {
	disk := vfs.NewMemory()
	f, err := disk.Create("file")
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := wal.Open(disk, "nowhere", crashOptions); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a directory that is not there: %v", err)
	}
	if _, err := wal.Open(disk, "file", crashOptions); err == nil || !strings.Contains(err.Error(), "is a file") {
		t.Errorf("a file: %v", err)
	}
	for _, size := range []int64{-1, 100, wal.SegmentSizeMax + 1} {
		if _, err := wal.Open(disk, ".", wal.Options{SegmentSize: size}); err == nil {
			t.Errorf("segment size %d was accepted", size)
		}
	}
}

// TestZeros: entries that consist of zeros are entries, also at the end of the log, where a file that was
// never written looks the same.
func TestZeros(t *testing.T) {
	disk := vfs.NewMemory()
	l := start(t, disk, crashOptions)
	for i := entry.Index(1); i <= 20; i++ {
		payload := make([]byte, 1000*(i%3))
		var b entry.Builder
		b.Add(entry.Header{Index: i, Term: 1, Size: uint32(len(payload)), PayloadSum: entry.Checksum(payload)}, payload)
		if err := l.Store(&entry.Batch{Blocks: []*entry.Block{b.Block()}}); err != nil {
			t.Fatal(err)
		}
		if _, rec := reopen(t, disk.Crash(vfs.Lose), crashOptions); rec.Last != i {
			t.Fatalf("stored %d entries, recovered %d", i, rec.Last)
		}
	}
}

// TestCompactRecycles: compaction keeps the base's term, drops whole segments, recycles a bounded
// number of files, and never takes a file from under a reader.
func TestCompactRecycles(t *testing.T) {
	disk := vfs.NewMemory()
	l := start(t, disk, crashOptions)
	if err := l.Store(&entry.Batch{Hard: &entry.HardState{Term: 3, Vote: "kept"}}); err != nil {
		t.Fatal(err)
	}
	fill(t, l, 1, 60, 1000)
	before := len(files(t, disk, ".log"))
	if before < 6 {
		t.Fatalf("%d segments, the test wants more", before)
	}
	if err := l.Compact(50); err != nil {
		t.Fatal(err)
	}
	spares := files(t, disk, "spare.")
	if len(spares) != 2 {
		t.Fatalf("spares %v, want 2", spares)
	}
	fill(t, l, 61, 80, 1000)
	for _, used := range files(t, disk, "spare.") {
		if slices.Contains(spares, used) && used != "spare.next" {
			t.Fatalf("spare %v was not used by new segments", used)
		}
	}
	if _, err := l.Read(1, 70, 1); !errors.Is(err, entry.ErrCompacted) {
		t.Fatalf("reading what was compacted: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l, rec := reopen(t, disk, crashOptions)
	if rec.Base.Index < 40 || rec.Base.Index > 50 || rec.Base.Term != 1 || rec.Last != 80 ||
		rec.Hard != (entry.HardState{Term: 3, Vote: "kept"}) || rec.Commit != 79 {
		t.Fatalf("recovered %+v", rec)
	}
	block, err := l.Read(rec.Base.Index+1, 80, 1<<20)
	if err != nil || block.Last() != 80 {
		t.Fatalf("read to %d: %v", block.Last(), err)
	}
}

// TestReadBesideCompact reads the oldest entries while they are compacted and their files reused:
// every read is right or says compacted.
func TestReadBesideCompact(t *testing.T) {
	disk := vfs.NewMemory()
	l := start(t, disk, crashOptions)
	fill(t, l, 1, 30, 900)
	var group sync.WaitGroup
	errs := make(chan error, 4)
	stop := make(chan struct{})
	for range 4 {
		group.Go(func() {
			for i := entry.Index(1); ; i = i%25 + 1 {
				select {
				case <-stop:
					return
				default:
				}
				block, err := l.Read(i, i+1, 1<<20)
				if errors.Is(err, entry.ErrCompacted) {
					continue
				}
				if err == nil && !bytes.Equal(block.Frame(i), makeBlock(i, 1, 5, 900).Bytes()) {
					err = fmt.Errorf("entry %d has other bytes", i)
				}
				if err != nil {
					errs <- err
					return
				}
			}
		})
	}
	for i := entry.Index(31); i <= 300; i++ {
		fill(t, l, i, i, 900)
		if err := l.Compact(i - 20); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	group.Wait()
	close(errs)
	if err := <-errs; err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if n := disk.OpenFiles(); n != 0 {
		t.Errorf("%d files are open", n)
	}
}

// TestResetDrops: after a reset the older segments are gone, also when the reset's batch had to
// start a segment itself.
func TestResetDrops(t *testing.T) {
	for _, size := range []int{10, 7000} {
		disk := vfs.NewMemory()
		l := start(t, disk, crashOptions)
		fill(t, l, 1, 25, 1000)
		if err := l.Store(&entry.Batch{Reset: &entry.Position{Index: 90, Term: 2},
			Blocks: []*entry.Block{makeBlock(91, 2, 0, size)}}); err != nil {
			t.Fatal(err)
		}
		if logs := files(t, disk, ".log"); len(logs) != 1 {
			t.Errorf("segments %v are left", logs)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if _, rec := reopen(t, disk, crashOptions); rec.Base != (entry.Position{Index: 90, Term: 2}) || rec.Last != 91 {
			t.Errorf("recovered %+v", rec)
		}
	}
}
