package conn

import (
	"errors"
	"fmt"
	"io"
	"log"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/yamux"

	"v.io/v23/context"
	"v.io/v23/naming"
	"v.io/v23/security"
)

// ErrClosed is returned when a connection takes no more calls: it was closed, or
// its acceptor is going away. Nothing of the call was sent; another
// connection may be tried.
var ErrClosed = errors.New("the connection takes no more calls")

// ErrSilent is the end of a connection whose peer did not answer probes.
var ErrSilent = errors.New("the peer is silent")

// Ends describes who is at the two ends of a connection.
type Ends struct {
	// LocalBlessings were presented to the peer.
	LocalBlessings security.Blessings
	// RemoteBlessings were presented by the peer, which proved their key. Whether
	// they mean anything to this principal, now and for a given call, is for
	// an authorizer to say.
	RemoteBlessings security.Blessings
	// LocalEndpoint and RemoteEndpoint say where the ends are. The dialer's
	// endpoint cannot be dialled.
	LocalEndpoint, RemoteEndpoint naming.Endpoint
}

// traits are what the handshake showed of the peer.
type traits struct {
	// blind is set when the dialer chose its blessings before it knew the acceptor.
	blind bool
	// stranger is set for a dialer without a blessing that is recognised.
	stranger bool
	// rtt is the round trip that the dialer measured.
	rtt time.Duration
}

// Conn is an authenticated connection. Its methods may be called concurrently.
type Conn struct {
	Ends
	traits

	ctx       *context.T
	transport *transport
	session   *yamux.Session
	control   control
	// serve is called for each flow the peer opens, on a goroutine of its own;
	// nil on the dialer's side, where the peer may not open flows.
	serve func(*Flow)
	// idleTimeout is how long the connection is kept without calls.
	idleTimeout time.Duration

	// timeout is the channel timeout in nanoseconds.
	timeout atomic.Int64
	// presented is when it was last checked that the principal would still
	// present the same blessings, by monotonic; for the pool.
	presented atomic.Int64
	// rewatch wakes the watch loop after timeout was shortened.
	rewatch chan struct{}

	flows flowTable
	// received bounds messages that have not arrived whole.
	received budget
	end      ending
}

// ending is the way a connection ends: dying first, then closed when all
// its goroutines have returned.
type ending struct {
	once   sync.Once
	dying  chan struct{}
	closed chan struct{}
	// err is why; it is set before dying is closed.
	err error
	// wg counts all goroutines but the one that waits for them.
	wg sync.WaitGroup
	// mu orders spawn before the wait.
	mu      sync.Mutex
	waiting bool
}

// config is what a new connection is made with.
type config struct {
	ends        Ends
	dialer      bool
	traits      traits
	serve       func(*Flow)
	timeout     time.Duration
	idleTimeout time.Duration
	budget      int
}

// newConn starts the multiplexer on an authenticated TLS session. Of the connection it
// returns, either run or discard must be called.
func newConn(ctx *context.T, t *transport, cfg config) (*Conn, error) {
	c := &Conn{
		Ends: cfg.ends, ctx: ctx, transport: t, serve: cfg.serve, idleTimeout: cfg.idleTimeout,
		traits: cfg.traits, received: budget{left: cfg.budget}, rewatch: make(chan struct{}, 1),
	}
	c.end.dying, c.end.closed = make(chan struct{}), make(chan struct{})
	c.flows.init()
	c.presented.Store(monotonic())
	c.timeout.Store(int64(DefaultChannelTimeout))
	c.ShortenChannelTimeout(cfg.timeout)
	if err := c.startSession(cfg.dialer); err != nil {
		t.abort()
		return nil, err
	}
	return c, nil
}

// run begins to serve the connection.
func (c *Conn) run() {
	c.spawn(c.controlLoop)
	c.spawn(c.acceptLoop)
	c.spawn(c.watchLoop)
	go c.tearDown()
}

// discard closes a connection that was not run, and waits for its end.
func (c *Conn) discard() {
	c.Close()
	c.tearDown()
}

func (c *Conn) startSession(dialer bool) error {
	cfg := yamux.DefaultConfig()
	cfg.AcceptBacklog = acceptBacklog
	cfg.EnableKeepAlive = false
	cfg.ConnectionWriteTimeout = writeTimeout
	cfg.StreamOpenTimeout = 0
	cfg.StreamCloseTimeout = flowCloseTimeout
	cfg.LogOutput = nil
	cfg.Logger = log.New(muxLog{c}, "", 0)
	open := (*yamux.Session).AcceptStream
	start := yamux.Server
	if dialer {
		open, start = (*yamux.Session).OpenStream, yamux.Client
	}
	session, err := start(c.transport, cfg)
	if err != nil {
		return fmt.Errorf("starting the multiplexer: %w", err)
	}
	c.session = session
	guard := time.AfterFunc(HandshakeTimeout, c.transport.abort)
	defer guard.Stop()
	if c.control.stream, err = open(session); err != nil {
		return errors.Join(fmt.Errorf("opening the control stream: %w", err), session.Close())
	}
	return nil
}

