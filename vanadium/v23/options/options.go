// Package options has the options of calls, servers and the namespace.
package options

import (
	"time"

	"v.io/v23/naming"
	"v.io/v23/security"
)

// Preresolved makes a call or an operation of the namespace go without resolving the name. Without a Resolution the
// name itself is taken as it is, which must be rooted or else goes to the roots; otherwise the servers and the name of
// the Resolution are used, and the name of the call only appears in messages.
type Preresolved struct {
	Resolution *naming.MountEntry
}

// RPCCallOpt makes this an option of calls.
func (Preresolved) RPCCallOpt() {}

// NSOpt makes this an option of a namespace.
func (Preresolved) NSOpt() {}

// ServerAuthorizer decides whether the client trusts the server of a call. Without it the server must have one of the
// blessing names in its endpoint.
type ServerAuthorizer struct{ security.Authorizer }

// RPCCallOpt makes this an option of calls.
func (ServerAuthorizer) RPCCallOpt() {}

// NameResolutionAuthorizer decides whether the client trusts the mount tables that resolve the name.
type NameResolutionAuthorizer struct{ security.Authorizer }

// RPCCallOpt makes this an option of calls.
func (NameResolutionAuthorizer) RPCCallOpt() {}

// NSOpt makes this an option of a namespace.
func (NameResolutionAuthorizer) NSOpt() {}

// NoRetry makes a call fail at the first failure.
type NoRetry struct{}

// RPCCallOpt makes this an option of calls.
func (NoRetry) RPCCallOpt() {}

// NSOpt makes this an option of a namespace.
func (NoRetry) NSOpt() {}

// ChannelTimeout is how long the other side of a connection may be silent before it counts as broken.
type ChannelTimeout time.Duration

// RPCCallOpt makes this an option of calls.
func (ChannelTimeout) RPCCallOpt() {}

// RPCServerOpt makes this an option of servers.
func (ChannelTimeout) RPCServerOpt() {}

// ConnectionTimeout bounds the time to connect, and not that of the call. 0 allows only connections that are there
// already.
type ConnectionTimeout time.Duration

// RPCCallOpt makes this an option of calls.
func (ConnectionTimeout) RPCCallOpt() {}

// ServesMountTable says that the server is a mount table.
type ServesMountTable bool

// RPCServerOpt makes this an option of servers.
func (ServesMountTable) RPCServerOpt() {}

// IsLeaf says that the server has no names below its own.
type IsLeaf bool

// RPCServerOpt makes this an option of servers.
func (IsLeaf) RPCServerOpt() {}

// LameDuckTimeout is how long a server that stops lets calls in progress go on before it cancels them.
type LameDuckTimeout time.Duration

// RPCServerOpt makes this an option of servers.
func (LameDuckTimeout) RPCServerOpt() {}

// ServerPeers selects the clients that may learn who the server is.
type ServerPeers []security.BlessingPattern

// RPCServerOpt makes this an option of servers.
func (ServerPeers) RPCServerOpt() {}
