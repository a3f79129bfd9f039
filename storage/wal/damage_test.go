package wal_test

import (
	"errors"
	"fmt"
	"os"
	"path"
	"strings"
	"testing"

	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/internal/vfs"
	"v.io/x/ref/lib/raft/storage/wal"
)

// member makes a small log of several segments and returns its disk, what it holds, and what it held
// before the last batch.
func member(t *testing.T) (disk *vfs.Memory, all, before model) {
	t.Helper()
	disk = vfs.NewMemory()
	l := start(t, disk, crashOptions)
	for _, s := range memberSteps() {
		if err := s.run(l); err != nil {
			t.Fatal(err)
		}
		before, all = all, all.after(s)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return disk, all, before
}

// memberSteps has one of everything: votes, appends, a conflict, a compaction, several segments.
func memberSteps() []step {
	block := func(first, last entry.Index, term entry.Term) []*entry.Block {
		sizes := make([]int, last-first+1)
		for i := range sizes {
			sizes[i] = 40 * (int(first)%40 + i)
		}
		return []*entry.Block{makeBlock(first, term, 3, sizes...)}
	}
	return []step{
		{batch: &entry.Batch{Hard: &entry.HardState{Term: 1, Vote: "one"}}},
		{batch: &entry.Batch{Blocks: block(1, 12, 1)}},
		{batch: &entry.Batch{Blocks: block(13, 20, 1), Commit: 12}},
		{compact: 12},
		{batch: &entry.Batch{Hard: &entry.HardState{Term: 2}, TruncateFrom: 19, Blocks: block(19, 24, 2), Commit: 18}},
		{batch: &entry.Batch{Blocks: block(25, 26, 2)}},
		{batch: &entry.Batch{Hard: &entry.HardState{Term: 3, Vote: "three"}, Commit: 24}},
		{batch: &entry.Batch{Blocks: block(27, 30, 3), Commit: 26}},
	}
}

// look opens a disk and compares it with a model; read tells whether Recover worked.
func look(disk *vfs.Memory, want model) (read bool, err error) {
	l, rec, err := recovered(disk)
	if err != nil {
		return false, err
	}
	return true, errors.Join(want.differs(l, rec), l.Close())
}

// TestByteFlips changes every byte of every file of a log (of runs of zeros, every eighth). The log
// is then refused as damaged, or reads as damaged, or is right because the byte had no meaning; or,
// when the byte belongs to the last batch, that batch is taken for one that was never acknowledged.
// No wrong byte is ever read.
func TestByteFlips(t *testing.T) {
	disk, all, before := member(t)
	counts := map[string]int{}
	for _, name := range files(t, disk, "") {
		for offset, c := range []byte(contentOf(t, disk, path.Join("d", name))) {
			if c == 0 && offset%8 != 0 {
				continue
			}
			after := disk.Crash(vfs.Keep)
			if err := after.Damage(path.Join("d", name), int64(offset), 1<<(offset%7)); err != nil {
				t.Fatal(err)
			}
			outcome, err := judge(after, all, before)
			if err != nil {
				t.Fatalf("byte %d of %s: %v", offset, name, err)
			}
			counts[outcome]++
		}
	}
	t.Logf("of all bytes: %v", counts)
	for _, outcome := range []string{"no meaning", "refused", "read as damaged", "last batch cut"} {
		if counts[outcome] == 0 {
			t.Errorf("no byte led to %q", outcome)
		}
	}
	last := all.entries[len(before.entries):]
	most := 0
	for _, frame := range last {
		most += len(frame)
	}
	if cut := counts["last batch cut"]; cut > most+100 {
		t.Errorf("%d bytes cut the last batch, which has %d", cut, most)
	}
}

// judge names what happened to a damaged log.
func judge(disk *vfs.Memory, all, before model) (string, error) {
	read, err := look(disk, all)
	switch {
	case err == nil:
		return "no meaning", nil
	case errors.Is(err, entry.ErrCorrupt) && read:
		return "read as damaged", nil
	case errors.Is(err, entry.ErrCorrupt):
		return "refused", nil
	}
	if _, shorter := look(disk, before); shorter == nil {
		return "last batch cut", nil
	}
	return "", err
}

// TestDamageIsNotAbsence: a batch that does not verify but lies before one that was written later is
// damage, and names its place; the file is as it was.
func TestDamageIsNotAbsence(t *testing.T) {
	disk := vfs.NewMemory()
	l := start(t, disk, crashOptions)
	fill(t, l, 1, 3, 700)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	name := path.Join("d", files(t, disk, ".log")[0])
	if err := disk.Damage(name, 3000, 1); err != nil {
		t.Fatal(err)
	}
	content := contentOf(t, disk, name)
	_, _, err := recovered(disk)
	d := wantDamage(t, err, path.Base(name))
	if d.Offset < 2400 || d.Offset > 3000 || !strings.Contains(err.Error(), "restore the file") {
		t.Errorf("damage at byte %d: %v", d.Offset, err)
	}
	if contentOf(t, disk, name) != content {
		t.Error("the damaged file was changed")
	}
	if n := disk.OpenFiles(); n != 0 {
		t.Errorf("%d files are open", n)
	}
}

func contentOf(t *testing.T, fsys vfs.FS, name string) string {
	t.Helper()
	b, err := vfs.ReadFile(fsys, name, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestTornTail: what a crash left of the last batch is cut, and the log goes on.
func TestTornTail(t *testing.T) {
	disk := vfs.NewMemory()
	l := start(t, disk, crashOptions)
	fill(t, l, 1, 3, 700)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	name := path.Join("d", files(t, disk, ".log")[0])
	if err := disk.Damage(name, 4000, 0xff); err != nil {
		t.Fatal(err)
	}
	l, rec := reopen(t, disk, crashOptions)
	if rec.Last != 2 {
		t.Fatalf("recovered %+v, want 2 entries", rec)
	}
	fill(t, l, 3, 6, 500)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, rec := reopen(t, disk, crashOptions); rec.Last != 6 {
		t.Fatalf("recovered %+v, want 6 entries", rec)
	}
}

// TestVoteOutlivesSector: whichever one sector of the last batch goes bad, its vote is not forgotten,
// and not by what is written next either.
func TestVoteOutlivesSector(t *testing.T) {
	disk := vfs.NewMemory()
	l := start(t, disk, crashOptions)
	fill(t, l, 1, 1, 200)
	vote := entry.HardState{Term: 9, Vote: "candidate"}
	block := makeBlock(2, 9, 0, 300)
	if err := l.Store(&entry.Batch{Hard: &vote, Blocks: []*entry.Block{block}}); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	name := path.Join("d", files(t, disk, ".log")[0])
	whole := contentOf(t, disk, name)
	first := int64(strings.LastIndex(whole, "BTCH")) / vfs.SectorSize
	last := int64(strings.LastIndex(whole, string(block.Bytes())[300:])) / vfs.SectorSize
	if last-first < 1 {
		t.Fatalf("the batch lies in the sectors %d to %d", first, last)
	}
	for bad := first; bad <= last; bad++ {
		after := disk.Crash(vfs.Keep)
		start := int64(0)
		if bad == first { // what lies before the batch in its sector is intact: that would be damage
			start = int64(strings.LastIndex(whole, "BTCH")) % vfs.SectorSize
		}
		for i := start; i < vfs.SectorSize; i++ {
			if err := after.Damage(name, bad*vfs.SectorSize+i, 0x5a); err != nil {
				t.Fatal(err)
			}
		}
		l, rec := reopen(t, after, crashOptions)
		if rec.Hard != vote {
			t.Fatalf("bad sector %d: hard state %v, want %v", bad, rec.Hard, vote)
		}
		if err := l.Store(&entry.Batch{Blocks: []*entry.Block{makeBlock(rec.Last+1, 9, 0, 2000)}}); err != nil {
			t.Fatal(err)
		}
		if _, rec = reopen(t, after.Crash(vfs.Lose), crashOptions); rec.Hard != vote {
			t.Fatalf("bad sector %d, after the next batch: hard state %v, want %v", bad, rec.Hard, vote)
		}
	}
}

// TestSealedDamage: the log opens without reading sealed segments; reading a damaged entry says
// where, and the others are read.
func TestSealedDamage(t *testing.T) {
	disk := vfs.NewMemory()
	l := start(t, disk, crashOptions)
	fill(t, l, 1, 30, 700)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	name := files(t, disk, ".log")[1]
	if err := disk.Damage(path.Join("d", name), 4000, 1); err != nil {
		t.Fatal(err)
	}
	l, rec := reopen(t, disk, crashOptions)
	bad := 0
	for i := rec.Base.Index + 1; i <= rec.Last; i++ {
		if _, err := l.Read(i, i, 1); err != nil {
			wantDamage(t, err, name)
			bad++
		}
	}
	if rec.Last != 30 || bad == 0 || bad == 30 {
		t.Fatalf("%d of %d entries are damaged", bad, rec.Last)
	}
}

// TestMissingSegment: each segment that is not there is noticed, the last one too.
func TestMissingSegment(t *testing.T) {
	disk := vfs.NewMemory()
	l := start(t, disk, crashOptions)
	fill(t, l, 1, 30, 700)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for _, name := range files(t, disk, ".log") {
		after := disk.Crash(vfs.Keep)
		if err := after.Remove(path.Join("d", name)); err != nil {
			t.Fatal(err)
		}
		if _, _, err := recovered(after); !errors.Is(err, entry.ErrCorrupt) {
			t.Errorf("without %s: %v", name, err)
		}
	}
}

// TestForeign: segments of another directory, another version, another name, or twice the same
// generation are refused and stay.
func TestForeign(t *testing.T) {
	fresh := func(t *testing.T) (*vfs.Memory, string) {
		disk := vfs.NewMemory()
		if err := start(t, disk, crashOptions).Close(); err != nil {
			t.Fatal(err)
		}
		return disk, path.Join("d", files(t, disk, ".log")[0])
	}
	t.Run("directory", func(t *testing.T) {
		disk, name := fresh(t)
		l, err := wal.Open(disk, "d", wal.Options{Incarnation: 78})
		if err != nil {
			t.Fatal(err)
		}
		_, err = l.Recover()
		wantDamage(t, err, path.Base(name))
		if !strings.Contains(err.Error(), "incarnation") {
			t.Error(err)
		}
	})
	t.Run("version", func(t *testing.T) {
		disk, name := fresh(t)
		if err := disk.Damage(name, 8, 3); err != nil {
			t.Fatal(err)
		}
		_, _, err := recovered(disk)
		wantDamage(t, err, path.Base(name))
		if !strings.Contains(err.Error(), "format version 2, this library reads 1") {
			t.Error(err)
		}
	})
	t.Run("name", func(t *testing.T) {
		disk, name := fresh(t)
		other := path.Join("d", fmt.Sprintf("%020d.%020d.log", 2, 0))
		if err := disk.Rename(name, other); err != nil {
			t.Fatal(err)
		}
		_, _, err := recovered(disk)
		wantDamage(t, err, path.Base(other))
	})
	t.Run("twice", func(t *testing.T) {
		disk, _ := fresh(t)
		f, err := disk.Create(path.Join("d", fmt.Sprintf("%020d.%020d.log", 1, 5)))
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := recovered(disk); err == nil || !strings.Contains(err.Error(), "same generation") {
			t.Error(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

// TestSpliced: a batch that verifies on its own but does not continue the row of batches, because
// two histories of one directory were mixed, is damage.
func TestSpliced(t *testing.T) {
	history := func(size int) *vfs.Memory {
		disk := vfs.NewMemory()
		l := start(t, disk, crashOptions)
		for i := entry.Index(1); i <= 4; i++ {
			if err := l.Store(&entry.Batch{Blocks: []*entry.Block{makeBlock(i, 1, uint64(size), 500)}}); err != nil {
				t.Fatal(err)
			}
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		return disk
	}
	a, b := history(1), history(2)
	name := path.Join("d", files(t, a, ".log")[0])
	first := contentOf(t, a, name)
	boundary := strings.LastIndex(first[:strings.LastIndex(first, "BTCH")], "BTCH")
	mixed := first[:boundary] + contentOf(t, b, name)[boundary:]
	f, err := a.OpenWrite(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte(mixed), 0); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	_, _, err = recovered(a)
	if d := wantDamage(t, err, path.Base(name)); d.Offset != int64(boundary) {
		t.Errorf("damage at byte %d, want %d", d.Offset, boundary)
	}
}

const golden = "testdata/golden"

// TestGolden: the bytes of the format, as the first version wrote them, are still written, and a
// directory with them opens. RAFT_UPDATE_GOLDEN=1 writes the files anew.
func TestGolden(t *testing.T) {
	disk, all, _ := member(t)
	old := vfs.NewMemory()
	if err := old.MkdirAll("d"); err != nil {
		t.Fatal(err)
	}
	for _, name := range files(t, disk, "") {
		got := strings.TrimRight(contentOf(t, disk, path.Join("d", name)), "\x00")
		if os.Getenv("RAFT_UPDATE_GOLDEN") == "1" {
			if err := os.WriteFile(path.Join(golden, name), []byte(got), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path.Join(golden, name))
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s differs from the one in %s, %d bytes instead of %d", name, golden, len(got), len(want))
		}
		whole := append(want, make([]byte, wal.SegmentSizeMin)...)
		if err := vfs.ReplaceFile(old, path.Join("d", name), whole); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := look(old, all); err != nil {
		t.Errorf("the golden directory: %v", err)
	}
}
