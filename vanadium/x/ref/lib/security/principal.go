package security

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"

	"v.io/v23/security"
)

// NewPrincipal returns a principal with a new ECDSA P-256 key that lives in
// memory only, without blessings and without roots.
func NewPrincipal() (security.Principal, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("security: generating a key: %w", err)
	}
	signer, err := security.NewInMemoryECDSASigner(key)
	if err != nil {
		return nil, err
	}
	return NewPrincipalFromSigner(signer)
}

// NewPrincipalFromSigner is NewPrincipal for a key there is already.
func NewPrincipalFromSigner(signer security.Signer) (security.Principal, error) {
	return security.CreatePrincipal(signer, NewBlessingStore(signer.PublicKey()), NewBlessingRoots())
}

// SetDefaultBlessings makes principal present blessings to everyone, as client
// and as server, and trust their roots.
func SetDefaultBlessings(principal security.Principal, blessings security.Blessings) error {
	if err := security.AddToRoots(principal, blessings); err != nil {
		return err
	}
	if err := principal.BlessingStore().SetDefault(blessings); err != nil {
		return err
	}
	_, err := principal.BlessingStore().Set(blessings, security.AllPrincipals)
	return err
}

// InitDefaultBlessings blesses principal by itself under name and makes that its
// default.
func InitDefaultBlessings(principal security.Principal, name string) error {
	blessings, err := principal.BlessSelf(name)
	if err != nil {
		return err
	}
	return SetDefaultBlessings(principal, blessings)
}

// ForkPrincipal returns a principal that signs with principal's key but has the
// given store and roots.
func ForkPrincipal(principal security.Principal, store security.BlessingStore,
	roots security.BlessingRoots) (security.Principal, error) {
	if store == nil || roots == nil {
		return nil, errors.New("security: a forked principal needs a blessing store and roots")
	}
	if !security.CryptoPublicKeyEqual(store.PublicKey(), principal.PublicKey()) {
		return nil, fmt.Errorf("security: blessing store is for key %v, the principal has key %v",
			store.PublicKey(), principal.PublicKey())
	}
	return &forkedPrincipal{principal, store, roots}, nil
}

type forkedPrincipal struct {
	security.Principal
	store security.BlessingStore
	roots security.BlessingRoots
}

func (p *forkedPrincipal) BlessingStore() security.BlessingStore { return p.store }
func (p *forkedPrincipal) Roots() security.BlessingRoots         { return p.roots }
