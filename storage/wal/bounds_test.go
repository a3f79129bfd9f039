package wal_test

import (
	"path"
	"strings"
	"testing"

	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/internal/vfs"
	"v.io/x/ref/lib/raft/storage/wal"
)

// This file: what the log reads and how its files grow.

// reading counts the bytes that are read of a log.
type reading struct {
	disk  *vfs.Memory
	bytes int
}

func (r *reading) fs() vfs.FS {
	return vfs.NewFaulty(r.disk, func(op vfs.Op) vfs.Fault {
		if op.Kind == vfs.OpRead && strings.HasSuffix(op.Name, ".log") {
			r.bytes += op.Size
		}
		return vfs.Fault{}
	})
}

// TestSegmentsArePreallocated: a segment has its size before the first batch, and no batch makes it longer.
func TestSegmentsArePreallocated(t *testing.T) {
	disk := vfs.NewMemory()
	o := wal.Options{Incarnation: 1, SegmentSize: 64 << 10}
	l := start(t, disk, o)
	for i := entry.Index(1); i <= 200; i++ {
		fill(t, l, i, i, 1000)
		for _, name := range files(t, disk, ".log") {
			if info, err := disk.Stat(path.Join("d", name)); err != nil || info.Size != o.SegmentSize {
				t.Fatalf("after entry %d %s has %d bytes, want %d: %v", i, name, info.Size, o.SegmentSize, err)
			}
		}
	}
	if n := len(files(t, disk, ".log")); n < 4 {
		t.Errorf("%d segments", n)
	}
}

// TestStartReadsTheTail: of segments that are complete a start reads the header and the footer, so that it takes
// as long as the last one needs, however long the log is; and a read of an old entry reads the part of a segment
// that the index names.
func TestStartReadsTheTail(t *testing.T) {
	const size = 1 << 20
	o := wal.Options{Incarnation: 1, SegmentSize: size}
	r := &reading{disk: vfs.NewMemory()}
	l := start(t, r.disk, o)
	block := func(i entry.Index) *entry.Block { return makeBlock(i, 1, 5, 16<<10) }
	var last entry.Index
	for len(files(t, r.disk, ".log")) < 12 {
		last++
		if err := l.Store(&entry.Batch{Blocks: []*entry.Block{block(last)}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l, rec := reopen(t, r.fs(), o)
	if rec.Last != last {
		t.Fatalf("recovered %+v", rec)
	}
	// Twelve segments of 1 MiB: two may be read, and of the others 16 KiB each.
	if most := 2*size + 10*16<<10; r.bytes > most {
		t.Errorf("the start read %d bytes of 12 segments of %d, at most %d were expected", r.bytes, size, most)
	}
	for _, i := range []entry.Index{1, last / 2, last - 70} {
		r.bytes = 0
		if b, err := l.Read(i, i, 1); err != nil || b.First() != i {
			t.Fatalf("entry %d: %v", i, err)
		}
		if r.bytes > size/8 {
			t.Errorf("to return entry %d of 16 KiB %d bytes were read", i, r.bytes)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}
