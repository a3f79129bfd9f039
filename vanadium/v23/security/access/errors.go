package access

import "v.io/v23/verror"

var (
	// ErrTooBig is returned by ReadPermissions for permissions beyond its limit.
	ErrTooBig = verror.NewIDAction("v.io/v23/security/access.TooBig", verror.NoRetry)
	// ErrNoPermissions is returned when the caller is on none of the lists that
	// would let it in.
	ErrNoPermissions = verror.NewIDAction("v.io/v23/security/access.NoPermissions", verror.NoRetry)
	// ErrAccessListMatch is returned by AccessList.Authorize for a principal that
	// is not on the list.
	ErrAccessListMatch = verror.NewIDAction("v.io/v23/security/access.AccessListMatch", verror.NoRetry)
	// ErrUnenforceablePatterns is returned for an access list with patterns that
	// no recognised name can match.
	ErrUnenforceablePatterns = verror.NewIDAction(
		"v.io/v23/security/access.UnenforceablePatterns", verror.NoRetry)
	// ErrInvalidOpenAccessList is returned for an access list that lets everyone
	// in except some, who could simply leave their names out.
	ErrInvalidOpenAccessList = verror.NewIDAction(
		"v.io/v23/security/access.InvalidOpenAccessList", verror.NoRetry)
	// ErrAccessTagCaveatValidation is returned when the method carries none of
	// the tags that a blessing is limited to.
	ErrAccessTagCaveatValidation = verror.NewIDAction(
		"v.io/v23/security/access.AccessTagCaveatValidation", verror.NoRetry)
	// ErrMultipleTags is returned for a method with more than one tag of the type
	// that decides.
	ErrMultipleTags = verror.NewIDAction("v.io/v23/security/access.MultipleTags", verror.NoRetry)
	// ErrNoTags is returned for a method without a tag of the type that decides.
	ErrNoTags = verror.NewIDAction("v.io/v23/security/access.NoTags", verror.NoRetry)
)
