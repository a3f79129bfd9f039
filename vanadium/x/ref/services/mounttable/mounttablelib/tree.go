package mounttablelib

import (
	"strings"
	"sync"
	"time"

	"v.io/v23/context"
	"v.io/v23/naming"
	"v.io/v23/security/access"
	"v.io/v23/services/mounttable"
	"v.io/v23/verror"
)

// sweepPeriod is how often mounts that expired are looked for.
const sweepPeriod = time.Minute

// tree is all of a mount table.
type tree struct {
	now       func() time.Time
	supers    access.AccessList             // who may do everything
	templates map[string]access.Permissions // by the name of the node that they are for the names below of

	mu        sync.Mutex // guards what follows, and all nodes
	root      *node
	nodes     int // without the root
	nextSweep time.Time
	journal   *journal // nil keeps nothing
}

// newTree returns an empty tree that is open to all.
func newTree(now func() time.Time) *tree {
	return &tree{now: now, root: &node{}, nextSweep: now().Add(sweepPeriod)}
}

// checkElements returns an error if the elements cannot be those of a name.
func checkElements(ctx *context.T, elements []string) error {
	if len(elements) > maxElements {
		return verror.ErrBadArg.Errorf(ctx, "the name has %d elements, and %d are allowed", len(elements), maxElements)
	}
	for _, element := range elements {
		if len(element) > maxElementLength {
			return verror.ErrBadArg.Errorf(ctx, "an element of the name has %d bytes, and %d are allowed: %.40q...",
				len(element), maxElementLength, element)
		}
	}
	return nil
}

// noSuchName is the error for a name that is not there.
func noSuchName(ctx *context.T, elements []string) error {
	if len(elements) == 0 {
		return naming.ErrNoSuchNameRoot.Errorf(ctx, "nothing is mounted on the root of the mount table")
	}
	return naming.ErrNoSuchName.Errorf(ctx, "the mount table has no name %q", strings.Join(elements, "/"))
}

// find returns the last node on the way of the elements that is there, and the rest. It stops at nodes with
// servers. The caller's right to go on is checked on every node that is left behind. The lock is held.
func (t *tree) find(ctx *context.T, who caller, elements []string) (*node, []string, error) {
	now := t.now()
	n := t.root
	for {
		n.expire(now)
		if len(elements) == 0 || len(n.servers) > 0 {
			return n, elements, nil
		}
		if err := n.need(ctx, who, toTraverse...); err != nil {
			return nil, nil, err
		}
		child := n.children[elements[0]]
		if child == nil {
			return n, elements, nil
		}
		n, elements = child, elements[1:]
	}
}

// exact returns the node of the elements, or nil if it is not there. The lock is held.
func (t *tree) exact(ctx *context.T, who caller, elements []string) (*node, error) {
	n, rest, err := t.find(ctx, who, elements)
	if err != nil || len(rest) > 0 {
		return nil, err
	}
	return n, nil
}

// create returns the node of the elements, made if it is not there. The lock is held.
func (t *tree) create(ctx *context.T, who caller, elements []string) (*node, error) {
	n, rest, err := t.find(ctx, who, elements)
	if err != nil || len(rest) == 0 {
		return n, err
	}
	if len(n.servers) > 0 {
		return nil, naming.ErrNameExists.Errorf(ctx, "servers are mounted on %q, so that names below it are theirs",
			strings.Join(n.path(), "/"))
	}
	if err := n.need(ctx, who, toCreate...); err != nil {
		return nil, err
	}
	if t.nodes+len(rest) > maxNodes {
		return nil, verror.ErrInternal.Errorf(ctx, "the mount table has %d names, which is its limit", maxNodes)
	}
	for _, element := range rest {
		n = t.grow(n, element, who)
	}
	return n, nil
}

// grow adds a node below another one. The lock is held.
func (t *tree) grow(above *node, element string, creator caller) *node {
	n := &node{name: element, parent: above}
	if above.children == nil {
		above.children = make(map[string]*node)
	}
	above.children[element] = n
	t.nodes++
	if template := t.templates[strings.Join(above.path(), "/")]; template != nil {
		n.perms = fill(template, element)
		return n
	}
	if above.perms != nil {
		n.perms = above.perms.Copy()
		for _, name := range creator.names {
			grantAdmin(n.perms, name)
		}
		n.perms.Normalize()
	}
	return n
}

// prune removes the node and those above it as long as they are useless. The lock is held.
func (t *tree) prune(n *node) {
	for n.parent != nil && n.useless() {
		above := n.parent
		t.cut(n)
		n = above
	}
}

// cut removes the node with all below it. The lock is held.
func (t *tree) cut(n *node) {
	delete(n.parent.children, n.name)
	n.parent = nil
	t.nodes -= size(n)
}

// size returns the number of nodes from n on.
func size(n *node) int {
	count := 1
	for _, child := range n.children {
		count += size(child)
	}
	return count
}

