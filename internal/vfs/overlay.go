package vfs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// Overlay is a file system that looks like another one and never changes it: what is written, created,
// renamed and removed stays in memory, page by page. A tool opens a member's directory through it, with the code
// that members use, and leaves no trace; only locks are taken below, so that the member cannot run meanwhile.
// Directories are not created. It is safe for concurrent use; Close gives back the files that it has opened.
type Overlay struct {
	lower FS

	mu sync.Mutex
	// files are those that were opened or made. Guarded by mu.
	files map[string]*overlaid
	// gone are names of the lower file system that were removed or renamed. Guarded by mu.
	gone map[string]bool
	// opened are the lower files. Guarded by mu.
	opened []File
}

var _ FS = (*Overlay)(nil)

// NewOverlay returns an overlay over lower.
func NewOverlay(lower FS) *Overlay {
	return &Overlay{lower: lower, files: make(map[string]*overlaid), gone: make(map[string]bool)}
}

// Close closes the files of the lower file system. Nothing may be read afterwards.
func (o *Overlay) Close() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	var err error
	for _, f := range o.opened {
		err = errors.Join(err, f.Close())
	}
	o.opened = nil
	return err
}

// find returns a file, opening it below when it is not known yet. The caller holds mu.
func (o *Overlay) find(op, name string) (*overlaid, error) {
	name = filepath.Clean(name)
	if f := o.files[name]; f != nil {
		return f, nil
	}
	if o.gone[name] {
		return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
	}
	below, err := o.lower.Open(name)
	if err != nil {
		return nil, err
	}
	o.opened = append(o.opened, below)
	size, err := below.Size()
	if err != nil {
		return nil, err
	}
	f := &overlaid{below: below, belowSize: size, size: size, pages: make(map[int64][]byte)}
	o.files[name] = f
	return f, nil
}

