//go:build !linux

package vfs

// Sync is the system's full sync of a file.
func (f osFile) Sync() error { return f.File.Sync() }

// Preallocate writes zeros up to size.
func (f osFile) Preallocate(size int64) error { return writeZeros(f.File, size) }
