package llog

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// MaxFileSize bounds a log file, in bytes. A file that reaches it is renamed to have the ending ".1", in place of the
// one that had it before, so that a program keeps at most twice as much per severity.
const MaxFileSize = 64 << 20

// logFile is an open log file. Messages are written to it unbuffered: a log is read after crashes.
type logFile struct {
	path string
	file *os.File
	size int64
}

// writeFiles writes the message to the file of its severity and those of all lower ones. The lock is held.
func (l *Log) writeFiles(dir string, severity Severity, message []byte) error {
	for s := InfoLog; s <= severity && s < numSeverities; s++ {
		if l.files[s] == nil {
			name := fmt.Sprintf("%s.%d.%s.log", l.program, os.Getpid(), s)
			opened, err := openLogFile(filepath.Join(dir, name))
			if err != nil {
				return err
			}
			l.files[s] = opened
		}
		if err := l.files[s].write(message); err != nil {
			return err
		}
	}
	return nil
}

// closeFiles closes all files. The lock is held.
func (l *Log) closeFiles() error {
	var failures []error
	for i, f := range l.files {
		if f != nil {
			failures = append(failures, f.file.Close())
			l.files[i] = nil
		}
	}
	return errors.Join(failures...)
}

// Flush makes the files durable.
func (l *Log) Flush() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var failures []error
	for _, f := range l.files {
		if f != nil {
			failures = append(failures, f.file.Sync())
		}
	}
	return errors.Join(failures...)
}

// openLogFile opens a file to append to.
func openLogFile(path string) (*logFile, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &logFile{path: path, file: file, size: info.Size()}, nil
}

// write appends the message, to a new file if the old one is full.
func (f *logFile) write(message []byte) error {
	if f.size+int64(len(message)) > MaxFileSize && f.size > 0 {
		if err := f.rotate(); err != nil {
			return err
		}
	}
	n, err := f.file.Write(message)
	f.size += int64(n)
	return err
}

// rotate begins a new file.
func (f *logFile) rotate() error {
	if err := f.file.Close(); err != nil {
		return err
	}
	if err := os.Rename(f.path, f.path+".1"); err != nil {
		return err
	}
	opened, err := openLogFile(f.path)
	if err != nil {
		return err
	}
	*f = *opened
	return nil
}
