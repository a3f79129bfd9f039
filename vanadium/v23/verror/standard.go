package verror

import "fmt"

// The errors that every package may use.
var (
	// ErrUnknown is an error whose identity is not known, such as one of another package.
	ErrUnknown = NewIDAction("v.io/v23/verror.Unknown", NoRetry)
	// ErrInternal is a failure of the implementation itself.
	ErrInternal = NewIDAction("v.io/v23/verror.Internal", NoRetry)
	// ErrNotImplemented is an operation that the implementation does not have.
	ErrNotImplemented = NewIDAction("v.io/v23/verror.NotImplemented", NoRetry)
	// ErrEndOfFile is the end of a file or stream.
	ErrEndOfFile = NewIDAction("v.io/v23/verror.EndOfFile", NoRetry)
	// ErrBadArg is an argument that is not acceptable.
	ErrBadArg = NewIDAction("v.io/v23/verror.BadArg", NoRetry)
	// ErrBadState is an object that is not in the state for the operation.
	ErrBadState = NewIDAction("v.io/v23/verror.BadState", NoRetry)
	// ErrBadVersion is a version that is not the current one.
	ErrBadVersion = NewIDAction("v.io/v23/verror.BadVersion", NoRetry)
	// ErrExist is something that exists already.
	ErrExist = NewIDAction("v.io/v23/verror.Exist", NoRetry)
	// ErrNoExist is something that does not exist.
	ErrNoExist = NewIDAction("v.io/v23/verror.NoExist", NoRetry)
	// ErrUnknownMethod is a method that the object does not have.
	ErrUnknownMethod = NewIDAction("v.io/v23/verror.UnknownMethod", NoRetry)
	// ErrUnknownSuffix is a suffix that names no object of the server.
	ErrUnknownSuffix = NewIDAction("v.io/v23/verror.UnknownSuffix", NoRetry)
	// ErrNoExistOrNoAccess is something that does not exist or may not be seen.
	ErrNoExistOrNoAccess = NewIDAction("v.io/v23/verror.NoExistOrNoAccess", NoRetry)
	// ErrNoServers is a name without a server that can be reached.
	ErrNoServers = NewIDAction("v.io/v23/verror.NoServers", RetryRefetch)
	// ErrNoAccess is a caller who is not authorised.
	ErrNoAccess = NewIDAction("v.io/v23/verror.NoAccess", RetryRefetch)
	// ErrNotTrusted is a server that the client does not trust.
	ErrNotTrusted = NewIDAction("v.io/v23/verror.NotTrusted", RetryRefetch)
	// ErrAborted is an operation that was given up before its end.
	ErrAborted = NewIDAction("v.io/v23/verror.Aborted", NoRetry)
	// ErrBadProtocol is a peer that does not keep to the protocol.
	ErrBadProtocol = NewIDAction("v.io/v23/verror.BadProtocol", NoRetry)
	// ErrCanceled is a call that was cancelled.
	ErrCanceled = NewIDAction("v.io/v23/verror.Canceled", NoRetry)
	// ErrTimeout is a call whose deadline passed.
	ErrTimeout = NewIDAction("v.io/v23/verror.Timeout", NoRetry)
)

// originOf returns the first two parameters of an error, which all errors of this package have.
func originOf(err error) (component, operation string, _ error) {
	params := Params(err)
	if len(params) < 2 {
		return "", "", fmt.Errorf("verror: %d parameters instead of a component and an operation", len(params))
	}
	component, isString := params[0].(string)
	operation, also := params[1].(string)
	if !isString || !also {
		return "", "", fmt.Errorf("verror: the first parameters are %T and %T, not strings", params[0], params[1])
	}
	return component, operation, nil
}
