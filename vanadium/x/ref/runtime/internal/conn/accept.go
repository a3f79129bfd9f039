package conn

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"v.io/v23/context"
	"v.io/v23/security"
)

// AcceptOptions says how to accept.
type AcceptOptions struct {
	// Principal proves the acceptor's blessings. Required.
	Principal security.Principal
	// Blessings returns what to present to a dialer. Required.
	Blessings func() security.Blessings
	// Admit decides whether a dialer may stay connected, before it has made a
	// call; nil admits everyone, since each call is authorised anyway.
	Admit func(remote security.Blessings) error
	// Recognised tells whether the blessings mean anything here. Connections of
	// others are closed after StrangerIdleTimeout without calls. Nil: all do.
	Recognised func(remote security.Blessings) bool
	// DialerFirst makes the acceptor show its blessings only to dialers that Admit
	// admitted.
	DialerFirst bool
	// Serve is called for every flow, on its own goroutine. The flow ends when it
	// returns. Required.
	Serve func(*Flow)
	// ChannelTimeout is how long a dialer may be silent; 0 means
	// DefaultChannelTimeout.
	ChannelTimeout time.Duration
	// MaxPending, MaxConns and MaxStrangers replace the constants of these names
	// unless 0.
	MaxPending, MaxConns, MaxStrangers int
	// HandshakeTimeout replaces the constant of this name unless 0.
	HandshakeTimeout time.Duration
}

func (o AcceptOptions) withDefaults() AcceptOptions {
	if o.MaxPending == 0 {
		o.MaxPending = MaxPending
	}
	if o.MaxConns == 0 {
		o.MaxConns = MaxConns
	}
	if o.MaxStrangers == 0 {
		o.MaxStrangers = MaxStrangers
	}
	if o.HandshakeTimeout == 0 {
		o.HandshakeTimeout = HandshakeTimeout
	}
	return o
}

// Acceptor accepts connections for one server, on any number of listeners.
type Acceptor struct {
	ctx  *context.T
	opts AcceptOptions
	// refusals logs who was refused and why.
	refusals *rateLog

	wg sync.WaitGroup
	// done is closed by Close.
	done chan struct{}

	mu sync.Mutex
	// pending are the sockets in their handshake, oldest first.
	pending pendingList
	// conns are the authenticated connections.
	conns  map[*Conn]struct{}
	closed bool
}

// NewAcceptor returns an acceptor that logs to ctx.
func NewAcceptor(ctx *context.T, o AcceptOptions) *Acceptor {
	return &Acceptor{
		ctx: ctx, opts: o.withDefaults(),
		refusals: newRateLog(ctx),
		done:     make(chan struct{}),
		conns:    make(map[*Conn]struct{}),
	}
}

// ErrAcceptorClosed is returned by Serve after Close.
var ErrAcceptorClosed = errors.New("the acceptor is closed")

// Bounds of the pause after a failed accept, for instance for want of file
// descriptors.
const (
	acceptPauseMin = 5 * time.Millisecond
	acceptPauseMax = time.Second
)

// Serve accepts connections until the listener is closed, and returns the
// listener's error.
func (a *Acceptor) Serve(ln net.Listener) error {
	pause := acceptPauseMin
	for {
		socket, err := ln.Accept()
		switch {
		case err == nil:
			pause = acceptPauseMin
			a.admitSocket(socket)
		case errors.Is(err, net.ErrClosed) || !temporary(err):
			return err
		default:
			a.refusals.logf("accepting on %v: %v; trying again in %v", ln.Addr(), err, pause)
			if !a.pause(pause) {
				return ErrAcceptorClosed
			}
			pause = min(2*pause, acceptPauseMax)
		}
	}
}

// pause waits; it reports false when the acceptor was closed meanwhile.
func (a *Acceptor) pause(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-a.done:
		return false
	}
}

