package security

import (
	"errors"
	"slices"
	"time"

	"v.io/v23/context"
	"v.io/v23/uniqueid"
	"v.io/v23/vdl"
	_ "v.io/v23/vdlroot/time" // registers time.Time with package vdl.
)

// The kinds of caveats that every principal understands.
var (
	// ConstCaveat holds always or never, as its bool parameter says.
	ConstCaveat = CaveatDescriptor{
		Id:        uniqueid.Id{},
		ParamType: vdl.BoolType,
	}
	// ExpiryCaveat holds up to and including the time.Time that is its parameter.
	ExpiryCaveat = CaveatDescriptor{
		Id: uniqueid.Id{0xa6, 0x4c, 0x2d, 0x01, 0x19, 0xfb, 0xa3, 0x34,
			0x80, 0x71, 0xfe, 0xeb, 0x2f, 0x30, 0x80, 0x00},
		ParamType: vdl.TypeOf(time.Time{}),
	}
	// NotBeforeCaveat holds from the time.Time on that is its parameter.
	NotBeforeCaveat = CaveatDescriptor{
		Id: uniqueid.Id{0xba, 0xaf, 0x68, 0x39, 0xa9, 0x8f, 0x9c, 0x13,
			0x83, 0x99, 0xcd, 0x69, 0xd6, 0xff, 0x99, 0x25},
		ParamType: vdl.TypeOf(time.Time{}),
	}
	// MethodCaveat holds for the methods in its []string parameter.
	MethodCaveat = CaveatDescriptor{
		Id: uniqueid.Id{0x54, 0xa6, 0x76, 0x39, 0x81, 0x37, 0x18, 0x7e,
			0xcd, 0xb2, 0x6d, 0x2d, 0x69, 0xba, 0x00, 0x03},
		ParamType: vdl.TypeOf([]string(nil)),
	}
	// PeerBlessingsCaveat holds where the validating side has a name that one of
	// the patterns in its []BlessingPattern parameter selects.
	PeerBlessingsCaveat = CaveatDescriptor{
		Id: uniqueid.Id{0x05, 0x77, 0xf8, 0x56, 0x4c, 0x8e, 0x5f, 0xfe,
			0xff, 0x8e, 0x2b, 0x1f, 0x4d, 0x6d, 0x80, 0x00},
		ParamType: vdl.TypeOf([]BlessingPattern(nil)),
	}
	// PublicKeyThirdPartyCaveat holds if the call comes with a discharge that
	// verifies by the key in the parameter; see NewPublicKeyCaveat.
	PublicKeyThirdPartyCaveat = CaveatDescriptor{
		Id: uniqueid.Id{0x79, 0x72, 0xce, 0x17, 0x4a, 0x7b, 0xa9, 0x3f,
			0x79, 0x54, 0x7d, 0x76, 0x9c, 0x91, 0x80, 0x00},
		ParamType: vdl.TypeOf(publicKeyThirdPartyCaveatParam{}),
	}
)

func init() {
	registerStandard(ConstCaveat, validateConst)
	registerStandard(ExpiryCaveat, validateExpiry)
	registerStandard(NotBeforeCaveat, validateNotBefore)
	registerStandard(MethodCaveat, validateMethod)
	registerStandard(PeerBlessingsCaveat, validatePeerBlessings)
	registerStandard(PublicKeyThirdPartyCaveat, validateThirdParty)
}

func validateConst(ctx *context.T, _ Call, holds bool) error {
	if !holds {
		return ErrConstCaveatValidation.Errorf(ctx, "%s", "the caveat never holds")
	}
	return nil
}

func validateExpiry(ctx *context.T, call Call, expiry time.Time) error {
	if now := call.Timestamp(); now.After(expiry) {
		return ErrExpiryCaveatValidation.Errorf(ctx, "expired at %v, it is %v", expiry, now)
	}
	return nil
}

func validateNotBefore(ctx *context.T, call Call, start time.Time) error {
	if now := call.Timestamp(); now.Before(start) {
		return ErrNotBeforeCaveatValidation.Errorf(ctx, "not valid before %v, it is %v", start, now)
	}
	return nil
}

func validateMethod(ctx *context.T, call Call, methods []string) error {
	if method := call.Method(); !slices.Contains(methods, method) {
		return ErrMethodCaveatValidation.Errorf(ctx, "method %q is not among the permitted methods %v", method, methods)
	}
	return nil
}

func validatePeerBlessings(ctx *context.T, call Call, patterns []BlessingPattern) error {
	names := LocalBlessingNames(ctx, call)
	for _, pattern := range patterns {
		if pattern.MatchedBy(names...) {
			return nil
		}
	}
	return ErrPeerBlessingsCaveatValidation.Errorf(ctx, "meant for peers %v, presented to %v", patterns, names)
}

// UnconstrainedUse returns a caveat that always holds: the way to say that a
// blessing is meant to have no limits.
func UnconstrainedUse() Caveat {
	// The VOM of true, written out since a constant cannot fail to encode.
	return Caveat{Id: ConstCaveat.Id, ParamVom: []byte{0x81, 0x02, 0x01}}
}

// NewExpiryCaveat returns a caveat that holds up to and including expiry.
func NewExpiryCaveat(expiry time.Time) (Caveat, error) { return NewCaveat(ExpiryCaveat, expiry) }

// NewNotBeforeCaveat returns a caveat that holds from start on.
func NewNotBeforeCaveat(start time.Time) (Caveat, error) { return NewCaveat(NotBeforeCaveat, start) }

// NewMethodCaveat returns a caveat that holds for the given methods.
func NewMethodCaveat(method string, additionalMethods ...string) (Caveat, error) {
	// As with caveats, the mandatory one comes last on the wire.
	methods := append(slices.Clone(additionalMethods), method)
	if slices.Contains(methods, "") {
		return Caveat{}, errors.New("security: a method caveat needs method names, got an empty one")
	}
	return NewCaveat(MethodCaveat, methods)
}

// earlierExpiry returns the time at which c ends if it is an expiry caveat that
// ends before earliest, or earliest is zero; else earliest.
func earlierExpiry(earliest time.Time, c *Caveat) time.Time {
	if c.Id != ExpiryCaveat.Id {
		return earliest
	}
	param, err := decodeParam(c)
	expiry, ok := param.(time.Time)
	if err != nil || !ok {
		return earliest // such a caveat never holds.
	}
	if earliest.IsZero() || expiry.Before(earliest) {
		return expiry
	}
	return earliest
}
