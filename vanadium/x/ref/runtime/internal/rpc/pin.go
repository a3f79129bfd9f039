package rpc

import (
	"sync"
	"time"

	"v.io/v23/context"
	"v.io/v23/flow"
	"v.io/v23/naming"
	"v.io/v23/rpc"
	"v.io/v23/rpc/version"
	"v.io/v23/security"

	"v.io/x/ref/runtime/internal/conn"
)

// PinConnection implements rpc.Client: the connection it returns is not closed for
// being idle before it is unpinned.
func (c *client) PinConnection(ctx *context.T, name string, opts ...rpc.CallOpt) (flow.PinnedConn, error) {
	o := parseOptions(opts)
	for {
		l, err := c.connect(ctx, name, "", &o)
		if err != nil {
			return nil, err
		}
		// A pin counts as a call in progress.
		if l.conn.BeginCall() {
			return &pinned{conn: l.conn}, nil
		}
	}
}

// pinned implements flow.PinnedConn.
type pinned struct {
	conn *conn.Conn
	once sync.Once
}

// Conn implements flow.PinnedConn.
func (p *pinned) Conn() flow.ManagedConn { return managed{p.conn} }

// Unpin implements flow.PinnedConn.
func (p *pinned) Unpin() { p.once.Do(p.conn.EndCall) }

// managed implements flow.ManagedConn.
type managed struct{ conn *conn.Conn }

// LocalEndpoint implements flow.ManagedConn.
func (m managed) LocalEndpoint() naming.Endpoint { return m.conn.LocalEndpoint }

// RemoteEndpoint implements flow.ManagedConn.
func (m managed) RemoteEndpoint() naming.Endpoint { return m.conn.RemoteEndpoint }

// LocalBlessings implements flow.ManagedConn.
func (m managed) LocalBlessings() security.Blessings { return m.conn.LocalBlessings }

// RemoteBlessings implements flow.ManagedConn.
func (m managed) RemoteBlessings() security.Blessings { return m.conn.RemoteBlessings }

// LocalDischarges implements flow.ManagedConn. There are none: blessings with
// third-party caveats are not accepted.
func (m managed) LocalDischarges() map[string]security.Discharge { return nil }

// RemoteDischarges implements flow.ManagedConn. There are none.
func (m managed) RemoteDischarges() map[string]security.Discharge { return nil }

// CommonVersion implements flow.ManagedConn.
func (m managed) CommonVersion() version.RPCVersion { return conn.Version }

// RTT implements flow.ManagedConn.
func (m managed) RTT() time.Duration { return m.conn.RTT() }

// LastUsed implements flow.ManagedConn.
func (m managed) LastUsed() time.Time { return time.Now().Add(-m.conn.Idle()) }

// Closed implements flow.ManagedConn.
func (m managed) Closed() <-chan struct{} { return m.conn.Closed() }