// temporary tells whether accepting may work again later. Timeouts aside, net
// offers no better test for running out of descriptors than the deprecated one.
func temporary(err error) bool {
	var t interface{ Temporary() bool }
	return errors.As(err, &t) && t.Temporary()
}

// admitSocket starts the handshake with a new socket, shedding the oldest pending
// one if there are too many.
func (a *Acceptor) admitSocket(socket net.Conn) {
	a.mu.Lock()
	if a.closed {
		a.mu.Unlock()
		a.closeSocket(socket)
		return
	}
	entry := a.pending.push(socket)
	var shed net.Conn
	if a.pending.len() > a.opts.MaxPending {
		shed = a.pending.popOldest()
	}
	a.wg.Add(1)
	a.mu.Unlock()
	if shed != nil {
		a.refusals.logf("shedding %v: more than %d connections are pending authentication, and it is the oldest",
			shed.RemoteAddr(), a.opts.MaxPending)
		a.closeSocket(shed)
	}
	go a.handshake(socket, entry)
}

func (a *Acceptor) closeSocket(socket net.Conn) {
	if err := closeSocket(socket); err != nil {
		a.refusals.logf("closing the socket of %v: %v", socket.RemoteAddr(), err)
	}
}

// handshake authenticates a socket and keeps the connection, or refuses it.
func (a *Acceptor) handshake(socket net.Conn, entry *pendingEntry) {
	defer a.wg.Done()
	c, err := a.authenticate(socket)
	a.mu.Lock()
	shed := !a.pending.remove(entry)
	a.mu.Unlock()
	if err == nil {
		err = a.keep(c)
	}
	if err == nil {
		return
	}
	a.closeSocket(socket)
	if !shed {
		a.refusals.logf("refused %v: %v", socket.RemoteAddr(), explainHandshake(err, a.opts.HandshakeTimeout))
	}
}

// explainHandshake words the errors that say little to those who read the log.
func explainHandshake(err error, timeout time.Duration) error {
	var netErr net.Error
	switch {
	case errors.As(err, &netErr) && netErr.Timeout():
		return fmt.Errorf("it did not finish its handshake within %v", timeout)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("it left before its handshake was finished: %w", err)
	default:
		return err
	}
}

// authenticate performs the acceptor's handshake.
func (a *Acceptor) authenticate(socket net.Conn) (*Conn, error) {
	if err := keepAlive(socket); err != nil {
		return nil, err
	}
	metered, secured, err := secure(socket, tls.Server, a.opts.HandshakeTimeout)
	if err != nil {
		return nil, err
	}
	ch, err := newChannel(secured)
	if err != nil {
		return nil, err
	}
	side := acceptorSide{
		principal: a.opts.Principal, blessings: a.opts.Blessings(),
		admit: a.admit, dialerFirst: a.opts.DialerFirst,
	}
	remote, err := side.run(ch)
	if err != nil {
		return nil, err
	}
	return start(a.ctx, metered, secured, a.connConfig(socket, side.blessings, remote))
}

func keepAlive(socket net.Conn) error {
	tcp, ok := socket.(*net.TCPConn)
	if !ok {
		return nil
	}
	return tcp.SetKeepAliveConfig(net.KeepAliveConfig{Enable: true, Idle: keepAlivePeriod, Interval: keepAlivePeriod})
}

func (a *Acceptor) admit(remote security.Blessings) error {
	if a.opts.Admit == nil {
		return nil
	}
	if err := a.opts.Admit(remote); err != nil {
		return fmt.Errorf("%v is not admitted: %w", remote, err)
	}
	return nil
}

func (a *Acceptor) connConfig(socket net.Conn, local, remote security.Blessings) config {
	cfg := config{
		ends: Ends{
			LocalBlessings: local, RemoteBlessings: remote,
			LocalEndpoint:  addressEndpoint(socket.LocalAddr()),
			RemoteEndpoint: addressEndpoint(socket.RemoteAddr()),
		},
		serve:       a.opts.Serve,
		timeout:     a.opts.ChannelTimeout,
		idleTimeout: 2 * IdleTimeout,
		budget:      receiveBudget,
	}
	if a.opts.Recognised != nil && !a.opts.Recognised(remote) {
		cfg.idleTimeout, cfg.budget, cfg.traits.stranger = StrangerIdleTimeout, strangerBudget, true
	}
	return cfg
}

