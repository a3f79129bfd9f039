package security

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"
	"time"

	"v.io/v23/security"
	"v.io/v23/vom"
)

// Bounds on the discharge cache. Beyond cachedDischargesMax the one cached first
// goes.
const (
	cachedDischargesMax = 1024
	cacheKeyFormat      = 1
)

// dischargeKey identifies a cached discharge, see newDischargeKey.
type dischargeKey [32]byte

// VDLReflect names the type for package vdl.
func (dischargeKey) VDLReflect(struct {
	Name string `vdl:"v.io/x/ref/lib/security.dischargeCacheKey"`
}) {
}

// cachedDischarge is a discharge and when it was cached.
type cachedDischarge struct {
	Discharge security.Discharge
	CacheTime time.Time
}

// VDLReflect names the type for package vdl.
func (cachedDischarge) VDLReflect(struct {
	Name string `vdl:"v.io/x/ref/lib/security.CachedDischarge"`
}) {
}

// storeState is all that a blessing store holds, and what blessingstore.data
// holds. Published values never change.
type storeState struct {
	// PeerBlessings are the blessings to present, by pattern of the peer.
	PeerBlessings map[security.BlessingPattern]security.Blessings
	// DefaultBlessings are presented by services.
	DefaultBlessings security.Blessings
	// DischargeCache is an older form of Discharges without times. It is read and
	// kept, never filled.
	DischargeCache map[dischargeKey]security.Discharge
	// Discharges are the cached discharges.
	Discharges map[dischargeKey]cachedDischarge
	// CacheKeyFormat is the version of newDischargeKey; discharges of another
	// version are never found.
	CacheKeyFormat uint32
}

// VDLReflect names the type for package vdl.
func (storeState) VDLReflect(struct {
	Name string `vdl:"v.io/x/ref/lib/security.blessingStoreState"`
}) {
}

// clone returns a copy whose maps can be changed.
func (s *storeState) clone() *storeState {
	next := *s
	next.PeerBlessings = cloneMap(s.PeerBlessings)
	next.Discharges = cloneMap(s.Discharges)
	next.CacheKeyFormat = cacheKeyFormat
	if s.CacheKeyFormat != cacheKeyFormat {
		clear(next.Discharges)
	}
	return &next
}

func cloneMap[K comparable, V any](m map[K]V) map[K]V {
	if m == nil {
		return make(map[K]V)
	}
	return maps.Clone(m)
}

// check refuses state that is not key's.
func (s *storeState) check(key security.PublicKey) error {
	if err := checkBound(s.DefaultBlessings, key); err != nil {
		return err
	}
	for pattern, blessings := range s.PeerBlessings {
		if !pattern.IsValid() {
			return fmt.Errorf("security: blessing store has the malformed pattern %q", pattern)
		}
		if err := checkBound(blessings, key); err != nil {
			return err
		}
	}
	return nil
}

// checkBound refuses blessings that are not bound to key.
func checkBound(blessings security.Blessings, key security.PublicKey) error {
	if blessings.IsZero() || security.CryptoPublicKeyEqual(blessings.PublicKey(), key) {
		return nil
	}
	return fmt.Errorf("security: blessings %v are bound to key %v, the blessing store is for %v",
		blessings, blessings.PublicKey(), key)
}

// addDischarge caches discharge under key as of now. s is a clone.
func (s *storeState) addDischarge(key dischargeKey, discharge security.Discharge, now time.Time) {
	maps.DeleteFunc(s.Discharges, func(_ dischargeKey, cached cachedDischarge) bool {
		return isExpired(cached.Discharge, now)
	})
	for len(s.Discharges) >= cachedDischargesMax {
		delete(s.Discharges, s.oldestDischarge())
	}
	s.Discharges[key] = cachedDischarge{discharge, now}
}

func (s *storeState) oldestDischarge() dischargeKey {
	var oldest dischargeKey
	var since time.Time
	for key, cached := range s.Discharges {
		if since.IsZero() || cached.CacheTime.Before(since) {
			oldest, since = key, cached.CacheTime
		}
	}
	return oldest
}

func isExpired(discharge security.Discharge, now time.Time) bool {
	expiry := discharge.Expiry()
	return !expiry.IsZero() && now.After(expiry)
}

// newDischargeKey returns the SHA-256 of the caveat's id and of those parts of
// impetus that the discharger wants to know, since a discharge may depend on
// them. Parts are prefixed by their length. ok is false if caveat is not a
// third-party caveat.
func newDischargeKey(caveat security.Caveat, impetus security.DischargeImpetus) (key dischargeKey, ok bool) {
	details := caveat.ThirdPartyDetails()
	if details == nil || details.ID() == "" {
		return dischargeKey{}, false
	}
	var encoded []byte
	add := func(part string) {
		encoded = binary.BigEndian.AppendUint64(encoded, uint64(len(part)))
		encoded = append(encoded, part...)
	}
	add(details.ID())
	requirements := details.Requirements()
	if requirements.ReportServer {
		for _, pattern := range impetus.Server {
			add("server")
			add(string(pattern))
		}
	}
	if requirements.ReportMethod {
		add("method")
		add(impetus.Method)
	}
	if requirements.ReportArguments {
		for _, argument := range impetus.Arguments {
			value, err := vom.Encode(argument)
			if err != nil {
				return dischargeKey{}, false
			}
			add("argument")
			add(string(value))
		}
	}
	return sha256.Sum256(encoded), true
}
