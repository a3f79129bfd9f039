package rt

import (
	stdcontext "context"
	"errors"
	"fmt"
	"sync"
	"time"

	v23 "v.io/v23"
	"v.io/v23/context"
	"v.io/v23/logging"
	"v.io/v23/namespace"
	"v.io/v23/options"
	"v.io/v23/rpc"
	"v.io/v23/security"
	"v.io/v23/security/access"

	"v.io/x/ref/lib/publisher"
	vnamespace "v.io/x/ref/runtime/internal/namespace"
	vrpc "v.io/x/ref/runtime/internal/rpc"
)

// Config says what a runtime starts with.
type Config struct {
	// Logger receives what contexts log. Required.
	Logger logging.Logger
	// Credentials is the directory of the principal; empty for a new principal that
	// lasts as long as the runtime.
	Credentials string
	// ReloadInterval is how often Credentials is read again.
	ReloadInterval time.Duration
	// NamespaceRoots are the roots of the namespace.
	NamespaceRoots []string
	// ListenSpec is where servers listen.
	ListenSpec rpc.ListenSpec
	// RefreshAddresses is how often servers on all interfaces look for other
	// addresses of the host; 0 for never.
	RefreshAddresses time.Duration
	// PublishPeriod is how often the names of servers are mounted again.
	PublishPeriod time.Duration
	// Permissions says where permissions are found.
	Permissions access.PermissionsSpec
	// Reserved serves reserved names on all servers; may be nil.
	Reserved rpc.Dispatcher
}

// Runtime implements v23.Runtime.
type Runtime struct {
	permissions access.PermissionsSpec
	refresh     time.Duration
	publish     time.Duration
	// background is the context that Init returned.
	background *context.T
	// servers, mountTables and clients count those that have not closed.
	servers, mountTables, clients sync.WaitGroup
	// stopping is closed when the runtime is being shut down.
	stopping chan struct{}
}

var _ v23.Runtime = (*Runtime)(nil)

// The keys of the values in contexts.
type (
	principalKey struct{}
	clientKey    struct{}
	namespaceKey struct{}
	listenKey    struct{}
	reservedKey  struct{}
)

