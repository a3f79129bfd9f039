//go:build !linux

package vfs

// Sync is the system's full sync of a file.
func (f osFile) Sync() error { return f.File.Sync() }

// DataEnd cannot tell.
func (f osFile) DataEnd() (int64, error) { return f.Size() }

// Preallocate writes zeros up to size.
func (f osFile) Preallocate(size int64) error { return writeZeros(f.File, size) }
