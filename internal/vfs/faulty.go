package vfs

import "io"

// OpKind names an operation of a file system or a file.
type OpKind string

// The operations that a [Faulty] asks about.
const (
	OpCreate      OpKind = "create"
	OpOpen        OpKind = "open"
	OpRename      OpKind = "rename"
	OpRemove      OpKind = "remove"
	OpReadDir     OpKind = "readdir"
	OpStat        OpKind = "stat"
	OpMkdir       OpKind = "mkdir"
	OpSyncDir     OpKind = "syncdir"
	OpLock        OpKind = "lock"
	OpRead        OpKind = "read"
	OpWrite       OpKind = "write"
	OpSync        OpKind = "sync"
	OpTruncate    OpKind = "truncate"
	OpPreallocate OpKind = "preallocate"
	OpSize        OpKind = "size"
	OpClose       OpKind = "close"
)

// Op is one call about to happen.
type Op struct {
	Kind   OpKind
	Name   string // of the file; for a rename the old name
	Offset int64  // of a read or write; the size for Truncate and Preallocate
	Size   int    // bytes to read or write
}

// Changes reports whether the operation changes what is on disk or makes it durable.
func (o Op) Changes() bool {
	switch o.Kind {
	case OpOpen, OpReadDir, OpStat, OpLock, OpRead, OpSize, OpClose:
		return false
	}
	return true
}

// Fault is what happens to an operation instead of what was asked for.
type Fault struct {
	// Err fails the operation when it is not nil. A Sync of a file of a [Memory] that fails forgets what
	// was to be synced: a later Sync succeeds without it.
	Err error
	// Bytes of a failing write are written first.
	Bytes int
}

// Faulty is a file system that asks before each operation whether it fails. Inject may block, which
// is a stall of that operation; it is called by whatever goroutine calls the file system.
type Faulty struct {
	inner  FS
	inject func(Op) Fault
}

// NewFaulty returns inner behind inject.
func NewFaulty(inner FS, inject func(Op) Fault) *Faulty { return &Faulty{inner: inner, inject: inject} }

func (f *Faulty) fail(kind OpKind, name string) error {
	return f.inject(Op{Kind: kind, Name: name}).Err
}

func (f *Faulty) file(kind OpKind, name string, open func(string) (File, error)) (File, error) {
	if err := f.fail(kind, name); err != nil {
		return nil, err
	}
	opened, err := open(name)
	if err != nil {
		return nil, err
	}
	return &faultyFile{File: opened, inject: f.inject}, nil
}

// Create implements [FS].
func (f *Faulty) Create(name string) (File, error) { return f.file(OpCreate, name, f.inner.Create) }

// Open implements [FS].
func (f *Faulty) Open(name string) (File, error) { return f.file(OpOpen, name, f.inner.Open) }

// OpenWrite implements [FS].
func (f *Faulty) OpenWrite(name string) (File, error) { return f.file(OpOpen, name, f.inner.OpenWrite) }

// Rename implements [FS].
func (f *Faulty) Rename(from, to string) error {
	if err := f.fail(OpRename, from); err != nil {
		return err
	}
	return f.inner.Rename(from, to)
}

// Remove implements [FS].
func (f *Faulty) Remove(name string) error {
	if err := f.fail(OpRemove, name); err != nil {
		return err
	}
	return f.inner.Remove(name)
}

// ReadDir implements [FS].
func (f *Faulty) ReadDir(name string) ([]Info, error) {
	if err := f.fail(OpReadDir, name); err != nil {
		return nil, err
	}
	return f.inner.ReadDir(name)
}

// Stat implements [FS].
func (f *Faulty) Stat(name string) (Info, error) {
	if err := f.fail(OpStat, name); err != nil {
		return Info{}, err
	}
	return f.inner.Stat(name)
}

// MkdirAll implements [FS].
func (f *Faulty) MkdirAll(name string) error {
	if err := f.fail(OpMkdir, name); err != nil {
		return err
	}
	return f.inner.MkdirAll(name)
}

// SyncDir implements [FS].
func (f *Faulty) SyncDir(name string) error {
	if err := f.fail(OpSyncDir, name); err != nil {
		return err
	}
	return f.inner.SyncDir(name)
}

// Lock implements [FS].
func (f *Faulty) Lock(name string) (io.Closer, error) {
	if err := f.fail(OpLock, name); err != nil {
		return nil, err
	}
	return f.inner.Lock(name)
}

type faultyFile struct {
	File
	inject func(Op) Fault
}

// ReadAt implements [File].
func (f *faultyFile) ReadAt(p []byte, offset int64) (int, error) {
	if fault := f.inject(Op{OpRead, f.Name(), offset, len(p)}); fault.Err != nil {
		return 0, fault.Err
	}
	return f.File.ReadAt(p, offset)
}

// WriteAt implements [File].
func (f *faultyFile) WriteAt(p []byte, offset int64) (int, error) {
	fault := f.inject(Op{OpWrite, f.Name(), offset, len(p)})
	if fault.Err == nil {
		return f.File.WriteAt(p, offset)
	}
	n, err := f.File.WriteAt(p[:min(fault.Bytes, len(p))], offset)
	if err != nil {
		return n, err
	}
	return n, fault.Err
}

// Sync implements [File].
func (f *faultyFile) Sync() error {
	fault := f.inject(Op{Kind: OpSync, Name: f.Name()})
	if fault.Err == nil {
		return f.File.Sync()
	}
	if m, ok := f.File.(*memoryFile); ok {
		m.forget()
	}
	return fault.Err
}

// Truncate implements [File].
func (f *faultyFile) Truncate(size int64) error {
	if fault := f.inject(Op{Kind: OpTruncate, Name: f.Name(), Offset: size}); fault.Err != nil {
		return fault.Err
	}
	return f.File.Truncate(size)
}

// Preallocate implements [File].
func (f *faultyFile) Preallocate(size int64) error {
	if fault := f.inject(Op{Kind: OpPreallocate, Name: f.Name(), Offset: size}); fault.Err != nil {
		return fault.Err
	}
	return f.File.Preallocate(size)
}

// Size implements [File].
func (f *faultyFile) Size() (int64, error) {
	if fault := f.inject(Op{Kind: OpSize, Name: f.Name()}); fault.Err != nil {
		return 0, fault.Err
	}
	return f.File.Size()
}

// Close implements [File]. The file is closed even when the fault says that closing failed.
func (f *faultyFile) Close() error {
	fault := f.inject(Op{Kind: OpClose, Name: f.Name()})
	if err := f.File.Close(); err != nil {
		return err
	}
	return fault.Err
}
