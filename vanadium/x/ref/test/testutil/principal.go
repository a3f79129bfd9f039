// Package testutil has what tests of Vanadium programs need again and again:
// principals that trust each other, servers to wait for, and seeded randomness.
// Functions that cannot fail in a sane environment panic instead of returning
// errors.
package testutil

import (
	"v.io/v23/security"
	libsec "v.io/x/ref/lib/security"
)

// NewPrincipal returns a principal in memory that has blessed itself under each
// of names and presents those blessings to everyone.
func NewPrincipal(names ...string) security.Principal {
	principal, err := libsec.NewPrincipal()
	must(err)
	var blessings security.Blessings
	for _, name := range names {
		named, err := principal.BlessSelf(name)
		must(err)
		blessings, err = security.UnionOfBlessings(blessings, named)
		must(err)
	}
	if !blessings.IsZero() {
		must(libsec.SetDefaultBlessings(principal, blessings))
	}
	return principal
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// IDProvider gives blessings to others.
type IDProvider struct {
	principal security.Principal
	blessings security.Blessings
}

// NewIDProvider returns an identity provider with a new key, whose blessings
// extend name.
func NewIDProvider(name string) *IDProvider { return IDProviderFromPrincipal(NewPrincipal(name)) }

// IDProviderFromPrincipal returns an identity provider whose blessings extend
// principal's default ones.
func IDProviderFromPrincipal(principal security.Principal) *IDProvider {
	blessings, _ := principal.BlessingStore().Default()
	return &IDProvider{principal, blessings}
}

// Bless gives who a blessing by extension, usable while all caveats hold, makes
// it what who presents to everyone, and makes who trust the provider.
func (idp *IDProvider) Bless(who security.Principal, extension string, caveats ...security.Caveat) error {
	blessings, err := idp.NewBlessings(who, extension, caveats...)
	if err != nil {
		return err
	}
	return libsec.SetDefaultBlessings(who, blessings)
}

// NewBlessings returns a blessing of principal by extension, usable while all
// caveats hold.
func (idp *IDProvider) NewBlessings(principal security.Principal, extension string,
	caveats ...security.Caveat) (security.Blessings, error) {
	if len(caveats) == 0 {
		caveats = []security.Caveat{security.UnconstrainedUse()}
	}
	return idp.principal.Bless(principal.PublicKey(), idp.blessings, extension, caveats[0], caveats[1:]...)
}

// PublicKey returns the key of the provider.
func (idp *IDProvider) PublicKey() security.PublicKey { return idp.principal.PublicKey() }
