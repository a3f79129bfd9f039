package wal_test

import (
	"errors"
	"path"
	"strings"
	"testing"

	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/internal/vfs"
	"v.io/x/ref/lib/raft/storage/wal"
)

// twoTerms makes a log whose only batch of entries has two terms: entry 1 has term 1, the others term 2.
// The headers of entries 2 and 3 lie in one sector, which is returned; the payload of entry 1 ends there.
func twoTerms(t *testing.T, after int) (disk *vfs.Memory, name string, sector int64) {
	t.Helper()
	disk = vfs.NewMemory()
	l := start(t, disk, crashOptions)
	blocks := []*entry.Block{makeBlock(1, 1, 5, 500), makeBlock(2, 2, 5, 10, 10)}
	for i := range after {
		blocks = append(blocks, makeBlock(entry.Index(4+i), 2, 5, 600))
	}
	if err := errors.Join(l.Store(&entry.Batch{Hard: &entry.HardState{Term: 2}, Blocks: blocks}), l.Close()); err != nil {
		t.Fatal(err)
	}
	name = path.Join("d", files(t, disk, ".log")[0])
	content := contentOf(t, disk, name)
	sector = int64(strings.Index(content, string(blocks[1].Payload(2)))) / vfs.SectorSize
	return disk, name, sector
}

// TestHeld: an end of the log of which not even the terms can be told is not in the log, and the log
// remembers up to where it may have reached, over votes and new segments, until it reaches there again.
func TestHeld(t *testing.T) {
	disk, name, sector := twoTerms(t, 0)
	spoilSector(t, disk, name, sector)
	held := entry.Position{Index: 3, Term: 2}
	l, rec := reopen(t, disk, crashOptions)
	if rec.Last != 1 || rec.Held != held || len(rec.Damaged) != 1 || rec.Hard.Term != 2 {
		t.Fatalf("recovered %+v", rec)
	}
	for term := entry.Term(3); term < 30; term++ { // several segments
		if err := l.Store(&entry.Batch{Hard: &entry.HardState{Term: term}}); err != nil {
			t.Fatal(err)
		}
		if _, rec := reopen(t, disk.Crash(vfs.Lose), crashOptions); rec.Last != 1 || rec.Held != held {
			t.Fatalf("term %d: recovered %+v", term, rec)
		}
	}
	if n := len(files(t, disk, ".log")); n < 3 {
		t.Fatalf("%d segments", n)
	}
	for i := entry.Index(2); i <= 3; i++ {
		if err := l.Store(&entry.Batch{Blocks: []*entry.Block{makeBlock(i, 2, 9, 20)}}); err != nil {
			t.Fatal(err)
		}
		_, rec := reopen(t, disk.Crash(vfs.Lose), crashOptions)
		if want := i == 3; rec.Last != i || (rec.Held == entry.Position{}) != want {
			t.Fatalf("after entry %d: recovered %+v", i, rec)
		}
	}
	fillVotes(t, l, 30, 45)
	if _, rec := reopen(t, disk.Crash(vfs.Lose), crashOptions); rec.Last != 3 || rec.Held != (entry.Position{}) {
		t.Fatalf("later: recovered %+v", rec)
	}
}

func fillVotes(t *testing.T, l *wal.Log, from, to entry.Term) {
	t.Helper()
	for ; from < to; from++ {
		if err := l.Store(&entry.Batch{Hard: &entry.HardState{Term: from}}); err != nil {
			t.Fatal(err)
		}
	}
}

// TestTermsNotCertain: entries whose terms cannot be told and that others follow make the log refused, with
// the entries and the terms that they may have.
func TestTermsNotCertain(t *testing.T) {
	disk, name, sector := twoTerms(t, 2)
	spoilSector(t, disk, name, sector)
	_, _, err := recovered(disk)
	wantDamage(t, err, path.Base(name))
	if !strings.Contains(err.Error(), "which of the terms 1 to 2 they have cannot be told") {
		t.Error(err)
	}
}
