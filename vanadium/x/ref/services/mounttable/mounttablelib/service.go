package mounttablelib

import (
	gocontext "context"
	"errors"
	"fmt"
	"time"

	"v.io/v23/context"
	"v.io/v23/naming"
	"v.io/v23/rpc"
	"v.io/v23/security"
	"v.io/v23/security/access"
	"v.io/v23/services/mounttable"
	"v.io/v23/verror"
)

// dispatcher finds the nodes of a tree by their names.
type dispatcher struct {
	tree *tree
}

// NewMountTableDispatcher returns the dispatcher of an empty mount table. The permissions file may be "": then all
// names are open to all. If persistDir is not "" then it must be a directory, in which changes of permissions are
// kept; those count more than the permissions file. Mounts are not kept, since servers mount themselves again and
// again. No statistics are kept below statsPrefix.
func NewMountTableDispatcher(ctx *context.T, permsFile, persistDir, statsPrefix string) (rpc.Dispatcher, error) {
	t := newTree(time.Now)
	if permsFile != "" {
		byName, err := readPermsFile(permsFile)
		if err != nil {
			return nil, err
		}
		if err := t.loadPerms(byName); err != nil {
			return nil, err
		}
	}
	if persistDir != "" {
		if err := t.restore(persistDir); err != nil {
			return nil, err
		}
		gocontext.AfterFunc(ctx, t.closeJournal(ctx))
	}
	return &dispatcher{tree: t}, nil
}

// closeJournal returns a function that ends the journal; changes fail from then on.
func (t *tree) closeJournal(ctx *context.T) func() {
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if err := t.journal.close(); err != nil {
			ctx.Errorf("mounttable: closing the journal: %v", err)
		}
	}
}

// Lookup implements rpc.Dispatcher. Everyone may call every method: the methods look at the permissions of the nodes on
// the way.
func (d *dispatcher) Lookup(ctx *context.T, suffix string) (interface{}, security.Authorizer, error) {
	elements := elementsOf(suffix)
	if err := checkElements(ctx, elements); err != nil {
		return nil, nil, err
	}
	object := &object{tree: d.tree, elements: elements}
	return mounttable.MountTableServer(object), security.AllowEveryone(), nil
}

// object is a name of the mount table, which need not be there.
type object struct {
	tree     *tree
	elements []string
}

var _ mounttable.MountTableServerMethods = (*object)(nil)

// callerOf returns who calls.
func (o *object) callerOf(ctx *context.T, call rpc.ServerCall) caller {
	names, _ := security.RemoteBlessingNames(ctx, call.Security())
	return caller{names: names, super: o.tree.supers.Includes(names...)}
}

// Mount implements the mount table.
func (o *object) Mount(ctx *context.T, call rpc.ServerCall, server string, ttl uint32, flags naming.MountFlag) error {
	if err := checkServer(server); err != nil {
		return verror.ErrBadArg.Errorf(ctx, "cannot mount %q: %w", server, err)
	}
	lifetime := time.Duration(ttl) * time.Second
	if ttl == 0 {
		lifetime = forever
	}
	return o.tree.mount(ctx, o.callerOf(ctx, call), o.elements, server, lifetime, flags)
}

// maxServerLength bounds the text of a server.
const maxServerLength = 4096

// errLongServer says that the text of a server is too long.
var errLongServer = errors.New("it is longer than " + fmt.Sprint(maxServerLength) + " bytes")

// checkServer returns an error unless the server is an endpoint, or a rooted name that begins with one.
func checkServer(server string) error {
	if len(server) > maxServerLength {
		return errLongServer
	}
	address := server
	if naming.Rooted(server) {
		address, _ = naming.SplitAddressName(server)
	}
	_, err := naming.ParseEndpoint(address)
	return err
}

// Unmount implements the mount table.
func (o *object) Unmount(ctx *context.T, call rpc.ServerCall, server string) error {
	return o.tree.unmount(ctx, o.callerOf(ctx, call), o.elements, server)
}

// Delete implements the mount table.
func (o *object) Delete(ctx *context.T, call rpc.ServerCall, deleteSubtree bool) error {
	return o.tree.remove(ctx, o.callerOf(ctx, call), o.elements, deleteSubtree)
}

// ResolveStep implements the mount table.
func (o *object) ResolveStep(ctx *context.T, call rpc.ServerCall) (naming.MountEntry, error) {
	return o.tree.resolve(ctx, o.callerOf(ctx, call), o.elements)
}

// SetPermissions implements the mount table.
func (o *object) SetPermissions(ctx *context.T, call rpc.ServerCall, perms access.Permissions, version string) error {
	return o.tree.setPermissions(ctx, o.callerOf(ctx, call), o.elements, perms, version)
}

// GetPermissions implements the mount table.
func (o *object) GetPermissions(ctx *context.T, call rpc.ServerCall) (access.Permissions, string, error) {
	return o.tree.getPermissions(ctx, o.callerOf(ctx, call), o.elements)
}
