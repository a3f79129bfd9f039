package security

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"v.io/v23/security"
	"v.io/v23/vom"
)

// errReadOnly is returned for changes to a principal that was loaded read-only.
var errReadOnly = errors.New("security: the principal was loaded read-only")

// stateFile keeps one value in a pair of files, the VOM of the value and the
// principal's signature of it:
//
//	<name>.data   <name>.sig
//
// Two files cannot be replaced at once, so a change goes
//
//	write and sync <name>.data.next and <name>.sig.next
//	rename <name>.data.next to <name>.data
//	rename <name>.sig.next to <name>.sig
//
// and a reader that finds new data beside an old signature, because a process
// died between the renames, looks for the new signature under its first name.
type stateFile struct {
	dir      string
	name     string
	lockName string
	signer   stateSigner
	key      security.PublicKey
	readonly bool
}

func (f *stateFile) path(suffix string) string { return filepath.Join(f.dir, f.name+suffix) }

// locked calls change while no other process, and nobody else in this one,
// changes the file.
func (f *stateFile) locked(change func() error) error {
	if f.readonly {
		return errReadOnly
	}
	return withLock(filepath.Join(f.dir, f.lockName), change)
}

// withLock calls f while holding an exclusive lock on the file of the given
// name. Holders do a few file operations at most, so there is no time-out.
func withLock(name string, f func() error) (err error) {
	file, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("security: opening lock: %w", err)
	}
	// Closing the file is what releases the lock.
	defer func() { err = errors.Join(err, file.Close()) }()
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX)
		if err == nil {
			return f()
		}
		if !errors.Is(err, syscall.EINTR) {
			return fmt.Errorf("security: locking %s: %w", name, err)
		}
	}
}

// readAttempts bounds how often a reader that holds no lock starts again
// because a writer replaced one file of the pair between its two reads.
const readAttempts = 10

// read sets value to what the file holds; it leaves value alone if there is no
// file yet.
func (f *stateFile) read(value any) error {
	var data []byte
	var err error
	for range readAttempts {
		data, err = f.readVerified()
		if err == nil || !errors.Is(err, errStateSignature) {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("security: %s: %w", f.path(".data"), err)
	}
	if data == nil {
		return nil
	}
	if err := vom.Decode(data, value); err != nil {
		return fmt.Errorf("security: decoding %s: %w", f.path(".data"), err)
	}
	return nil
}

// readVerified returns the signed bytes, nil if there are no files.
func (f *stateFile) readVerified() ([]byte, error) {
	data, err := readBounded(f.path(".data"), stateBytesMax)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, f.checkAbsent()
	}
	if err != nil {
		return nil, err
	}
	err = f.verifyBy(".sig", data)
	if err == nil || f.verifyBy(".sig.next", data) == nil {
		return data, nil
	}
	return nil, err
}

// verifyBy checks data by the signature in the file with the given suffix.
func (f *stateFile) verifyBy(suffix string, data []byte) error {
	signed, err := readBounded(f.path(suffix), signedBytesMax)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: there is none", errStateSignature)
	}
	if err != nil {
		return err
	}
	return verifyState(data, signed, f.key)
}

// checkAbsent refuses a signature without data: somebody took the data away.
func (f *stateFile) checkAbsent() error {
	_, err := os.Stat(f.path(".sig"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return fmt.Errorf("%w: the data file is missing", errStateSignature)
}

func readBounded(name string, bytesMax int64) (_ []byte, err error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	content, err := io.ReadAll(io.LimitReader(file, bytesMax+1))
	if err != nil {
		return nil, err
	}
	if int64(len(content)) > bytesMax {
		return nil, fmt.Errorf("%s has more than %d bytes", name, bytesMax)
	}
	return content, nil
}

// write makes value what the file holds. It is durable when write returns nil.
// The caller holds the lock.
func (f *stateFile) write(value any) error {
	data, err := vom.Encode(value)
	if err != nil {
		return fmt.Errorf("security: encoding %s: %w", f.path(".data"), err)
	}
	if len(data) > stateBytesMax {
		return fmt.Errorf("security: %s would have %d bytes, at most %d are accepted",
			f.path(".data"), len(data), stateBytesMax)
	}
	signed, err := signState(data, f.signer)
	if err != nil {
		return fmt.Errorf("security: signing %s: %w", f.path(".data"), err)
	}
	if err := f.finishRename(); err != nil {
		return err
	}
	if err := writeSynced(f.path(".sig.next"), signed, 0o600); err != nil {
		return err
	}
	if err := writeSynced(f.path(".data.next"), data, 0o600); err != nil {
		return err
	}
	// The new signature must be found whenever the new data is.
	if err := syncDir(f.dir); err != nil {
		return err
	}
	for _, suffix := range []string{".data", ".sig"} {
		if err := os.Rename(f.path(suffix+".next"), f.path(suffix)); err != nil {
			return fmt.Errorf("security: replacing state: %w", err)
		}
	}
	return syncDir(f.dir)
}

// finishRename completes a change that ended between its two renames, because
// the next change is going to overwrite the signature it left behind.
func (f *stateFile) finishRename() error {
	data, err := readBounded(f.path(".data"), stateBytesMax)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	signed, err := readBounded(f.path(".sig.next"), signedBytesMax)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if verifyState(data, signed, f.key) != nil {
		return nil // the change ended before its first rename.
	}
	if err := os.Rename(f.path(".sig.next"), f.path(".sig")); err != nil {
		return fmt.Errorf("security: completing a change of state: %w", err)
	}
	return syncDir(f.dir)
}

// writeSynced writes a file and makes its content durable.
func writeSynced(name string, content []byte, mode fs.FileMode) error {
	file, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, mode)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	if err == nil {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}

// syncDir makes the names in dir durable.
func syncDir(dir string) error {
	file, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}
