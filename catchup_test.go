package raft

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"io"
	"runtime"
	"runtime/metrics"
	"sync"
	"testing"

	"v.io/v23/context"
)

// chain is a client whose whole state is the number of commands and a hash chained over them, so
// that two members with equal states have applied the same commands in the same order. Its image is
// padded to imageSize bytes, so that a member which holds one in memory is found out.
type chain struct {
	mu       sync.Mutex
	count    uint64
	hash     uint64
	restored int
}

func (c *chain) Apply(cmd []byte, index Index) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	h := fnv.New64a()
	fmt.Fprint(h, c.hash, index)
	h.Write(cmd)
	c.count, c.hash = c.count+1, h.Sum64()
	return nil
}

func (c *chain) SaveToSnapshot(_ *context.T, wr io.Writer, response chan<- error) error {
	defer close(response)
	count, hash := c.state()
	if err := binary.Write(wr, binary.LittleEndian, []uint64{count, hash}); err != nil {
		return err
	}
	var padding [64 << 10]byte
	for range imageSize / len(padding) {
		if _, err := wr.Write(padding[:]); err != nil {
			return err
		}
	}
	return nil
}

const imageSize = 64 << 20

func (c *chain) RestoreFromSnapshot(_ *context.T, _ Index, rd io.Reader) error {
	var state [2]uint64
	if err := binary.Read(rd, binary.LittleEndian, &state); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.count, c.hash = state[0], state[1]
	c.restored++
	_, err := io.Copy(io.Discard, rd)
	return err
}

func (c *chain) state() (count, hash uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.count, c.hash
}

// chainMember is a member over a chain.
func chainMember(t *testing.T, m *member) *chain {
	t.Helper()
	client := &chain{}
	r, err := NewRaft(m.ctx, &m.config, client)
	if err != nil {
		t.Fatal(err)
	}
	m.Raft, m.up = r, true
	return client
}

// appendMany appends n commands of size bytes by 256 callers.
func appendMany(t *testing.T, m *member, n, size int) {
	t.Helper()
	var running sync.WaitGroup
	for caller := range 256 {
		running.Go(func() {
			cmd := make([]byte, size)
			for i := caller; i < n; i += 256 {
				binary.LittleEndian.PutUint64(cmd, uint64(i))
				if _, err := m.Append(m.ctx, cmd); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	running.Wait()
}

// heap returns the bytes of the objects that are in use.
func heap() int64 {
	runtime.GC()
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	return int64(live[0].Value.Uint64())
}

// heapPeak measures the heap again and again until the function that it returns is called, which
// returns the most that was in use at a time.
func heapPeak() func() int64 {
	stop, peak := make(chan struct{}), make(chan int64)
	go func() {
		most := heap()
		for {
			select {
			case <-stop:
				peak <- most
				return
			default:
				most = max(most, heap())
			}
		}
	}()
	return func() int64 {
		close(stop)
		return <-peak
	}
}

func TestMemberDownOver100000CommandsCatchesUpWhileWritesGoOn(t *testing.T) {
	const missed, size = 100_000, 16
	c := newCluster(t, 3, func(_ int, config *RaftConfig) { config.SnapshotThreshold = 50_000 })
	clients := make([]*chain, 3)
	for i, m := range c.members {
		m.Stop()
		clients[i] = chainMember(t, m)
	}
	c.start()
	c.elect()
	leader := c.leader()
	away := (leader + 1) % 3
	appendMany(t, c.members[leader], 100, size)
	c.stop(away)
	appendMany(t, c.members[leader], missed, size)
	before, peak := heap(), heapPeak()
	clients[away] = chainMember(t, c.members[away])
	c.members[away].Start()
	appendMany(t, c.members[leader], 10_000, size)
	eventually(t, "the member has caught up", func() bool {
		count, _ := clients[away].state()
		return count == 100+missed+10_000
	})
	if grown := peak() - before; grown > imageSize*3/4 {
		t.Errorf("while it caught up by an image of %d MiB, %d MiB more were in use", imageSize>>20, grown>>20)
	}
	for i := range clients {
		eventually(t, "all states are equal", func() bool {
			count, hash := clients[i].state()
			wantCount, wantHash := clients[away].state()
			return count == wantCount && hash == wantHash
		})
	}
	if clients[away].restored == 0 {
		t.Error("the member came back without an image")
	}
}
