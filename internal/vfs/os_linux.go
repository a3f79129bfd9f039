package vfs

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// Sync is fdatasync: the size is made durable where it matters for reading, times are not.
func (f osFile) Sync() error {
	return f.control("fdatasync", unix.Fdatasync)
}

// Preallocate is fallocate, or a write of zeros on file systems that do not know it.
func (f osFile) Preallocate(size int64) error {
	err := f.control("fallocate", func(fd int) error { return unix.Fallocate(fd, 0, 0, size) })
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOSYS) {
		return writeZeros(f.File, size)
	}
	return err
}

// DataEnd walks over the extents that are not holes or reserved only.
func (f osFile) DataEnd() (int64, error) {
	size, err := f.Size()
	if err != nil {
		return 0, err
	}
	for end := int64(0); ; {
		start, err := f.seek(end, unix.SEEK_DATA)
		if errors.Is(err, unix.ENXIO) {
			return end, nil
		}
		if errors.Is(err, unix.EINVAL) {
			return size, nil
		}
		if err != nil {
			return 0, err
		}
		if end, err = f.seek(start, unix.SEEK_HOLE); err != nil {
			return 0, err
		}
	}
}

func (f osFile) seek(offset int64, whence int) (found int64, err error) {
	err = f.control("seek", func(fd int) (err error) {
		found, err = unix.Seek(fd, offset, whence)
		return err
	})
	return found, err
}

// control runs a system call on the file, again when a signal interrupts it.
func (f osFile) control(name string, call func(fd int) error) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return fmt.Errorf("%s %s: %w", name, f.Name(), err)
	}
	var failed error
	err = conn.Control(func(fd uintptr) {
		for {
			if failed = call(int(fd)); !errors.Is(failed, unix.EINTR) {
				return
			}
		}
	})
	if err == nil {
		err = failed
	}
	if err != nil {
		return fmt.Errorf("%s %s: %w", name, f.Name(), err)
	}
	return nil
}
