package security

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Blessings are the names of a principal, each proved by a certificate chain.
// All chains are bound to the same public key. The zero value holds nothing.
// Values are immutable and cheap to copy; compare them with Equivalent.
type Blessings struct {
	// nil in the zero value.
	bound *boundChains
}

// boundChains are chains together with the key they are bound to.
type boundChains struct {
	key PublicKey
	// Invariant: sorted by name, then digest; no two equal. Empty only for a
	// nameless blessing.
	chains []*chain
	// Invariant: the key's hash of all chain digests, in order; for a nameless
	// blessing, of the key.
	uniqueID []byte
}

// bindChains sorts chains, which it keeps, and drops duplicates.
func bindChains(key PublicKey, chains []*chain) Blessings {
	slices.SortFunc(chains, func(a, b *chain) int {
		if order := strings.Compare(a.name, b.name); order != 0 {
			return order
		}
		return bytes.Compare(a.digest, b.digest)
	})
	chains = slices.CompactFunc(chains, func(a, b *chain) bool { return bytes.Equal(a.digest, b.digest) })
	digests := make([][]byte, len(chains))
	for i, chain := range chains {
		digests[i] = chain.digest
	}
	return Blessings{&boundChains{key, chains, key.hash().sum(digests...)}}
}

// NamelessBlessing returns a blessing that carries no name, only key: it lets a
// principal prove that it holds the key, and nothing more.
func NamelessBlessing(key PublicKey) (Blessings, error) {
	if key == nil {
		return Blessings{}, errors.New("security: a nameless blessing needs a public key")
	}
	der, err := key.encoded()
	if err != nil {
		return Blessings{}, err
	}
	return Blessings{&boundChains{key: key, uniqueID: key.hash().sum(der)}}, nil
}

// PublicKey returns the key that b is bound to, nil for the zero value.
func (b Blessings) PublicKey() PublicKey {
	if b.bound == nil {
		return nil
	}
	return b.bound.key
}

// IsZero reports whether b holds nothing, not even a key.
func (b Blessings) IsZero() bool { return b.bound == nil }

// isNameless reports whether b holds a key but no name.
func (b Blessings) isNameless() bool { return b.bound != nil && len(b.bound.chains) == 0 }

// chains returns the chains of b, which the caller must not modify.
func (b Blessings) chains() []*chain {
	if b.bound == nil {
		return nil
	}
	return b.bound.chains
}

// names returns the names that b claims, one per chain.
func (b Blessings) names() []string {
	chains := b.chains()
	names := make([]string, len(chains))
	for i, chain := range chains {
		names[i] = chain.name
	}
	return names
}

// Equivalent reports whether b and blessings consist of the same chains.
func (b Blessings) Equivalent(blessings Blessings) bool {
	return bytes.Equal(b.UniqueID(), blessings.UniqueID())
}

// UniqueID returns a digest of all that b consists of, nil for the zero value.
// The caller owns the bytes.
func (b Blessings) UniqueID() []byte {
	if b.bound == nil {
		return nil
	}
	return bytes.Clone(b.bound.uniqueID)
}

// CouldHaveNames reports whether b claims all names; whether roots or caveats
// support the claims is not asked.
func (b Blessings) CouldHaveNames(names []string) bool {
	claimed := b.names()
	for _, name := range names {
		if !slices.Contains(claimed, name) {
			return false
		}
	}
	return true
}

// Expiry returns the time at which the first of b's expiry caveats ends, zero
// if there is none.
func (b Blessings) Expiry() time.Time {
	var earliest time.Time
	for _, chain := range b.chains() {
		for _, caveat := range chain.caveats {
			earliest = earlierExpiry(earliest, &caveat.caveat)
		}
	}
	return earliest
}

// ThirdPartyCaveats returns the third-party caveats of b, each once.
func (b Blessings) ThirdPartyCaveats() []Caveat {
	var found []Caveat
	for _, chain := range b.chains() {
		for _, caveat := range chain.caveats {
			found = appendThirdParty(found, &caveat.caveat)
		}
	}
	return found
}

// String returns the names that b claims, joined by commas.
func (b Blessings) String() string { return strings.Join(b.names(), ",") }

// UnionOfBlessings returns blessings with the chains of all given ones, which
// must be bound to the same key. Zero and nameless ones add nothing to others.
func UnionOfBlessings(blessings ...Blessings) (Blessings, error) {
	var union Blessings
	var chains []*chain
	for _, b := range blessings {
		if b.IsZero() {
			continue
		}
		if !union.IsZero() && !CryptoPublicKeyEqual(union.PublicKey(), b.PublicKey()) {
			return Blessings{}, fmt.Errorf("security: blessings %v and %v cannot be united: they are bound to different keys",
				union, b)
		}
		chains = append(chains, b.chains()...)
		if union.IsZero() || union.isNameless() {
			union = b
		}
	}
	if len(chains) == len(union.chains()) {
		return union, nil
	}
	bound := bindChains(union.PublicKey(), chains)
	if err := checkChainCounts(bound.chains()); err != nil {
		return Blessings{}, err
	}
	return bound, nil
}

