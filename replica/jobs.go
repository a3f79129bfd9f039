package replica

import (
	"errors"
	"slices"
	"time"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
)

// outcome is how a piece of work ended: it is put into the inbox.
type outcome = func(*events)

// storeBatch makes a batch durable.
func (r *Replica) storeBatch(b *entry.Batch) outcome {
	began := r.config.Now()
	err := r.config.Log.Store(b)
	r.gauges.synced(time.Duration(r.config.Now() - began))
	room := err == nil && r.room(false)
	return func(ev *events) { ev.stored = &storedEvent{batch: b, err: err, room: room} }
}

func (g *gauges) synced(d time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.syncs.add(d)
}

func (g *gauges) quantiles() (count uint64, p50, p99 time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := min(g.syncs.count, uint64(len(g.syncs.ring)))
	if n == 0 {
		return 0, 0, 0
	}
	sorted := slices.Clone(g.syncs.ring[:n])
	slices.Sort(sorted)
	return g.syncs.count, sorted[n/2], sorted[n*99/100]
}

// compactLog lets the log drop entries. Nobody waits for it.
func (r *Replica) compactLog(through entry.Index) {
	if err := r.config.Log.Compact(through); err != nil {
		r.config.Logger.Warn("the log was not compacted", "member", r.config.ID, "through", through, "error", err)
	}
}

// loadRange reads old entries for a member that lags.
func (r *Replica) loadRange(l core.Load) outcome {
	answer := core.Loaded{To: l.To, Entries: core.Range{First: l.Entries.First}}
	block, err := r.config.Log.Read(l.Entries.First, l.Entries.Last(), l.MaxBytes)
	if err == nil {
		answer.Entries.Count = uint32(block.Len())
		answer.Body = []*entry.Block{block}
	}
	ev := loadedEvent{answer: answer, load: l}
	if err != nil && !errors.Is(err, entry.ErrCompacted) {
		ev.damage, ev.err = r.damaged(l.Entries.First, err)
	}
	if errors.Is(ev.err, entry.ErrCorrupt) {
		r.config.Logger.Error("entries cannot be read; the member gets a snapshot", "member", l.To,
			"first", l.Entries.First, "last", l.Entries.Last(), "error", err)
		ev.err = nil
	}
	return func(all *events) { all.loaded = append(all.loaded, ev) }
}

// runTask does one job of the machine. The image, when not nil, is to be completed beside the next
// jobs.
func (r *Replica) runTask(t *applyTask) (outcome, *image) {
	r.shell.machinist.run(t)
	captured := t.image
	if t.err != nil {
		captured = nil
	}
	return func(ev *events) { ev.applied = t }, captured
}

// completeImage writes the rest of an image and makes it durable.
func (r *Replica) completeImage(i *image) outcome {
	meta, err := r.finishImage(i)
	return func(ev *events) { ev.created = &createdEvent{meta: meta, err: err} }
}
