package v23

import (
	"v.io/v23/context"
	"v.io/v23/namespace"
	"v.io/v23/rpc"
	"v.io/v23/security"
	"v.io/v23/security/access"
)

// Runtime is what implements the functions of this package, which see for the meaning of the methods. Its methods may
// be called by several goroutines at once.
type Runtime interface {
	// WithPrincipal returns a context with the principal, and with a client and a namespace that act for it.
	WithPrincipal(ctx *context.T, principal security.Principal) (*context.T, error)
	// GetPrincipal returns the principal of the context.
	GetPrincipal(ctx *context.T) security.Principal

	// WithNewClient returns a context with a new client.
	WithNewClient(ctx *context.T, opts ...rpc.ClientOpt) (*context.T, rpc.Client, error)
	// GetClient returns the client of the context.
	GetClient(ctx *context.T) rpc.Client

	// WithNewNamespace returns a context with a new namespace.
	WithNewNamespace(ctx *context.T, roots ...string) (*context.T, namespace.T, error)
	// GetNamespace returns the namespace of the context.
	GetNamespace(ctx *context.T) namespace.T

	// WithListenSpec returns a context with the specification.
	WithListenSpec(ctx *context.T, spec rpc.ListenSpec) *context.T
	// GetListenSpec returns the specification of the context.
	GetListenSpec(ctx *context.T) rpc.ListenSpec

	// GetPermissionsSpec returns the permissions given by the flags of the process.
	GetPermissionsSpec(ctx *context.T) access.PermissionsSpec
	// GetBackgroundContext returns a context that does not end with ctx.
	GetBackgroundContext(ctx *context.T) *context.T

	// WithReservedNameDispatcher returns a context with the dispatcher.
	WithReservedNameDispatcher(ctx *context.T, d rpc.Dispatcher) *context.T
	// GetReservedNameDispatcher returns the dispatcher of the context.
	GetReservedNameDispatcher(ctx *context.T) rpc.Dispatcher

	// WithNewServer returns a context with the client of a new server, and the server.
	WithNewServer(ctx *context.T, name string, object interface{}, auth security.Authorizer,
		opts ...rpc.ServerOpt) (*context.T, rpc.Server, error)
	// WithNewDispatchingServer returns a context with the client of a new server, and the server.
	WithNewDispatchingServer(ctx *context.T, name string, disp rpc.Dispatcher,
		opts ...rpc.ServerOpt) (*context.T, rpc.Server, error)
}

// GetPrincipal returns the principal that the context acts for.
func GetPrincipal(ctx *context.T) security.Principal {
	return process.current().GetPrincipal(ctx)
}

// WithPrincipal returns a context that acts for the principal. It has a client of its own, and so connections of its
// own: it is to be made once per principal and not per call.
func WithPrincipal(ctx *context.T, principal security.Principal) (*context.T, error) {
	return process.current().WithPrincipal(ctx, principal)
}

// GetClient returns the client of the context.
func GetClient(ctx *context.T) rpc.Client {
	return process.current().GetClient(ctx)
}

// WithNewClient returns a context with a new client, and the client.
func WithNewClient(ctx *context.T, opts ...rpc.ClientOpt) (*context.T, rpc.Client, error) {
	return process.current().WithNewClient(ctx, opts...)
}

// GetNamespace returns the namespace of the context.
func GetNamespace(ctx *context.T) namespace.T {
	return process.current().GetNamespace(ctx)
}

// WithNewNamespace returns a context with a new namespace that has the roots, and the namespace.
func WithNewNamespace(ctx *context.T, roots ...string) (*context.T, namespace.T, error) {
	return process.current().WithNewNamespace(ctx, roots...)
}

// GetListenSpec returns where servers made with the context listen.
func GetListenSpec(ctx *context.T) rpc.ListenSpec {
	return process.current().GetListenSpec(ctx)
}

// WithListenSpec returns a context with which servers listen where spec says.
func WithListenSpec(ctx *context.T, spec rpc.ListenSpec) *context.T {
	return process.current().WithListenSpec(ctx, spec)
}

// GetPermissionsSpec returns the permissions that were given by the flags of the process.
func GetPermissionsSpec(ctx *context.T) access.PermissionsSpec {
	return process.current().GetPermissionsSpec(ctx)
}

// GetBackgroundContext returns a context for work that goes on after ctx ended. It ends with the runtime.
func GetBackgroundContext(ctx *context.T) *context.T {
	return process.current().GetBackgroundContext(ctx)
}

// WithReservedNameDispatcher returns a context whose servers dispatch reserved names to d.
func WithReservedNameDispatcher(ctx *context.T, d rpc.Dispatcher) *context.T {
	return process.current().WithReservedNameDispatcher(ctx, d)
}

// GetReservedNameDispatcher returns the dispatcher of reserved names, or nil.
func GetReservedNameDispatcher(ctx *context.T) rpc.Dispatcher {
	return process.current().GetReservedNameDispatcher(ctx)
}

// WithNewServer starts a server with a single object, and mounts it on the name unless that is "". The object is an
// rpc.Invoker, or else an object for rpc.ReflectInvoker. A nil authorizer stands for security.DefaultAuthorizer. The
// server listens where the context's ListenSpec says; failures to do so are found in its Status. It stops when ctx
// ends. The returned context has a client that shares the connections and the identity of the server.
func WithNewServer(ctx *context.T, name string, object interface{}, auth security.Authorizer,
	opts ...rpc.ServerOpt) (*context.T, rpc.Server, error) {
	return process.current().WithNewServer(ctx, name, object, auth, opts...)
}

// WithNewDispatchingServer starts a server like WithNewServer, with the objects that the dispatcher finds.
func WithNewDispatchingServer(ctx *context.T, name string, disp rpc.Dispatcher,
	opts ...rpc.ServerOpt) (*context.T, rpc.Server, error) {
	return process.current().WithNewDispatchingServer(ctx, name, disp, opts...)
}
