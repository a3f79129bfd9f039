package namespace

import (
	"errors"
	"math"
	"slices"
	"time"

	"v.io/v23"
	"v.io/v23/context"
	"v.io/v23/naming"
	"v.io/v23/options"
	"v.io/v23/security/access"
	"v.io/v23/verror"
)

// Mount implements namespace.T.
func (c *client) Mount(ctx *context.T, name, server string, ttl time.Duration, opts ...naming.NamespaceOpt) error {
	var flags naming.MountFlag
	for _, opt := range opts {
		switch opt := opt.(type) {
		case naming.ReplaceMount:
			flags = setFlag(flags, naming.Replace, bool(opt))
		case naming.ServesMountTable:
			flags = setFlag(flags, naming.MT, bool(opt))
		case naming.IsLeaf:
			flags = setFlag(flags, naming.Leaf, bool(opt))
		}
	}
	seconds, err := wholeSeconds(ctx, ttl)
	if err != nil {
		return err
	}
	return c.change(ctx, name, "Mount", []interface{}{server, seconds, flags}, opts)
}

// setFlag sets or clears a flag.
func setFlag(flags, flag naming.MountFlag, on bool) naming.MountFlag {
	if on {
		return flags | flag
	}
	return flags &^ flag
}

// wholeSeconds returns the ttl in seconds, rounded up: 0 is forever and must not come from a short ttl.
func wholeSeconds(ctx *context.T, ttl time.Duration) (uint32, error) {
	seconds := math.Ceil(ttl.Seconds())
	if ttl < 0 || seconds > math.MaxUint32 {
		return 0, verror.ErrBadArg.Errorf(ctx, "the ttl %v of a mount is not between 0 and %d seconds",
			ttl, uint32(math.MaxUint32))
	}
	return uint32(seconds), nil
}

// Unmount implements namespace.T.
func (c *client) Unmount(ctx *context.T, name, server string, opts ...naming.NamespaceOpt) error {
	return c.change(ctx, name, "Unmount", []interface{}{server}, opts)
}

// Delete implements namespace.T.
func (c *client) Delete(ctx *context.T, name string, deleteSubtree bool, opts ...naming.NamespaceOpt) error {
	return c.change(ctx, name, "Delete", []interface{}{deleteSubtree}, opts)
}

// SetPermissions implements namespace.T.
func (c *client) SetPermissions(ctx *context.T, name string, perms access.Permissions, version string,
	opts ...naming.NamespaceOpt) error {
	return c.change(ctx, name, "SetPermissions", []interface{}{perms, version}, opts)
}

// GetPermissions implements namespace.T.
func (c *client) GetPermissions(ctx *context.T, name string, opts ...naming.NamespaceOpt) (
	perms access.Permissions, version string, err error) {
	entry, err := c.ResolveToMountTable(ctx, name, opts...)
	if err != nil {
		return nil, "", err
	}
	ctx, cancel := withTimeout(ctx)
	defer cancel()
	err = v23.GetClient(ctx).Call(ctx, entry.Names()[0], "GetPermissions", nil, []interface{}{&perms, &version},
		callOptions(entry, opts)...)
	return perms, version, err
}

// change calls a method that changes the name, at all mount tables that have it: they are replicas. It succeeds if one
// of them does. What was known about the name is forgotten.
func (c *client) change(ctx *context.T, name, method string, args []interface{}, opts []naming.NamespaceOpt) error {
	err := c.changeOnce(ctx, name, method, args, opts)
	flushed := c.FlushCacheEntry(ctx, name)
	if err != nil && flushed && verror.Action(err) == verror.RetryRefetch && ctx.Err() == nil {
		return c.changeOnce(ctx, name, method, args, opts)
	}
	return err
}

// changeOnce is change without a second try for when the cache was wrong. Replicas are not waited for: one that
// cannot be reached must not hold up the others.
func (c *client) changeOnce(ctx *context.T, name, method string, args []interface{},
	opts []naming.NamespaceOpt) error {
	entry, err := c.ResolveToMountTable(ctx, name, opts...)
	if err != nil {
		return err
	}
	defer c.cache.forgetBelow(entry)
	ctx, cancel := withTimeout(ctx)
	defer cancel()
	if len(entry.Servers) > 1 {
		opts = append(slices.Clone(opts), options.NoRetry{})
	}
	outcomes := make(chan error, len(entry.Servers))
	for _, server := range entry.Servers {
		one := &naming.MountEntry{Name: entry.Name, Servers: []naming.MountedServer{server}, ServesMountTable: true}
		go func() {
			outcomes <- v23.GetClient(ctx).Call(ctx, one.Names()[0], method, args, nil, callOptions(one, opts)...)
		}()
	}
	var failures []error
	for range entry.Servers {
		if err := <-outcomes; err != nil {
			failures = append(failures, err)
		}
	}
	if len(failures) < len(entry.Servers) {
		return nil
	}
	return worst(ctx, name, failures)
}

// worst returns the error to report for several: the first one that says more than that a server was not reached.
func worst(ctx *context.T, name string, failures []error) error {
	if len(failures) == 0 {
		return naming.ErrNoMountTable.Errorf(ctx, "no mount table has the name %q", name)
	}
	telling := slices.IndexFunc(failures, func(err error) bool { return !errors.Is(err, verror.ErrNoServers) })
	return failures[max(telling, 0)]
}

// FlushCacheEntry implements namespace.T.
func (c *client) FlushCacheEntry(ctx *context.T, name string) bool {
	starts, err := c.start(ctx, name)
	if err != nil {
		return false // nothing is known of a name that cannot be
	}
	flushed := false
	for _, entry := range starts {
		for range maxResolveDepth {
			next, known := c.cache.forget(entry)
			if !known {
				break
			}
			flushed, entry = true, next
		}
	}
	return flushed
}