// muxLog passes the multiplexer's remarks to the context's logger.
type muxLog struct{ c *Conn }

func (m muxLog) Write(p []byte) (int, error) {
	m.c.logf("%s", p)
	return len(p), nil
}

// logf logs what only helps somebody who looks for a fault in the connection.
func (c *Conn) logf(format string, args ...any) {
	if c.ctx.V(1) {
		c.ctx.Infof("%v: "+format, append([]any{c.RemoteEndpoint.Address}, args...)...)
	}
}

// spawn runs f on a goroutine that the end of the connection waits for. It
// reports false when that wait has begun.
func (c *Conn) spawn(f func()) bool {
	c.end.mu.Lock()
	defer c.end.mu.Unlock()
	if c.end.waiting {
		return false
	}
	c.end.wg.Go(f)
	return true
}

// Err is why the connection ended, nil as long as it has not.
func (c *Conn) Err() error {
	select {
	case <-c.end.dying:
		return c.end.err
	default:
		return nil
	}
}

// Closed is closed when the connection has ended and its goroutines, those that
// serve its flows included, have returned.
func (c *Conn) Closed() <-chan struct{} { return c.end.closed }

// Dying is closed as soon as the connection ends.
func (c *Conn) Dying() <-chan struct{} { return c.end.dying }

// Close ends the connection: what is buffered is sent, calls on it fail. It does
// not wait; Closed does.
func (c *Conn) Close() { c.fail(ErrClosed) }

// fail ends the connection with the given error.
func (c *Conn) fail(err error) {
	c.end.once.Do(func() {
		c.end.err = err
		close(c.end.dying)
	})
}

// tearDown waits for the connection's end and takes it down.
func (c *Conn) tearDown() {
	select {
	case <-c.end.dying:
	case <-c.session.CloseChan():
		c.fail(fmt.Errorf("the connection was lost: %w", io.ErrUnexpectedEOF))
	}
	// Handlers first: they stop working for a peer that is gone.
	c.flows.resetAll()
	if !errors.Is(c.end.err, ErrClosed) {
		c.transport.abort()
	}
	if err := c.session.Close(); err != nil {
		c.logf("closing the multiplexer: %v", err)
	}
	<-c.transport.done
	c.end.mu.Lock()
	c.end.waiting = true
	c.end.mu.Unlock()
	c.end.wg.Wait()
	close(c.end.closed)
}

// acceptLoop takes the flows the peer opens.
func (c *Conn) acceptLoop() {
	for {
		stream, err := c.session.AcceptStream()
		if err != nil {
			c.fail(fmt.Errorf("the connection was lost: %w", err))
			return
		}
		if err := c.acceptFlow(stream); err != nil {
			c.fail(err)
			return
		}
	}
}

func (c *Conn) acceptFlow(stream *yamux.Stream) error {
	if c.serve == nil {
		return fmt.Errorf("%w: the acceptor opened a flow", ErrProtocol)
	}
	f := newFlow(c, stream)
	if err := c.flows.add(f, 2*MaxFlows); err != nil {
		return err
	}
	c.spawn(func() {
		c.serve(f)
		c.flows.remove(f)
		f.close()
	})
	return nil
}

// ShortenChannelTimeout makes the connection fail after the peer was silent for d,
// if that is less than what was asked for before. Zero means no wish.
func (c *Conn) ShortenChannelTimeout(d time.Duration) {
	if d <= 0 {
		return
	}
	d = max(d, MinChannelTimeout)
	for {
		old := c.timeout.Load()
		if int64(d) >= old {
			return
		}
		if c.timeout.CompareAndSwap(old, int64(d)) {
			break
		}
	}
	select {
	case c.rewatch <- struct{}{}:
	default:
	}
}

// watchLoop probes a silent peer, gives up one that does not answer, and closes the
// connection when it has not been used for long.
func (c *Conn) watchLoop() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-c.end.dying:
			return
		case <-c.rewatch:
		case <-timer.C:
		}
		timeout := time.Duration(c.timeout.Load())
		c.watch(timeout)
		timer.Reset(timeout / 8)
	}
}

// watch is one look at the peer: it is probed after a quarter of the timeout in
// silence and given up after three quarters, so that with looks an eighth apart it
// is found within the timeout, and has at least three eighths of it to answer.
func (c *Conn) watch(timeout time.Duration) {
	c.transport.trim()
	silence := c.transport.silence()
	switch {
	case silence >= timeout*3/4:
		c.fail(fmt.Errorf("%w: nothing arrived for %v; the channel timeout is %v",
			ErrSilent, silence.Round(time.Millisecond), timeout))
	case silence >= timeout/4:
		if err := c.control.send(controlPing, 0); err != nil {
			c.fail(fmt.Errorf("the connection was lost: %w", err))
		}
	}
	c.closeStale(flowIdleTimeout)
	c.leaveIdle(c.flows.idleFor())
}

