package conn

import (
	"fmt"
	"slices"
	"sync"
	"time"
)

// flowTable keeps a connection's flows and counts its calls.
type flowTable struct {
	// slots holds one token for each flow the dialer has open.
	slots chan struct{}

	mu sync.Mutex
	// open are the flows by stream id.
	open map[uint32]*Flow
	// idle are the dialer's flows that wait for a call, the last used one last. At most
	// MaxFlows are open, so as many may be idle.
	// Invariant: each is in open too.
	idle []*Flow
	// early are stream ids that were reset before their flow was accepted, in
	// order of arrival, at most earlyResets. Resets travel on another stream than
	// the flow's opening, so they may overtake its acceptance.
	early []uint32
	// ended is set once resetAll was called.
	ended bool

	// active counts calls in progress.
	active int
	// used is when active fell to 0 last, by monotonic.
	used int64
	// retired is set when no more calls may begin.
	retired bool
}

func (t *flowTable) init() {
	t.slots = make(chan struct{}, MaxFlows)
	t.open = make(map[uint32]*Flow)
	t.used = monotonic()
}

// add enters a flow. A flow whose reset arrived first is reset.
func (t *flowTable) add(f *Flow, bound int) error {
	id := f.stream.StreamID()
	t.mu.Lock()
	if len(t.open) >= bound {
		t.mu.Unlock()
		return fmt.Errorf("%w: more than %d flows at a time", ErrProtocol, bound)
	}
	t.open[id] = f
	dead := t.ended
	if i := slices.Index(t.early, id); i >= 0 {
		t.early = slices.Delete(t.early, i, i+1)
		dead = true
	}
	t.mu.Unlock()
	if dead {
		f.remoteReset()
	}
	return nil
}

func (t *flowTable) remove(f *Flow) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.open, f.stream.StreamID())
}

// takeReset returns the flow to reset. For an id that is not known it returns
// nil and remembers the id, in case its flow is still to be accepted.
func (t *flowTable) takeReset(id uint32) *Flow {
	t.mu.Lock()
	defer t.mu.Unlock()
	if f := t.open[id]; f != nil {
		return f
	}
	if len(t.early) == earlyResets {
		t.early = slices.Delete(t.early, 0, 1)
	}
	t.early = append(t.early, id)
	return nil
}

// resetAll resets every flow, now and from now on.
func (t *flowTable) resetAll() {
	t.mu.Lock()
	t.ended = true
	flows := make([]*Flow, 0, len(t.open))
	for _, f := range t.open {
		flows = append(flows, f)
	}
	t.idle = nil
	t.mu.Unlock()
	for _, f := range flows {
		f.remoteReset()
	}
}

func (t *flowTable) popIdle() *Flow {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := len(t.idle)
	if n == 0 {
		return nil
	}
	f := t.idle[n-1]
	t.idle[n-1] = nil
	t.idle = t.idle[:n-1]
	return f
}

func (t *flowTable) pushIdle(f *Flow) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.retired || t.ended {
		return false
	}
	f.parked = monotonic()
	t.idle = append(t.idle, f)
	return true
}

// takeStale takes out the flows that have been idle for longer than d.
func (t *flowTable) takeStale(d time.Duration) []*Flow {
	limit := monotonic() - int64(d)
	t.mu.Lock()
	defer t.mu.Unlock()
	n := 0
	for n < len(t.idle) && t.idle[n].parked < limit {
		delete(t.open, t.idle[n].stream.StreamID())
		n++
	}
	stale := slices.Clone(t.idle[:n])
	t.idle = slices.Delete(t.idle, 0, n)
	return stale
}

// begin counts a call; it reports false when no more may begin.
func (t *flowTable) begin() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.retired {
		return false
	}
	t.active++
	return true
}

// finish counts a call's end; it reports true when that was the last on a retired
// connection.
func (t *flowTable) finish() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.active--
	if t.active == 0 {
		t.used = monotonic()
	}
	return t.retired && t.active == 0
}

// retire forbids more calls; it reports true when none is in progress.
func (t *flowTable) retire() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.retired = true
	return t.active == 0
}

func (t *flowTable) isRetired() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.retired
}

// idleFor is the time since the last call ended; 0 while one is in progress.
func (t *flowTable) idleFor() time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.active > 0 {
		return 0
	}
	return time.Duration(monotonic() - t.used)
}
