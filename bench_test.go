//go:build linux

package raft

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"v.io/v23/context"
)

// benchCluster is three members over loopback, each command of 128 bytes.
func benchCluster(b *testing.B) (*cluster, *member) {
	b.Helper()
	c := newCluster(b, 3, func(_ int, config *RaftConfig) { config.Heartbeat = HeartbeatDefault })
	c.startWithoutState()
	leader := c.leader()
	c.append(leader, "warm up")
	return c, c.members[leader]
}

// BenchmarkAppend measures Append at the leader with 1, 16, 256 and 2048 callers, each waiting for its
// command to be applied: every write synced, every connection encrypted and authorised. The single
// caller stands beside the raw cost of the same commit on the same disk (rawCommit). It reports
// commands per second, the median and 99th percentile of latency, and the bytes allocated per
// command by all three members and the callers.
func BenchmarkAppend(b *testing.B) {
	for _, callers := range []int{1, 16, 256, 2048} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			_, leader := benchCluster(b)
			measure(b, callers, func(ctx *context.T, cmd []byte) error {
				_, err := leader.Append(ctx, cmd)
				return err
			}, leader.ctx)
		})
	}
	b.Run("raw", rawCommit)
}

// measure runs b.N calls by a number of callers and reports figures.
func measure(b *testing.B, callers int, call func(*context.T, []byte) error, ctx *context.T) {
	latencies := make([][]time.Duration, callers)
	var left atomic.Int64
	left.Store(int64(b.N))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	b.ResetTimer()
	var running sync.WaitGroup
	for i := range callers {
		running.Go(func() {
			cmd := make([]byte, 128)
			for left.Add(-1) >= 0 {
				began := time.Now()
				if err := call(ctx, cmd); err != nil {
					b.Error(err)
					return
				}
				latencies[i] = append(latencies[i], time.Since(began))
			}
		})
	}
	running.Wait()
	b.StopTimer()
	runtime.ReadMemStats(&after)
	all := slices.Concat(latencies...)
	slices.Sort(all)
	if len(all) > 0 {
		b.ReportMetric(float64(all[len(all)/2].Microseconds()), "p50-µs")
		b.ReportMetric(float64(all[len(all)*99/100].Microseconds()), "p99-µs")
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "cmds/s")
	b.ReportMetric(float64(after.TotalAlloc-before.TotalAlloc)/float64(b.N), "B/cmd")
}

// rawCommit is what no replicated log can go below: an append and a sync on one file, beside a round
// trip over loopback TCP to two others that append and sync before they answer; done when two of the
// three are.
func rawCommit(b *testing.B) {
	local := make(chan int64, 1)
	done := make(chan error, 3)
	var running sync.WaitGroup
	file := preallocated(b, filepath.Join(b.TempDir(), "leader"), 64<<20)
	running.Go(func() {
		for at := range local {
			done <- appendRaw(file, at)
		}
	})
	followers := []net.Conn{rawFollower(b, &running, "one"), rawFollower(b, &running, "two")}
	for _, f := range followers {
		running.Go(func() {
			var answer [8]byte
			for {
				if _, err := io.ReadFull(f, answer[:]); err != nil {
					return // The benchmark has closed the connection.
				}
				done <- nil
			}
		})
	}
	latencies := make([]time.Duration, 0, b.N)
	b.ResetTimer()
	for n := range b.N {
		began := time.Now()
		request := make([]byte, rawFrame)
		at := int64(n*rawFrame) % (63 << 20)
		binary.LittleEndian.PutUint64(request, uint64(at))
		for _, f := range followers {
			if _, err := f.Write(request); err != nil {
				b.Fatal(err)
			}
		}
		local <- at
		for k := range 3 {
			if err := <-done; err != nil {
				b.Fatal(err)
			}
			if k == 1 {
				latencies = append(latencies, time.Since(began))
			}
		}
	}
	b.StopTimer()
	close(local)
	for _, f := range followers {
		if err := f.Close(); err != nil {
			b.Error(err)
		}
	}
	running.Wait()
	slices.Sort(latencies)
	b.ReportMetric(float64(latencies[len(latencies)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(latencies[len(latencies)*99/100].Microseconds()), "p99-µs")
}

// rawFrame is the size of one append, a command of 128 bytes with everything around it.
const rawFrame = 256

// appendRaw writes one frame and syncs it.
func appendRaw(f *os.File, at int64) error {
	if _, err := f.WriteAt(make([]byte, rawFrame), at); err != nil {
		return err
	}
	return unix.Fdatasync(int(f.Fd()))
}

// rawFollower starts a goroutine that appends and syncs what arrives before it answers, and returns
// the connection to it.
func rawFollower(b *testing.B, running *sync.WaitGroup, name string) net.Conn {
	b.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	file := preallocated(b, filepath.Join(b.TempDir(), name), 64<<20)
	running.Go(func() {
		conn, err := listener.Accept()
		if err != nil {
			b.Error(err)
			return
		}
		request := make([]byte, rawFrame)
		for {
			if _, err := io.ReadFull(conn, request); err != nil {
				break // The other end was closed.
			}
			err := appendRaw(file, int64(binary.LittleEndian.Uint64(request)))
			if _, werr := conn.Write(request[:8]); err != nil || werr != nil {
				b.Error(err, werr)
				break
			}
		}
		if err := errors.Join(conn.Close(), listener.Close()); err != nil {
			b.Error(err)
		}
	})
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	return conn
}

// preallocated returns a file of zeros whose blocks are on the disk.
func preallocated(b *testing.B, name string, size int) *os.File {
	b.Helper()
	f, err := os.Create(name)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := f.Close(); err != nil {
			b.Error(err)
		}
	})
	zeros := make([]byte, 1<<20)
	for range size >> 20 {
		if _, err := f.Write(zeros); err != nil {
			b.Fatal(err)
		}
	}
	if err := f.Sync(); err != nil {
		b.Fatal(err)
	}
	return f
}
