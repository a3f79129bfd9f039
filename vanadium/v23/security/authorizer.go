package security

import (
	"v.io/v23/context"
)

// authorizerFunc is an Authorizer that is just a function.
type authorizerFunc func(ctx *context.T, call Call) error

func (f authorizerFunc) Authorize(ctx *context.T, call Call) error { return f(ctx, call) }

// DefaultAuthorizer returns an Authorizer that accepts a remote principal one of
// whose names extends or equals a name of the local one, or the other way
// round: a delegate and its delegator trust each other, two delegates of the
// same delegator do not.
func DefaultAuthorizer() Authorizer { return authorizerFunc(authorizeRelated) }

func authorizeRelated(ctx *context.T, call Call) error {
	local := LocalBlessingNames(ctx, call)
	remote, rejected := RemoteBlessingNames(ctx, call)
	for _, l := range local {
		for _, r := range remote {
			if l == r || isExtension(l, r) || isExtension(r, l) {
				return nil
			}
		}
	}
	return ErrAuthorizationFailed.Errorf(ctx, "principal with names %v (rejected: %v) is not related to %v",
		remote, rejected, local)
}

// AllowEveryone returns an Authorizer that accepts everybody.
func AllowEveryone() Authorizer {
	return authorizerFunc(func(*context.T, Call) error { return nil })
}

// EndpointAuthorizer returns an Authorizer for clients that accepts a server
// which has one of the names its endpoint promises. An endpoint that promises
// none could be anybody's, so nobody is accepted.
func EndpointAuthorizer() Authorizer { return authorizerFunc(authorizeEndpoint) }

func authorizeEndpoint(ctx *context.T, call Call) error {
	promised := call.RemoteEndpoint().BlessingNames()
	if len(promised) == 0 {
		return ErrEndpointAuthorizationFailed.Errorf(ctx, "endpoint %v names no blessings to expect of its server",
			call.RemoteEndpoint())
	}
	remote, rejected := RemoteBlessingNames(ctx, call)
	for _, name := range promised {
		if BlessingPattern(name).MatchedBy(remote...) {
			return nil
		}
	}
	return ErrEndpointAuthorizationFailed.Errorf(ctx,
		"server has names %v (rejected: %v), its endpoint promises one of %v", remote, rejected, promised)
}

// PublicKeyAuthorizer returns an Authorizer that accepts only the holder of key,
// whatever its names.
func PublicKeyAuthorizer(key PublicKey) Authorizer {
	return authorizerFunc(func(ctx *context.T, call Call) error {
		if remote := call.RemoteBlessings().PublicKey(); !CryptoPublicKeyEqual(remote, key) {
			return ErrPublicKeyNotAllowed.Errorf(ctx, "remote principal has key %v, want %v", remote, key)
		}
		return nil
	})
}
