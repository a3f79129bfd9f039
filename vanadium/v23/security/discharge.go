package security

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"time"

	"v.io/v23/context"
)

// Discharge is the statement of a third party that a third-party caveat holds.
// The zero value discharges nothing. Values are immutable; whether one is
// genuine is checked when the caveat is validated.
type Discharge struct {
	wire WireDischarge
}

// Discharges are the discharges that came with a call.
type Discharges []Discharge

// ID returns the id of the third-party caveat that d discharges, "" for the
// zero value.
func (d Discharge) ID() string {
	if public, ok := d.publicKeyDischarge(); ok {
		return public.ThirdPartyCaveatId
	}
	return ""
}

// Expiry returns the time at which the first of d's expiry caveats ends, zero if
// there is none.
func (d Discharge) Expiry() time.Time {
	var earliest time.Time
	public, _ := d.publicKeyDischarge()
	for i := range public.Caveats {
		earliest = earlierExpiry(earliest, &public.Caveats[i])
	}
	return earliest
}

// ThirdPartyCaveats returns the third-party caveats on d itself.
func (d Discharge) ThirdPartyCaveats() []Caveat {
	var found []Caveat
	public, _ := d.publicKeyDischarge()
	for i := range public.Caveats {
		found = appendThirdParty(found, &public.Caveats[i])
	}
	return found
}

func (d Discharge) publicKeyDischarge() (PublicKeyDischarge, bool) {
	public, ok := d.wire.(WireDischargePublicKey)
	return public.Value, ok
}

// WireDischargeToNative sets native to wire, whose bytes it shares. The
// signature is not checked yet: that takes the caveat.
func WireDischargeToNative(wire WireDischarge, native *Discharge) error {
	public, ok := wire.(WireDischargePublicKey)
	if !ok {
		return fmt.Errorf("security: discharges of type %T are not supported", wire)
	}
	if len(public.Value.Caveats) > caveatsMax {
		return fmt.Errorf("security: discharge has %d caveats, at most %d are accepted",
			len(public.Value.Caveats), caveatsMax)
	}
	native.wire = public
	return nil
}

// WireDischargeFromNative sets wire to the encoded form of native, whose bytes
// it shares.
func WireDischargeFromNative(wire *WireDischarge, native Discharge) error {
	if native.wire == nil {
		*wire = WireDischargePublicKey{}
		return nil
	}
	*wire = native.wire
	return nil
}

// dischargeDigest is what a discharger signs:
//
//	H( H(third-party caveat id) ‖ caveat digests )
func dischargeDigest(h Hash, id string, caveats []Caveat) []byte {
	parts := [][]byte{h.sum([]byte(id))}
	for i := range caveats {
		parts = append(parts, caveats[i].digest(h))
	}
	return h.sum(parts...)
}

func newPublicKeyDischarge(signer Signer, id string, caveats []Caveat) (Discharge, error) {
	if len(caveats) > caveatsMax {
		return Discharge{}, fmt.Errorf("security: a discharge may have at most %d caveats, got %d", caveatsMax, len(caveats))
	}
	public := PublicKeyDischarge{ThirdPartyCaveatId: id, Caveats: cloneCaveats(caveats)}
	var err error
	public.Signature, err = signer.Sign(purposeDischarge, dischargeDigest(signer.PublicKey().hash(), id, caveats))
	if err != nil {
		return Discharge{}, err
	}
	return Discharge{WireDischargePublicKey{public}}, nil
}

// verify checks that key signed d.
func (d *PublicKeyDischarge) verify(key PublicKey) error {
	if !bytes.Equal(d.Signature.Purpose, purposeDischarge) {
		return fmt.Errorf("security: discharge is signed for purpose %.16q, want %q",
			d.Signature.Purpose, purposeDischarge)
	}
	if !d.Signature.Verify(key, dischargeDigest(key.hash(), d.ThirdPartyCaveatId, d.Caveats)) {
		return fmt.Errorf("security: discharge is not signed by key %v", key)
	}
	return nil
}

// validateThirdParty holds if one of the discharges that came with the call is
// signed by the discharger and its own caveats hold.
func validateThirdParty(ctx *context.T, call Call, param publicKeyThirdPartyCaveatParam) error {
	key, err := param.dischargerKey()
	if err != nil {
		return err
	}
	id, err := param.computeID(key)
	if err != nil {
		return err
	}
	var refusals []error
	for _, discharge := range call.RemoteDischarges() {
		public, ok := discharge.publicKeyDischarge()
		if !ok || public.ThirdPartyCaveatId != id {
			continue
		}
		refusal := public.validate(ctx, call, key)
		if refusal == nil {
			return nil
		}
		refusals = append(refusals, refusal)
	}
	if len(refusals) > 0 {
		return fmt.Errorf("security: discharges of third-party caveat %s do not count: %w", id, errors.Join(refusals...))
	}
	return fmt.Errorf("security: third-party caveat %s (discharger %q) is not discharged", id, param.DischargerLocation)
}

// validate checks d's signature and caveats. Third-party caveats on discharges
// are refused: a discharge that discharges itself would recurse forever.
func (d *PublicKeyDischarge) validate(ctx *context.T, call Call, key PublicKey) error {
	if err := d.verify(key); err != nil {
		return err
	}
	for i := range d.Caveats {
		if d.Caveats[i].Id == PublicKeyThirdPartyCaveat.Id {
			return errors.New("security: discharges with third-party caveats of their own are not accepted")
		}
		if err := d.Caveats[i].Validate(ctx, call); err != nil {
			return err
		}
	}
	return nil
}

// appendThirdParty appends c to caveats if it is a third-party caveat and not
// among them.
func appendThirdParty(caveats []Caveat, c *Caveat) []Caveat {
	if c.Id != PublicKeyThirdPartyCaveat.Id {
		return caveats
	}
	same := func(other Caveat) bool { return bytes.Equal(other.ParamVom, c.ParamVom) }
	if slices.ContainsFunc(caveats, same) {
		return caveats
	}
	return append(caveats, cloneCaveats([]Caveat{*c})...)
}
