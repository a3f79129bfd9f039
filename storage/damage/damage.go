// Package damage is the error for bytes on disk that are not what was written.
//
// Damage is not absence: whoever finds it changes nothing, and says where it is and what an operator
// can do. It is one type for the log and for snapshots, so that a member, a tool and a test look for
// one thing.
package damage

import (
	"fmt"

	"v.io/x/ref/lib/raft/entry"
)

// Error says that bytes on disk are not what was written, or that a file is not there. Nothing was
// changed because of it. errors.Is finds entry.ErrCorrupt.
type Error struct {
	File   string // path of the file, or of the directory that misses one
	Offset int64  // bytes from the start of the file
	What   string // what was found and what was expected
}

// At returns an *Error about a place in a file.
func At(file string, offset int64, format string, args ...any) error {
	return &Error{File: file, Offset: offset, What: fmt.Sprintf(format, args...)}
}

// Error names the place, the finding and what to do.
func (e *Error) Error() string {
	return fmt.Sprintf("storage: %s is damaged at byte %d: %s; nothing was changed: "+
		"restore the file from a copy taken while the member was stopped, "+
		"or move the directory away and let the member join again as a new one", e.File, e.Offset, e.What)
}

// Unwrap makes errors.Is(e, entry.ErrCorrupt) true.
func (e *Error) Unwrap() error { return entry.ErrCorrupt }
