package wal_test

import (
	"bytes"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/internal/vfs"
	"v.io/x/ref/lib/raft/storage/wal"
)

// BenchmarkStore appends batches to a log on the real disk. In turn with each it writes as many bytes
// of frames to a preallocated file with one write and one fdatasync, the least that any log can
// cost, and reports the medians of both and their ratio, and how many bytes it writes for each of payload,
// segments and their ends included. Run with
//
//	go test -run ^$ -bench Store -benchtime 2000x ./storage/wal
func BenchmarkStore(b *testing.B) {
	for _, shape := range []struct{ count, size int }{{1, 128}, {16, 128}, {256, 128}, {16, 16 << 10}} {
		b.Run(fmt.Sprintf("%dx%dB", shape.count, shape.size), func(b *testing.B) {
			benchmarkStore(b, slices.Repeat([]int{shape.size}, shape.count))
		})
	}
}

func benchmarkStore(b *testing.B, sizes []int) {
	raw := openRaw(b)
	written, payload := int64(0), int64(0)
	l := openReal(b, vfs.NewFaulty(vfs.OS(), func(op vfs.Op) vfs.Fault {
		if op.Kind == vfs.OpWrite {
			written += int64(op.Size)
		}
		return vfs.Fault{}
	}), b.TempDir())
	content := make([]byte, makeBlock(1, 1, 0, sizes...).Size())
	var rawTimes, walTimes []time.Duration
	next, at := entry.Index(1), int64(0)
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		block := makeBlock(next, 1, 0, sizes...)
		if at += int64(len(content)); at+int64(len(content)) > wal.SegmentSizeDefault {
			at = 0
		}
		rawTimes = append(rawTimes, timed(b, func() error { return writeRaw(raw, content, at) }))
		for _, size := range sizes {
			payload += int64(size)
		}
		b.StartTimer()
		walTimes = append(walTimes, timed(b, func() error {
			return l.Store(&entry.Batch{Blocks: []*entry.Block{block}})
		}))
		if next = block.Last() + 1; at == 0 { // as after a snapshot: segments are recycled
			if err := l.Compact(next - 1); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(median(rawTimes)), "raw-ns")
	b.ReportMetric(float64(median(walTimes)), "wal-ns")
	b.ReportMetric(float64(median(walTimes))/float64(median(rawTimes)), "wal/raw")
	b.ReportMetric(float64(written)/float64(payload), "written/payload")
}

// openRaw makes a preallocated file.
func openRaw(b *testing.B) vfs.File {
	f, err := vfs.OS().Create(filepath.Join(b.TempDir(), "raw"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := f.Close(); err != nil {
			b.Error(err)
		}
	})
	if err := f.Preallocate(wal.SegmentSizeDefault); err != nil {
		b.Fatal(err)
	}
	return f
}

func writeRaw(f vfs.File, content []byte, at int64) error {
	if _, err := f.WriteAt(content, at); err != nil {
		return err
	}
	return f.Sync()
}

// openReal makes a log on the real disk.
func openReal(b *testing.B, fsys vfs.FS, dir string) *wal.Log {
	o := wal.Options{Incarnation: 1}
	if err := wal.Create(fsys, dir, o); err != nil {
		b.Fatal(err)
	}
	l, err := wal.Open(fsys, dir, o)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := l.Recover(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := l.Close(); err != nil {
			b.Error(err)
		}
	})
	return l
}

func timed(b *testing.B, f func() error) time.Duration {
	started := time.Now()
	if err := f(); err != nil {
		b.Fatal(err)
	}
	return time.Since(started)
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

// BenchmarkRecover opens a log of 1 GiB and one of ten million entries, of 128 bytes each, and reports how
// much memory its index keeps, and how much of the files it reads. Run with
//
//	go test -run ^$ -bench Recover -benchtime 10x ./storage/wal
func BenchmarkRecover(b *testing.B) {
	for name, entries := range map[string]entry.Index{"1GiB": 6_060_000, "10M-entries": 10_000_000} {
		b.Run(name, func(b *testing.B) { benchmarkRecover(b, entries) })
	}
}

func benchmarkRecover(b *testing.B, entries entry.Index) {
	dir := b.TempDir()
	writer := openReal(b, vfs.OS(), dir)
	payload := bytes.Repeat([]byte{0x5a}, 128)
	h := entry.Header{Term: 1, Size: 128, PayloadSum: entry.Checksum(payload)}
	const batch = 10_000
	for h.Index = 1; h.Index <= entries; {
		var block entry.Builder
		block.Reserve(batch, batch*h.FrameSize())
		for range batch {
			block.Add(h, payload)
			h.Index++
		}
		if err := writer.Store(&entry.Batch{Blocks: []*entry.Block{block.Block()}}); err != nil {
			b.Fatal(err)
		}
	}
	read := int64(0)
	counting := vfs.NewFaulty(vfs.OS(), func(op vfs.Op) vfs.Fault {
		if op.Kind == vfs.OpRead {
			read += int64(op.Size)
		}
		return vfs.Fault{}
	})
	before := heap()
	for b.Loop() {
		read = 0
		l, err := wal.Open(counting, dir, wal.Options{Incarnation: 1})
		if err != nil {
			b.Fatal(err)
		}
		rec, err := l.Recover()
		if err != nil || rec.Last != entries {
			b.Fatal(rec.Last, err)
		}
		b.StopTimer()
		b.ReportMetric(float64(heap()-before), "B-index")
		b.ReportMetric(float64(read), "B-read")
		if err := l.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

// heap returns the bytes in use after a collection.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
