package security

import (
	"time"

	"v.io/v23/context"
	"v.io/v23/naming"
	"v.io/v23/vdl"
)

// Principal is an identity that can act: it signs, blesses others, and knows
// which blessings to present and whom to trust. [CreatePrincipal] makes one.
type Principal interface {
	// Bless gives key a blessing that extends every name in with by extension,
	// usable only while all caveats hold; UnconstrainedUse says that there are
	// none on purpose. with must be bound to this principal's own key.
	Bless(key PublicKey, with Blessings, extension string, caveat Caveat, additionalCaveats ...Caveat) (Blessings, error)
	// BlessSelf returns a blessing of this principal by itself under name. It
	// counts for something only where this principal's key is a root.
	BlessSelf(name string, caveats ...Caveat) (Blessings, error)
	// Sign signs an arbitrary message. What it signs can never pass for a
	// blessing or a discharge, but the message itself should say what it is
	// for, lest another protocol reads it differently.
	Sign(message []byte) (Signature, error)
	// MintDischarge returns a discharge of the third-party caveat forThirdParty,
	// which must name this principal as its discharger, valid only while all
	// caveats hold.
	MintDischarge(forThirdParty, caveatOnDischarge Caveat, additionalCaveatsOnDischarge ...Caveat) (Discharge, error)
	// PublicKey returns the public half of the principal's key pair.
	PublicKey() PublicKey
	// BlessingStore returns the blessings this principal may present, never nil.
	BlessingStore() BlessingStore
	// Roots returns the keys this principal trusts to name others, never nil.
	Roots() BlessingRoots
}

// BlessingStore keeps the blessings of one principal and says which to present
// to whom. Implementations are safe for concurrent use; a persistent one has
// made a change durable when the changing method returns nil.
type BlessingStore interface {
	// Set makes blessings the ones to present to peers whose names forPeers
	// selects, and returns what was there before. Zero blessings remove the
	// pattern. Blessings bound to another key are refused.
	Set(blessings Blessings, forPeers BlessingPattern) (Blessings, error)
	// ForPeer returns the union of all blessings set for patterns that one of
	// peerBlessings matches; zero if there are none.
	ForPeer(peerBlessings ...string) Blessings
	// SetDefault makes blessings the ones that services of this principal
	// present. Blessings bound to another key are refused.
	SetDefault(blessings Blessings) error
	// Default returns the default blessings, zero if never set, and a channel
	// that is closed when they change.
	Default() (Blessings, <-chan struct{})
	// PublicKey returns the key that all blessings in the store are bound to.
	PublicKey() PublicKey
	// PeerBlessings returns a copy of everything that was Set.
	PeerBlessings() map[BlessingPattern]Blessings
	// CacheDischarge keeps discharge, obtained for caveat and impetus, until
	// it expires or is cleared.
	CacheDischarge(discharge Discharge, caveat Caveat, impetus DischargeImpetus) error
	// ClearDischarges forgets the given discharges.
	ClearDischarges(discharges ...Discharge)
	// Discharge returns the cached discharge of caveat for impetus and when it
	// was cached, or zero values.
	Discharge(caveat Caveat, impetus DischargeImpetus) (Discharge, time.Time)
	// DebugString describes the store for people.
	DebugString() string
}

// BlessingRoots keeps the public keys that are trusted to speak for names.
// Implementations are safe for concurrent use; a persistent one has made an
// addition durable when Add returns nil.
type BlessingRoots interface {
	// Add trusts root, a public key in PKIX DER, for all names that pattern
	// selects. AllPrincipals is refused: nobody speaks for everyone.
	Add(root []byte, pattern BlessingPattern) error
	// Recognized returns nil if root is trusted for the blessing name, and an
	// ErrUnrecognizedRoot otherwise.
	Recognized(root []byte, blessing string) error
	// RecognizedCert is Recognized for the first certificate of a chain.
	RecognizedCert(root *Certificate, blessing string) error
	// Dump returns a copy of everything that was added.
	Dump() map[BlessingPattern][]PublicKey
	// DebugString describes the roots for people.
	DebugString() string
}

// Call is what is known about a remote procedure call, or another exchange of
// two principals, when it is to be authorized. "Local" is the side that
// decides.
type Call interface {
	// Timestamp returns the time at which the call is authorized.
	Timestamp() time.Time
	// Method returns the name of the method, empty outside of a method call.
	Method() string
	// MethodTags returns the tags that the interface attaches to the method.
	MethodTags() []*vdl.Value
	// Suffix returns the object name relative to the server.
	Suffix() string
	// LocalDischarges returns the discharges the local side presented.
	LocalDischarges() Discharges
	// RemoteDischarges returns the discharges the remote side presented.
	RemoteDischarges() Discharges
	// LocalPrincipal returns the principal that decides, nil if there is none.
	LocalPrincipal() Principal
	// LocalBlessings returns the blessings the local side presented.
	LocalBlessings() Blessings
	// RemoteBlessings returns the blessings the remote side presented. The
	// transport has proved that it holds their key, nobody has yet judged them.
	RemoteBlessings() Blessings
	// LocalEndpoint returns the endpoint of the local side.
	LocalEndpoint() naming.Endpoint
	// RemoteEndpoint returns the endpoint of the remote side.
	RemoteEndpoint() naming.Endpoint
}

// Authorizer decides whether a call may proceed.
type Authorizer interface {
	// Authorize returns nil to let the call proceed, else why not. It may be
	// called concurrently and must return soon.
	Authorize(ctx *context.T, call Call) error
}

// ThirdPartyCaveat is a caveat that holds only if a third party, the
// discharger, says so by a [Discharge].
type ThirdPartyCaveat interface {
	// ID identifies the caveat; discharges refer to it.
	ID() string
	// Location is the object name of the discharger.
	Location() string
	// Requirements says what the discharger wants to know.
	Requirements() ThirdPartyRequirements
	// Dischargeable returns nil if the discharger may issue a discharge in the
	// context of call, in which the discharger is the local side.
	Dischargeable(ctx *context.T, call Call) error
}
