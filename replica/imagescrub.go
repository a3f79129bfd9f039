package replica

import (
	"errors"
	"io"
	"time"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
)

// This file: the images that are kept are read in the background, slowly, so that damage is found while the
// state is at hand and another one can be taken of it.

// imagePiece is how many bytes one read has.
const imagePiece = 256 << 10

// imagePace says when the next piece is read.
type imagePace struct {
	// due is when, 0 before the first turn has said so.
	due core.Instant
	// busy is true while one is read.
	busy bool
}

// scrubsImages reports whether images are scrubbed at all.
func (c *Config) scrubsImages() bool { return c.Limits.ScrubRate > 0 && !c.Election.Only }

// wantsImageScrub reports whether the next piece is due, and begins it. The first pass comes after a rest, too:
// the start has read the newest image.
func (e *engine) wantsImageScrub(now core.Instant) bool {
	s := &e.writer.heal.pace
	if s.due == 0 {
		s.due = now + core.Instant(e.config.Limits.ImageRest)
	}
	if s.busy || now < s.due || !e.config.scrubsImages() {
		return false
	}
	s.busy = true
	return true
}

// imageScrubDue returns when the next piece is.
func (e *engine) imageScrubDue() core.Instant {
	if s := &e.writer.heal.pace; s.due != 0 && !s.busy && e.config.scrubsImages() {
		return s.due
	}
	return core.Forever
}

// imageReadEvent ends the read of a piece; over is true when the pass has ended.
type imageReadEvent struct{ over bool }

// takeImageRead says when to go on.
func (e *engine) takeImageRead(ev *imageReadEvent) {
	s := &e.writer.heal.pace
	s.busy, s.due = false, e.input.Now+core.Instant(imagePiece*int64(time.Second)/e.config.Limits.ScrubRate)
	if ev.over {
		s.due = e.input.Now + core.Instant(e.config.Limits.ImageRest)
	}
}

// imageScrub is the present pass. Only the work that scrubs images touches it, and what closes it after the end
// of that.
type imageScrub struct {
	// rest are the images that are still to be read; reader reads the one before them, nil when it has been.
	rest   []entry.SnapshotMeta
	reader io.ReadCloser
	under  bool
	piece  []byte
}

// scrubImages reads the next piece of the images.
func (r *Replica) scrubImages() outcome {
	s := &r.shell.images
	if !s.under {
		metas, err := r.config.Snapshots.List()
		if err != nil {
			r.config.Logger.Warn("the snapshots cannot be listed", "member", r.config.ID, "error", err)
		}
		s.rest, s.under, s.piece = metas, true, make([]byte, imagePiece)
	}
	r.readImage(s)
	ev := &imageReadEvent{over: s.reader == nil && len(s.rest) == 0}
	if ev.over {
		*s = imageScrub{}
	}
	return func(all *events) { all.imageRead = ev }
}

// readImage reads the next piece of the present image, or the first one of the next. An image that newer ones
// have replaced meanwhile, or that a disk does not give, is none of its business: damage is, and openImage's
// reader tells.
func (r *Replica) readImage(s *imageScrub) {
	if s.reader == nil && len(s.rest) > 0 {
		meta := s.rest[0]
		s.rest = s.rest[1:]
		reader, err := r.openImage(meta, 0)
		if err != nil {
			return
		}
		s.reader = reader
	}
	if s.reader == nil {
		return
	}
	if _, err := io.ReadFull(s.reader, s.piece); err != nil {
		s.close(r)
	}
}

// close lets go of the image that is being read.
func (s *imageScrub) close(r *Replica) {
	if s.reader == nil {
		return
	}
	if err := s.reader.Close(); err != nil && !errors.Is(err, entry.ErrCorrupt) {
		r.config.Logger.Warn("a snapshot cannot be closed", "member", r.config.ID, "error", err)
	}
	s.reader = nil
}
