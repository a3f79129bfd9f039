package namespace

import (
	"errors"

	"v.io/v23"
	"v.io/v23/context"
	"v.io/v23/naming"
	"v.io/v23/verror"
	vrpc "v.io/x/ref/runtime/internal/rpc"
)

// Resolve implements namespace.T.
func (c *client) Resolve(ctx *context.T, name string, opts ...naming.NamespaceOpt) (*naming.MountEntry, error) {
	return c.resolve(ctx, name, true, opts)
}

// ShallowResolve implements namespace.T.
func (c *client) ShallowResolve(ctx *context.T, name string, opts ...naming.NamespaceOpt) (*naming.MountEntry, error) {
	return c.resolve(ctx, name, false, opts)
}

// resolve walks the name. A walk that is not deep stops where the whole name is mounted; one that is deep goes on where
// the servers there were mounted under a name of a further server.
func (c *client) resolve(ctx *context.T, name string, deep bool, opts []naming.NamespaceOpt) (
	*naming.MountEntry, error) {
	starts, err := c.starts(ctx, name, opts)
	if err != nil || len(starts) == 0 {
		return nil, err
	}
	if entry, skip := preresolved(opts); skip {
		if entry == nil {
			entry = starts[0]
		}
		return entry, nil
	}
	w := &walk{client: c, ctx: ctx, name: name, opts: opts, deep: deep}
	return firstOf(starts, w.resolve)
}

// starts is start, unless the options say where to begin.
func (c *client) starts(ctx *context.T, name string, opts []naming.NamespaceOpt) ([]*naming.MountEntry, error) {
	if entry, _ := preresolved(opts); entry != nil {
		return []*naming.MountEntry{entry}, nil
	}
	return c.start(ctx, name)
}

// firstOf returns the first result that is not an error, or the last error.
func firstOf(starts []*naming.MountEntry, resolve func(*naming.MountEntry) (*naming.MountEntry, error)) (
	entry *naming.MountEntry, err error) {
	for _, start := range starts {
		if entry, err = resolve(start); err == nil {
			return entry, nil
		}
	}
	return nil, err
}

// ResolveToMountTable implements namespace.T.
func (c *client) ResolveToMountTable(ctx *context.T, name string, opts ...naming.NamespaceOpt) (
	*naming.MountEntry, error) {
	starts, err := c.starts(ctx, name, opts)
	if err != nil {
		return nil, err
	}
	if _, skip := preresolved(opts); skip {
		return starts[0], nil
	}
	w := &walk{client: c, ctx: ctx, name: name, opts: opts}
	return firstOf(starts, w.resolveToMountTable)
}

// walk is one resolution.
type walk struct {
	client *client
	ctx    *context.T
	name   string
	opts   []naming.NamespaceOpt
	deep   bool
}

// resolve steps through mount tables until it gets to a server that is not one, or that has the whole name.
func (w *walk) resolve(entry *naming.MountEntry) (*naming.MountEntry, error) {
	for range maxResolveDepth {
		if !entry.ServesMountTable || entry.Name == "" {
			return entry, nil
		}
		next, err := w.step(entry)
		switch {
		case err == nil:
			entry = next
		case noMountTable(err):
			return entry, nil
		default:
			return nil, w.explain(err)
		}
		if !w.deep && entry.Name == "" {
			return entry, nil
		}
	}
	return nil, naming.ErrResolutionDepthExceeded.Errorf(w.ctx,
		"the name %q leads through more than %d mount tables", w.name, maxResolveDepth)
}

// resolveToMountTable steps through mount tables until it gets to the last one.
func (w *walk) resolveToMountTable(entry *naming.MountEntry) (*naming.MountEntry, error) {
	last := entry
	for range maxResolveDepth {
		if !entry.ServesMountTable || entry.Name == "" {
			return last, nil
		}
		next, err := w.step(entry)
		switch id := verror.ErrorID(err); {
		case err == nil:
			last, entry = entry, next
		case id == naming.ErrNoSuchName.ID || id == naming.ErrNoSuchNameRoot.ID:
			return entry, nil
		case noMountTable(err):
			return last, nil
		default:
			return nil, err
		}
	}
	return nil, naming.ErrResolutionDepthExceeded.Errorf(w.ctx,
		"the name %q leads through more than %d mount tables", w.name, maxResolveDepth)
}

// explain returns the error of a step as that of the whole name.
func (w *walk) explain(err error) error {
	switch verror.ErrorID(err) {
	case naming.ErrNoSuchName.ID, naming.ErrNoSuchNameRoot.ID:
		return naming.ErrNoSuchName.Errorf(w.ctx, "the name %q does not exist: %w", w.name, err)
	}
	return err
}

// step asks the mount tables of the entry, or the cache, for the next entry.
func (w *walk) step(entry *naming.MountEntry) (*naming.MountEntry, error) {
	c := w.client.cache
	if c.isPlainServer(entry) {
		return nil, verror.ErrUnknownMethod.Errorf(w.ctx, "%v is not a mount table", entry.Servers)
	}
	if cached, ok := c.lookup(entry); ok {
		return cached, nil
	}
	ctx, cancel := withTimeout(w.ctx)
	defer cancel()
	next := new(naming.MountEntry)
	err := v23.GetClient(ctx).Call(ctx, entry.Names()[0], "ResolveStep", nil, []interface{}{next},
		callOptions(entry, w.opts)...)
	if err != nil {
		if noMountTable(err) {
			c.rememberPlainServer(entry)
		}
		return nil, unanswered(w.ctx, entry, err)
	}
	if err := w.check(entry, next); err != nil {
		return nil, err
	}
	c.remember(entry, next)
	normalize(next)
	if len(next.Servers) == 0 {
		return nil, naming.ErrNoSuchName.Errorf(w.ctx, "the servers mounted on %q have no addresses", w.name)
	}
	return next, nil
}

// unanswered returns the error of a question. A mount table that ended before it answered counts as one that could not
// be reached, since nothing speaks against asking again.
func unanswered(ctx *context.T, entry *naming.MountEntry, err error) error {
	if !errors.Is(err, vrpc.ErrBrokenOff) {
		return err
	}
	return verror.ErrNoServers.Errorf(ctx, "the mount table %v ended before it answered: %w", entry.Servers, err)
}

// check refuses an answer that cannot be: the rest of a name must be the end of the name, and have servers. Its errors
// are none of those that say that the server is no mount table.
func (w *walk) check(asked, answer *naming.MountEntry) error {
	if len(answer.Servers) == 0 {
		return naming.ErrNoSuchName.Errorf(w.ctx, "%v has no servers for %q", asked.Servers, asked.Name)
	}
	if _, ok := prefixOf(asked.Name, answer.Name); !ok {
		return verror.ErrInternal.Errorf(w.ctx, "%v resolved %q to the rest %q, which is not its end",
			asked.Servers, asked.Name, answer.Name)
	}
	return nil
}
