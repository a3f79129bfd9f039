package security

import "v.io/v23/verror"

var (
	// ErrAuthorizationFailed is returned by DefaultAuthorizer and
	// PublicKeyAuthorizer when the remote principal has no name they accept.
	ErrAuthorizationFailed = verror.NewIDAction("v.io/v23/security.AuthorizationFailed", verror.NoRetry)
	// ErrEndpointAuthorizationFailed is returned by EndpointAuthorizer when the
	// server has none of the names that its endpoint promises.
	ErrEndpointAuthorizationFailed = verror.NewIDAction(
		"v.io/v23/security.EndpointAuthorizationFailed", verror.NoRetry)
	// ErrUnrecognizedRoot is returned when the first key of a chain is not
	// trusted for the chain's name.
	ErrUnrecognizedRoot = verror.NewIDAction("v.io/v23/security.UnrecognizedRoot", verror.NoRetry)
	// ErrCaveatNotRegistered is returned when a caveat is of an unknown kind,
	// which counts as not holding.
	ErrCaveatNotRegistered = verror.NewIDAction("v.io/v23/security.CaveatNotRegistered", verror.NoRetry)
	// ErrCaveatParamAny is returned when a kind of caveat is declared with a
	// parameter of type any, which would not fix anything.
	ErrCaveatParamAny = verror.NewIDAction("v.io/v23/security.CaveatParamAny", verror.NoRetry)
	// ErrCaveatParamTypeMismatch is returned by NewCaveat for a parameter that
	// is not of the type the descriptor wants.
	ErrCaveatParamTypeMismatch = verror.NewIDAction("v.io/v23/security.CaveatParamTypeMismatch", verror.NoRetry)
	// ErrCaveatParamCoding is returned when a parameter cannot be encoded or
	// decoded.
	ErrCaveatParamCoding = verror.NewIDAction("v.io/v23/security.CaveatParamCoding", verror.NoRetry)
	// ErrCaveatValidation is returned when a caveat does not hold; the text and
	// errors.Is tell why.
	ErrCaveatValidation = verror.NewIDAction("v.io/v23/security.CaveatValidation", verror.NoRetry)
	// ErrConstCaveatValidation is returned by the caveat that never holds.
	ErrConstCaveatValidation = verror.NewIDAction("v.io/v23/security.ConstCaveatValidation", verror.NoRetry)
	// ErrExpiryCaveatValidation is returned once a blessing has expired.
	ErrExpiryCaveatValidation = verror.NewIDAction("v.io/v23/security.ExpiryCaveatValidation", verror.NoRetry)
	// ErrNotBeforeCaveatValidation is returned while a blessing is not yet valid.
	ErrNotBeforeCaveatValidation = verror.NewIDAction("v.io/v23/security.NotBeforeCaveatValidation", verror.NoRetry)
	// ErrMethodCaveatValidation is returned for a method that is not permitted.
	ErrMethodCaveatValidation = verror.NewIDAction("v.io/v23/security.MethodCaveatValidation", verror.NoRetry)
	// ErrPeerBlessingsCaveatValidation is returned when the blessing is presented
	// to a principal it is not meant for.
	ErrPeerBlessingsCaveatValidation = verror.NewIDAction(
		"v.io/v23/security.PeerBlessingsCaveatValidation", verror.NoRetry)
	// ErrInvalidSigningBlessingCaveat is returned for a caveat that cannot be
	// checked for data at rest.
	ErrInvalidSigningBlessingCaveat = verror.NewIDAction(
		"v.io/v23/security.InvalidSigningBlessingCaveat", verror.NoRetry)
	// ErrPublicKeyNotAllowed is returned by PublicKeyAuthorizer for another key.
	ErrPublicKeyNotAllowed = verror.NewIDAction("v.io/v23/security.PublicKeyNotAllowed", verror.NoRetry)
)
