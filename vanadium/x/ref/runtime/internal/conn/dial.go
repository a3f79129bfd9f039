package conn

import (
	stdcontext "context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"v.io/v23/context"
	"v.io/v23/naming"
	"v.io/v23/security"
)

// keepAlivePeriod is the interval of TCP's own probes, which keep middleboxes from
// forgetting an idle connection.
const keepAlivePeriod = 30 * time.Second

// DialOptions says how to dial.
type DialOptions struct {
	// Principal proves the dialer's blessings. Required.
	Principal security.Principal
	// Trust decides about the acceptor, given its blessings; an error ends the
	// handshake and is returned wrapped in ErrUntrusted. It is called again
	// whenever a connection is reused. Required.
	Trust func(remote security.Blessings) error
	// Present chooses what to present to an acceptor, given its blessings, which
	// are zero for one that wants to know the dialer first. Required.
	Present func(remote security.Blessings) (security.Blessings, error)
	// ChannelTimeout is how long the acceptor may be silent; 0 means
	// DefaultChannelTimeout.
	ChannelTimeout time.Duration
}

// ErrUnknownProtocol is returned, wrapped with its name, for an endpoint whose
// protocol this package cannot dial or listen on.
var ErrUnknownProtocol = errors.New("unknown protocol")

// Network maps the protocol of an endpoint to a network of package net. The
// websocket hybrid "wsh" of other runtimes is accepted as another name of "tcp".
func Network(protocol string) (string, error) {
	switch protocol {
	case naming.UnknownProtocol, "wsh", "tcp":
		return "tcp", nil
	case "wsh4", "tcp4":
		return "tcp4", nil
	case "wsh6", "tcp6":
		return "tcp6", nil
	default:
		return "", fmt.Errorf("%w %q: tcp, tcp4 and tcp6 are supported", ErrUnknownProtocol, protocol)
	}
}

// Dial connects to the endpoint and authenticates both sides. It returns
// by the context's end, and in any case within HandshakeTimeout of being connected.
func Dial(ctx *context.T, ep naming.Endpoint, o DialOptions) (*Conn, error) {
	network, err := Network(ep.Protocol)
	if err != nil {
		return nil, err
	}
	dialer := net.Dialer{KeepAlive: keepAlivePeriod}
	socket, err := dialer.DialContext(ctx, network, ep.Address)
	if err != nil {
		return nil, err
	}
	c, err := dialOn(ctx, socket, ep, o)
	if err != nil {
		return nil, errors.Join(contextFirst(ctx, err), closeSocket(socket))
	}
	return c, nil
}

// contextFirst puts the context's error before that of the handshake it cut short.
func contextFirst(ctx *context.T, err error) error {
	if ctxErr := ctx.Err(); ctxErr != nil {
		return fmt.Errorf("%w: %w", ctxErr, err)
	}
	return err
}

// closeSocket closes a socket that may be closed already.
func closeSocket(socket net.Conn) error {
	if err := socket.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// dialOn performs the dialer's handshake on a socket, which stays the caller's to
// close if there is an error.
func dialOn(ctx *context.T, socket net.Conn, ep naming.Endpoint, o DialOptions) (*Conn, error) {
	stop := stdcontext.AfterFunc(ctx, func() {
		if err := closeSocket(socket); err != nil && ctx.V(1) {
			ctx.Infof("closing the socket to %v: %v", ep.Address, err)
		}
	})
	defer stop()
	metered, secured, err := secure(socket, tls.Client, HandshakeTimeout)
	if err != nil {
		return nil, err
	}
	ch, err := newChannel(secured)
	if err != nil {
		return nil, err
	}
	side := dialerSide{principal: o.Principal, trust: o.Trust, present: o.Present}
	local, remote, err := side.run(ch)
	if err != nil {
		return nil, fmt.Errorf("handshake with %v: %w", ep.Address, err)
	}
	c, err := start(ctx, metered, secured, config{
		ends: Ends{
			LocalBlessings: local, RemoteBlessings: remote,
			LocalEndpoint:  addressEndpoint(socket.LocalAddr()),
			RemoteEndpoint: ep,
		},
		dialer:      true,
		traits:      traits{blind: side.blind, rtt: side.rtt},
		timeout:     o.ChannelTimeout,
		idleTimeout: IdleTimeout,
		budget:      receiveBudget,
	})
	if err != nil {
		return nil, err
	}
	c.run()
	return c, nil
}

// secure puts TLS on a socket. Everything up to authentication must happen
// within the timeout and MaxHandshakeBytes.
func secure(socket net.Conn, role func(net.Conn, *tls.Config) *tls.Conn, timeout time.Duration) (
	*meteredConn, *tls.Conn, error) {
	cfg, err := tlsConfig()
	if err != nil {
		return nil, nil, err
	}
	metered := newMeteredConn(socket)
	secured := role(metered, cfg)
	if err := socket.SetDeadline(time.Now().Add(timeout)); err != nil {
		return nil, nil, err
	}
	if err := secured.Handshake(); err != nil {
		return nil, nil, fmt.Errorf("TLS handshake: %w", err)
	}
	return metered, secured, nil
}

// start makes a connection of an authenticated channel.
func start(ctx *context.T, metered *meteredConn, secured *tls.Conn, cfg config) (*Conn, error) {
	metered.lift()
	if err := metered.SetDeadline(time.Time{}); err != nil {
		return nil, err
	}
	return newConn(ctx, newTransport(secured), cfg)
}

// addressEndpoint is the endpoint of a side that only has an address.
func addressEndpoint(addr net.Addr) naming.Endpoint {
	return naming.Endpoint{Protocol: strings.TrimRight(addr.Network(), "46"), Address: addr.String()}
}
