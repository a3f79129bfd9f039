package vfs

import (
	"errors"
	"io"
)

// SectorSize is the unit in bytes in which a disk keeps or loses what was not synced. Real disks
// have sectors of 512 or 4096 bytes; the smaller one allows every outcome of the larger one.
const SectorSize = 512

// ErrLocked is wrapped by the error of Lock when somebody else holds the lock, in this process or
// another.
var ErrLocked = errors.New("locked by another owner")

// FS is a file system. Names are paths as the operating system writes them; Memory takes slashes.
// Every method may be called by several goroutines at once. Errors wrap fs.ErrNotExist,
// fs.ErrExist and so on, like those of package os.
type FS interface {
	// Create makes a new empty file for reading and writing. The error wraps fs.ErrExist when the
	// name is taken.
	Create(name string) (File, error)
	// Open opens a file for reading only.
	Open(name string) (File, error)
	// OpenWrite opens an existing file for reading and writing.
	OpenWrite(name string) (File, error)
	// Rename gives a file another name in the same file system, replacing what had that name, in
	// one step. It is durable after SyncDir of the directory, or of both when it moves to another one.
	Rename(from, to string) error
	// Remove removes a file or an empty directory. An open file stays readable until it is closed.
	Remove(name string) error
	// ReadDir lists a directory, sorted by name.
	ReadDir(name string) ([]Info, error)
	// Stat describes a file or a directory.
	Stat(name string) (Info, error)
	// MkdirAll creates a directory, readable by its owner and group only, and the parents that do
	// not exist. What it creates is durable on return. The error says so when something on the way
	// is a regular file.
	MkdirAll(name string) error
	// SyncDir makes the names in a directory durable.
	SyncDir(name string) error
	// Lock takes an exclusive lock that ends with Close or with the process, creating the file
	// when it does not exist. It never waits: the error wraps ErrLocked when the lock is held,
	// also by this process.
	Lock(name string) (io.Closer, error)
}

// File is an open file. Reads at any place may overlap writes at other places; one goroutine
// writes.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	// Sync makes the content and the size durable. After an error nothing may be assumed about
	// what was written since the Sync before: a second Sync that succeeds proves nothing.
	Sync() error
	// Truncate sets the size. New bytes are zero.
	Truncate(size int64) error
	// Preallocate makes the file at least size bytes long, new bytes being zero, and reserves
	// the space, so that writing there cannot run out of it.
	Preallocate(size int64) error
	// DataEnd returns an offset behind which the file reads as zeros: the size, when the system
	// cannot tell less. Zeros that were written may lie behind it.
	DataEnd() (int64, error)
	// Size returns the length in bytes.
	Size() (int64, error)
	// Name returns the name with which the file was opened.
	Name() string
}

// Info describes a file or a directory.
type Info struct {
	Name string // last element of the path
	Size int64  // bytes; 0 for a directory
	Dir  bool
}

// ReadFile returns the whole content of a file of at most limit bytes.
func ReadFile(fsys FS, name string, limit int64) (content []byte, err error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	if size > limit {
		return nil, &TooLargeError{Name: name, Size: size, Limit: limit}
	}
	content = make([]byte, size)
	if _, err := io.ReadFull(io.NewSectionReader(f, 0, size), content); err != nil {
		return nil, err
	}
	return content, nil
}