// sweep removes what expired, if it is time. The lock is held.
func (t *tree) sweep() {
	now := t.now()
	if now.Before(t.nextSweep) {
		return
	}
	t.nextSweep = now.Add(sweepPeriod)
	t.sweepBelow(t.root, now)
}

// sweepBelow removes what expired from n on.
func (t *tree) sweepBelow(n *node, now time.Time) {
	n.expire(now)
	for _, child := range n.children {
		t.sweepBelow(child, now)
		if child.useless() {
			t.cut(child)
		}
	}
}

// mount mounts the server on the name.
func (t *tree) mount(ctx *context.T, who caller, elements []string, server string, ttl time.Duration,
	flags naming.MountFlag) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sweep()
	n, err := t.create(ctx, who, elements)
	if err != nil {
		return err
	}
	if err := t.mountOn(ctx, who, n, server, ttl, flags); err != nil {
		t.prune(n)
		return err
	}
	return nil
}

// mountOn mounts the server on the node. The names below it vanish, since they are the server's. The lock is held.
func (t *tree) mountOn(ctx *context.T, who caller, n *node, server string, ttl time.Duration,
	flags naming.MountFlag) error {
	if err := n.need(ctx, who, toMount...); err != nil {
		return err
	}
	isMT, isLeaf := flags&naming.MT != 0, flags&naming.Leaf != 0
	if flags&naming.Replace != 0 {
		n.drop("")
	}
	if len(n.servers) > 0 && (n.isMT != isMT || n.isLeaf != isLeaf) {
		return verror.ErrBadArg.Errorf(ctx, "the servers mounted on %q are of another kind: "+
			"mount table %v and leaf %v, not %v and %v", strings.Join(n.path(), "/"), n.isMT, n.isLeaf, isMT, isLeaf)
	}
	if len(n.children) > 0 && !t.mayClear(who, n) {
		return verror.ErrNoAccess.Errorf(ctx, "%v may not delete the names below %q, which a mount on it would hide",
			who.names, strings.Join(n.path(), "/"))
	}
	for _, child := range n.children {
		t.cut(child)
	}
	n.isMT, n.isLeaf = isMT, isLeaf
	n.add(server, t.now().Add(ttl))
	if len(n.servers) > maxServersPerNode {
		n.servers = n.servers[:maxServersPerNode] // the one that was not refreshed for longest goes
	}
	return nil
}

// mayClear reports whether the caller may delete all names right below the node.
func (t *tree) mayClear(who caller, n *node) bool {
	if n.may(who, toDelete...) {
		return true
	}
	for _, child := range n.children {
		if !child.may(who, toDelete...) {
			return false
		}
	}
	return true
}

// unmount unmounts the server from the name, or all servers.
func (t *tree) unmount(ctx *context.T, who caller, elements []string, server string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sweep()
	n, err := t.exact(ctx, who, elements)
	if err != nil {
		return err
	}
	if n == nil {
		return noSuchName(ctx, elements)
	}
	if err := n.need(ctx, who, toMount...); err != nil {
		return err
	}
	n.drop(server)
	t.prune(n)
	return nil
}

// resolve returns the servers of the first node on the way that has any, and the rest of the name.
func (t *tree) resolve(ctx *context.T, who caller, elements []string) (naming.MountEntry, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n, rest, err := t.find(ctx, who, elements)
	if err != nil {
		return naming.MountEntry{}, err
	}
	if len(n.servers) == 0 {
		return naming.MountEntry{}, noSuchName(ctx, elements)
	}
	if err := n.need(ctx, who, toResolve...); err != nil {
		return naming.MountEntry{}, err
	}
	return n.entry(rest), nil
}

// remove deletes the name.
func (t *tree) remove(ctx *context.T, who caller, elements []string, subtree bool) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	n, err := t.exact(ctx, who, elements)
	switch {
	case err != nil:
		return err
	case n == nil:
		return noSuchName(ctx, elements)
	case n.parent == nil:
		return verror.ErrBadArg.Errorf(ctx, "the root of the mount table cannot be deleted")
	case !n.parent.may(who, toDelete...):
		if err := n.need(ctx, who, toDelete...); err != nil {
			return err
		}
	}
	if len(n.children) > 0 && !subtree {
		return verror.ErrBadState.Errorf(ctx, "there are %d names below %q; delete them first, or the whole subtree",
			len(n.children), strings.Join(elements, "/"))
	}
	if err := t.journal.append(record{Name: strings.Join(elements, "/"), Deleted: true}); err != nil {
		return verror.ErrInternal.Errorf(ctx, "the deletion cannot be kept: %w", err)
	}
	above := n.parent
	t.cut(n)
	t.prune(above)
	t.dropHistory(ctx)
	return nil
}

// grantAdmin adds the name to those who have Admin.
func grantAdmin(perms access.Permissions, name string) {
	perms.Add(securityPattern(name), string(mounttable.Admin))
}
