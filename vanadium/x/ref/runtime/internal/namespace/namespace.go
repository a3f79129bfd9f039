// Package namespace is the client of the name service: it resolves names step by step at mount tables, keeps what it
// learned until it expires, and searches.
package namespace

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"v.io/v23/context"
	"v.io/v23/namespace"
	"v.io/v23/naming"
	"v.io/v23/options"
	"v.io/v23/rpc"
	"v.io/v23/security"
	"v.io/v23/verror"
	"v.io/x/ref"
	vrpc "v.io/x/ref/runtime/internal/rpc"
)

const (
	// maxResolveDepth bounds the mount tables on the way to a server.
	maxResolveDepth = 32
	// maxGlobDepth bounds the servers on the way to a result of a search.
	maxGlobDepth = 10
	// callTimeout bounds one call to a mount table if the context has no deadline.
	callTimeout = 30 * time.Second
)

// client implements namespace.T.
type client struct {
	cache *cache

	mu    sync.Mutex
	roots []string // rooted names; the slice never changes
}

var _ namespace.T = (*client)(nil)

// New returns a namespace with the roots, which must be rooted names. Its cache is off if the environment says so.
func New(roots ...string) (namespace.T, error) {
	c := &client{cache: newCache(time.Now)}
	if ref.Getenv(ref.EnvDisableNamespaceCache) != "" {
		c.cache.disable(true)
	}
	return c, c.SetRoots(roots...)
}

// SetRoots implements namespace.T.
func (c *client) SetRoots(roots ...string) error {
	for _, root := range roots {
		if _, err := rootedEntry(root, ""); err != nil {
			return err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.roots = slices.Clone(roots)
	return nil
}

// Roots implements namespace.T.
func (c *client) Roots() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.roots)
}

// CacheCtl implements namespace.T.
func (c *client) CacheCtl(ctls ...naming.CacheCtl) []naming.CacheCtl {
	for _, ctl := range ctls {
		if off, ok := ctl.(naming.DisableCache); ok {
			c.cache.disable(bool(off))
		}
	}
	if c.cache.disabled() {
		return []naming.CacheCtl{naming.DisableCache(true)}
	}
	return nil
}

// rootedEntry returns the entry that the rooted name begins with, and to which name is to be added.
func rootedEntry(rooted, name string) (*naming.MountEntry, error) {
	address, prefix := naming.SplitAddressName(rooted)
	if address == "" {
		return nil, naming.ErrNoSuchNameRoot.Errorf(nil, "the root %q of the namespace is not a rooted name", rooted)
	}
	ep, err := naming.ParseEndpoint(address)
	if err != nil {
		return nil, naming.ErrNoSuchName.Errorf(nil, "the name %q does not begin with an endpoint: %w", rooted, err)
	}
	return &naming.MountEntry{
		Name:             naming.Join(prefix, name),
		Servers:          []naming.MountedServer{{Server: address}},
		ServesMountTable: ep.ServesMountTable,
	}, nil
}

// start returns where the resolution of the name begins: one entry, or one per group of roots that have the same rest.
func (c *client) start(ctx *context.T, name string) ([]*naming.MountEntry, error) {
	_, name = security.SplitPatternName(name)
	if naming.Rooted(name) {
		entry, err := rootedEntry(name, "")
		if err != nil {
			return nil, err
		}
		return []*naming.MountEntry{entry}, nil
	}
	name = naming.Clean(name)
	var entries []*naming.MountEntry
	for _, root := range c.Roots() {
		entry, err := rootedEntry(root, name)
		if err != nil {
			return nil, err
		}
		entry.ServesMountTable = true
		same := slices.IndexFunc(entries, func(e *naming.MountEntry) bool { return e.Name == entry.Name })
		if same < 0 {
			entries = append(entries, entry)
			continue
		}
		entries[same].Servers = append(entries[same].Servers, entry.Servers...)
	}
	if len(entries) == 0 {
		return nil, naming.ErrNoMountTable.Errorf(ctx,
			"the relative name %q cannot be resolved: the namespace has no roots", name)
	}
	return entries, nil
}

// preresolved returns what Preresolved among the options says.
func preresolved(opts []naming.NamespaceOpt) (*naming.MountEntry, bool) {
	for _, opt := range opts {
		if pre, ok := opt.(options.Preresolved); ok {
			return pre.Resolution, true
		}
	}
	return nil, false
}

// callOptions returns the options of calls to the mount tables that have the entry.
func callOptions(entry *naming.MountEntry, opts []naming.NamespaceOpt) []rpc.CallOpt {
	calls := []rpc.CallOpt{options.Preresolved{Resolution: entry}}
	for _, opt := range opts {
		switch opt := opt.(type) {
		case options.NameResolutionAuthorizer:
			calls = append(calls, options.ServerAuthorizer(opt))
		case options.NoRetry:
			calls = append(calls, opt)
		}
	}
	return calls
}

// withTimeout bounds a call unless the context does.
func withTimeout(ctx *context.T) (*context.T, context.CancelFunc) {
	if _, bounded := ctx.Deadline(); bounded {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, callTimeout)
}

// noMountTable reports whether the error means that the server is not a mount table. One that ended before it answered
// has not said so.
func noMountTable(err error) bool {
	switch verror.ErrorID(err) {
	case verror.ErrBadArg.ID, verror.ErrNoExist.ID, verror.ErrUnknownMethod.ID, verror.ErrUnknownSuffix.ID:
		return true
	case verror.ErrBadProtocol.ID:
		return !errors.Is(err, vrpc.ErrBrokenOff)
	}
	return false
}

// normalize makes all servers of the entry plain addresses, with what followed them moved into the name. Servers that
// need another name than the first one are left out.
func normalize(entry *naming.MountEntry) {
	var kept []naming.MountedServer
	name := entry.Name
	for i, server := range entry.Servers {
		address, rest := naming.SplitAddressName("/" + strings.TrimLeft(server.Server, "/"))
		full := naming.Join(rest, entry.Name)
		if i == 0 {
			name = full
		}
		if full == name && address != "" {
			kept = append(kept, naming.MountedServer{Server: address, Deadline: server.Deadline})
		}
	}
	entry.Name, entry.Servers = name, kept
}
