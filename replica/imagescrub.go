package replica

import (
	"errors"
	"io"
	"time"

	"v.io/x/ref/lib/raft/entry"
)

// This file: the images that are kept are read in the background, slowly, so that damage is found while the
// state is at hand and another one can be taken of it.

const (
	// imagePiece is how many bytes one read has.
	imagePiece = 256 << 10
	// imageScrubRest is the time between two passes, and before the first one.
	imageScrubRest = 10 * time.Minute
)

// scrubImages reads all images again and again, until the replica stops.
func (r *Replica) scrubImages() {
	for r.pause(imageScrubRest) {
		metas, err := r.config.Snapshots.List()
		if err != nil {
			r.config.Logger.Warn("the snapshots cannot be listed", "member", r.config.ID, "error", err)
		}
		for i := range metas {
			r.scrubImage(&metas[i])
		}
	}
}

// pause waits and reports whether the replica still runs.
func (r *Replica) pause(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.ctx.Done():
		return false
	}
}

// scrubImage reads one image. One that newer ones have replaced meanwhile, or that a disk does not give, is
// none of its business: damage is.
func (r *Replica) scrubImage(meta *entry.SnapshotMeta) {
	image, err := r.openImage(*meta, 0)
	if err != nil {
		return
	}
	piece := make([]byte, imagePiece)
	between := time.Duration(imagePiece * int64(time.Second) / r.config.Limits.ScrubRate)
	for err == nil && r.pause(between) {
		_, err = io.ReadFull(image, piece)
	}
	if err := image.Close(); err != nil && !errors.Is(err, entry.ErrCorrupt) {
		r.config.Logger.Warn("a snapshot cannot be closed", "member", r.config.ID, "index", meta.Index, "error", err)
	}
}
