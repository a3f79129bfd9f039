// Package access says who may do what, by blessing names: an [AccessList] selects
// principals, [Permissions] hold one access list per tag, and
// [PermissionsAuthorizer] demands, for a method tagged X, that the caller is on
// the list for X.
//
// Tags are opaque strings: Admin implies neither Read nor Write. Services that
// need no tags of their own use the typical ones below.
//
// Permissions are written as JSON:
//
//	{"Read": {"In": ["root:alice"], "NotIn": ["root:alice:phone"]}}
package access
