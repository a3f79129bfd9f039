package vfs

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
)

// TooLargeError is returned when a file is longer than its reader is ready to hold in memory.
type TooLargeError struct {
	Name  string
	Size  int64 // bytes found
	Limit int64 // bytes allowed
}

// Error names the file and both sizes.
func (e *TooLargeError) Error() string {
	return fmt.Sprintf("%s has %d bytes, at most %d can be right", e.Name, e.Size, e.Limit)
}

// ReplaceFile makes content the whole content of a file, in one step that a crash does not split:
// a temporary file is written and synced, takes the name, and the directory is synced. The
// temporary file is name with ".tmp" behind it; one that a crash left is overwritten.
func ReplaceFile(fsys FS, name string, content []byte) error {
	temporary := name + ".tmp"
	if err := fsys.Remove(temporary); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove what an interrupted write left: %w", err)
	}
	if err := writeNew(fsys, temporary, content); err != nil {
		return err
	}
	if err := fsys.Rename(temporary, name); err != nil {
		return err
	}
	return fsys.SyncDir(filepath.Dir(name))
}

// writeNew creates a file with the content and syncs it.
func writeNew(fsys FS, name string, content []byte) (err error) {
	f, err := fsys.Create(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := f.WriteAt(content, 0); err != nil {
		return err
	}
	return f.Sync()
}
