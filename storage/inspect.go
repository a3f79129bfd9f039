package storage

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"

	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/internal/vfs"
	"v.io/x/ref/lib/raft/storage/snapshot"
	"v.io/x/ref/lib/raft/storage/wal"
)

// Inspection is a member's directory opened by a tool that looks at it. While it is open no member can run
// on the directory. One goroutine uses it.
type Inspection struct {
	fs       vfs.FS
	path     string
	lock     io.Closer
	identity Identity
}

// Inspect opens the directory of the machine's file system at path to look at it. It changes nothing but
// the lock, which it takes: the error wraps ErrLocked while a member runs there. It wraps ErrForeign or
// ErrIdentity when the directory is no member's, or says nothing readable of whose it is.
func Inspect(path string) (*Inspection, error) { return InspectFS(vfs.OS(), path) }

// InspectFS is Inspect on any file system.
func InspectFS(fsys vfs.FS, path string) (*Inspection, error) {
	name := filepath.Join(path, identityFile)
	id, err := readIdentity(fsys, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s has no file %q: name the directory of one member", ErrForeign, path, identityFile)
	}
	if err != nil {
		return nil, err
	}
	if id.Moving {
		return nil, fmt.Errorf("%w: %s began anew as incarnation %s, and not all of the former one's files are set aside: "+
			"start the member, which completes it", ErrIdentity, path, incarnationText(id.Incarnation))
	}
	lock, err := fsys.Lock(filepath.Join(path, lockFile))
	if err != nil {
		return nil, fmt.Errorf("storage: directory %s is in use, or cannot be locked; stop the member that runs on it, "+
			"or look at a copy: %w", path, err)
	}
	return &Inspection{fs: fsys, path: path, lock: lock, identity: id}, nil
}

// Identity returns whose directory it is.
func (i *Inspection) Identity() Identity { return i.identity.clone() }

// Aside returns what was set aside in the directory, when its newest vote was lost.
func (i *Inspection) Aside() ([]Aside, error) { return ListAside(i.fs, i.path) }

// Log runs an inspector, whose Incarnation is filled in, over the directory's log.
func (i *Inspection) Log(inspector wal.Inspector) error {
	inspector.Incarnation = i.identity.Incarnation
	return inspector.Run(i.fs, i.path)
}

// Snapshots returns the directory's complete images, newest first, and those that are damaged. read is given
// each image to read it whole, so that it can say how far it is and be interrupted; with nil only heads and
// trailers are read. An error of read that does not come from the image ends the inspection and is returned.
func (i *Inspection) Snapshots(read func(meta entry.SnapshotMeta, image io.Reader) error) (
	list []entry.SnapshotMeta, damaged []entry.AsideSnapshot, err error) {
	o := snapshot.Options{Incarnation: i.identity.Incarnation}
	s, err := snapshot.Open(untouched{i.fs}, i.path, o)
	if err != nil {
		return nil, nil, err
	}
	if list, err = s.List(); err != nil {
		return nil, nil, err
	}
	damaged = s.Aside()
	for _, meta := range list {
		if read == nil {
			break
		}
		failed := readImage(s, meta, read)
		if errors.Is(failed, entry.ErrCorrupt) {
			damaged = append(damaged, entry.AsideSnapshot{Meta: meta, Cause: failed})
		} else if failed != nil {
			return nil, nil, failed
		}
	}
	return list, damaged, nil
}

// readImage lets read read all of an image.
func readImage(s *snapshot.Store, meta entry.SnapshotMeta, read func(entry.SnapshotMeta, io.Reader) error) error {
	r, err := s.Open(meta.ID, 0)
	if err != nil {
		return err
	}
	return errors.Join(read(meta, r), r.Close())
}

// Close gives the directory back.
func (i *Inspection) Close() error { return i.lock.Close() }

// untouched is a file system that seems to be changed and is not: what a store of images does when it is
// opened, setting aside what is damaged and removing what is left over, must not happen while a tool looks.
type untouched struct{ vfs.FS }

// ReadDir leaves out what the store would remove.
func (u untouched) ReadDir(name string) ([]vfs.Info, error) {
	infos, err := u.FS.ReadDir(name)
	var kept []vfs.Info
	for _, info := range infos {
		if strings.Contains(info.Name, ".snap") && !strings.HasSuffix(info.Name, ".snap.tmp") {
			kept = append(kept, info)
		}
	}
	return kept, err
}

// Rename does nothing.
func (untouched) Rename(string, string) error { return nil }

// Remove does nothing.
func (untouched) Remove(string) error { return nil }

// SyncDir does nothing.
func (untouched) SyncDir(string) error { return nil }
