package replica

import (
	"time"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
)

// This file: the log is read in the background, slowly, so that damage is found while others have copies.

// scrubbing is how far the present pass is.
type scrubbing struct {
	// next is the entry to go on from, 0 for the beginning; due is when.
	next entry.Index
	due  core.Instant
	// began is when the pass began, passes how many have come to the end.
	began  core.Instant
	passes uint64
	busy   bool
	// pace is that of the images.
	pace imagePace
}

const (
	// scrubPiece is how many bytes one read of the scrub has, about.
	scrubPiece = 256 << 10
	// scrubRest is the least time between the beginnings of two passes.
	scrubRest = 10 * time.Second
)

// scrubs reports whether the log is scrubbed at all.
func (c *Config) scrubs() bool {
	return c.Limits.ScrubRate > 0 && !c.Election.Only && c.healer() != nil
}

// wantsScrub reports whether the next piece is due, and begins it.
func (e *engine) wantsScrub(now core.Instant) bool {
	s := &e.writer.heal.scrubbing
	if s.busy || now < s.due || !e.config.scrubs() {
		return false
	}
	if s.next == 0 {
		s.began = now
	}
	s.busy = true
	return true
}

// scrubDue returns when the next piece is.
func (e *engine) scrubDue() core.Instant {
	s := &e.writer.heal.scrubbing
	if s.busy || !e.config.scrubs() {
		return core.Forever
	}
	return s.due
}

// scrubbedEvent ends the check of a piece.
type scrubbedEvent struct {
	next   entry.Index
	damage []entry.Damage
	err    error
}

// scrub checks a piece of the log.
func (r *Replica) scrub(from entry.Index) outcome {
	ev := new(scrubbedEvent)
	ev.next, ev.damage, ev.err = r.config.healer().Verify(from, scrubPiece)
	return func(all *events) { all.scrubbed = ev }
}

// takeScrubbed takes the outcome.
func (e *engine) takeScrubbed(ev *scrubbedEvent, act *actions) {
	s := &e.writer.heal.scrubbing
	s.busy, s.next = false, ev.next
	s.due = e.input.Now + core.Instant(scrubPiece*int64(time.Second)/e.config.Limits.ScrubRate)
	if ev.err != nil {
		e.poison("scrubbing the log", ev.err)
		return
	}
	if ev.next == 0 {
		s.passes++
		s.due = max(s.due, s.began+core.Instant(scrubRest))
	}
	e.noteDamage(ev.damage, act)
}
