package security

import (
	"v.io/v23/uniqueid"
	"v.io/v23/vdl"
	"v.io/v23/vom"
)

// The types in this file travel: their names, and the names, order and types
// of their fields, are the wire format.

// Certificate is one link of a blessing chain: the holder of the preceding
// certificate's key (or of this one's, in a first certificate) gives PublicKey
// the name of the chain so far extended by Extension.
type Certificate struct {
	// Extension is appended to the name of the chain so far.
	Extension string
	// PublicKey is the key that is blessed, in PKIX DER.
	PublicKey []byte
	// Caveats must all hold for the certificate to count.
	Caveats []Caveat
	// X509Raw is the X.509 certificate that the blessing was made from, if any.
	X509Raw []byte
	// Signature is made by the preceding key over the chained content digest.
	Signature Signature
}

// WireBlessings is the encoded form of [Blessings]. Nothing about a value of
// this type has been verified.
type WireBlessings struct {
	// CertificateChains holds the chains, which all end in the same key.
	CertificateChains [][]Certificate
}

// Caveat is a condition on the use of a blessing or discharge. Kinds of caveats
// are registered with [RegisterCaveatValidator].
type Caveat struct {
	// Id is the kind of the caveat, which fixes the type of its parameter.
	Id uniqueid.Id
	// ParamVom is the parameter, encoded by VOM.
	ParamVom []byte
}

// CaveatDescriptor describes a kind of caveat.
type CaveatDescriptor struct {
	// Id identifies the kind everywhere and forever.
	Id uniqueid.Id
	// ParamType is the type of the parameter.
	ParamType *vdl.Type
}

// ThirdPartyRequirements says what a discharger wants to be told about the call
// for which a discharge is sought.
type ThirdPartyRequirements struct {
	// ReportServer asks for the blessing names of the server called.
	ReportServer bool
	// ReportMethod asks for the name of the method called.
	ReportMethod bool
	// ReportArguments asks for the arguments of the call.
	ReportArguments bool
}

// nonce makes the ids of otherwise equal third-party caveats differ.
type nonce [16]byte

// publicKeyThirdPartyCaveatParam is the parameter of a third-party caveat whose
// discharger is known by its public key.
type publicKeyThirdPartyCaveatParam struct {
	Nonce                  nonce
	Caveats                []Caveat
	DischargerKey          []byte
	DischargerLocation     string
	DischargerRequirements ThirdPartyRequirements
}

// PublicKeyDischarge is the statement of a discharger, known by its public key,
// that a third-party caveat holds.
type PublicKeyDischarge struct {
	// ThirdPartyCaveatId is the ID of the caveat that is discharged.
	ThirdPartyCaveatId string
	// Caveats must all hold for the discharge to count.
	Caveats []Caveat
	// Signature is made by the discharger, see newPublicKeyDischarge.
	Signature Signature
}

// WireDischarge is the encoded form of [Discharge], a union with one case so
// far, [WireDischargePublicKey].
type WireDischarge interface {
	// Index returns the position of the case in the union.
	Index() int
	// Interface returns the value of the case.
	Interface() any
	// Name returns the name of the case.
	Name() string
	// VDLReflect describes the union to package vdl.
	VDLReflect(vdlWireDischargeReflect)
}

// WireDischargePublicKey is the case PublicKey of [WireDischarge].
type WireDischargePublicKey struct {
	Value PublicKeyDischarge
}

type vdlWireDischargeReflect struct {
	Name  string `vdl:"v.io/v23/security.WireDischarge"`
	Type  WireDischarge
	Union struct {
		PublicKey WireDischargePublicKey
	}
}

// Index returns 0.
func (WireDischargePublicKey) Index() int { return 0 }

// Interface returns the PublicKeyDischarge.
func (x WireDischargePublicKey) Interface() any { return x.Value }

// Name returns "PublicKey".
func (WireDischargePublicKey) Name() string { return "PublicKey" }

// VDLReflect describes the union to package vdl.
func (WireDischargePublicKey) VDLReflect(vdlWireDischargeReflect) {}

// DischargeImpetus tells a discharger why a discharge is sought.
type DischargeImpetus struct {
	// Server selects the blessing names of the server called.
	Server []BlessingPattern
	// Method is the name of the method called.
	Method string
	// Arguments are the arguments of the call.
	Arguments []*vom.RawBytes
}

// RejectedBlessing is a blessing name that was presented but does not count.
type RejectedBlessing struct {
	// Blessing is the name.
	Blessing string
	// Err says why it does not count.
	Err error
}
