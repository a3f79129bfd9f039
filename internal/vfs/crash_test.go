package vfs_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"v.io/x/ref/lib/raft/internal/vfs"
)

// TestCrashSectors: of what was written and not synced, exactly the chosen sectors survive; what was
// synced always does.
func TestCrashSectors(t *testing.T) {
	disk := vfs.NewMemory()
	f := create(t, disk, "f", strings.Repeat("a", 3*vfs.SectorSize))
	must(t, f.Sync(), disk.SyncDir("."))
	_, err := f.WriteAt(bytes.Repeat([]byte("b"), vfs.SectorSize+2), vfs.SectorSize-1)
	must(t, err)
	units := disk.Pending()
	if len(units) != 3 || units[0].Kind != vfs.UnitSector || units[2].Sector != 2 {
		t.Fatalf("pending units %v, want 3 sectors", units)
	}
	for mask := range uint64(8) {
		want := strings.Repeat("a", 3*vfs.SectorSize)
		now := content(t, disk, "f")
		for s := range 3 {
			if mask>>s&1 == 1 {
				from, to := s*vfs.SectorSize, (s+1)*vfs.SectorSize
				want = want[:from] + now[from:to] + want[to:]
			}
		}
		if got := content(t, disk.Crash(vfs.Subset(mask)), "f"); got != want {
			t.Errorf("with the sectors %03b, %d bytes differ", mask, len(got))
		}
	}
	torn := content(t, disk.Crash(func(u vfs.Unit) int { return 100 }), "f")
	if torn[vfs.SectorSize+99] != 'b' || torn[vfs.SectorSize+100] != 'a' || torn[0] != 'a' {
		t.Error("a torn sector is not its first bytes new and the others old")
	}
	must(t, f.Sync(), f.Close())
	if n := len(disk.Pending()); n != 0 {
		t.Errorf("%d units are pending after a sync", n)
	}
}

var errFault = errors.New("I/O error")

// TestFailedSyncForgets: what a failed sync was to write stays readable, is not written by a later sync
// that succeeds, may be gone from the page cache at any time, and counts again when it is written again.
func TestFailedSyncForgets(t *testing.T) {
	fail := true
	disk := vfs.NewMemory()
	faulty := vfs.NewFaulty(disk, func(op vfs.Op) vfs.Fault {
		if op.Kind == vfs.OpSync && fail {
			return vfs.Fault{Err: errFault}
		}
		return vfs.Fault{}
	})
	before, after := strings.Repeat("a", 2*vfs.SectorSize), strings.Repeat("b", 2*vfs.SectorSize)
	must(t, create(t, disk, "f", before).Sync(), disk.SyncDir("."))
	f, err := faulty.OpenWrite("f")
	must(t, err)
	write := func(text string) {
		t.Helper()
		_, err := f.WriteAt([]byte(text), 0)
		must(t, err)
	}
	write(after)
	if err := f.Sync(); !errors.Is(err, errFault) {
		t.Fatalf("the sync returned %v", err)
	}
	fail = false
	must(t, f.Sync())
	if got := content(t, disk, "f"); got != after {
		t.Error("what was written is not readable")
	}
	if got := content(t, disk.Crash(vfs.Lose), "f"); got != before {
		t.Error("a later sync wrote what the failed one had forgotten")
	}
	if n := len(disk.Pending()); n != 2 {
		t.Errorf("%d units are in doubt, want 2", n)
	}
	evicted := disk.Crash(vfs.Lose) // the same disk, for comparison
	disk.Evict(vfs.Subset(1))
	if got := content(t, disk, "f"); got != after[:vfs.SectorSize]+before[vfs.SectorSize:] {
		t.Error("the page cache does not show what reached the disk")
	}
	write(after)
	must(t, f.Sync(), f.Close())
	if got := content(t, disk.Crash(vfs.Lose), "f"); got != after || content(t, evicted, "f") != before {
		t.Error("writing again and a sync do not make it durable")
	}
}

// TestCrashSize: a size that was not synced is lost or kept on its own; bytes without their size are
// lost.
func TestCrashSize(t *testing.T) {
	disk := vfs.NewMemory()
	f := create(t, disk, "f", "12")
	must(t, f.Sync(), disk.SyncDir("."), f.Preallocate(600))
	_, err := f.WriteAt([]byte("far"), 550)
	must(t, err, f.Close())
	for fate, want := range map[uint64]int{0: 2, 1: 600, 2: 2, 3: 600} {
		got := content(t, disk.Crash(vfs.Subset(fate)), "f")
		if len(got) != want || want == 600 && (got[550] == 'f') != (fate == 3) {
			t.Errorf("fate %02b: %d bytes %q", fate, len(got), got)
		}
	}
}

