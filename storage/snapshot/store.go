package snapshot

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/internal/vfs"
	"v.io/x/ref/lib/raft/storage/damage"
)

const (
	completeSuffix = ".snap"
	createSuffix   = ".snap.tmp"
	partSuffix     = ".snap.part"
	asideSuffix    = ".snap.damaged"
)

// SyncBytesDefault is how many bytes of an image are written between two syncs, so that the last
// one is short and the log's syncs on the same disk are not held up by gigabytes at once.
const SyncBytesDefault = 16 << 20

// ErrNotFound is wrapped by the error of Open for an image that is not, or no more, in the store.
var ErrNotFound = errors.New("no such snapshot")

// ErrForeign is wrapped by the error of Open for an intact image that was written in another directory, or
// by a later version of the library.
var ErrForeign = errors.New("not an image of this directory")

// ErrBusy is wrapped by the error of Create and Resume while another sink writes an image of the
// same position.
var ErrBusy = errors.New("an image of this position is being written")

// Options say how images are kept.
type Options struct {
	// Incarnation is the directory's. An image that bears another one is refused.
	Incarnation entry.Incarnation
	// SyncBytes is how many bytes are written between two syncs, 0 for SyncBytesDefault.
	SyncBytes int64
	// ChunkSize is the size of a new image's chunks in bytes, 0 for the constant ChunkSize.
	ChunkSize int
}

// check fills in defaults.
func (o *Options) check() error {
	o.SyncBytes = cmp.Or(o.SyncBytes, SyncBytesDefault)
	o.ChunkSize = cmp.Or(o.ChunkSize, ChunkSize)
	if o.SyncBytes < 1 || o.ChunkSize < 1 || o.ChunkSize > ChunkSizeMax {
		return fmt.Errorf("snapshot: sync every %d bytes with chunks of %d, want at least 1 and 1 to %d",
			o.SyncBytes, o.ChunkSize, ChunkSizeMax)
	}
	return nil
}

// Store is the images of one member. Its methods may be called by several goroutines at once. It
// has no goroutine and holds no file open between calls but those of sinks and readers.
type Store struct {
	fs      vfs.FS
	dir     string
	options Options

	// mu guards the fields below, for moments only: no file is touched while it is held.
	mu sync.Mutex
	// images are the complete ones, newest first.
	images []*image
	// aside are those that were set aside, newest first.
	aside []entry.AsideSnapshot
	// writing holds the paths that sinks write.
	writing map[string]bool
	// parts are how far the images are that this process received in part, by path: they need not be read
	// again to go on with them.
	parts map[string]*part
}

// image is a complete image.
type image struct {
	path string
	head head
	meta entry.SnapshotMeta // with the final size and checksum
	// readers counts the readers not closed. Guarded by Store.mu.
	readers int
	// removed is set when the image left the store; the last reader removes the file, unless a new
	// image took its name. Guarded by Store.mu.
	removed, replaced bool
}

// Open returns the store of the images in dir, which must exist. It removes what interrupted writes
// left, but keeps the newest image received in part. A complete image whose head or trailer is damaged is
// set aside (see [Store.SetAside]); its chunks are verified when they are read. Open fails, and changes
// nothing, when the newest image cannot be read for another reason; the error wraps ErrForeign when it is not
// this directory's. Older ones in that state are left alone and not listed.
func Open(fsys vfs.FS, dir string, o Options) (*Store, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	s := &Store{fs: fsys, dir: dir, options: o, writing: make(map[string]bool), parts: make(map[string]*part)}
	infos, err := fsys.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("snapshot: list %s: %w", dir, err)
	}
	damaged, err := s.load(infos)
	if err != nil {
		return nil, err
	}
	for _, found := range damaged {
		if err := s.moveAside(found); err != nil {
			return nil, err
		}
	}
	return s, s.clean(infos)
}

// load fills the lists of images, and returns the damaged ones that are still in their places.
func (s *Store) load(infos []vfs.Info) (damaged []entry.AsideSnapshot, err error) {
	var newest entry.Position
	for _, info := range infos {
		if at, ok := parseName(info.Name, asideSuffix); ok {
			s.aside = append(s.aside, s.describe(info.Name, at))
		}
		at, ok := parseName(info.Name, completeSuffix)
		if !ok {
			continue
		}
		img, failed := s.loadImage(info.Name, at)
		switch {
		case failed == nil:
			s.images = append(s.images, img)
		case errors.Is(failed, entry.ErrCorrupt) && !errors.Is(failed, ErrForeign):
			found := s.describe(info.Name, at)
			found.Cause = failed
			damaged, failed = append(damaged, found), nil
		}
		if compare(at, newest) > 0 {
			newest, err = at, failed
		}
	}
	slices.SortFunc(s.images, func(a, b *image) int { return compare(b.meta.Position(), a.meta.Position()) })
	return damaged, err
}

// compare orders positions by age.
func compare(a, b entry.Position) int {
	return cmp.Or(cmp.Compare(a.Index, b.Index), cmp.Compare(a.Term, b.Term))
}

// fileName returns the name of the file of the image at a position.
func fileName(at entry.Position, suffix string) string {
	return fmt.Sprintf("%020d.%020d%s", at.Term, at.Index, suffix)
}

