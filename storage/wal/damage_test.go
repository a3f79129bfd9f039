package wal_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/internal/vfs"
	"v.io/x/ref/lib/raft/storage/damage"
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

var flipAll = flag.Bool("flip-all", false, "change every byte of a log, not every seventh")

// TestByteFlips changes every byte of every file of a log (of zeros, every 32nd), or with fewer of them
// when it is not told to change all. After each
// change every entry is right or says that it is damaged, and with copies of the damaged ones the log is
// what it was; or the log is refused, with file and offset; or the byte carried no meaning. Nothing is
// cut, nothing appears, the vote is the newest, and no wrong byte is read.
func TestByteFlips(t *testing.T) {
	disk, all, _ := member(t)
	counts := map[string]int{}
	for _, name := range files(t, disk, "") {
		for offset, c := range []byte(contentOf(t, disk, path.Join("d", name))) {
			if c == 0 && offset%32 != 0 || !*flipAll && offset%7 != 0 {
				continue
			}
			after := disk.Crash(vfs.Keep)
			if err := after.Damage(path.Join("d", name), int64(offset), 1<<(offset%7)); err != nil {
				t.Fatal(err)
			}
			outcome, err := judge(after, all)
			if err != nil {
				t.Fatalf("byte %d of %s: %v", offset, name, err)
			}
			counts[outcome]++
		}
	}
	t.Logf("of all bytes: %v", counts)
	for _, outcome := range []string{"no meaning", "damage listed", "damage read"} {
		if counts[outcome] == 0 {
			t.Errorf("no byte led to %q", outcome)
		}
	}
}

// judge names what happened to a log, and heals it.
func judge(disk *vfs.Memory, all model) (string, error) {
	l, rec, err := recovered(disk)
	if err != nil {
		var d *damage.Error
		if !errors.As(err, &d) || d.File == "" || d.What == "" {
			return "", err
		}
		return "refused", nil
	}
	if rec.Hard != all.hard || rec.Last != all.last() || rec.Held != (entry.Position{}) {
		return "", fmt.Errorf("recovered %+v", rec)
	}
	bad, err := broken(l, rec, all)
	if err != nil {
		return "", err
	}
	if len(bad) == 0 {
		return "no meaning", l.Close()
	}
	outcome := "damage read"
	for _, i := range bad {
		if listed(rec.Damaged, i) {
			outcome = "damage listed"
		}
		if err := l.Repair(all.block(i, i)); err != nil {
			return "", fmt.Errorf("repair of entry %d: %w", i, err)
		}
	}
	if err := errors.Join(all.differs(l, rec), l.Close()); err != nil {
		return "", fmt.Errorf("after the repair of %v: %w", bad, err)
	}
	return outcome, same(disk.Crash(vfs.Lose), all)
}

// broken reads every entry, and returns those that are damaged.
func broken(l *wal.Log, rec entry.Recovered, all model) (bad []entry.Index, err error) {
	for i := rec.Base.Index + 1; i <= rec.Last; i++ {
		block, err := l.Read(i, i, 1)
		switch {
		case errors.Is(err, entry.ErrCorrupt):
			bad = append(bad, i)
		case err != nil:
			return nil, err
		case listed(rec.Damaged, i) || !bytes.Equal(block.Bytes(), all.block(i, i).Bytes()):
			return nil, fmt.Errorf("entry %d: listed %v, or other bytes were read", i, listed(rec.Damaged, i))
		}
	}
	return bad, nil
}

func listed(list []entry.Damage, i entry.Index) bool {
	return slices.ContainsFunc(list, func(d entry.Damage) bool { return d.First <= i && i <= d.Last })
}

