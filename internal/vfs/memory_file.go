package vfs

import (
	"io"
	"io/fs"
	"maps"
)

// memoryFile is one opening of an inode. Its fields but closed never change.
type memoryFile struct {
	system   *Memory
	node     *inode
	name     string
	writable bool
	closed   bool // guarded by system.mu
}

// Name implements [File].
func (f *memoryFile) Name() string { return f.name }

// check returns why the file cannot be used for an operation, or nil. The lock is held.
func (f *memoryFile) check(op string, write bool, offset int64) error {
	var err error
	switch {
	case f.closed:
		err = fs.ErrClosed
	case write && !f.writable:
		err = fs.ErrPermission
	case offset < 0:
		err = fs.ErrInvalid
	default:
		return nil
	}
	return &fs.PathError{Op: op, Path: f.name, Err: err}
}

// ReadAt implements [File].
func (f *memoryFile) ReadAt(p []byte, offset int64) (int, error) {
	f.system.mu.Lock()
	defer f.system.mu.Unlock()
	if err := f.check("read", false, offset); err != nil {
		return 0, err
	}
	if offset > int64(len(f.node.data)) {
		return 0, io.EOF
	}
	n := copy(p, f.node.data[offset:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// WriteAt implements [File].
func (f *memoryFile) WriteAt(p []byte, offset int64) (int, error) {
	f.system.mu.Lock()
	defer f.system.mu.Unlock()
	if err := f.check("write", true, offset); err != nil {
		return 0, err
	}
	if len(p) == 0 {
		return 0, nil
	}
	end := offset + int64(len(p))
	f.node.resize(max(end, int64(len(f.node.data))))
	copy(f.node.data[offset:end], p)
	for s := offset / SectorSize; s*SectorSize < end; s++ {
		f.node.touch(s)
	}
	return len(p), nil
}

// touch makes a sector dirty.
func (n *inode) touch(sector int64) {
	n.dirty[sector] = true
	delete(n.forgotten, sector)
}

// resize sets the length of data, new bytes being zero. Sectors that a shorter length cut are
// dirty: they hold zeros once the file grows again.
func (n *inode) resize(size int64) {
	if old := int64(len(n.data)); size < old {
		clear(n.data[size:])
		n.data = n.data[:size]
		for s := size / SectorSize; s*SectorSize < old; s++ {
			n.touch(s)
		}
		return
	}
	n.data = grow(n.data, size)
}

func grow(b []byte, size int64) []byte {
	if size > int64(cap(b)) {
		b = append(make([]byte, 0, max(size, int64(2*cap(b)))), b...)
	}
	return b[:max(size, int64(len(b)))]
}

// Sync implements [File].
func (f *memoryFile) Sync() error {
	f.system.mu.Lock()
	defer f.system.mu.Unlock()
	if err := f.check("sync", false, 0); err != nil {
		return err
	}
	n := f.node
	n.synced = withSize(n.synced, int64(len(n.data)))
	for s := range n.dirty {
		copySector(n.synced, n.data, s, SectorSize)
	}
	clear(n.dirty)
	return nil
}

// forget is a Sync that fails, as Linux does it: what was dirty is clean, stays readable as long as
// it stays in the page cache, and no later Sync writes it (Rebello et al., USENIX ATC 2020).
func (f *memoryFile) forget() {
	f.system.mu.Lock()
	defer f.system.mu.Unlock()
	maps.Copy(f.node.forgotten, f.node.dirty)
	clear(f.node.dirty)
}

// withSize returns b cut or filled with zeros to size bytes.
func withSize(b []byte, size int64) []byte {
	if size < int64(len(b)) {
		clear(b[size:])
		return b[:size]
	}
	return grow(b, size)
}

// copySector copies the first n bytes of sector s, as far as both slices have it.
func copySector(dst, src []byte, s int64, n int) {
	from := s * SectorSize
	to := min(from+int64(n), int64(len(dst)), int64(len(src)))
	if from < to {
		copy(dst[from:to], src[from:to])
	}
}

// Truncate implements [File].
func (f *memoryFile) Truncate(size int64) error {
	f.system.mu.Lock()
	defer f.system.mu.Unlock()
	if err := f.check("truncate", true, size); err != nil {
		return err
	}
	f.node.resize(size)
	return nil
}

// Preallocate implements [File].
func (f *memoryFile) Preallocate(size int64) error {
	f.system.mu.Lock()
	defer f.system.mu.Unlock()
	if err := f.check("preallocate", true, size); err != nil {
		return err
	}
	f.node.resize(max(size, int64(len(f.node.data))))
	return nil
}

// DataEnd implements [File].
func (f *memoryFile) DataEnd() (int64, error) {
	f.system.mu.Lock()
	defer f.system.mu.Unlock()
	if err := f.check("seek", false, 0); err != nil {
		return 0, err
	}
	end := len(f.node.data)
	for end > 0 && f.node.data[end-1] == 0 {
		end--
	}
	return int64(end), nil
}

// Size implements [File].
func (f *memoryFile) Size() (int64, error) {
	f.system.mu.Lock()
	defer f.system.mu.Unlock()
	if err := f.check("stat", false, 0); err != nil {
		return 0, err
	}
	return int64(len(f.node.data)), nil
}

// Close implements [File].
func (f *memoryFile) Close() error {
	f.system.mu.Lock()
	defer f.system.mu.Unlock()
	if err := f.check("close", false, 0); err != nil {
		return err
	}
	f.closed = true
	f.system.open--
	return nil
}
