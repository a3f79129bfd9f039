package entry

import (
	"errors"
	"io"
)

// ErrCompacted is wrapped by the error of a read whose first entry is no longer in the log.
var ErrCompacted = errors.New("entries were compacted away")

// ErrCopyRefused is wrapped by the error of a repair whose copies are not those of the damaged entries:
// nothing was changed.
var ErrCopyRefused = errors.New("not a copy of the damaged entries")

// ErrNoSpace is wrapped by the error of a Store that wrote nothing at all because the file system has
// no room. It is the one error of a Store that does not poison: the batch did not happen and may be
// stored later, or never.
var ErrNoSpace = errors.New("no space left for the log")

// SnapshotSink receives one image of a member's state. One goroutine uses it; exactly one of Commit
// and Abort ends it.
type SnapshotSink interface {
	io.Writer
	// Commit makes the image durable and visible in one step and returns its final description.
	Commit() (SnapshotMeta, error)
	// Abort discards the image, or keeps the received part for a later resume. After an error of
	// Write or Commit, Abort is still called.
	Abort() error
}

// AsideSnapshot is an image that its store has set aside, because its bytes are not what was written:
// they stay on disk, under another name, for people, and are never read as an image again.
type AsideSnapshot struct {
	// Meta describes the image: its position always, the rest when the description is intact. Else
	// Meta.Configuration has no members.
	Meta SnapshotMeta
	// Cause says what was found, and where. It wraps ErrCorrupt.
	Cause error
}