// TestCrashNames: a name that appeared, moved or went is lost until its directory is synced.
func TestCrashNames(t *testing.T) {
	disk := vfs.NewMemory()
	must(t, create(t, disk, "kept", "").Close(), create(t, disk, "moved", "").Close(), disk.SyncDir("."))
	must(t, create(t, disk, "new", "").Close(), disk.Rename("moved", "there"), disk.Remove("kept"))
	for mask, want := range map[uint64]string{
		0b000: "kept moved", 0b001: "kept moved new", 0b010: "kept there", 0b100: "moved", 0b111: "new there",
	} {
		after := disk.Crash(vfs.Subset(mask))
		list, err := after.ReadDir(".")
		must(t, err)
		var names []string
		for _, info := range list {
			names = append(names, info.Name)
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("with the changes %03b: %q, want %q", mask, got, want)
		}
	}
	must(t, disk.SyncDir("."))
	if _, err := disk.Crash(vfs.Lose).Stat("there"); err != nil {
		t.Errorf("a synced name is lost: %v", err)
	}
}

// TestCrashMoves: a file that went to another directory is in one of the two, whichever part of the crash is
// kept, and where it went once either directory is synced.
func TestCrashMoves(t *testing.T) {
	disk := vfs.NewMemory()
	must(t, disk.MkdirAll("d"), create(t, disk, "f", "").Close(), disk.SyncDir("."), disk.Rename("f", "d/g"))
	where := func(after *vfs.Memory) (found string) {
		for _, name := range []string{"f", "d/g"} {
			if _, err := after.Stat(name); err == nil {
				found += name + " "
			}
		}
		return found
	}
	if units := disk.Pending(); len(units) != 1 {
		t.Fatalf("pending: %v", units)
	}
	if lost, kept := where(disk.Crash(vfs.Lose)), where(disk.Crash(vfs.Keep)); lost != "f " || kept != "d/g " {
		t.Errorf("lost, it is %q, kept, it is %q", lost, kept)
	}
	for _, synced := range []string{".", "d"} {
		after := disk.Crash(vfs.Lose)
		must(t, after.Rename("f", "d/g"), after.SyncDir(synced))
		if got := where(after.Crash(vfs.Lose)); got != "d/g " {
			t.Errorf("with %q synced: %q", synced, got)
		}
	}
}

// TestCrashForgets: locks end, the crashed file system goes on unchanged, and the two share nothing.
func TestCrashForgets(t *testing.T) {
	disk := vfs.NewMemory()
	if _, err := disk.Lock("LOCK"); err != nil {
		t.Fatal(err)
	}
	f := create(t, disk, "f", "old")
	after := disk.Crash(vfs.Keep)
	if _, err := after.Lock("LOCK"); err != nil {
		t.Errorf("a lock outlived the crash: %v", err)
	}
	_, err := f.WriteAt([]byte("new"), 0)
	must(t, err, f.Close())
	if got := content(t, after, "f"); got != "old" {
		t.Errorf("a write after the crash shows: %q", got)
	}
}

// TestSeeded: a seed gives the same fate again, and the seeds together every kind of fate.
func TestSeeded(t *testing.T) {
	counts := map[string]int{}
	for seed := range uint64(300) {
		u := vfs.Unit{Number: 3, Kind: vfs.UnitSector, Name: "f", Sector: 9}
		n := vfs.Seeded(seed)(u)
		switch {
		case n != vfs.Seeded(seed)(u) || n < 0 || n > vfs.SectorSize:
			t.Fatalf("seed %d: %d bytes", seed, n)
		case n == 0:
			counts["lost"]++
		case n == vfs.SectorSize:
			counts["kept"]++
		default:
			counts["torn"]++
		}
	}
	for _, kind := range []string{"lost", "kept", "torn"} {
		if counts[kind] < 20 {
			t.Errorf("of 300 seeds %v", counts)
		}
	}
}

