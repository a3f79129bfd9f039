// Package bench measures the library beside its peers, in one run on one disk. It is a module of its own,
// so that no user of the library inherits what the peers require.
//
//	go -C bench test -run '^$' -bench . -benchtime 300x
//
// The peers' stores are used as their authors use them: hashicorp/raft-wal with its default segments,
// raft-boltdb with syncs, both through raft.LogStore.
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

// appender appends a batch of equal payloads, durable when it returns.
type appender func(first uint64, payload []byte, count int) error

// stores are what is compared, by name.
var stores = map[string]func(b *testing.B, dir string) appender{
	"this":        openThis,
	"raft-wal":    openRaftWAL,
	"raft-boltdb": openBolt,
}

func openThis(b *testing.B, dir string) appender {
	d, err := storage.OS(dir, storage.Options{Member: "m", Incarnation: 1})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { closed(b, d.Close()) })
	if _, err := d.Log().Recover(); err != nil {
		b.Fatal(err)
	}
	return func(first uint64, payload []byte, count int) error {
		var blocks entry.Builder
		sum := entry.Checksum(payload)
		blocks.Reserve(count, count*(entry.HeaderSize+len(payload)))
		for i := range count {
			blocks.Add(entry.Header{Index: entry.Index(first) + entry.Index(i), Term: 1, Size: uint32(len(payload)),
				PayloadSum: sum}, payload)
		}
		return d.Log().Store(&entry.Batch{Blocks: []*entry.Block{blocks.Block()}})
	}
}

func openRaftWAL(b *testing.B, dir string) appender {
	l, err := wal.Open(dir)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { closed(b, l.Close()) })
	return storeLogs(l)
}

func openBolt(b *testing.B, dir string) appender {
	l, err := raftboltdb.NewBoltStore(filepath.Join(dir, "raft.db"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { closed(b, l.Close()) })
	return storeLogs(l)
}

// storeLogs appends through the interface that hashicorp/raft uses.
func storeLogs(s raft.LogStore) appender {
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

// BenchmarkAppend appends the same batches to each store in turn and reports the median time of each, and
// how many times ours the others take.
func BenchmarkAppend(b *testing.B) {
	for _, shape := range []struct{ count, size int }{{1, 128}, {16, 128}, {256, 128}, {16, 16 << 10}} {
		b.Run(fmt.Sprintf("%dx%dB", shape.count, shape.size), func(b *testing.B) {
			payload := bytes.Repeat([]byte{0xa5}, shape.size)
			appenders, times := map[string]appender{}, map[string][]time.Duration{}
			for name, open := range stores {
				appenders[name] = open(b, b.TempDir())
			}
			next := uint64(1)
			for b.Loop() {
				for name, add := range appenders {
					began := time.Now()
					if err := add(next, payload, shape.count); err != nil {
						b.Fatal(err)
					}
					times[name] = append(times[name], time.Since(began))
				}
				next += uint64(shape.count)
			}
			ours := median(times["this"])
			for name, all := range times {
				b.ReportMetric(float64(median(all)), name+"-ns")
				if name != "this" {
					b.ReportMetric(float64(median(all))/float64(ours), name+"/this")
				}
			}
		})
	}
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}