// parseName is the opposite of fileName; ok is false for other names.
func parseName(name, suffix string) (at entry.Position, ok bool) {
	stem, found := strings.CutSuffix(name, suffix)
	term, index, dot := strings.Cut(stem, ".")
	if !found || !dot {
		return entry.Position{}, false
	}
	t, err := strconv.ParseUint(term, 10, 64)
	if err != nil {
		return entry.Position{}, false
	}
	i, err := strconv.ParseUint(index, 10, 64)
	if err != nil {
		return entry.Position{}, false
	}
	at = entry.Position{Index: entry.Index(i), Term: entry.Term(t)}
	return at, fileName(at, suffix) == name
}

// loadImage reads head and trailer of a complete image.
func (s *Store) loadImage(name string, at entry.Position) (*image, error) {
	img, err := s.loadFile(filepath.Join(s.dir, name))
	if err == nil && img.meta.Position() != at {
		err = damage.At(img.path, 0, "it holds the image of (index %d, term %d)", img.meta.Index, img.meta.Term)
	}
	if err != nil {
		return nil, err
	}
	return img, nil
}

func (s *Store) loadFile(path string) (img *image, err error) {
	f, err := s.fs.Open(path)
	if err != nil {
		return nil, fmt.Errorf("snapshot: open: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	h, err := readHead(f, path, s.options.Incarnation)
	if err != nil {
		return nil, err
	}
	img = &image{path: path, head: h, meta: h.meta}
	return img, img.readTrailer(f)
}

// readHead reads and verifies what is before the first chunk.
func readHead(f vfs.File, path string, store entry.Incarnation) (head, error) {
	fixed := make([]byte, headFixed)
	if _, err := f.ReadAt(fixed, 0); err != nil {
		return head{}, readError(path, 0, err)
	}
	_, n, err := decodeFixed(fixed)
	if errors.Is(err, ErrForeign) {
		return head{}, fmt.Errorf("%w: %w", ErrForeign, damage.At(path, 8, "%v", err))
	}
	if err != nil {
		return head{}, damage.At(path, 0, "%v", err)
	}
	size, err := f.Size()
	if err != nil {
		return head{}, fmt.Errorf("snapshot: size of %s: %w", path, err)
	}
	if int64(headFixed+n) > size {
		return head{}, damage.At(path, 24, "a description of %d bytes in a file of %d", n, size)
	}
	b := make([]byte, headFixed+n)
	if _, err := f.ReadAt(b, 0); err != nil {
		return head{}, readError(path, headFixed, err)
	}
	h, err := decodeHead(b)
	if err != nil {
		return head{}, damage.At(path, 0, "%v", err)
	}
	if h.store != store {
		return head{}, fmt.Errorf("%w: %w", ErrForeign, damage.At(path, 0,
			"it belongs to the directory with incarnation %016x, this one is %016x", h.store, store))
	}
	return h, nil
}

// readTrailer completes the description.
func (img *image) readTrailer(f vfs.File) error {
	length, err := f.Size()
	if err != nil {
		return fmt.Errorf("snapshot: size of %s: %w", img.path, err)
	}
	if length < img.head.size+trailerSize {
		return damage.At(img.path, length, "the file ends before the image does")
	}
	b := make([]byte, trailerSize)
	if _, err := f.ReadAt(b, length-trailerSize); err != nil {
		return readError(img.path, length-trailerSize, err)
	}
	img.meta.Size, img.meta.Checksum, err = img.head.decodeTrailer(b, length)
	if err != nil {
		return damage.At(img.path, length-trailerSize, "%v", err)
	}
	return nil
}

// clean removes what writes that did not end left.
func (s *Store) clean(infos []vfs.Info) error {
	for _, info := range infos {
		_, created := parseName(info.Name, createSuffix)
		at, part := parseName(info.Name, partSuffix)
		if created || part && !s.resumable(info.Name, at) {
			if err := s.remove(filepath.Join(s.dir, info.Name)); err != nil {
				return err
			}
		}
	}
	return nil
}

// resumable reports whether an image received in part may still be wanted.
func (s *Store) resumable(name string, at entry.Position) bool {
	if len(s.images) > 0 && compare(at, s.images[0].meta.Position()) <= 0 {
		return false
	}
	f, err := s.fs.Open(filepath.Join(s.dir, name))
	if err != nil {
		return false
	}
	_, err = readHead(f, name, s.options.Incarnation)
	return errors.Join(err, f.Close()) == nil
}

// remove removes a file that need not be there.
func (s *Store) remove(path string) error {
	if err := s.fs.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("snapshot: remove: %w", err)
	}
	return nil
}

// List returns the complete images, newest first. What they share must not be modified.
func (s *Store) List() ([]entry.SnapshotMeta, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]entry.SnapshotMeta, 0, len(s.images))
	for _, img := range s.images {
		list = append(list, img.meta)
	}
	return list, nil
}

// Retain removes all complete images but the newest keep ones, at least 1. One that is being read
// leaves the list at once and the disk when its last reader is closed.
func (s *Store) Retain(keep int) error {
	if keep < 1 {
		return fmt.Errorf("snapshot: retain %d, want at least 1", keep)
	}
	s.mu.Lock()
	var idle []string
	for len(s.images) > keep {
		img := s.images[len(s.images)-1]
		s.images = s.images[:len(s.images)-1]
		img.removed = true
		if img.readers == 0 {
			idle = append(idle, img.path)
		}
	}
	s.mu.Unlock()
	for _, path := range idle {
		if err := s.remove(path); err != nil {
			return err
		}
	}
	return nil
}
