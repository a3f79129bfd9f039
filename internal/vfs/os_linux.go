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
