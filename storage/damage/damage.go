// Package damage is the error for bytes on disk that are not what was written.
//
// Damage is not absence: whoever finds it changes nothing, and says where it is and what an operator
// can do. It is one type for the log and for snapshots, so that a member, a tool and a test look for
// one thing.
package damage

import (
	"errors"
	"fmt"

	"v.io/x/ref/lib/raft/entry"
)

// Error says that bytes on disk are not what was written, or that a file is not there. Nothing was
// changed because of it. errors.Is finds entry.ErrCorrupt.
type Error struct {
	File   string // path of the file, or of the directory that misses one
	Offset int64  // bytes from the start of the file
	What   string // what was found and what was expected
	// Cause is wrapped too when it is not nil, such as ErrVoteLost.
	Cause error
}

// ErrVoteLost is wrapped by an error that says that the newest term and vote cannot be read. An older
// vote must not stand for them: the member could vote twice in one term. What is left of the directory
// may serve to look at; as a member it has to begin anew, under a new incarnation (storage.Options.Renew).
var ErrVoteLost = errors.New("the member's newest vote cannot be read")

// At returns an *Error about a place in a file.
func At(file string, offset int64, format string, args ...any) error {
	return &Error{File: file, Offset: offset, What: fmt.Sprintf(format, args...)}
}

// Error names the place, the finding and what to do: a file may be put back from a copy, but not one that
// may have held the newest vote, since the copy could hold an older one.
func (e *Error) Error() string {
	const anew = "move the directory away and let the member join again as a new one"
	advice := "restore the file from a copy taken while the member was stopped, or " + anew
	if errors.Is(e.Cause, ErrVoteLost) {
		advice = "an older copy must not take its place; a member that is not the only voter goes on under a " +
			"new incarnation when it is started, and keeps these files beside, or " + anew
	}
	return fmt.Sprintf("storage: %s is damaged at byte %d: %s; nothing was changed: %s", e.File, e.Offset, e.What, advice)
}

// Unwrap makes errors.Is(e, entry.ErrCorrupt) true, and that of the cause.
func (e *Error) Unwrap() []error {
	if e.Cause == nil {
		return []error{entry.ErrCorrupt}
	}
	return []error{entry.ErrCorrupt, e.Cause}
}
