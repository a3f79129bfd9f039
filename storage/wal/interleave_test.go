package wal_test

import (
	"bytes"
	"path"
	"strings"
	"testing"

	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/internal/vfs"
)

// TestSlowRead holds a read up while its segment is compacted and more is written than fits into the
// spares: the file under the read is not reused, and is closed in the end.
func TestSlowRead(t *testing.T) {
	disk := vfs.NewMemory()
	entered, release := make(chan bool), make(chan bool)
	armed := false // set while no other goroutine uses the file system
	l := start(t, vfs.NewFaulty(disk, func(op vfs.Op) vfs.Fault {
		if armed && op.Kind == vfs.OpRead {
			entered <- true
			<-release
		}
		return vfs.Fault{}
	}), crashOptions)
	fill(t, l, 1, 40, 900)
	armed = true
	type result struct {
		block *entry.Block
		err   error
	}
	done := make(chan result)
	go func() {
		block, err := l.Read(2, 2, 1)
		done <- result{block, err}
	}()
	<-entered
	if err := l.Compact(39); err != nil {
		t.Fatal(err)
	}
	fill(t, l, 41, 80, 900)
	close(release)
	r := <-done
	if r.err != nil || !bytes.Equal(r.block.Bytes(), makeBlock(2, 1, 5, 900).Bytes()) {
		t.Fatalf("the read that was under way: %v", r.err)
	}
	if open, named := disk.OpenFiles(), len(files(t, disk, ".log")); open != named {
		t.Errorf("%d files are open for %d segments", open, named)
	}
}

// TestUnsealedEnd: when a crash took the seal of a segment that has a successor, the segment is read
// whole, and must end where the successor says: a last batch that is not whole is damage there, whatever
// its sectors look like.
func TestUnsealedEnd(t *testing.T) {
	disk := vfs.NewMemory()
	l := start(t, disk, crashOptions)
	fill(t, l, 1, 30, 700)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	name := path.Join("d", files(t, disk, ".log")[1])
	if err := disk.Damage(name, 520, 1); err != nil { // the seal
		t.Fatal(err)
	}
	if _, rec := reopen(t, disk, crashOptions); rec.Last != 30 || rec.Damaged != nil {
		t.Fatalf("without its seal: %+v", rec)
	}
	last := int64(strings.LastIndex(contentOf(t, disk, name), "BTCH")) / vfs.SectorSize
	zeroSector(t, disk, name, last)
	if _, rec := reopen(t, disk, crashOptions); rec.Last != 30 || len(rec.Damaged) != 1 {
		t.Fatalf("without its last sector: %+v", rec)
	}
	zeroSector(t, disk, name, last-1)
	_, _, err := recovered(disk)
	if d := wantDamage(t, err, path.Base(name)); d.Offset != (last-1)*vfs.SectorSize {
		t.Errorf("damage at byte %d, want %d", d.Offset, (last-1)*vfs.SectorSize)
	}
}