// Create implements [FS].
func (o *Overlay) Create(name string) (File, error) {
	if _, err := o.Stat(name); err == nil {
		return nil, &fs.PathError{Op: "create", Path: name, Err: fs.ErrExist}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	f := &overlaid{pages: make(map[int64][]byte)}
	o.files[filepath.Clean(name)] = f
	return &overlayFile{overlaid: f, name: name}, nil
}

// Open implements [FS].
func (o *Overlay) Open(name string) (File, error) { return o.OpenWrite(name) }

// OpenWrite implements [FS].
func (o *Overlay) OpenWrite(name string) (File, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	f, err := o.find("open", name)
	if err != nil {
		return nil, err
	}
	return &overlayFile{overlaid: f, name: name}, nil
}

// Rename implements [FS].
func (o *Overlay) Rename(from, to string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	f, err := o.find("rename", from)
	if err != nil {
		return err
	}
	from, to = filepath.Clean(from), filepath.Clean(to)
	delete(o.files, from)
	o.gone[from] = true
	o.files[to] = f
	delete(o.gone, to)
	return nil
}

// Remove implements [FS].
func (o *Overlay) Remove(name string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, err := o.find("remove", name); err != nil {
		return err
	}
	delete(o.files, filepath.Clean(name))
	o.gone[filepath.Clean(name)] = true
	return nil
}

// ReadDir implements [FS].
func (o *Overlay) ReadDir(name string) ([]Info, error) {
	below, err := o.lower.ReadDir(name)
	if err != nil {
		return nil, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	infos := slices.DeleteFunc(below, func(info Info) bool {
		at := filepath.Join(name, info.Name)
		return o.gone[at] || o.files[at] != nil
	})
	for at, f := range o.files {
		if filepath.Dir(at) == filepath.Clean(name) {
			infos = append(infos, Info{Name: filepath.Base(at), Size: f.length()})
		}
	}
	slices.SortFunc(infos, func(a, b Info) int { return strings.Compare(a.Name, b.Name) })
	return infos, nil
}

// Stat implements [FS].
func (o *Overlay) Stat(name string) (Info, error) {
	o.mu.Lock()
	f, gone := o.files[filepath.Clean(name)], o.gone[filepath.Clean(name)]
	o.mu.Unlock()
	switch {
	case f != nil:
		return Info{Name: filepath.Base(name), Size: f.length()}, nil
	case gone:
		return Info{}, &fs.PathError{Op: "stat", Path: name, Err: fs.ErrNotExist}
	}
	return o.lower.Stat(name)
}

// MkdirAll implements [FS], for directories that are there.
func (o *Overlay) MkdirAll(name string) error {
	info, err := o.lower.Stat(name)
	if err == nil && !info.Dir {
		err = fmt.Errorf("%s is not a directory", name)
	}
	return err
}

// SyncDir implements [FS].
func (o *Overlay) SyncDir(string) error { return nil }

// Lock implements [FS], in the lower file system.
func (o *Overlay) Lock(name string) (io.Closer, error) { return o.lower.Lock(name) }

// overlaid is the content of a file: pages over what is below, if anything is.
type overlaid struct {
	below File
	mu    sync.Mutex
	// belowSize is how much of below is seen: less once the file was cut. Guarded by mu.
	belowSize int64
	size      int64            // guarded by mu
	pages     map[int64][]byte // guarded by mu
}

const overlayPage = 4096

func (f *overlaid) length() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.size
}

// page fills p with page n. The caller holds mu.
func (f *overlaid) page(n int64, p []byte) error {
	if own := f.pages[n]; own != nil {
		copy(p, own)
		return nil
	}
	clear(p)
	seen := min(int64(len(p)), f.belowSize-n*overlayPage)
	if seen <= 0 {
		return nil
	}
	_, err := f.below.ReadAt(p[:seen], n*overlayPage)
	if err == io.EOF {
		err = nil
	}
	return err
}

// overlayFile is an open file.
type overlayFile struct {
	*overlaid
	name string
}

// ReadAt implements [File].
func (f *overlayFile) ReadAt(b []byte, offset int64) (n int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	page := make([]byte, overlayPage)
	for n < len(b) {
		at := offset + int64(n)
		if at >= f.size {
			return n, io.EOF
		}
		if err := f.page(at/overlayPage, page); err != nil {
			return n, err
		}
		n += copy(b[n:min(int64(len(b)), int64(n)+f.size-at)], page[at%overlayPage:])
	}
	return n, nil
}

// WriteAt implements [File].
func (f *overlayFile) WriteAt(b []byte, offset int64) (n int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for n < len(b) {
		at := offset + int64(n)
		page := make([]byte, overlayPage)
		if err := f.page(at/overlayPage, page); err != nil {
			return n, err
		}
		n += copy(page[at%overlayPage:], b[n:])
		f.pages[at/overlayPage] = page
	}
	f.size = max(f.size, offset+int64(len(b)))
	return n, nil
}

// Truncate implements [File].
func (f *overlayFile) Truncate(size int64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if size < f.size {
		f.belowSize = min(f.belowSize, size)
		for n, page := range f.pages {
			if kept := size - n*overlayPage; kept <= 0 {
				delete(f.pages, n)
			} else if kept < overlayPage {
				clear(page[kept:])
			}
		}
	}
	f.size = size
	return nil
}

// Preallocate implements [File].
func (f *overlayFile) Preallocate(size int64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.size = max(f.size, size)
	return nil
}

// DataEnd implements [File].
func (f *overlayFile) DataEnd() (int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	end := int64(0)
	if f.below != nil {
		below, err := f.below.DataEnd()
		if err != nil {
			return 0, err
		}
		end = min(below, f.belowSize)
	}
	for n := range f.pages {
		end = max(end, min((n+1)*overlayPage, f.size))
	}
	return end, nil
}

// Sync implements [File].
func (f *overlayFile) Sync() error { return nil }

// Size implements [File].
func (f *overlayFile) Size() (int64, error) { return f.length(), nil }

// Name implements [File].
func (f *overlayFile) Name() string { return f.name }

// Close implements [File]. The file below stays open for others, until [Overlay.Close].
func (f *overlayFile) Close() error { return nil }