// closeStale closes the dialer's flows that have been idle for longer than d.
func (c *Conn) closeStale(d time.Duration) {
	for _, f := range c.flows.takeStale(d) {
		<-c.flows.slots
		f.close()
	}
}

// leaveIdle closes a connection that has been idle too long. The acceptor asks the
// dialer to do so first, which knows of calls that are on their way.
func (c *Conn) leaveIdle(idle time.Duration) {
	switch {
	case idle <= c.idleTimeout:
	case c.serve == nil || idle > c.idleTimeout+idleGrace:
		c.logf("closing the connection, not used for %v", idle)
		c.Close()
	default:
		c.EnterLameDuck()
	}
}

// EnterLameDuck tells the dialer that no more calls should be made on this
// connection. The dialer closes it when those in progress have ended.
func (c *Conn) EnterLameDuck() {
	if err := c.control.send(controlLameDuck, 0); err != nil {
		c.fail(fmt.Errorf("the connection was lost: %w", err))
	}
}

// remoteLameDuck is the dialer's reaction.
func (c *Conn) remoteLameDuck() {
	if c.flows.retire() {
		c.Close()
	}
}

// Retire closes the connection once the calls in progress have ended.
func (c *Conn) Retire() { c.remoteLameDuck() }

// flowReset acts on the peer's reset of a flow.
func (c *Conn) flowReset(id uint32) {
	if f := c.flows.takeReset(id); f != nil {
		f.remoteReset()
	}
}

// Usable tells whether the connection takes calls.
func (c *Conn) Usable() bool { return c.Err() == nil && !c.flows.isRetired() }

// Idle is how long the connection has had no calls; 0 while it has.
func (c *Conn) Idle() time.Duration { return c.flows.idleFor() }

// RTT is the round trip time that the dialer measured in the handshake.
func (c *Conn) RTT() time.Duration { return c.rtt }

// BeginCall tells the acceptor's connection that a call is in progress. It reports
// false when no more may begin; otherwise EndCall must be called.
func (c *Conn) BeginCall() bool { return c.flows.begin() }

// EndCall is the counterpart of BeginCall.
func (c *Conn) EndCall() {
	if c.flows.finish() {
		c.Close()
	}
}

// Acquire gives the dialer a flow to make one call on. It must be given back with
// Release. ErrClosed says that another connection must be used.
func (c *Conn) Acquire(ctx *context.T) (*Flow, error) {
	if c.Err() != nil || !c.flows.begin() {
		return nil, ErrClosed
	}
	for f := c.flows.popIdle(); f != nil; f = c.flows.popIdle() {
		if !f.dead() {
			return f, nil
		}
		c.park(f, false)
	}
	f, err := c.open(ctx)
	if err != nil {
		c.EndCall()
	}
	return f, err
}

// open opens a flow. The multiplexer waits when the peer is behind with accepting,
// and knows no context; so it is asked on a goroutine, whose flow is kept for
// later when the context ends first.
func (c *Conn) open(ctx *context.T) (*Flow, error) {
	select {
	case c.flows.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-c.end.dying:
		return nil, ErrClosed
	}
	opened := make(chan *Flow, 1)
	if !c.spawn(func() { opened <- c.openStream() }) {
		return nil, ErrClosed
	}
	select {
	case f := <-opened:
		if f == nil {
			return nil, ErrClosed
		}
		return f, nil
	case <-ctx.Done():
		c.spawn(func() {
			if f := <-opened; f != nil {
				c.park(f, true)
			}
		})
		return nil, ctx.Err()
	}
}

// openStream returns nil when the connection is ending.
func (c *Conn) openStream() *Flow {
	stream, err := c.session.OpenStream()
	if err != nil {
		<-c.flows.slots
		c.fail(fmt.Errorf("the connection was lost: opening a flow: %w", err))
		return nil
	}
	f := newFlow(c, stream)
	if err := c.flows.add(f, 2*MaxFlows); err != nil {
		<-c.flows.slots
		f.close()
		return nil
	}
	if c.Err() != nil {
		f.remoteReset()
	}
	return f
}

// Release gives back a flow after a call. Only a flow on which both sides are
// between calls is good for another one; any other is reset.
func (c *Conn) Release(f *Flow, good bool) {
	f.calls++
	c.park(f, good)
	c.EndCall()
}

// park keeps a good flow for the next call, if there is room, and ends it
// otherwise.
func (c *Conn) park(f *Flow, good bool) {
	if good && f.calls < flowCalls && c.flows.pushIdle(f) {
		return
	}
	c.flows.remove(f)
	<-c.flows.slots
	if good {
		f.close()
	} else {
		f.Reset()
	}
}
