package replica

import (
	"fmt"

	"v.io/x/ref/lib/raft/entry"
)

// takeDisk takes what the disk has done.
func (e *engine) takeDisk(ev *diskEvents, act *actions) {
	if ev.stored != nil {
		e.takeStored(ev.stored, act)
	}
	if ev.room != nil {
		e.takeRoom(ev.room, act)
	}
	if ev.repaired != nil {
		e.takeRepaired(ev.repaired)
	}
	if ev.served != nil {
		e.takeServed(ev.served, act)
	}
	if ev.scrubbed != nil {
		e.takeScrubbed(ev.scrubbed, act)
	}
	if ev.imageRead != nil {
		e.takeImageRead(ev.imageRead)
	}
	e.dropStuck()
	h := &e.writer.heal
	e.input.NoRoom, e.input.Impaired = e.writer.space.full, h.impaired || len(h.unsure) > 0
	if h.drop != 0 {
		e.input.Compacted, act.compact, h.drop = h.drop, h.drop, 0
	}
}

// poison stops the replica because of its disk.
func (e *engine) poison(doing string, err error) {
	e.fail(fmt.Errorf("%w: %s: %w", ErrPoisoned, doing, err))
}

func (e *engine) takeStored(s *storedEvent, act *actions) {
	e.writer.busy = false
	if s.err != nil && e.outOfSpace(s.err) {
		e.writer.putBack(s.batch)
		e.noteRoom(false, act)
		return
	}
	if s.err != nil {
		e.fail(fmt.Errorf("%w: %w", ErrPoisoned, s.err))
		return
	}
	e.writer.stored = s.batch.Seq
	e.noteRoom(s.room, act)
	waits := e.writer.installs[:0]
	for _, i := range e.writer.installs {
		if i.after > s.batch.Seq {
			waits = append(waits, i)
			continue
		}
		i.done <- nil
	}
	e.writer.installs = waits
}

// push queues a batch, merging it into the last one when the order of writes allows.
func (w *writer) push(b *entry.Batch) {
	if n := len(w.queue); n > 0 && b.TruncateFrom == 0 && b.Reset == nil {
		last := w.queue[n-1]
		last.Seq, last.Commit = b.Seq, b.Commit
		last.Blocks = append(last.Blocks, b.Blocks...)
		if b.Hard != nil {
			last.Hard = b.Hard
		}
		return
	}
	w.queue = append(w.queue, b)
}