// keep enters a connection, shedding the longest idle one if there are too many.
func (a *Acceptor) keep(c *Conn) error {
	a.mu.Lock()
	shed, err := a.makeRoom(c.stranger)
	if err != nil {
		a.mu.Unlock()
		c.discard()
		return err
	}
	delete(a.conns, shed)
	a.conns[c] = struct{}{}
	a.wg.Add(1)
	a.mu.Unlock()
	if shed != nil {
		a.refusals.logf("closing the connection of %v at %v: there are too many, and it is idle longest",
			shed.RemoteBlessings, shed.RemoteEndpoint.Address)
		shed.Close()
	}
	// Only now, so that no call is served on a connection that is not known.
	c.run()
	go a.forget(c)
	return nil
}

// makeRoom finds the connection to shed for one more, nil if there is room. The lock is
// held.
func (a *Acceptor) makeRoom(stranger bool) (*Conn, error) {
	if a.closed {
		return nil, ErrAcceptorClosed
	}
	strangers := 0
	for c := range a.conns {
		if c.stranger {
			strangers++
		}
	}
	switch {
	case stranger && strangers >= a.opts.MaxStrangers:
		if shed := longestIdle(a.conns, true); shed != nil {
			return shed, nil
		}
		return nil, fmt.Errorf("all of %d connections for peers without recognised blessings are in use", strangers)
	case len(a.conns) >= a.opts.MaxConns:
		if shed := longestIdle(a.conns, false); shed != nil {
			return shed, nil
		}
		return nil, fmt.Errorf("all of %d connections are in use", len(a.conns))
	default:
		return nil, nil
	}
}

// longestIdle is the connection that has had no calls for longest, nil if all have.
func longestIdle(conns map[*Conn]struct{}, strangers bool) *Conn {
	var found *Conn
	var longest time.Duration
	for c := range conns {
		if idle := c.Idle(); idle > longest && (c.stranger || !strangers) {
			found, longest = c, idle
		}
	}
	return found
}

// forget removes a connection at its end.
func (a *Acceptor) forget(c *Conn) {
	defer a.wg.Done()
	<-c.Closed()
	a.mu.Lock()
	delete(a.conns, c)
	a.mu.Unlock()
	if errors.Is(c.Err(), ErrProtocol) || errors.Is(c.Err(), ErrTooLarge) {
		a.refusals.logf("closed the connection of %v at %v: %v", c.RemoteBlessings, c.RemoteEndpoint.Address, c.Err())
	}
}

// Refuse logs a refusal, at a bounded rate.
func (a *Acceptor) Refuse(format string, args ...any) { a.refusals.logf(format, args...) }

// Conns are the authenticated connections at this moment.
func (a *Acceptor) Conns() []*Conn {
	a.mu.Lock()
	defer a.mu.Unlock()
	conns := make([]*Conn, 0, len(a.conns))
	for c := range a.conns {
		conns = append(conns, c)
	}
	return conns
}

// EnterLameDuck asks every dialer to make no more calls on its connection.
func (a *Acceptor) EnterLameDuck() {
	for _, c := range a.Conns() {
		c.EnterLameDuck()
	}
}

// Close closes all connections and waits until nothing of them is left. The
// listeners must have been closed.
func (a *Acceptor) Close() {
	a.mu.Lock()
	if !a.closed {
		a.closed = true
		close(a.done)
	}
	pending := a.pending.all()
	a.mu.Unlock()
	for _, socket := range pending {
		a.closeSocket(socket)
	}
	for _, c := range a.Conns() {
		c.Close()
	}
	a.wg.Wait()
	a.refusals.flush()
}
