package security

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"v.io/v23/security"
)

const dirLockFile = "dir.lock"

// CreatePersistentPrincipal makes a principal with a new ECDSA P-256 key that is
// kept in dir, which is created if need be. The private key is encrypted if
// passphrase is not empty. It fails if dir holds a key already.
func CreatePersistentPrincipal(dir string, passphrase []byte) (security.Principal, error) {
	if err := createDir(dir); err != nil {
		return nil, fmt.Errorf("security: creating the directory of a principal: %w", err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("security: generating a key: %w", err)
	}
	signer, err := newSigner(key)
	if err != nil {
		return nil, err
	}
	err = withLock(filepath.Join(dir, dirLockFile), func() error {
		return createKeyFiles(dir, key, signer.PublicKey(), passphrase)
	})
	if err != nil {
		return nil, err
	}
	return newPersistent(dir, signer, false)
}

// LoadPersistentPrincipal returns the principal that is kept in dir. What is
// changed through it is kept there too. Several processes may load the same
// principal; each sees what the others changed when it makes a change itself.
func LoadPersistentPrincipal(dir string, passphrase []byte) (security.Principal, error) {
	signer, err := loadSigner(dir, passphrase)
	if err != nil {
		return nil, err
	}
	return newPersistent(dir, signer, false)
}

// createDir makes dir, durably, unless it is there.
func createDir(dir string) error {
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return syncDir(filepath.Dir(dir))
}

func newPersistent(dir string, signer security.Signer, readonly bool) (security.Principal, error) {
	parts, err := loadParts(dir, signer, readonly)
	if err != nil {
		return nil, err
	}
	return security.CreatePrincipal(signer, parts.store, parts.roots)
}

// persistentParts are what changes about a persistent principal.
type persistentParts struct {
	store *blessingStore
	roots *blessingRoots
}

func loadParts(dir string, signer security.Signer, readonly bool) (*persistentParts, error) {
	key := signer.PublicKey()
	file := func(name, lockName string) *stateFile {
		return &stateFile{
			dir: dir, name: name, lockName: lockName,
			signer: purposeSigner{signer}, key: key, readonly: readonly,
		}
	}
	store, err := loadBlessingStore(key, file("blessingstore", "blessings.lock"))
	if err != nil {
		return nil, err
	}
	roots, err := loadBlessingRoots(file("blessingroots", "blessingroots.lock"))
	if err != nil {
		return nil, err
	}
	return &persistentParts{store, roots}, nil
}

// purposeSigner signs as the Sign method of signer's principal would.
type purposeSigner struct{ signer security.Signer }

func (s purposeSigner) Sign(message []byte) (security.Signature, error) {
	return s.signer.Sign(signPurpose, message)
}

// LoadPersistentPrincipalDaemon is LoadPersistentPrincipal for a process that
// runs long: until ctx ends, the blessing store and the roots are read again
// every update (never if it is not positive), and whenever the process gets a
// SIGHUP, so that blessings renewed by another process arrive. What cannot be
// read is logged and leaves things as they are. A readonly principal refuses
// changes and writes nothing, not even locks.
func LoadPersistentPrincipalDaemon(ctx context.Context, dir string, passphrase []byte, readonly bool,
	update time.Duration) (security.Principal, error) {
	signer, err := loadSigner(dir, passphrase)
	if err != nil {
		return nil, err
	}
	parts, err := loadParts(dir, signer, readonly)
	if err != nil {
		return nil, err
	}
	principal, err := security.CreatePrincipal(signer, parts.store, parts.roots)
	if err != nil {
		return nil, err
	}
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	var ticks <-chan time.Time
	stopTicks := func() {}
	if update > 0 {
		ticker := time.NewTicker(update)
		ticks, stopTicks = ticker.C, ticker.Stop
	}
	go func() { // ends with ctx.
		defer signal.Stop(hangups)
		defer stopTicks()
		parts.reloadLoop(ctx, hangups, ticks)
	}()
	return principal, nil
}

func (p *persistentParts) reloadLoop(ctx context.Context, hangups <-chan os.Signal, ticks <-chan time.Time) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangups:
		case <-ticks:
		}
		if err := errors.Join(p.roots.reload(), p.store.reload()); err != nil {
			slog.Error("security: the principal could not be read again, going on with what there was", "error", err)
		}
	}
}
