package security

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"

	"v.io/v23/context"
)

// NewPublicKeyCaveat returns a caveat that holds only with a discharge by the
// holder of discharger, who is found at location, wants to be told what
// requirements says, and issues discharges while all caveats hold.
func NewPublicKeyCaveat(discharger PublicKey, location string, requirements ThirdPartyRequirements,
	caveat Caveat, additionalCaveats ...Caveat) (Caveat, error) {
	if discharger == nil {
		return Caveat{}, errors.New("security: a third-party caveat needs the discharger's public key")
	}
	der, err := discharger.MarshalBinary()
	if err != nil {
		return Caveat{}, err
	}
	param := publicKeyThirdPartyCaveatParam{
		Caveats:                appendCaveat(additionalCaveats, caveat),
		DischargerKey:          der,
		DischargerLocation:     location,
		DischargerRequirements: requirements,
	}
	if _, err := rand.Read(param.Nonce[:]); err != nil {
		return Caveat{}, fmt.Errorf("security: drawing the nonce of a third-party caveat: %w", err)
	}
	return NewCaveat(PublicKeyThirdPartyCaveat, param)
}

// appendCaveat returns the additional caveats followed by the mandatory one,
// the order in which certificates, too, hold them.
func appendCaveat(additional []Caveat, mandatory Caveat) []Caveat {
	return append(cloneCaveats(additional), cloneCaveats([]Caveat{mandatory})...)
}

func (p *publicKeyThirdPartyCaveatParam) dischargerKey() (PublicKey, error) {
	if len(p.Caveats) > caveatsMax {
		return nil, fmt.Errorf("security: third-party caveat has %d caveats, at most %d are accepted",
			len(p.Caveats), caveatsMax)
	}
	return UnmarshalPublicKey(p.DischargerKey)
}

// computeID returns base64( H( H(nonce) ‖ H(key) ‖ caveat digests ) ), where H is
// the hash of the discharger's key.
func (p *publicKeyThirdPartyCaveatParam) computeID(key PublicKey) (string, error) {
	der, err := key.encoded()
	if err != nil {
		return "", err
	}
	h := key.hash()
	parts := [][]byte{h.sum(p.Nonce[:]), h.sum(der)}
	for i := range p.Caveats {
		parts = append(parts, p.Caveats[i].digest(h))
	}
	return base64.StdEncoding.EncodeToString(h.sum(parts...)), nil
}

// ID returns the id of the caveat, "" if the discharger's key is malformed, in
// which case nothing discharges it.
func (p *publicKeyThirdPartyCaveatParam) ID() string {
	key, err := p.dischargerKey()
	if err != nil {
		return ""
	}
	id, err := p.computeID(key)
	if err != nil {
		return ""
	}
	return id
}

// Location returns the object name of the discharger.
func (p *publicKeyThirdPartyCaveatParam) Location() string { return p.DischargerLocation }

// Requirements says what the discharger wants to be told.
func (p *publicKeyThirdPartyCaveatParam) Requirements() ThirdPartyRequirements {
	return p.DischargerRequirements
}

// Dischargeable returns nil if the caveats that the discharger has to check hold
// in call.
func (p *publicKeyThirdPartyCaveatParam) Dischargeable(ctx *context.T, call Call) error {
	if _, err := p.dischargerKey(); err != nil {
		return err
	}
	for i := range p.Caveats {
		if err := p.Caveats[i].Validate(ctx, call); err != nil {
			return fmt.Errorf("security: cannot discharge: %w", err)
		}
	}
	return nil
}
