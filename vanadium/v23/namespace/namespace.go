// Package namespace is the interface to the name service: a tree of names in which servers are mounted.
//
// Names are resolved by mount tables. The roots are where the resolution of relative names begins; a mounted server
// that is a mount table itself resolves the rest of a name that leads through it.
package namespace

import (
	"time"

	"v.io/v23/context"
	"v.io/v23/naming"
	"v.io/v23/security/access"
)

// T is a client of the name service. It may be used by several goroutines at once.
type T interface {
	// Mount mounts the server on the name for the ttl; a ttl of 0 is forever. The server is an endpoint or a rooted
	// name. Several servers of one name are interchangeable; naming.ReplaceMount makes it the only one.
	Mount(ctx *context.T, name, server string, ttl time.Duration, opts ...naming.NamespaceOpt) error
	// Unmount unmounts the server from the name, or all servers if server is "".
	Unmount(ctx *context.T, name, server string, opts ...naming.NamespaceOpt) error
	// Delete removes the name from its mount table. A name with names below it is only removed if deleteSubtree is true.
	Delete(ctx *context.T, name string, deleteSubtree bool, opts ...naming.NamespaceOpt) error

	// Resolve finds the servers of the name. The Name of the entry is the suffix that they are to be asked for.
	Resolve(ctx *context.T, name string, opts ...naming.NamespaceOpt) (*naming.MountEntry, error)
	// ShallowResolve finds the servers mounted on the name, without asking them whether they are mount tables that know
	// more.
	ShallowResolve(ctx *context.T, name string, opts ...naming.NamespaceOpt) (*naming.MountEntry, error)
	// ResolveToMountTable finds the mount tables that have the name.
	ResolveToMountTable(ctx *context.T, name string, opts ...naming.NamespaceOpt) (*naming.MountEntry, error)

	// FlushCacheEntry forgets what is known about the name and reports whether anything was.
	FlushCacheEntry(ctx *context.T, name string) bool
	// CacheCtl instructs the cache and returns what is in effect.
	CacheCtl(ctls ...naming.CacheCtl) []naming.CacheCtl

	// Glob sends what matches the pattern on the channel as *naming.GlobReplyEntry and *naming.GlobReplyError, and then
	// closes it. The channel must be read to its end, or ctx be cancelled.
	Glob(ctx *context.T, pattern string, opts ...naming.NamespaceOpt) (<-chan naming.GlobReply, error)

	// SetRoots sets the roots, which must be rooted names. No roots make all relative names fail.
	SetRoots(roots ...string) error
	// Roots returns the roots. The slice is the caller's.
	Roots() []string

	// SetPermissions sets the permissions of the name in its mount table. If version is not "" then it must be the one
	// that GetPermissions returned last.
	SetPermissions(ctx *context.T, name string, perms access.Permissions, version string,
		opts ...naming.NamespaceOpt) error
	// GetPermissions returns the permissions of the name in its mount table, and their version.
	GetPermissions(ctx *context.T, name string,
		opts ...naming.NamespaceOpt) (perms access.Permissions, version string, err error)
}
