// Package boot brings up Vanadium for a command.
package boot

import (
	stdcontext "context"
	"fmt"

	"v.io/v23"
	"v.io/v23/context"
	"v.io/v23/rpc"
	"v.io/v23/security"

	vsecurity "v.io/x/ref/lib/security"
	_ "v.io/x/ref/runtime/factories/generic" // the runtime
)

// Loopback lets a server listen on a port of this machine that the system
// chooses, out of reach of others.
var Loopback = rpc.ListenSpec{Addrs: rpc.ListenAddrs{{Protocol: "tcp", Address: "127.0.0.1:0"}}}

// Open starts the runtime with the principal kept in a directory, and with the
// given roots of the namespace. The context ends with parent; shutdown ends
// everything that runs under it, and must be called.
func Open(parent stdcontext.Context, credentials string, roots ...string) (_ *context.T, shutdown func(), err error) {
	principal, err := vsecurity.LoadPersistentPrincipal(credentials, nil)
	if err != nil {
		return nil, nil, fmt.Errorf("credentials in %s: %w", credentials, err)
	}
	ctx, stop, err := v23.TryInit()
	if err != nil {
		return nil, nil, err
	}
	identified, err := identify(ctx, principal, roots)
	if err != nil {
		stop()
		return nil, nil, err
	}
	ctx, cancel := context.WithCancel(v23.WithListenSpec(identified, Loopback))
	unlink := stdcontext.AfterFunc(parent, cancel)
	return ctx, func() {
		unlink()
		cancel()
		stop()
	}, nil
}

// identify gives a context its principal and its namespace.
func identify(ctx *context.T, principal security.Principal, roots []string) (*context.T, error) {
	ctx, err := v23.WithPrincipal(ctx, principal)
	if err != nil {
		return nil, err
	}
	ctx, _, err = v23.WithNewNamespace(ctx, roots...)
	return ctx, err
}
