// Package mounttablelib implements the mount table, the server that maps names to servers.
//
// A mount table is a tree of nodes. The elements of a name lead from the root to a node; a node has names below it, or
// servers mounted on it, or neither. Names that lead beyond a node with servers are theirs to resolve.
//
// # Rights
//
// A node may have permissions, which map the tags of package v.io/v23/services/mounttable to access lists. A node
// without permissions is open to all. These rights are needed:
//
//	on every node on the way   Read, Resolve, Create or Admin
//	create a name below        Create or Admin on the node
//	mount, unmount             Mount or Admin
//	resolve                    Read, Resolve or Admin
//	search the names below     Read or Admin; for one certain name, what is needed on the way
//	set permissions            Admin
//	get permissions            Admin or Read
//	delete                     Admin on the node or on the one above it
//
// A new node gets the permissions of the one above it, with Admin for its creator, unless there is a template for it.
// Those who have Admin on the root by the permissions file may do everything.
//
// # The permissions file
//
// The file is a JSON object that maps names to permissions. The last element of a name may be "%%": this is the
// template for all names created there, and in its blessing patterns "%%" stands for the last element of the
// created name.
//
//	{
//	  "":         {"Admin": {"In": ["root:admin"]}, "Read": {"In": ["..."]}},
//	  "users":    {"Create": {"In": ["root:u"]}, "Read": {"In": ["..."]}},
//	  "users/%%": {"Admin": {"In": ["root:u:%%"]}, "Read": {"In": ["..."]}}
//	}
//
// # Bounds
//
// An element of a name has at most 512 bytes, a name 64 elements, a node 256 servers, and the tree a million nodes.
// Mounts that expired are swept away once a minute, while the mount table is used.
package mounttablelib
