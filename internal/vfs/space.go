package vfs

import (
	"errors"
	"syscall"
)

// ErrNoSpace is what a file system says, or a test makes it say, that has no room.
var ErrNoSpace = errors.New("no space left on device")

// NoSpace reports whether an error says that a file system, a quota or a limit leaves no room: what failed
// may work later, without anything being broken.
func NoSpace(err error) bool {
	for _, full := range append([]error{ErrNoSpace, syscall.ENOSPC, syscall.EFBIG}, quota...) {
		if errors.Is(err, full) {
			return true
		}
	}
	return false
}