// Init makes a runtime and its first context. That context does not descend from any
// other, so that the end of the process's root leaves servers the time to stop in
// good order: the Shutdown cancels it, waits for the servers, then for those that are
// mount tables, from which the former unmount their names, and then ends the rest.
func Init(cfg Config) (*Runtime, *context.T, v23.Shutdown, error) {
	base, end := context.RootContext()
	base = context.WithLogger(base, cfg.Logger)
	r := &Runtime{
		permissions: cfg.Permissions, refresh: cfg.RefreshAddresses, publish: cfg.PublishPeriod,
		stopping: make(chan struct{}),
	}
	ctx, err := r.populate(base, cfg)
	if err != nil {
		end()
		r.clients.Wait()
		return nil, nil, nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	r.background = ctx
	shutdown := func() {
		close(r.stopping)
		cancel()
		r.servers.Wait()
		r.mountTables.Wait()
		end()
		r.clients.Wait()
		ctx.FlushLog()
	}
	return r, ctx, shutdown, nil
}

// populate puts the parts of the runtime into the context.
func (r *Runtime) populate(ctx *context.T, cfg Config) (*context.T, error) {
	principal, err := newPrincipal(ctx, cfg)
	if err != nil {
		return nil, err
	}
	ctx = r.WithListenSpec(ctx, cfg.ListenSpec)
	if cfg.Reserved != nil {
		ctx = r.WithReservedNameDispatcher(ctx, cfg.Reserved)
	}
	if ctx, _, err = r.WithNewNamespace(ctx, cfg.NamespaceRoots...); err != nil {
		return nil, err
	}
	return r.withPrincipal(ctx, principal)
}

// GetPrincipal implements v23.Runtime.
func (r *Runtime) GetPrincipal(ctx *context.T) security.Principal {
	p, _ := ctx.Value(principalKey{}).(security.Principal)
	return p
}

// WithPrincipal implements v23.Runtime. The context has a client and a namespace client
// of its own.
func (r *Runtime) WithPrincipal(ctx *context.T, principal security.Principal) (*context.T, error) {
	if principal == nil {
		return ctx, errors.New("a nil principal")
	}
	child, _, err := r.WithNewNamespace(ctx, r.GetNamespace(ctx).Roots()...)
	if err != nil {
		return ctx, err
	}
	return r.withPrincipal(child, principal)
}

func (r *Runtime) withPrincipal(ctx *context.T, principal security.Principal) (*context.T, error) {
	ctx = context.WithValue(ctx, principalKey{}, principal)
	ctx, _, err := r.WithNewClient(ctx)
	return ctx, err
}

// WithNewClient implements v23.Runtime.
func (r *Runtime) WithNewClient(ctx *context.T, opts ...rpc.ClientOpt) (*context.T, rpc.Client, error) {
	c := vrpc.NewClient(ctx, vrpc.ClientConfig{Principal: r.GetPrincipal(ctx), Namespace: r.GetNamespace}, opts...)
	r.clients.Go(func() { <-c.Closed() })
	return context.WithValue(ctx, clientKey{}, c), c, nil
}

// GetClient implements v23.Runtime.
func (r *Runtime) GetClient(ctx *context.T) rpc.Client {
	c, _ := ctx.Value(clientKey{}).(rpc.Client)
	return c
}

// WithNewNamespace implements v23.Runtime.
func (r *Runtime) WithNewNamespace(ctx *context.T, roots ...string) (*context.T, namespace.T, error) {
	ns, err := vnamespace.New(roots...)
	if err != nil {
		return ctx, nil, fmt.Errorf("namespace with the roots %q: %w", roots, err)
	}
	if old := r.GetNamespace(ctx); old != nil {
		ns.CacheCtl(old.CacheCtl()...)
	}
	return context.WithValue(ctx, namespaceKey{}, ns), ns, nil
}

// GetNamespace implements v23.Runtime.
func (r *Runtime) GetNamespace(ctx *context.T) namespace.T {
	ns, _ := ctx.Value(namespaceKey{}).(namespace.T)
	return ns
}

// WithListenSpec implements v23.Runtime.
func (r *Runtime) WithListenSpec(ctx *context.T, spec rpc.ListenSpec) *context.T {
	return context.WithValue(ctx, listenKey{}, spec.Copy())
}

// GetListenSpec implements v23.Runtime.
func (r *Runtime) GetListenSpec(ctx *context.T) rpc.ListenSpec {
	spec, _ := ctx.Value(listenKey{}).(rpc.ListenSpec)
	return spec.Copy()
}

// GetPermissionsSpec implements v23.Runtime.
func (r *Runtime) GetPermissionsSpec(*context.T) access.PermissionsSpec { return r.permissions }

// GetBackgroundContext implements v23.Runtime.
func (r *Runtime) GetBackgroundContext(*context.T) *context.T { return r.background }

// WithReservedNameDispatcher implements v23.Runtime.
func (r *Runtime) WithReservedNameDispatcher(ctx *context.T, d rpc.Dispatcher) *context.T {
	return context.WithValue(ctx, reservedKey{}, d)
}

// GetReservedNameDispatcher implements v23.Runtime.
func (r *Runtime) GetReservedNameDispatcher(ctx *context.T) rpc.Dispatcher {
	d, _ := ctx.Value(reservedKey{}).(rpc.Dispatcher)
	return d
}

// WithNewServer implements v23.Runtime.
func (r *Runtime) WithNewServer(ctx *context.T, name string, object any, auth security.Authorizer,
	opts ...rpc.ServerOpt) (*context.T, rpc.Server, error) {
	disp, opts, err := vrpc.LeafDispatcher(ctx, object, auth, opts)
	if err != nil {
		return ctx, nil, err
	}
	return r.WithNewDispatchingServer(ctx, name, disp, opts...)
}

// WithNewDispatchingServer implements v23.Runtime.
func (r *Runtime) WithNewDispatchingServer(ctx *context.T, name string, disp rpc.Dispatcher,
	opts ...rpc.ServerOpt) (*context.T, rpc.Server, error) {
	release := vrpc.Retain(r.GetClient(ctx))
	running, serverCtx := &r.servers, ctx
	if servesMountTable(opts) {
		running, serverCtx = &r.mountTables, r.outliveServers(ctx)
	}
	s, err := vrpc.NewServer(serverCtx, vrpc.ServerConfig{
		Principal: r.GetPrincipal(ctx), ListenSpec: r.GetListenSpec(ctx), Reserved: r.GetReservedNameDispatcher(ctx),
		RefreshAddresses: r.refresh,
		NewPublisher: func(ctx *context.T) vrpc.Publisher {
			return publisher.New(ctx, r.GetNamespace(ctx), r.publish)
		},
	}, name, disp, opts...)
	if err != nil {
		release()
		return ctx, nil, err
	}
	running.Go(func() {
		<-s.Closed()
		release()
	})
	return ctx, s, nil
}

func servesMountTable(opts []rpc.ServerOpt) bool {
	for _, opt := range opts {
		if v, ok := opt.(options.ServesMountTable); ok {
			return bool(v)
		}
	}
	return false
}

// outliveServers returns a context that ends with ctx, but at shutdown only when all
// servers that are no mount tables have stopped.
func (r *Runtime) outliveServers(ctx *context.T) *context.T {
	last, stop := context.WithRootCancel(ctx)
	stdcontext.AfterFunc(ctx, func() {
		select {
		case <-r.stopping:
			r.servers.Wait()
		default:
		}
		stop()
	})
	return last
}
