package rpc

import (
	"errors"
	"fmt"

	"v.io/v23/context"
	"v.io/v23/verror"

	"v.io/x/ref/runtime/internal/conn"
)

// fault is an error of this layer with the standard error that it is reported
// as. The cause stays reachable with errors.Is.
func fault(ctx *context.T, id verror.IDAction, cause error) error {
	return id.Errorf(ctx, "%w", cause)
}

// endOfContext is the standard error for a context that has ended, nil for
// one that has not.
func endOfContext(ctx *context.T, name, method string) error {
	switch err := ctx.Err(); {
	case err == nil:
		return nil
	case errors.Is(err, context.DeadlineExceeded):
		return verror.ErrTimeout.Errorf(ctx, "%v.%v: the deadline passed: %w", name, method, err)
	default:
		return verror.ErrCanceled.Errorf(ctx, "%v.%v: canceled: %w", name, method, err)
	}
}

// ErrBrokenOff is in the chain of a call's error when the flow or the connection ended
// before the server had answered: whether it served the call, and what it is, is not
// known. An ErrBadProtocol without it is an answer, although one that was not expected.
var ErrBrokenOff = errors.New("the call was broken off")

// errGarbled is in the chain of what a peer that does not follow the protocol causes.
var errGarbled = errors.New("the answer cannot be read")

// lost is the error of a call whose connection broke, or whose peer did not follow
// the protocol, unless the context's end explains it.
func lost(ctx *context.T, name, method string, cause error) error {
	if err := endOfContext(ctx, name, method); err != nil {
		return err
	}
	reason := ErrBrokenOff
	if garbled(cause) {
		reason = errGarbled
	}
	return verror.ErrBadProtocol.Errorf(ctx, "%v.%v: %w: %w", name, method, reason, cause)
}

// garbled tells whether an error of a flow is due to what the peer said, and not to its
// silence.
func garbled(err error) bool {
	return errors.Is(err, errMalformed) || errors.Is(err, errDecode) ||
		errors.Is(err, errWrongCount) || errors.Is(err, conn.ErrTooLarge)
}

// connectFault is the standard error of a failed attempt to reach a server.
func connectFault(ctx *context.T, server string, cause error) error {
	switch {
	case errors.Is(cause, conn.ErrUntrusted), errors.Is(cause, conn.ErrNotAuthenticated):
		return verror.ErrNotTrusted.Errorf(ctx, "%v: %w", server, cause)
	case errors.Is(cause, conn.ErrRefused):
		return verror.ErrNoAccess.Errorf(ctx, "%v: %w", server, cause)
	case errors.Is(cause, conn.ErrPoolClosed):
		return verror.ErrBadState.Errorf(ctx, "%v: %w", server, cause)
	default:
		return verror.ErrNoServers.Errorf(ctx, "%v: %w", server, cause)
	}
}

// final tells whether trying the same server again is of no use.
func final(err error) bool {
	id := verror.ErrorID(err)
	return id == verror.ErrNotTrusted.ID || id == verror.ErrNoAccess.ID || id == verror.ErrBadState.ID
}

// errWrongCount marks a response whose number of results is not what the caller wants.
var errWrongCount = errors.New("wrong number of results")

func wrongCount(got, want int) error {
	return fmt.Errorf("%w: the server returned %d, the caller wants %d", errWrongCount, got, want)
}
