package security

import (
	"errors"
	"fmt"
	"time"

	"v.io/v23/security"
)

var errImmutable = errors.New("security: the principal must not be changed through this handle")

// ImmutableBlessingStore returns store without the right to change it. Discharges
// are still cached.
func ImmutableBlessingStore(store security.BlessingStore) security.BlessingStore {
	return immutableStore{store}
}

type immutableStore struct{ security.BlessingStore }

func (immutableStore) Set(security.Blessings, security.BlessingPattern) (security.Blessings, error) {
	return security.Blessings{}, errImmutable
}

func (immutableStore) SetDefault(security.Blessings) error { return errImmutable }

// ImmutableBlessingRoots returns roots without the right to change them.
func ImmutableBlessingRoots(roots security.BlessingRoots) security.BlessingRoots {
	return immutableRoots{roots}
}

type immutableRoots struct{ security.BlessingRoots }

func (immutableRoots) Add([]byte, security.BlessingPattern) error { return errImmutable }

// DischargeCache is the part of a blessing store that keeps discharges.
type DischargeCache interface {
	// CacheDischarge is that of security.BlessingStore.
	CacheDischarge(discharge security.Discharge, caveat security.Caveat, impetus security.DischargeImpetus) error
	// ClearDischarges is that of security.BlessingStore.
	ClearDischarges(discharges ...security.Discharge)
	// Discharge is that of security.BlessingStore.
	Discharge(caveat security.Caveat, impetus security.DischargeImpetus) (security.Discharge, time.Time)
}

// FixedBlessingsStore returns a store that presents blessings to everyone and as
// the default, and cannot be changed. Discharges are kept in cache, or in memory
// if it is nil.
func FixedBlessingsStore(blessings security.Blessings, cache DischargeCache) security.BlessingStore {
	if cache == nil {
		cache = NewBlessingStore(blessings.PublicKey())
	}
	return &fixedStore{cache, blessings, make(chan struct{})}
}

type fixedStore struct {
	DischargeCache
	blessings security.Blessings
	// Invariant: never closed, as the default never changes.
	unchanged chan struct{}
}

func (s *fixedStore) Set(security.Blessings, security.BlessingPattern) (security.Blessings, error) {
	return security.Blessings{}, errImmutable
}

func (s *fixedStore) ForPeer(...string) security.Blessings { return s.blessings }

func (s *fixedStore) SetDefault(security.Blessings) error { return errImmutable }

func (s *fixedStore) Default() (security.Blessings, <-chan struct{}) { return s.blessings, s.unchanged }

func (s *fixedStore) PublicKey() security.PublicKey { return s.blessings.PublicKey() }

func (s *fixedStore) PeerBlessings() map[security.BlessingPattern]security.Blessings {
	return map[security.BlessingPattern]security.Blessings{security.AllPrincipals: s.blessings}
}

func (s *fixedStore) DebugString() string { return fmt.Sprintf("Always presents: %v\n", s.blessings) }
