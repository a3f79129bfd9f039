package security

import (
	"errors"
	"fmt"
)

// CreatePrincipal returns a principal that signs with signer. A nil store or
// nil roots are replaced by ones that hold nothing and refuse every change.
func CreatePrincipal(signer Signer, store BlessingStore, roots BlessingRoots) (Principal, error) {
	if signer == nil {
		return nil, errors.New("security: a principal needs a signer")
	}
	return newPrincipal(signer, signer.PublicKey(), store, roots)
}

// CreatePrincipalPublicKeyOnly returns a principal without a private key: it can
// judge others, but everything that needs a signature fails.
func CreatePrincipalPublicKeyOnly(key PublicKey, store BlessingStore, roots BlessingRoots) (Principal, error) {
	if key == nil {
		return nil, errors.New("security: a principal needs a public key")
	}
	return newPrincipal(keyOnlySigner{key}, key, store, roots)
}

func newPrincipal(signer Signer, key PublicKey, store BlessingStore, roots BlessingRoots) (Principal, error) {
	if _, err := key.encoded(); err != nil {
		return nil, err
	}
	if store == nil {
		store = noStore{key}
	}
	if roots == nil {
		roots = noRoots{}
	}
	if !CryptoPublicKeyEqual(store.PublicKey(), key) {
		return nil, fmt.Errorf("security: blessing store is for key %v, the principal has key %v", store.PublicKey(), key)
	}
	return &principal{signer, key, store, roots}, nil
}

// principal never changes; what does is behind its interfaces.
type principal struct {
	signer Signer
	key    PublicKey
	store  BlessingStore
	roots  BlessingRoots
}

func (p *principal) PublicKey() PublicKey         { return p.key }
func (p *principal) BlessingStore() BlessingStore { return p.store }
func (p *principal) Roots() BlessingRoots         { return p.roots }

func (p *principal) Sign(message []byte) (Signature, error) {
	return p.signer.Sign(purposeSign, message)
}

func (p *principal) BlessSelf(name string, caveats ...Caveat) (Blessings, error) {
	certificate, err := newCertificate(p.key, name, cloneCaveats(caveats))
	if err != nil {
		return Blessings{}, err
	}
	digest, err := certificate.sign(p.signer, nil)
	if err != nil {
		return Blessings{}, err
	}
	return bindChains(p.key, []*chain{newChain([]Certificate{certificate}, digest)}), nil
}

func (p *principal) Bless(key PublicKey, with Blessings, extension string,
	caveat Caveat, additionalCaveats ...Caveat) (Blessings, error) {
	if key == nil {
		return Blessings{}, errors.New("security: there is no public key to bless")
	}
	if len(with.chains()) == 0 {
		return Blessings{}, errors.New("security: a blessing without names cannot be extended")
	}
	if !CryptoPublicKeyEqual(with.PublicKey(), p.key) {
		return Blessings{}, fmt.Errorf("security: blessing %v is bound to key %v, principal %v cannot extend it",
			with, with.PublicKey(), p.key)
	}
	certificate, err := newCertificate(key, extension, appendCaveat(additionalCaveats, caveat))
	if err != nil {
		return Blessings{}, err
	}
	extended := make([]*chain, 0, len(with.chains()))
	for _, chain := range with.chains() {
		longer, err := chain.extend(p.signer, certificate)
		if err != nil {
			return Blessings{}, err
		}
		extended = append(extended, longer)
	}
	if err := checkChainCounts(extended); err != nil {
		return Blessings{}, err
	}
	return bindChains(key, extended), nil
}

// newCertificate returns an unsigned certificate, which keeps caveats.
func newCertificate(key PublicKey, extension string, caveats []Caveat) (Certificate, error) {
	der, err := key.MarshalBinary()
	if err != nil {
		return Certificate{}, err
	}
	certificate := Certificate{Extension: extension, PublicKey: der, Caveats: caveats}
	return certificate, certificate.checkBounds()
}

func (p *principal) MintDischarge(forThirdParty, caveat Caveat, additionalCaveats ...Caveat) (Discharge, error) {
	if forThirdParty.Id != PublicKeyThirdPartyCaveat.Id {
		return Discharge{}, fmt.Errorf("security: caveat %v is not a third-party caveat", forThirdParty.Id)
	}
	decoded, err := decodeParam(&forThirdParty)
	if err != nil {
		return Discharge{}, err
	}
	param, ok := decoded.(publicKeyThirdPartyCaveatParam)
	if !ok {
		return Discharge{}, fmt.Errorf("security: third-party caveat has a parameter of type %T", decoded)
	}
	key, err := param.dischargerKey()
	if err != nil {
		return Discharge{}, err
	}
	if !CryptoPublicKeyEqual(key, p.key) {
		return Discharge{}, fmt.Errorf("security: caveat is to be discharged by key %v, not by %v", key, p.key)
	}
	id, err := param.computeID(key)
	if err != nil {
		return Discharge{}, err
	}
	return newPublicKeyDischarge(p.signer, id, appendCaveat(additionalCaveats, caveat))
}