// TestDamage: flipped bits are read, survive a crash, and are no pending change.
func TestDamage(t *testing.T) {
	disk := vfs.NewMemory()
	f := create(t, disk, "f", "abc")
	must(t, f.Sync(), f.Close(), disk.SyncDir("."), disk.Damage("f", 1, 0x20))
	if got := content(t, disk.Crash(vfs.Lose), "f"); got != "aBc" || len(disk.Pending()) != 0 {
		t.Errorf("content %q with %d pending units", got, len(disk.Pending()))
	}
	if disk.Damage("f", 3, 1) == nil || disk.Damage("g", 0, 1) == nil {
		t.Error("damage where nothing is")
	}
}

// TestFaulty: every operation can be failed, on its own and by name; a failing write may write its first
// bytes; a blocked operation blocks only its caller.
func TestFaulty(t *testing.T) {
	failed := errors.New("I/O error")
	var fail vfs.Op
	disk := vfs.NewMemory()
	fsys := vfs.NewFaulty(disk, func(op vfs.Op) vfs.Fault {
		if op.Kind == fail.Kind && op.Name == fail.Name {
			return vfs.Fault{Err: failed, Bytes: 2}
		}
		return vfs.Fault{}
	})
	f := create(t, fsys, "f", "")
	for kind, call := range map[vfs.OpKind]func() error{
		vfs.OpCreate:      func() error { _, err := fsys.Create("f"); return err },
		vfs.OpOpen:        func() error { _, err := fsys.Open("f"); return err },
		vfs.OpRename:      func() error { return fsys.Rename("f", "g") },
		vfs.OpRemove:      func() error { return fsys.Remove("f") },
		vfs.OpReadDir:     func() error { _, err := fsys.ReadDir("f"); return err },
		vfs.OpStat:        func() error { _, err := fsys.Stat("f"); return err },
		vfs.OpMkdir:       func() error { return fsys.MkdirAll("f") },
		vfs.OpSyncDir:     func() error { return fsys.SyncDir("f") },
		vfs.OpLock:        func() error { _, err := fsys.Lock("f"); return err },
		vfs.OpRead:        func() error { _, err := f.ReadAt(nil, 0); return err },
		vfs.OpWrite:       func() error { _, err := f.WriteAt([]byte("1234"), 0); return err },
		vfs.OpSync:        f.Sync,
		vfs.OpTruncate:    func() error { return f.Truncate(0) },
		vfs.OpPreallocate: func() error { return f.Preallocate(9) },
		vfs.OpSize:        func() error { _, err := f.Size(); return err },
	} {
		fail = vfs.Op{Kind: kind, Name: "f"}
		if err := call(); !errors.Is(err, failed) {
			t.Errorf("%s: %v", kind, err)
		}
	}
	if got := content(t, disk, "f"); got != "12" {
		t.Errorf("a short write left %q", got)
	}
	fail = vfs.Op{Kind: vfs.OpClose, Name: "f"}
	if err := f.Close(); !errors.Is(err, failed) || disk.OpenFiles() != 0 {
		t.Errorf("close: %v, %d files open", err, disk.OpenFiles())
	}
}

// TestStall: an operation that Inject holds up holds up nobody else.
func TestStall(t *testing.T) {
	entered, release, done := make(chan bool), make(chan bool), make(chan error)
	fsys := vfs.NewFaulty(vfs.NewMemory(), func(op vfs.Op) vfs.Fault {
		if op.Kind == vfs.OpSync {
			entered <- true
			<-release
		}
		return vfs.Fault{}
	})
	f := create(t, fsys, "f", "x")
	go func() { done <- f.Sync() }()
	<-entered
	if got := content(t, fsys, "f"); got != "x" {
		t.Errorf("content %q", got)
	}
	close(release)
	must(t, <-done, f.Close())
}

// The death of a process gives back its locks and loses nothing, but makes nothing durable either.
func TestOrphan(t *testing.T) {
	m := vfs.NewMemory()
	f, err := m.Create("f")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte("x"), 0); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Lock("lock"); err != nil {
		t.Fatal(err)
	}
	pending := len(m.Pending())
	m.Orphan()
	if _, err := m.Lock("lock"); err != nil {
		t.Errorf("the lock of a dead process: %v", err)
	}
	if got, err := vfs.ReadFile(m, "f", 10); err != nil || string(got) != "x" || len(m.Pending()) != pending {
		t.Errorf("read %q, %v; %d units in doubt, want %d", got, err, len(m.Pending()), pending)
	}
}
