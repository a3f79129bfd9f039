// Package flow shows the connections below calls, as far as the users of calls may see them.
package flow

import (
	"time"

	"v.io/v23/naming"
	"v.io/v23/rpc/version"
	"v.io/v23/security"
)

// PinnedConn keeps a connection from being closed while it is idle.
type PinnedConn interface {
	// Conn returns the connection.
	Conn() ManagedConn
	// Unpin ends the pin. It may be called several times.
	Unpin()
}

// ManagedConn is a connection that the client keeps. Its methods may be called by several goroutines at once.
type ManagedConn interface {
	// LocalEndpoint returns the endpoint of this side.
	LocalEndpoint() naming.Endpoint
	// RemoteEndpoint returns the endpoint of the other side.
	RemoteEndpoint() naming.Endpoint
	// LocalBlessings returns what this side presented.
	LocalBlessings() security.Blessings
	// RemoteBlessings returns what the other side presented.
	RemoteBlessings() security.Blessings
	// LocalDischarges returns the discharges that this side presented, by the id of their caveats.
	LocalDischarges() map[string]security.Discharge
	// RemoteDischarges returns the discharges that the other side presented, by the id of their caveats.
	RemoteDischarges() map[string]security.Discharge
	// CommonVersion returns the version of the protocol that both sides speak.
	CommonVersion() version.RPCVersion
	// RTT returns the last round trip time that was measured.
	RTT() time.Duration
	// LastUsed returns when a call last used the connection.
	LastUsed() time.Time
	// Closed returns a channel that is closed when the connection is.
	Closed() <-chan struct{}
}
