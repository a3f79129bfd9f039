package replica

import (
	"errors"
	"slices"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
)

// This file: a log without room. Nothing that needs room is begun, so callers are told at once, and what
// was under way when the room ended is either kept (by a leader, whose followers may have it) or
// forgotten (by all others, who have promised nothing). Terms and votes are written on.

// space is what the engine knows of the room in the log.
type space struct {
	// full is true while the store says that there is none.
	full bool
	// stuck is true while the first batch of the queue has been refused for want of room. Invariant: only
	// while full, and only at a leader.
	stuck bool
	// due is when the store is asked to try for more.
	due core.Instant
}

// roomEvery is how many heartbeats pass until a full log is tried again.
const roomEvery = 5

// roomEvent ends a try for more room.
type roomEvent struct{ room bool }

// healer returns the log store's further abilities, nil when it has none.
func (c *Config) healer() Healer {
	h, _ := c.Log.(Healer)
	return h
}

// room reports whether the log has place for entries, as far as the store tells.
func (r *Replica) room(try bool) bool {
	h := r.config.healer()
	return h == nil || h.Room(try)
}

// tryRoom asks the file system for more.
func (r *Replica) tryRoom() outcome {
	room := r.room(true)
	return func(ev *events) { ev.room = &roomEvent{room: room} }
}

// outOfSpace reports whether an error of the log is the harmless one: nothing was written.
func (e *engine) outOfSpace(err error) bool {
	return errors.Is(err, entry.ErrNoSpace) && e.config.healer() != nil
}

// putBack makes a batch that was not written the next one again.
func (w *writer) putBack(b *entry.Batch) {
	w.queue = slices.Insert(w.queue, 0, b)
	w.space.stuck = true
}

// takeRoom takes the outcome of a try.
func (e *engine) takeRoom(ev *roomEvent, act *actions) {
	e.writer.busy = false
	e.noteRoom(ev.room, act)
}

// noteRoom takes note of whether there is room, and tells it when that changed.
func (e *engine) noteRoom(room bool, act *actions) {
	s := &e.writer.space
	s.due = e.input.Now + roomEvery*core.Instant(e.config.Heartbeat)
	if room {
		s.stuck = false
	}
	if s.full == !room {
		return
	}
	s.full = !room
	event := e.event(EventSpace)
	if s.full {
		event.Err = ErrNoSpace
		e.config.Logger.Error("the log has no room: commands are refused until there is some", "member", e.config.ID)
	} else {
		e.config.Logger.Info("the log has room again", "member", e.config.ID)
	}
	act.events = append(act.events, event)
}

// dropStuck takes the entries out of the batches that wait behind a full disk, when this member does not
// lead, and the acks that wait for them.
func (e *engine) dropStuck() {
	w := &e.writer
	if !w.space.stuck || e.status.Role == core.Leader {
		return
	}
	w.space.stuck = false
	e.input.Unwritten = true
	for _, b := range w.queue {
		b.Blocks, b.Commit = nil, min(b.Commit, e.status.Durable)
	}
	w.held = slices.DeleteFunc(w.held, func(o core.Outgoing) bool { return o.Kind == core.MsgAppendReply })
}

// wantsRoom reports whether it is time to try for more room, and the disk's goroutine is free.
func (w *writer) wantsRoom(now core.Instant) bool {
	return w.space.full && !w.busy && now >= w.space.due
}

// spaceDue returns when the engine must turn because of the room.
func (e *engine) spaceDue() core.Instant {
	s := &e.writer.space
	switch {
	case s.stuck && e.status.Role != core.Leader:
		return e.input.Now
	case s.full && !e.writer.busy:
		return s.due
	}
	return core.Forever
}
