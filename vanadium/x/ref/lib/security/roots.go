package security

import (
	"crypto/md5"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"v.io/v23/security"
)

// rootsState maps public keys in PKIX DER to the patterns of the names they may
// vouch for. It is what blessingroots.data holds. Published values never change.
type rootsState map[string][]security.BlessingPattern

// VDLReflect names the type for package vdl.
func (rootsState) VDLReflect(struct {
	Name string `vdl:"v.io/x/ref/lib/security.blessingRootsState"`
}) {
}

// with returns a copy of s to which root and pattern have been added.
func (s rootsState) with(root []byte, pattern security.BlessingPattern) rootsState {
	next := maps.Clone(s)
	if next == nil {
		next = make(rootsState)
	}
	if patterns := next[string(root)]; !slices.Contains(patterns, pattern) {
		next[string(root)] = append(slices.Clone(patterns), pattern)
	}
	return next
}

// check refuses state that Add would not have produced.
func (s rootsState) check() error {
	for der, patterns := range s {
		for _, pattern := range patterns {
			if err := checkRoot([]byte(der), pattern); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkRoot(der []byte, pattern security.BlessingPattern) error {
	if pattern == security.AllPrincipals {
		return errors.New("security: nobody can be trusted for all names: root patterns must not be \"...\"")
	}
	if !pattern.IsValid() {
		return fmt.Errorf("security: root pattern %q is malformed", pattern)
	}
	if _, err := security.UnmarshalPublicKey(der); err != nil {
		return fmt.Errorf("security: root for %q: %w", pattern, err)
	}
	return nil
}

// blessingRoots implements security.BlessingRoots.
type blessingRoots struct {
	// state is read without a lock: what it points to never changes.
	state atomic.Pointer[rootsState]
	// updates is held by the one writer, also while it writes the file.
	updates sync.Mutex
	// file keeps the state, nil for roots in memory.
	file *stateFile
}

var _ security.BlessingRoots = (*blessingRoots)(nil)

// NewBlessingRoots returns roots in memory that trust nobody yet.
func NewBlessingRoots() security.BlessingRoots { return newBlessingRoots(nil) }

func newBlessingRoots(file *stateFile) *blessingRoots {
	roots := &blessingRoots{file: file}
	roots.state.Store(&rootsState{})
	return roots
}

// loadBlessingRoots returns the roots kept in file.
func loadBlessingRoots(file *stateFile) (*blessingRoots, error) {
	roots := newBlessingRoots(file)
	return roots, roots.reload()
}

// reload takes over what other processes have written to the file.
func (r *blessingRoots) reload() error {
	r.updates.Lock()
	defer r.updates.Unlock()
	state, err := r.read()
	if err == nil {
		r.state.Store(&state)
	}
	return err
}

func (r *blessingRoots) read() (rootsState, error) {
	var state rootsState
	if err := r.file.read(&state); err != nil {
		return nil, err
	}
	return state, state.check()
}

// Add implements security.BlessingRoots.
func (r *blessingRoots) Add(root []byte, pattern security.BlessingPattern) error {
	if err := checkRoot(root, pattern); err != nil {
		return err
	}
	r.updates.Lock()
	defer r.updates.Unlock()
	if r.file == nil {
		next := r.state.Load().with(root, pattern)
		r.state.Store(&next)
		return nil
	}
	return r.file.locked(func() error {
		state, err := r.read()
		if err != nil {
			return err
		}
		next := state.with(root, pattern)
		if err := r.file.write(next); err != nil {
			return err
		}
		r.state.Store(&next)
		return nil
	})
}

// Recognized implements security.BlessingRoots.
func (r *blessingRoots) Recognized(root []byte, blessing string) error {
	for _, pattern := range (*r.state.Load())[string(root)] {
		if pattern.MatchedBy(blessing) {
			return nil
		}
	}
	return security.ErrUnrecognizedRoot.Errorf(nil, "the root of blessing %q, %s, is not recognised for that name",
		blessing, fingerprint(root))
}

// RecognizedCert implements security.BlessingRoots. Certificates made from X.509
// are not recognised: that would take a pool of certificate authorities.
func (r *blessingRoots) RecognizedCert(root *security.Certificate, blessing string) error {
	if root == nil || len(root.X509Raw) > 0 {
		return security.ErrUnrecognizedRoot.Errorf(nil,
			"the root of blessing %q is an X.509 certificate, which is not supported", blessing)
	}
	return r.Recognized(root.PublicKey, blessing)
}

// Dump implements security.BlessingRoots.
func (r *blessingRoots) Dump() map[security.BlessingPattern][]security.PublicKey {
	dump := make(map[security.BlessingPattern][]security.PublicKey)
	for der, patterns := range *r.state.Load() {
		key, err := security.UnmarshalPublicKey([]byte(der))
		if err != nil {
			continue // cannot be: checkRoot accepted it.
		}
		for _, pattern := range patterns {
			dump[pattern] = append(dump[pattern], key)
		}
	}
	return dump
}

// DebugString implements security.BlessingRoots.
func (r *blessingRoots) DebugString() string {
	var lines []string
	for der, patterns := range *r.state.Load() {
		lines = append(lines, fmt.Sprintf("%s  %v\n", fingerprint([]byte(der)), patterns))
	}
	slices.Sort(lines)
	return "Public key                                       Patterns\n" + strings.Join(lines, "")
}

// fingerprint is what security.PublicKey.String returns for der. It does not
// parse the key, because refusals must stay cheap.
func fingerprint(der []byte) string {
	sum := md5.Sum(der)
	return strings.ReplaceAll(fmt.Sprintf("% x", sum[:]), " ", ":")
}
