// Package bench measures the library beside its peers, in one run on one disk. It is a module of its own,
// so that no user of the library inherits what the peers require.
//
//	go -C bench test -run '^$' -bench . -benchtime 300x
//
// The peers' stores are used as their authors use them: hashicorp/raft-wal with its default segments, or with
// the same smaller ones as this log, raft-boltdb with syncs, both through raft.LogStore.
package bench

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/hashicorp/raft"
	raftboltdb "github.com/hashicorp/raft-boltdb/v2"
	wal "github.com/hashicorp/raft-wal"

	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/storage"
)

// store is a log under measurement.
type store struct {
	// add appends a batch of equal payloads, durable when it returns.
	add func(first uint64, payload []byte, count int) error
	// drop removes the entries from the oldest to through, as after a snapshot.
	drop func(through uint64) error
}

// openers open what is compared, by name, with segments of a size, 0 for its author's.
var openers = map[string]func(b *testing.B, dir string, segment int) store{
	"this":        openThis,
	"raft-wal":    openRaftWAL,
	"raft-boltdb": openBolt,
}

func openThis(b *testing.B, dir string, segment int) store {
	d, err := storage.OS(dir, storage.Options{Member: "m", Incarnation: 1, SegmentSize: int64(segment)})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { closed(b, d.Close()) })
	if _, err := d.Log().Recover(); err != nil {
		b.Fatal(err)
	}
	add := func(first uint64, payload []byte, count int) error {
		var blocks entry.Builder
		sum := entry.Checksum(payload)
		blocks.Reserve(count, count*(entry.HeaderSize+len(payload)))
		for i := range count {
			blocks.Add(entry.Header{Index: entry.Index(first) + entry.Index(i), Term: 1, Size: uint32(len(payload)),
				PayloadSum: sum}, payload)
		}
		return d.Log().Store(&entry.Batch{Blocks: []*entry.Block{blocks.Block()}})
	}
	return store{add, func(through uint64) error { return d.Log().Compact(entry.Index(through)) }}
}

func openRaftWAL(b *testing.B, dir string, segment int) store {
	l, err := wal.Open(dir, wal.WithSegmentSize(segment))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { closed(b, l.Close()) })
	return theirs(l)
}

func openBolt(b *testing.B, dir string, _ int) store {
	l, err := raftboltdb.NewBoltStore(filepath.Join(dir, "raft.db"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { closed(b, l.Close()) })
	return theirs(l)
}

// theirs is a store behind the interface that hashicorp/raft uses.
func theirs(s raft.LogStore) store {
	drop := func(through uint64) error {
		first, err := s.FirstIndex()
		if err != nil {
			return err
		}
		return s.DeleteRange(first, through)
	}
	return store{storeLogs(s), drop}
}

// storeLogs appends through the interface that hashicorp/raft uses.
func storeLogs(s raft.LogStore) func(first uint64, payload []byte, count int) error {
	return func(first uint64, payload []byte, count int) error {
		logs := make([]*raft.Log, count)
		for i := range logs {
			logs[i] = &raft.Log{Index: first + uint64(i), Term: 1, Data: payload}
		}
		return s.StoreLogs(logs)
	}
}

func closed(b *testing.B, err error) {
	if err != nil {
		b.Error(err)
	}
}

// shapes are the batches that are measured.
var shapes = []struct{ count, size int }{{1, 128}, {16, 128}, {256, 128}, {16, 16 << 10}}

// BenchmarkAppend appends the same batches to each store in turn, in segments that are new, and reports the
// median time of each, and how many times ours the others take.
func BenchmarkAppend(b *testing.B) {
	for _, shape := range shapes {
		b.Run(fmt.Sprintf("%dx%dB", shape.count, shape.size), func(b *testing.B) {
			stores := map[string]store{}
			for name, open := range openers {
				stores[name] = open(b, b.TempDir(), 0)
			}
			measure(b, stores, 1, shape.size, shape.count)
		})
	}
}

// The segments of BenchmarkSteady are small, so that it gets through some in seconds.
const (
	steadySegment = 8 << 20
	steadyBatches = 4 * steadySegment / (16 * 64 << 10)
)

// BenchmarkSteady is BenchmarkAppend on the two segmented logs as they are once a member has run for a while: a
// few segments were filled, and dropped behind a snapshot, and so it goes on.
func BenchmarkSteady(b *testing.B) {
	for _, shape := range shapes {
		b.Run(fmt.Sprintf("%dx%dB", shape.count, shape.size), func(b *testing.B) {
			stores := map[string]store{}
			next := uint64(1)
			for _, name := range []string{"this", "raft-wal"} {
				s := openers[name](b, b.TempDir(), steadySegment)
				stores[name], next = s, 1
				for range steadyBatches {
					if err := s.add(next, make([]byte, 64<<10), 16); err != nil {
						b.Fatal(err)
					}
					next += 16
				}
				if err := s.drop(next - 16); err != nil {
					b.Fatal(err)
				}
			}
			measure(b, stores, next, shape.size, shape.count)
		})
	}
}

// measure appends batches from index next on.
func measure(b *testing.B, stores map[string]store, next uint64, size, count int) {
	payload := bytes.Repeat([]byte{0xa5}, size)
	times := map[string][]time.Duration{}
	written := 0
	for b.Loop() {
		full := written >= steadySegment
		for name, s := range stores {
			began := time.Now()
			if err := s.add(next, payload, count); err != nil {
				b.Fatal(err)
			}
			times[name] = append(times[name], time.Since(began))
			if full {
				if err := s.drop(next - 1); err != nil {
					b.Fatal(err)
				}
			}
		}
		if written += size * count; full {
			written = 0
		}
		next += uint64(count)
	}
	ours := median(times["this"])
	for name, all := range times {
		b.ReportMetric(float64(median(all)), name+"-ns")
		if name != "this" {
			b.ReportMetric(float64(median(all))/float64(ours), name+"/this")
		}
	}
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}