// checkChainCounts refuses what a receiver would refuse.
func checkChainCounts(chains []*chain) error {
	total := 0
	for _, chain := range chains {
		total += len(chain.certificates)
	}
	return checkCounts(len(chains), total)
}

func checkCounts(chains, certificates int) error {
	if chains > chainsMax || certificates > certificatesMax {
		return fmt.Errorf("security: blessings have %d chains of together %d certificates, at most %d and %d are accepted",
			chains, certificates, chainsMax, certificatesMax)
	}
	return nil
}

// RootBlessings returns, for each chain of b, the self-signed blessing at its
// beginning.
func RootBlessings(b Blessings) []Blessings {
	var roots []Blessings
	for _, c := range b.chains() {
		root, key, err := verifyChain(c.certificates[:1:1])
		if err != nil {
			continue // cannot be: the certificate verified as part of c.
		}
		roots = append(roots, bindChains(key, []*chain{root}))
	}
	return roots
}

// MarshalBlessings returns the encoded form of b, which the caller owns.
func MarshalBlessings(b Blessings) WireBlessings {
	wire := sharedWire(b)
	for i, chain := range wire.CertificateChains {
		wire.CertificateChains[i] = cloneCertificates(chain)
	}
	return wire
}

// sharedWire returns the encoded form of b, which shares bytes with b.
func sharedWire(b Blessings) WireBlessings {
	var wire WireBlessings
	if b.isNameless() {
		der, err := b.bound.key.encoded()
		if err != nil {
			return wire // cannot be: NamelessBlessing refuses such a key.
		}
		wire.CertificateChains = [][]Certificate{{{PublicKey: der}}}
		return wire
	}
	for _, chain := range b.chains() {
		wire.CertificateChains = append(wire.CertificateChains, chain.certificates)
	}
	return wire
}

// WireBlessingsFromNative sets wire to the encoded form of native, for package
// vdl to write: it shares bytes with native and must not be modified.
func WireBlessingsFromNative(wire *WireBlessings, native Blessings) error {
	*wire = sharedWire(native)
	return nil
}

// WireBlessingsToNative verifies wire and sets native to it. It fails, leaving
// native as it was, unless every signature of every chain verifies and all
// chains are bound to the same key. It shares no bytes with wire.
func WireBlessingsToNative(wire WireBlessings, native *Blessings) error {
	if len(wire.CertificateChains) == 0 {
		*native = Blessings{}
		return nil
	}
	total := 0
	for _, certificates := range wire.CertificateChains {
		total += len(certificates)
	}
	if err := checkCounts(len(wire.CertificateChains), total); err != nil {
		return err
	}
	if key, ok := namelessKey(wire); ok {
		return unmarshalNameless(key, native)
	}
	verified, err := verifyWire(wire)
	if err != nil {
		return err
	}
	*native = verified
	return nil
}

func verifyWire(wire WireBlessings) (Blessings, error) {
	var key PublicKey
	var chains []*chain
	for _, wireChain := range wire.CertificateChains {
		chain, chainKey, err := verifyChain(cloneCertificates(wireChain))
		if err != nil {
			return Blessings{}, err
		}
		if key != nil && !CryptoPublicKeyEqual(key, chainKey) {
			return Blessings{}, fmt.Errorf("security: blessing %q is bound to key %v, the ones before it to %v",
				chain.name, chainKey, key)
		}
		key = chainKey
		chains = append(chains, chain)
	}
	return bindChains(key, chains), nil
}

// namelessKey returns the key if wire is the form of a nameless blessing: one
// certificate with nothing in it but the key.
func namelessKey(wire WireBlessings) ([]byte, bool) {
	if len(wire.CertificateChains) != 1 || len(wire.CertificateChains[0]) != 1 {
		return nil, false
	}
	only := &wire.CertificateChains[0][0]
	nameless := only.Extension == "" && len(only.Caveats) == 0 && len(only.X509Raw) == 0 && only.Signature.isZero()
	return only.PublicKey, nameless
}

func unmarshalNameless(der []byte, native *Blessings) error {
	key, err := UnmarshalPublicKey(der)
	if err != nil {
		return err
	}
	nameless, err := NamelessBlessing(key)
	if err != nil {
		return err
	}
	*native = nameless
	return nil
}
