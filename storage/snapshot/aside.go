package snapshot

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/storage/damage"
)

// asideError is damage in an image that was set aside because of it.
type asideError struct {
	found *damage.Error
	to    string
}

// Error names the place, the finding, what was done and what to do.
func (e *asideError) Error() string {
	return fmt.Sprintf("snapshot: %s was damaged at byte %d: %s; it was set aside as %s, which is never read again: "+
		"remove that when you have looked at it", e.found.File, e.found.Offset, e.found.What, e.to)
}

// Unwrap makes errors.Is find entry.ErrCorrupt.
func (e *asideError) Unwrap() error { return e.found }

// SetAside takes the image named id out of the store, because reading it ended in cause: the file gets
// another name, durably, and is neither listed nor opened again; nothing is deleted, but for an image of
// the same position that had been set aside before. An image that is not, or no more, in the store is none
// of its business, and no error. A new image of the position may be written afterwards.
func (s *Store) SetAside(id string, cause error) error {
	img := s.takeOut(id)
	if img == nil {
		return nil
	}
	defer s.unclaim(img.path)
	return s.moveAside(entry.AsideSnapshot{Meta: img.meta, Cause: cause})
}

// takeOut removes an image from the list and claims its path, so that no sink gives it to another one
// meanwhile. It returns nil when there is none, or when another caller has it.
func (s *Store) takeOut(id string) *image {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.images, func(img *image) bool { return img.meta.ID == id })
	if i < 0 || s.writing[s.images[i].path] {
		return nil
	}
	img := s.images[i]
	// Its last reader leaves the file alone.
	img.removed, img.replaced = true, true
	s.images = slices.Delete(s.images, i, i+1)
	s.writing[img.path] = true
	return img
}

// moveAside renames the file of a damaged image and lists it.
func (s *Store) moveAside(a entry.AsideSnapshot) error {
	at := a.Meta.Position()
	from, to := fileName(at, completeSuffix), fileName(at, asideSuffix)
	err := s.fs.Rename(filepath.Join(s.dir, from), filepath.Join(s.dir, to))
	if err == nil {
		err = s.fs.SyncDir(s.dir)
	}
	if err != nil {
		return fmt.Errorf("snapshot: set aside the damaged %s (%w): %w", from, a.Cause, err)
	}
	var found *damage.Error
	if errors.As(a.Cause, &found) {
		a.Cause = &asideError{found: found, to: to}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.aside = slices.DeleteFunc(s.aside, func(b entry.AsideSnapshot) bool { return b.Meta.Position() == at })
	s.aside = append(s.aside, a)
	return nil
}

// describe reads what can be read about a damaged image: its description is worth having when it is
// intact, whatever became of the rest.
func (s *Store) describe(name string, at entry.Position) entry.AsideSnapshot {
	path := filepath.Join(s.dir, name)
	a := entry.AsideSnapshot{Meta: entry.SnapshotMeta{Index: at.Index, Term: at.Term, Size: -1}}
	a.Cause = &asideError{found: &damage.Error{File: path, What: "found so at an earlier start"}, to: name}
	f, err := s.fs.Open(path)
	if err != nil {
		return a
	}
	h, err := readHead(f, path, s.options.Incarnation)
	if err := errors.Join(err, f.Close()); err == nil && h.meta.Position() == at {
		a.Meta = h.meta
	}
	return a
}

// Aside returns the images that were set aside, now or by an earlier process, newest first.
func (s *Store) Aside() []entry.AsideSnapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := slices.Clone(s.aside)
	slices.SortFunc(all, func(a, b entry.AsideSnapshot) int { return compare(b.Meta.Position(), a.Meta.Position()) })
	return all
}
