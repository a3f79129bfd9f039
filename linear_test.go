package raft

import (
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"v.io/v23/context"
)

// register is a client whose state is the greatest number that was ever written to it.
type register struct{ value atomic.Uint64 }

func (r *register) Apply(cmd []byte, _ Index) error {
	if n := binary.LittleEndian.Uint64(cmd); n > r.value.Load() {
		r.value.Store(n)
	}
	return nil
}

func (r *register) SaveToSnapshot(_ *context.T, wr io.Writer, response chan<- error) error {
	defer close(response)
	return binary.Write(wr, binary.LittleEndian, r.value.Load())
}

func (r *register) RestoreFromSnapshot(_ *context.T, _ Index, rd io.Reader) error {
	var n uint64
	err := binary.Read(rd, binary.LittleEndian, &n)
	r.value.Store(n)
	return err
}

// history checks that reads of a register that only grows are linearizable: each returns at least what was
// acknowledged, and what another read had returned, before it began, and at most what a write had begun to
// say before it ended.
type history struct {
	mu sync.Mutex
	// begun is the greatest number that a write has begun with, known the greatest that is certain to be
	// in force. Guarded by mu.
	begun, known uint64
}

// write returns the next number to write.
func (h *history) write() uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.begun++
	return h.begun
}

// learn takes note that n was acknowledged, or read.
func (h *history) learn(n uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.known = max(h.known, n)
}

// least returns what a read that begins now must return at least.
func (h *history) least() uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.known
}

// check takes note of a read that ends now and returned n, and began when least was known.
func (h *history) check(least, n uint64) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if n < least || n > h.begun {
		return fmt.Errorf("a read returned %d, when %d was known before it began and nothing above %d was written",
			n, least, h.begun)
	}
	h.known = max(h.known, n)
	return nil
}

// workload writes and reads through every member until it is stopped.
type workload struct {
	history
	// writes and reads count, for each member, those that succeeded.
	writes, reads []atomic.Int64
	stop          chan struct{}
	running       sync.WaitGroup
}

// callBound is how long a call of the workload waits: some cannot succeed while links are cut.
const callBound = 400 * time.Millisecond

func startWorkload(c *cluster, registers []*register) *workload {
	w := &workload{writes: make([]atomic.Int64, len(registers)), reads: make([]atomic.Int64, len(registers)),
		stop: make(chan struct{})}
	for i, r := range registers {
		w.running.Go(func() { w.repeat(func() { w.writeOnce(c.members[i], i) }) })
		for range 2 {
			w.running.Go(func() { w.repeat(func() { w.readOnce(c, i, r) }) })
		}
	}
	return w
}

func (w *workload) repeat(call func()) {
	for {
		select {
		case <-w.stop:
			return
		default:
			call()
		}
	}
}

func (w *workload) writeOnce(m *member, i int) {
	ctx, cancel := context.WithTimeout(m.ctx, callBound)
	defer cancel()
	n := w.write()
	if _, err := m.Append(ctx, binary.LittleEndian.AppendUint64(nil, n)); err == nil {
		w.learn(n)
		w.writes[i].Add(1)
	}
}

func (w *workload) readOnce(c *cluster, i int, r *register) {
	ctx, cancel := context.WithTimeout(c.members[i].ctx, callBound)
	defer cancel()
	least := w.least()
	if _, err := c.members[i].ReadIndex(ctx); err != nil {
		return // Refused is as good as fresh.
	}
	if err := w.check(least, r.value.Load()); err != nil {
		c.t.Errorf("through member %d: %v", i, err)
	}
	w.reads[i].Add(1)
}

// end stops the workload.
func (w *workload) end() {
	close(w.stop)
	w.running.Wait()
}

// progress waits until reads and writes through the members have succeeded again.
func (w *workload) progress(t *testing.T, what string, members ...int) {
	t.Helper()
	for _, i := range members {
		writes, reads := w.writes[i].Load(), w.reads[i].Load()
		eventually(t, fmt.Sprintf("member %d serves %s", i, what), func() bool {
			return w.writes[i].Load() > writes && w.reads[i].Load() > reads
		})
	}
}

// TestReadsAreLinearizableUnderPartition cuts and freezes links while every member writes and reads: with leases,
// too, by which a leader that is cut off goes on answering for a while.
func TestReadsAreLinearizableUnderPartition(t *testing.T) {
	t.Parallel()
	for _, leases := range []bool{false, true} {
		t.Run(fmt.Sprint("leases ", leases), func(t *testing.T) {
			t.Parallel()
			readUnderPartition(t, leases)
		})
	}
}

func readUnderPartition(t *testing.T, leases bool) {
	const members = 3
	c := newCluster(t, members, func(_ int, config *RaftConfig) {
		config.Heartbeat, config.LeaseReads = HeartbeatDefault, leases
	})
	registers := make([]*register, members)
	for i, m := range c.members {
		registers[i] = &register{}
		c.use(m, registers[i])
	}
	w := c.wire()
	c.start()
	c.elect()
	load := startWorkload(c, registers)
	defer load.end()
	load.progress(t, "at the beginning", 0, 1, 2)
	for round := range 12 {
		victim := rand.IntN(members)
		if round%2 == 0 {
			victim = c.leader()
		}
		state, ways := linkCut+round%2, round%3
		w.isolate(victim, state, ways != 1, ways != 2)
		others := []int{(victim + 1) % members, (victim + 2) % members}
		// A member that is heard and does not hear, or the reverse, may lead: only the rest must go on
		// when it is gone altogether.
		if ways == 0 {
			load.progress(t, "beside the isolated one", others...)
		}
		<-time.After(12 * HeartbeatDefault)
		w.set(linkUp)
		load.progress(t, "when all are connected again", 0, 1, 2)
	}
}
