// Package naming has the names of objects, the endpoints of servers, and what the name service answers.
//
// A name is a sequence of elements separated by slashes. A rooted name begins with a slash and the address of a server:
//
//	/host:8101/a/b                                               a/b at the server at host:8101
//	/(root:alice)@host:8101/a/b                                  the same, if the server has the blessing root:alice
//	/@6@tcp@host:8101@@0123456789abcdef0123456789abcdef@s@root:alice@@/a/b   the same, in full
//
// Any other name is relative to the roots of the client's namespace. Elements that begin with two underscores are
// reserved for names that every server has.
package naming

// UnknownProtocol is the protocol of an endpoint that does not tell.
const UnknownProtocol = ""

// ReservedNamePrefix is what the reserved elements of names begin with.
const ReservedNamePrefix = "__"

// DefaultEndpointVersion is the version of the text of an endpoint that String writes.
var DefaultEndpointVersion = 6

// NamespaceOpt is an option of the operations of a namespace.
type NamespaceOpt interface {
	NSOpt()
}

// EndpointOpt is an option of FormatEndpoint.
type EndpointOpt interface {
	EndpointOpt()
}

// ReplaceMount says that a mount replaces those that are there instead of joining them.
type ReplaceMount bool

// NSOpt makes this an option of a namespace.
func (ReplaceMount) NSOpt() {}

// ServesMountTable says that the server is a mount table.
type ServesMountTable bool

// NSOpt makes this an option of a namespace.
func (ServesMountTable) NSOpt() {}

// EndpointOpt makes this an option of FormatEndpoint.
func (ServesMountTable) EndpointOpt() {}

// IsLeaf says that the server has no names below its own.
type IsLeaf bool

// NSOpt makes this an option of a namespace.
func (IsLeaf) NSOpt() {}

// BlessingOpt adds a blessing name of the server to an endpoint.
type BlessingOpt string

// EndpointOpt makes this an option of FormatEndpoint.
func (BlessingOpt) EndpointOpt() {}

// RouteOpt adds a route to an endpoint.
type RouteOpt string

// EndpointOpt makes this an option of FormatEndpoint.
func (RouteOpt) EndpointOpt() {}

// CacheCtl is an instruction to, or a state of, the cache of a namespace.
type CacheCtl interface {
	CacheCtl()
}

// DisableCache switches the cache of a namespace off or on.
type DisableCache bool

// CacheCtl makes this an instruction to a cache.
func (DisableCache) CacheCtl() {}
