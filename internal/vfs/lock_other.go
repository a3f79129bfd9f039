//go:build !darwin && !dragonfly && !freebsd && !linux && !netbsd && !openbsd && !windows

package vfs

import (
	"errors"
	"os"
)

// lockFile refuses: without a lock that ends with the process, two members could write one
// directory.
func lockFile(*os.File) error { return errors.ErrUnsupported }
