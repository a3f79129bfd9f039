package security

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"v.io/v23/security"
)

// blessingStore implements security.BlessingStore.
type blessingStore struct {
	key security.PublicKey
	// current is read without a lock: what it points to never changes, but for
	// the closing of the channel.
	current atomic.Pointer[storeSnapshot]
	// updates is held by the one writer, also while it writes the file.
	updates sync.Mutex
	// file keeps the state, nil for a store in memory.
	file *stateFile
}

// storeSnapshot is the state of a store together with the channel that tells of
// the end of its default blessings.
type storeSnapshot struct {
	state *storeState
	// defaultChanged is closed by the writer that changes the default.
	defaultChanged chan struct{}
}

var _ security.BlessingStore = (*blessingStore)(nil)

// NewBlessingStore returns an empty store in memory for blessings of key.
func NewBlessingStore(key security.PublicKey) security.BlessingStore {
	return newBlessingStore(key, nil)
}

func newBlessingStore(key security.PublicKey, file *stateFile) *blessingStore {
	store := &blessingStore{key: key, file: file}
	store.current.Store(&storeSnapshot{(&storeState{}).clone(), make(chan struct{})})
	return store
}

// loadBlessingStore returns the store for key that is kept in file.
func loadBlessingStore(key security.PublicKey, file *stateFile) (*blessingStore, error) {
	store := newBlessingStore(key, file)
	return store, store.reload()
}

// reload takes over what other processes have written to the file.
func (s *blessingStore) reload() error {
	s.updates.Lock()
	defer s.updates.Unlock()
	state, err := s.read()
	if err == nil {
		s.publish(state)
	}
	return err
}

func (s *blessingStore) read() (*storeState, error) {
	state := &storeState{}
	if err := s.file.read(state); err != nil {
		return nil, err
	}
	return state, state.check(s.key)
}

// publish makes state the current one. updates is held.
func (s *blessingStore) publish(state *storeState) {
	previous := s.current.Load()
	next := &storeSnapshot{state, previous.defaultChanged}
	changed := !previous.state.DefaultBlessings.Equivalent(state.DefaultBlessings)
	if changed {
		next.defaultChanged = make(chan struct{})
	}
	s.current.Store(next)
	if changed {
		close(previous.defaultChanged)
	}
}

// update applies change to a copy of the latest state, makes the result durable
// and publishes it. If change or the writing fails, nothing has changed.
func (s *blessingStore) update(change func(*storeState)) error {
	s.updates.Lock()
	defer s.updates.Unlock()
	if s.file == nil {
		next := s.current.Load().state.clone()
		change(next)
		s.publish(next)
		return nil
	}
	return s.file.locked(func() error {
		state, err := s.read()
		if err != nil {
			return err
		}
		next := state.clone()
		change(next)
		if err := s.file.write(next); err != nil {
			return err
		}
		s.publish(next)
		return nil
	})
}

// Set implements security.BlessingStore.
func (s *blessingStore) Set(blessings security.Blessings,
	forPeers security.BlessingPattern) (security.Blessings, error) {
	if !forPeers.IsValid() {
		return security.Blessings{}, fmt.Errorf("security: pattern %q for peers is malformed", forPeers)
	}
	if err := checkBound(blessings, s.key); err != nil {
		return security.Blessings{}, err
	}
	var previous security.Blessings
	err := s.update(func(state *storeState) {
		previous = state.PeerBlessings[forPeers]
		if blessings.IsZero() {
			delete(state.PeerBlessings, forPeers)
			return
		}
		state.PeerBlessings[forPeers] = blessings
	})
	if err != nil {
		return security.Blessings{}, err
	}
	return previous, nil
}

// ForPeer implements security.BlessingStore.
func (s *blessingStore) ForPeer(peerBlessings ...string) security.Blessings {
	var union security.Blessings
	peers := s.current.Load().state.PeerBlessings
	for _, pattern := range slices.Sorted(maps.Keys(peers)) {
		if !pattern.MatchedBy(peerBlessings...) {
			continue
		}
		// A union that would be refused for its size leaves out what is too much.
		if larger, err := security.UnionOfBlessings(union, peers[pattern]); err == nil {
			union = larger
		}
	}
	return union
}

// SetDefault implements security.BlessingStore.
func (s *blessingStore) SetDefault(blessings security.Blessings) error {
	if err := checkBound(blessings, s.key); err != nil {
		return err
	}
	return s.update(func(state *storeState) { state.DefaultBlessings = blessings })
}

// Default implements security.BlessingStore.
func (s *blessingStore) Default() (security.Blessings, <-chan struct{}) {
	current := s.current.Load()
	return current.state.DefaultBlessings, current.defaultChanged
}

// PublicKey implements security.BlessingStore.
func (s *blessingStore) PublicKey() security.PublicKey { return s.key }

// PeerBlessings implements security.BlessingStore.
func (s *blessingStore) PeerBlessings() map[security.BlessingPattern]security.Blessings {
	return maps.Clone(s.current.Load().state.PeerBlessings)
}

// CacheDischarge implements security.BlessingStore.
func (s *blessingStore) CacheDischarge(discharge security.Discharge, caveat security.Caveat,
	impetus security.DischargeImpetus) error {
	key, ok := newDischargeKey(caveat, impetus)
	if !ok {
		return errors.New("security: discharges are cached only for third-party caveats")
	}
	return s.update(func(state *storeState) { state.addDischarge(key, discharge, time.Now()) })
}

// ClearDischarges implements security.BlessingStore. A store whose file cannot
// be written keeps them: they are checked again whenever they are used.
func (s *blessingStore) ClearDischarges(discharges ...security.Discharge) {
	cleared := make(map[string]bool, len(discharges))
	for _, discharge := range discharges {
		cleared[discharge.ID()] = true
	}
	err := s.update(func(state *storeState) {
		maps.DeleteFunc(state.Discharges, func(_ dischargeKey, cached cachedDischarge) bool {
			return cleared[cached.Discharge.ID()]
		})
	})
	if err != nil {
		slog.Error("security: the blessing store keeps discharges that were to be cleared", "error", err)
	}
}

// Discharge implements security.BlessingStore.
func (s *blessingStore) Discharge(caveat security.Caveat,
	impetus security.DischargeImpetus) (security.Discharge, time.Time) {
	key, ok := newDischargeKey(caveat, impetus)
	if !ok {
		return security.Discharge{}, time.Time{}
	}
	cached, ok := s.current.Load().state.Discharges[key]
	if !ok || isExpired(cached.Discharge, time.Now()) {
		return security.Discharge{}, time.Time{}
	}
	return cached.Discharge, cached.CacheTime
}

// DebugString implements security.BlessingStore.
func (s *blessingStore) DebugString() string {
	state := s.current.Load().state
	var text strings.Builder
	fmt.Fprintf(&text, "Public key: %v\nDefault blessings: %v\n", s.key, state.DefaultBlessings)
	for _, pattern := range slices.Sorted(maps.Keys(state.PeerBlessings)) {
		fmt.Fprintf(&text, "%s: %v\n", pattern, state.PeerBlessings[pattern])
	}
	return text.String()
}
