package mounttablelib

import (
	"strings"
	"time"

	"v.io/v23/context"
	"v.io/v23/naming"
	"v.io/v23/security/access"
	"v.io/v23/services/mounttable"
	"v.io/v23/verror"
)

// The bounds of a tree.
const (
	maxElementLength  = 512
	maxElements       = 64
	maxNodes          = 1 << 20
	maxServersPerNode = 256
)

// forever is how long a mount lives that has no end.
const forever = 10 * 365 * 24 * time.Hour

// node is a node of the tree. The tree's lock guards it.
type node struct {
	name     string // last element
	parent   *node  // nil for the root and for nodes that were removed
	children map[string]*node
	// servers are mounted here, newest first. Invariant: empty if there are children.
	servers []mounted
	isMT    bool // whether the servers are mount tables
	isLeaf  bool // whether the servers have no names below their own

	perms access.Permissions // nil is open to all
	// version counts the changes of perms.
	version uint64
	// explicit is true if perms were set, and so must outlive what is mounted here.
	explicit bool
}

// mounted is a server on a node.
type mounted struct {
	server  string
	expires time.Time
}

// expire drops the servers whose time has come.
func (n *node) expire(now time.Time) {
	kept := n.servers[:0]
	for _, m := range n.servers {
		if now.Before(m.expires) {
			kept = append(kept, m)
		}
	}
	clear(n.servers[len(kept):])
	n.servers = kept
}

// add mounts the server, in front of those that are there.
func (n *node) add(server string, expires time.Time) {
	n.drop(server)
	n.servers = append([]mounted{{server, expires}}, n.servers...)
}

// drop unmounts the server, or all if it is "".
func (n *node) drop(server string) {
	kept := n.servers[:0]
	for _, m := range n.servers {
		if server != "" && m.server != server {
			kept = append(kept, m)
		}
	}
	clear(n.servers[len(kept):])
	n.servers = kept
}

// entry returns what is mounted on the node, with the rest of a name that leads through it.
func (n *node) entry(rest []string) naming.MountEntry {
	entry := naming.MountEntry{Name: strings.Join(rest, "/"), ServesMountTable: n.isMT, IsLeaf: n.isLeaf}
	for _, m := range n.servers {
		server := naming.MountedServer{Server: m.server}
		server.Deadline.Time = m.expires
		entry.Servers = append(entry.Servers, server)
	}
	return entry
}

// useless reports whether nothing would be lost with the node.
func (n *node) useless() bool {
	return len(n.children) == 0 && len(n.servers) == 0 && !n.explicit
}

// path returns the elements of the node's name.
func (n *node) path() []string {
	if n.parent == nil {
		return nil
	}
	return append(n.parent.path(), n.name)
}

// caller is who calls.
type caller struct {
	names []string // blessing names that are valid
	super bool     // whether everything is allowed
}

// may reports whether the caller has one of the rights on the node.
func (n *node) may(who caller, rights ...mounttable.Tag) bool {
	if who.super || n.perms == nil {
		return true
	}
	for _, right := range rights {
		if n.perms[string(right)].Includes(who.names...) {
			return true
		}
	}
	return false
}

// need returns an error unless the caller has one of the rights on the node.
func (n *node) need(ctx *context.T, who caller, rights ...mounttable.Tag) error {
	if n.may(who, rights...) {
		return nil
	}
	return verror.ErrNoAccess.Errorf(ctx, "%v has none of the rights %v on the name %q",
		who.names, rights, strings.Join(n.path(), "/"))
}

// The rights that suffice for various things.
var (
	toTraverse = []mounttable.Tag{mounttable.Read, mounttable.Resolve, mounttable.Create, mounttable.Admin}
	toCreate   = []mounttable.Tag{mounttable.Create, mounttable.Admin}
	toMount    = []mounttable.Tag{mounttable.Mount, mounttable.Admin}
	toResolve  = []mounttable.Tag{mounttable.Read, mounttable.Resolve, mounttable.Admin}
	toList     = []mounttable.Tag{mounttable.Read, mounttable.Admin}
	toSet      = []mounttable.Tag{mounttable.Admin}
	toGet      = []mounttable.Tag{mounttable.Admin, mounttable.Read}
	toDelete   = []mounttable.Tag{mounttable.Admin}
)
