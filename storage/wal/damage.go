package wal

import (
	"fmt"

	"v.io/x/ref/lib/raft/entry"
)

// Damage is the error that says that bytes on disk are not what was written, or that a file is not
// there. Nothing was changed because of it. errors.Is finds entry.ErrCorrupt.
type Damage struct {
	File   string // path
	Offset int64  // bytes from the start of the file
	What   string // what was found and what was expected
}

// Error names the place, the finding and what to do.
func (d *Damage) Error() string {
	return fmt.Sprintf("wal: %s is damaged at byte %d: %s; nothing was changed: "+
		"restore the file from a copy taken while the member was stopped, "+
		"or move the directory away and let the member join again as a new one", d.File, d.Offset, d.What)
}

// Unwrap makes errors.Is(d, entry.ErrCorrupt) true.
func (d *Damage) Unwrap() error { return entry.ErrCorrupt }

func damaged(file string, offset int64, format string, args ...any) error {
	return &Damage{File: file, Offset: offset, What: fmt.Sprintf(format, args...)}
}
