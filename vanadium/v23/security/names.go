package security

import (
	"errors"
	"time"

	"v.io/v23/context"
)

// RemoteBlessingNames returns the names of the remote side of call that count:
// the local principal recognises their roots and all their caveats hold in
// call. Names that were presented and do not count are returned too, with the
// reason, for error messages and logs only.
func RemoteBlessingNames(ctx *context.T, call Call) ([]string, []RejectedBlessing) {
	chains := call.RemoteBlessings().chains()
	principal := call.LocalPrincipal()
	if len(chains) == 0 || principal == nil {
		return nil, nil
	}
	return validNames(ctx, call, chains, principal.Roots())
}

func validNames(ctx *context.T, call Call, chains []*chain, roots BlessingRoots) ([]string, []RejectedBlessing) {
	var names []string
	var rejected []RejectedBlessing
	for _, chain := range chains {
		if err := chain.validate(ctx, call, roots); err != nil {
			rejected = append(rejected, RejectedBlessing{chain.name, err})
			continue
		}
		names = append(names, chain.name)
	}
	return names, rejected
}

// LocalBlessingNames returns the names of the local side of call whose roots the
// local principal recognises. Caveats are not checked: they are for the remote
// side to check.
func LocalBlessingNames(_ *context.T, call Call) []string {
	return BlessingNames(call.LocalPrincipal(), call.LocalBlessings())
}

// BlessingNames returns the names in blessings whose roots principal recognises;
// none if blessings are not bound to principal's key. Caveats are not checked.
func BlessingNames(principal Principal, blessings Blessings) []string {
	if principal == nil || !CryptoPublicKeyEqual(principal.PublicKey(), blessings.PublicKey()) {
		return nil
	}
	roots := principal.Roots()
	var names []string
	for _, chain := range blessings.chains() {
		if roots.RecognizedCert(&chain.certificates[0], chain.name) == nil {
			names = append(names, chain.name)
		}
	}
	return names
}

// DefaultBlessingNames returns the BlessingNames of principal's default
// blessings.
func DefaultBlessingNames(principal Principal) []string {
	if principal == nil {
		return nil
	}
	blessings, _ := principal.BlessingStore().Default()
	return BlessingNames(principal, blessings)
}

// DefaultBlessingPatterns returns patterns that select principal's default
// blessing names and extensions of them.
func DefaultBlessingPatterns(principal Principal) []BlessingPattern {
	names := DefaultBlessingNames(principal)
	patterns := make([]BlessingPattern, len(names))
	for i, name := range names {
		patterns[i] = BlessingPattern(name)
	}
	return patterns
}

// AddToRoots makes principal trust the first key of each chain in blessings for
// the first extension of the chain and all its extensions.
func AddToRoots(principal Principal, blessings Blessings) error {
	if principal == nil {
		return errors.New("security: no principal given to add roots to")
	}
	for _, chain := range blessings.chains() {
		root := &chain.certificates[0]
		if err := principal.Roots().Add(append([]byte(nil), root.PublicKey...), BlessingPattern(root.Extension)); err != nil {
			return err
		}
	}
	return nil
}

// isSigningCaveat reports whether a caveat of kind c can be judged for data at
// rest, for which there is no call.
func isSigningCaveat(c *Caveat) bool {
	return c.Id == ConstCaveat.Id || c.Id == ExpiryCaveat.Id || c.Id == NotBeforeCaveat.Id
}

func (c *chain) canSign() bool {
	for _, caveat := range c.caveats {
		if !isSigningCaveat(&caveat.caveat) {
			return false
		}
	}
	return true
}

// SigningBlessings returns the part of blessings that can vouch for data at
// rest: the chains whose caveats limit nothing but the time of use. The zero
// value is returned if there are none.
func SigningBlessings(blessings Blessings) Blessings {
	var usable []*chain
	for _, chain := range blessings.chains() {
		if chain.canSign() {
			usable = append(usable, chain)
		}
	}
	if len(usable) == 0 {
		return Blessings{}
	}
	return bindChains(blessings.PublicKey(), usable)
}

// SigningBlessingNames returns the names by which principal, now, believes data
// signed with blessings: those with recognised roots and caveats that can be
// judged for data at rest and hold. The others are returned with the reason.
func SigningBlessingNames(ctx *context.T, principal Principal, blessings Blessings) ([]string, []RejectedBlessing) {
	if principal == nil {
		return nil, nil
	}
	call := NewCall(&CallParams{Timestamp: time.Now(), LocalPrincipal: principal, RemoteBlessings: blessings})
	var usable []*chain
	var rejected []RejectedBlessing
	for _, chain := range blessings.chains() {
		if !chain.canSign() {
			err := ErrInvalidSigningBlessingCaveat.Errorf(ctx, "blessing %v has caveats that need a call", chain.name)
			rejected = append(rejected, RejectedBlessing{chain.name, err})
			continue
		}
		usable = append(usable, chain)
	}
	names, more := validNames(ctx, call, usable, principal.Roots())
	return names, append(rejected, more...)
}
