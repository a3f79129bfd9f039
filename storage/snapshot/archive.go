package snapshot

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"

	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/internal/vfs"
	"v.io/x/ref/lib/raft/storage/damage"
)

// An archive is an image outside of any member's directory: a backup. It is one file in the format of this
// package, in which the incarnation is 0, so that no directory takes it for its own.

// ErrExists is returned by CreateArchive when the file is there already.
var ErrExists = errors.New("snapshot: the file exists already, and is not replaced")

// CreateArchive begins an archive of the image that meta describes, its size and checksum included, which
// Commit verifies. The file appears under its name complete and synced, or not at all; while it is written it
// is called path + ".tmp". Abort removes it.
func CreateArchive(fsys vfs.FS, path string, meta entry.SnapshotMeta) (entry.SnapshotSink, error) {
	if err := checkMeta(meta); err != nil {
		return nil, err
	}
	if meta.Size < 0 || meta.ID == "" {
		return nil, fmt.Errorf("snapshot: archive image %q of %d bytes: id and size must be known", meta.ID, meta.Size)
	}
	if _, err := fsys.Stat(path); err == nil {
		return nil, fmt.Errorf("%w: %s", ErrExists, path)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("snapshot: archive: %w", err)
	}
	s := archiveStore(fsys, path)
	k := &Sink{store: s, received: true, path: path + ".tmp", target: path}
	if err := k.start(meta); err != nil {
		return nil, errors.Join(err, k.Abort())
	}
	return k, nil
}

func archiveStore(fsys vfs.FS, path string) *Store {
	return &Store{fs: fsys, dir: filepath.Dir(path), writing: make(map[string]bool), parts: make(map[string]*part),
		options: Options{ChunkSize: ChunkSize, SyncBytes: SyncBytesDefault}}
}

// Archive is a complete archive that was opened.
type Archive struct {
	store *Store
	image *image
}

// OpenArchive opens an archive and verifies its head and its end; its chunks are verified as they are read.
// The error wraps entry.ErrCorrupt when the file is not what was written, or ErrForeign when it is an image
// of a directory, or of a later version.
func OpenArchive(fsys vfs.FS, path string) (*Archive, error) {
	s := archiveStore(fsys, path)
	img, err := s.loadFile(path)
	if err != nil {
		return nil, archiveError(path, err)
	}
	s.images = []*image{img}
	return &Archive{store: s, image: img}, nil
}

// archiveError says about a backup what damage.Error says about a member's files.
func archiveError(path string, err error) error {
	var d *damage.Error
	switch {
	case errors.Is(err, ErrForeign):
		return fmt.Errorf("%w: %s is no backup that this version made, but an image out of a member's directory or one of a "+
			"later version", ErrForeign, path)
	case errors.As(err, &d):
		return &archiveDamage{path: path, found: d}
	}
	return err
}

type archiveDamage struct {
	path  string
	found *damage.Error
}

// Error names the place and what to do.
func (e *archiveDamage) Error() string {
	return fmt.Sprintf("%s is not a backup as it was written: at byte %d: %s; use another copy of it",
		e.path, e.found.Offset, e.found.What)
}

// Unwrap makes errors.Is find entry.ErrCorrupt.
func (e *archiveDamage) Unwrap() error { return e.found }

// Meta describes the image.
func (a *Archive) Meta() entry.SnapshotMeta { return a.image.meta }

// Open reads the image from its beginning; the caller closes it.
func (a *Archive) Open() (io.ReadCloser, error) {
	r, err := a.store.Open(a.image.meta.ID, 0)
	if err != nil {
		return nil, archiveError(a.image.path, err)
	}
	return &archiveReader{ReadCloser: r, path: a.image.path}, nil
}

type archiveReader struct {
	io.ReadCloser
	path string
}

// Read implements io.Reader.
func (r *archiveReader) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		err = archiveError(r.path, err)
	}
	return n, err
}