// TestDamageIsNotAbsence: an entry whose bytes changed is listed and reads as damaged, with its place,
// in the last batch as well; the others are read, and the file is as it was.
func TestDamageIsNotAbsence(t *testing.T) {
	for i := entry.Index(1); i <= 3; i++ {
		disk := vfs.NewMemory()
		l := start(t, disk, crashOptions)
		fill(t, l, 1, 3, 700)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		name := path.Join("d", files(t, disk, ".log")[0])
		at := strings.Index(contentOf(t, disk, name), string(makeBlock(i, 1, 5, 700).Payload(i)[:100]))
		if err := disk.Damage(name, int64(at), 1); err != nil {
			t.Fatal(err)
		}
		content := contentOf(t, disk, name)
		l, rec := reopen(t, disk, crashOptions)
		want := []entry.Damage{{First: i, Last: i, Known: true}}
		if rec.Last != 3 || !slices.Equal(rec.Damaged, want) || contentOf(t, disk, name) != content {
			t.Fatalf("entry %d damaged: recovered %+v", i, rec)
		}
		for k := entry.Index(1); k <= 3; k++ {
			_, err := l.Read(k, 3, 1<<20)
			if k != i && err != nil {
				t.Fatalf("entry %d damaged: reading %d: %v", i, k, err)
			}
			if k == i {
				d := wantDamage(t, err, path.Base(name))
				if d.Offset != int64(at)-entry.HeaderSize || !strings.Contains(err.Error(), "restore the file") {
					t.Errorf("damage at byte %d instead of %d: %v", d.Offset, at-entry.HeaderSize, err)
				}
			}
		}
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

// zeroSector makes a sector what it is on a disk that never wrote it.
func zeroSector(t *testing.T, disk *vfs.Memory, name string, sector int64) {
	t.Helper()
	f, err := disk.OpenWrite(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(make([]byte, vfs.SectorSize), sector*vfs.SectorSize); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		t.Fatal(err)
	}
}

// TestTornTail: a last batch of which a sector was never written is cut, whichever it is, and the log goes
// on in another segment, where nothing is left of what was cut.
func TestTornTail(t *testing.T) {
	for sector := range int64(3) {
		disk := vfs.NewMemory()
		l := start(t, disk, crashOptions)
		fill(t, l, 1, 3, 1200)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		name := path.Join("d", files(t, disk, ".log")[0])
		end := int64(strings.LastIndex(contentOf(t, disk, name), "BTCH")) / vfs.SectorSize
		zeroSector(t, disk, name, end-sector)
		l, rec := reopen(t, disk, crashOptions)
		if rec.Last != 2 || rec.Damaged != nil {
			t.Fatalf("sector %d from the end: recovered %+v, want 2 entries", sector, rec)
		}
		fill(t, l, 3, 3, 10)
		if len(files(t, disk, ".log")) != 2 {
			t.Fatalf("sector %d from the end: a batch was written over what was cut, in its own generation", sector)
		}
		fill(t, l, 4, 6, 500)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if _, rec := reopen(t, disk, crashOptions); rec.Last != 6 {
			t.Fatalf("recovered %+v, want 6 entries", rec)
		}
	}
}

// voteLog makes a log that ends with a vote, and returns the sectors of the vote's batch.
func voteLog(t *testing.T, vote entry.HardState) (disk *vfs.Memory, name string, first, last int64) {
	t.Helper()
	disk = vfs.NewMemory()
	l := start(t, disk, crashOptions)
	fill(t, l, 1, 1, 200)
	if err := l.Store(&entry.Batch{Hard: &vote, Blocks: []*entry.Block{makeBlock(2, 9, 0, 300, 500)}}); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	name = path.Join("d", files(t, disk, ".log")[0])
	whole := contentOf(t, disk, name)
	first = int64(strings.Index(whole, string(vote.Vote))) / vfs.SectorSize
	return disk, name, first, int64(strings.LastIndex(whole, "BTCH")) / vfs.SectorSize
}

// spoilSector changes every byte of a sector.
func spoilSector(t *testing.T, disk *vfs.Memory, name string, sector int64) {
	t.Helper()
	for i := range int64(vfs.SectorSize) {
		if err := disk.Damage(name, sector*vfs.SectorSize+i, 0x5a); err != nil {
			t.Fatal(err)
		}
	}
}

// TestVoteOutlivesSector: whichever one sector of the last batch goes bad, its vote is not forgotten,
// and not by what is written next either.
func TestVoteOutlivesSector(t *testing.T) {
	vote := entry.HardState{Term: 9, Vote: "candidate"}
	disk, name, first, last := voteLog(t, vote)
	if last-first != 2 {
		t.Fatalf("the batch lies in the sectors %d to %d", first, last)
	}
	for bad := first; bad <= last; bad++ {
		after := disk.Crash(vfs.Keep)
		spoilSector(t, after, name, bad)
		l, rec := reopen(t, after, crashOptions)
		if rec.Hard != vote || rec.Last != 3 || len(rec.Damaged) != 1 {
			t.Fatalf("bad sector %d: recovered %+v, want vote %v", bad, rec, vote)
		}
		if err := l.Store(&entry.Batch{Blocks: []*entry.Block{makeBlock(rec.Last+1, 9, 0, 2000)}}); err != nil {
			t.Fatal(err)
		}
		if _, rec = reopen(t, after.Crash(vfs.Lose), crashOptions); rec.Hard != vote {
			t.Fatalf("bad sector %d, after the next batch: hard state %v, want %v", bad, rec.Hard, vote)
		}
	}
}

// TestVoteLost: when both copies of the newest vote are gone, the log is refused, never opened with an
// older vote; a newer vote makes the loss one of entries only.
func TestVoteLost(t *testing.T) {
	disk, name, first, last := voteLog(t, entry.HardState{Term: 9, Vote: "candidate"})
	for _, sectors := range [][]int64{{first, last}, {first, first + 1, last}} {
		after := disk.Crash(vfs.Keep)
		for _, s := range sectors {
			spoilSector(t, after, name, s)
		}
		content := contentOf(t, after, name)
		_, _, err := recovered(after)
		if wantDamage(t, err, path.Base(name)); !errors.Is(err, damage.ErrVoteLost) {
			t.Errorf("sectors %v: %v", sectors, err)
		}
		if contentOf(t, after, name) != content || after.OpenFiles() != 0 {
			t.Error("the log was changed, or is open")
		}
	}
	// Only the records are bad, in both copies; the descriptions are whole.
	records := func(disk *vfs.Memory) *vfs.Memory {
		after := disk.Crash(vfs.Keep)
		whole := contentOf(t, after, name)
		for at, n := 0, 0; n < 2; n++ {
			at += strings.Index(whole[at:], "candidate") + 1
			if err := after.Damage(name, int64(at), 1); err != nil {
				t.Fatal(err)
			}
		}
		return after
	}
	if _, _, err := recovered(records(disk)); !errors.Is(err, damage.ErrVoteLost) {
		t.Errorf("both records bad: %v", err)
	}
	l, _ := reopen(t, disk, crashOptions)
	newer := entry.HardState{Term: 10, Vote: "another"}
	if err := errors.Join(l.Store(&entry.Batch{Hard: &newer}), l.Close()); err != nil {
		t.Fatal(err)
	}
	if _, rec := reopen(t, records(disk), crashOptions); rec.Hard != newer {
		t.Errorf("with a newer vote: recovered %+v", rec)
	}
}

// TestVoteLostBesideFlips: a bit that flips where nothing was written yet looks like a sector that was written, and
// must not make the newest vote, of which both copies are gone, look like a write that never ended. Alone it has no
// meaning.
func TestVoteLostBesideFlips(t *testing.T) {
	vote := entry.HardState{Term: 9, Vote: "candidate"}
	disk, name, first, last := voteLog(t, vote)
	for behind := last + 1; behind < last+4; behind++ {
		for at := range int64(vfs.SectorSize) {
			alone := disk.Crash(vfs.Keep)
			if err := alone.Damage(name, behind*vfs.SectorSize+at, 1); err != nil {
				t.Fatal(err)
			}
			_, rec := reopen(t, alone.Crash(vfs.Keep), crashOptions)
			if rec.Hard != vote || rec.Last != 3 || len(rec.Damaged) != 0 {
				t.Fatalf("byte %d of sector %d flipped: recovered %+v, want vote %v", at, behind, rec, vote)
			}
			spoilSector(t, alone, name, first)
			spoilSector(t, alone, name, last)
			if _, rec, err := recovered(alone); !errors.Is(err, damage.ErrVoteLost) {
				t.Fatalf("the vote and byte %d of sector %d: %v, recovered %+v", at, behind, err, rec)
			}
		}
	}
}

// TestTruncationOutlivesSector: whichever one sector goes bad of the batch that took entries back, they do
// not come back.
func TestTruncationOutlivesSector(t *testing.T) {
	steps := map[string]*entry.Batch{
		"truncation": {TruncateFrom: 3, Blocks: []*entry.Block{makeBlock(3, 2, 9, 700)}},
		"reset":      {Reset: &entry.Position{Index: 8, Term: 2}, Blocks: []*entry.Block{makeBlock(9, 2, 9, 700)}},
	}
	for name, b := range steps {
		disk := vfs.NewMemory()
		l := start(t, disk, crashOptions)
		if err := l.Store(&entry.Batch{Blocks: []*entry.Block{makeBlock(1, 1, 5, 10, 20, 30, 40, 50)}}); err != nil {
			t.Fatal(err)
		}
		file := path.Join("d", files(t, disk, ".log")[0])
		before := strings.LastIndex(contentOf(t, disk, file), "BTCH") / vfs.SectorSize
		if err := errors.Join(l.Store(b), l.Close()); err != nil {
			t.Fatal(err)
		}
		end := strings.LastIndex(contentOf(t, disk, file), "BTCH") / vfs.SectorSize
		for bad := before + 1; bad <= end; bad++ {
			after := disk.Crash(vfs.Keep)
			spoilSector(t, after, file, int64(bad))
			_, rec := reopen(t, after, crashOptions)
			if rec.Last != b.Blocks[0].Last() || rec.Terms[len(rec.Terms)-1].Term != 2 {
				t.Errorf("%s, bad sector %d: recovered %+v", name, bad, rec)
			}
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
		const old = "00000000000000000005.00000000000000000026.log"
		content, err := os.ReadFile(path.Join("testdata/version1", old))
		if err != nil {
			t.Fatal(err)
		}
		disk := vfs.NewMemory()
		if err := disk.MkdirAll("d"); err != nil {
			t.Fatal(err)
		}
		content = append(content, make([]byte, wal.SegmentSizeMin)...)
		if err := vfs.ReplaceFile(disk, path.Join("d", old), content); err != nil {
			t.Fatal(err)
		}
		_, _, err = recovered(disk)
		if !errors.Is(err, wal.ErrVersion) || !strings.Contains(err.Error(), "version 1, this library reads version 2") ||
			!strings.Contains(err.Error(), "use the version of the library that wrote it") {
			t.Error(err)
		}
		if contentOf(t, disk, path.Join("d", old)) != string(content) {
			t.Error("the old log was changed")
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
	boundary := strings.LastIndex(first, "BTCH")&^(vfs.SectorSize-1) - vfs.SectorSize // the last batch has two sectors
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

// TestGolden: the bytes of format version 2 are still written, and a directory with them opens.
// RAFT_UPDATE_GOLDEN=1 writes the files anew.
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
	if err := same(old, all); err != nil {
		t.Errorf("the golden directory: %v", err)
	}
}

// TestMisdirectedSector writes each sector of each file over each other one, as a disk does that mistakes a
// place: a copy of the segment's header bears no stamp, and is not taken for a place that was never written.
func TestMisdirectedSector(t *testing.T) {
	disk, all, _ := member(t)
	last := entry.Position{Index: all.last(), Term: all.hard.Term}
	counts := map[string]int{}
	for _, name := range files(t, disk, "") {
		name = path.Join("d", name)
		content := contentOf(t, disk, name)
		written := min(int64(len(strings.TrimRight(content, "\x00")))/vfs.SectorSize+1, int64(len(content))/vfs.SectorSize)
		for from := range written {
			for to := range written {
				after := disk.Crash(vfs.Keep)
				if from == to || !moveSector(t, after, name, from, to) {
					continue
				}
				l, rec, err := recovered(after)
				var d *damage.Error
				switch {
				case errors.As(err, &d) && d.File != "" && d.What != "":
					counts["refused"]++
					continue
				case err != nil:
					t.Fatalf("%s, sector %d at %d: %v", name, from, to, err)
				case rec.Hard != all.hard || rec.Last != all.last() && rec.Held != last:
					t.Fatalf("%s, sector %d at %d: recovered %+v, want %v and entry %v", name, from, to, rec, all.hard, last)
				}
				counts["opened"]++
				if _, err := broken(l, rec, all); err != nil {
					t.Fatalf("%s, sector %d at %d: %v", name, from, to, err)
				}
				if err := l.Close(); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	t.Logf("of all misdirected sectors: %v", counts)
	if counts["opened"] == 0 {
		t.Error("no log was opened")
	}
}

// moveSector writes a sector of a file over another one, and reports whether that changed anything. One of zeros
// it leaves where it is: that is a write that was lost, which cannot be told at the end of the log.
func moveSector(t *testing.T, disk *vfs.Memory, name string, from, to int64) (changed bool) {
	t.Helper()
	sector := func(n int64) string { return contentOf(t, disk, name)[n*vfs.SectorSize:][:vfs.SectorSize] }
	old, put := sector(to), sector(from)
	if strings.Trim(put, "\x00") == "" {
		return false
	}
	for i := range vfs.SectorSize {
		if mask := old[i] ^ put[i]; mask != 0 {
			changed = true
			if err := disk.Damage(name, to*vfs.SectorSize+int64(i), mask); err != nil {
				t.Fatal(err)
			}
		}
	}
	return changed
}
