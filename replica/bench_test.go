package replica_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"sync"
	"testing"

	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/replica"
)

// sink is a machine that keeps nothing.
type sink struct{}

func (sink) Apply([]replica.Command, []any) {}

func (sink) Snapshot(context.Context, entry.Index, io.Writer) (func() error, error) { return nil, nil }

func (sink) Restore(context.Context, entry.Index, io.Reader) error { return nil }

// BenchmarkPropose measures three members on a network and disks in memory: what the loop itself
// costs. B/command counts the allocations of all three members and of the callers.
func BenchmarkPropose(b *testing.B) {
	for _, callers := range []int{1, 256, 2048} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			c := newCluster(b, 3, func(_ *member, config *replica.Config) {
				config.Machine = sink{}
				config.Logger = slog.New(slog.DiscardHandler)
				config.Snapshot = replica.SnapshotPolicy{Entries: 20_000, Bytes: -1, Trailing: 1000}
			}).start()
			benchmarkPropose(b, c.leader(), callers)
		})
	}
}

func benchmarkPropose(b *testing.B, m *member, callers int) {
	payload := make([]byte, 128)
	m.propose("first")
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	term := m.Status().Term
	b.ResetTimer()
	var group sync.WaitGroup
	for i := range callers {
		group.Go(func() {
			for k := i; k < b.N; k += callers {
				if _, _, err := m.Propose(b.Context(), payload); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	b.StopTimer()
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(after.TotalAlloc-before.TotalAlloc)/float64(b.N), "B/command")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "commands/s")
	if now := m.Status().Term; now != term {
		b.Errorf("the term went from %d to %d", term, now)
	}
}
