package conn

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"v.io/v23/context"
	"v.io/v23/naming"
	"v.io/x/ref/test/testutil"
)

func TestFramesOfAllSizesArrive(t *testing.T) {
	s := serve(t, AcceptOptions{})
	c := dialTo(t, s.ep, dialOptions(testutil.NewPrincipal("client")))
	f := acquire(t, c)
	for _, n := range []int{0, 1, sendChunk - HeaderSize, sendChunk - HeaderSize + 1, 3 * sendChunk,
		allocStep, allocStep + 1, MaxMessageSize} {
		payload := bytes.Repeat([]byte{byte(n)}, n)
		got, err := exchange(f, payload)
		if err != nil {
			t.Fatalf("%d bytes: %v", n, err)
		}
		if !bytes.Equal(got, payload) {
			t.Fatalf("%d bytes came back as %d others", n, len(got))
		}
	}
	c.Release(f, true)
}

func TestBothSidesKnowEachOther(t *testing.T) {
	clients := make(chan *Conn, 1)
	s := serve(t, AcceptOptions{Serve: func(f *Flow) { clients <- f.Conn(); echo(f) }})
	p := testutil.NewPrincipal("client")
	c := dialTo(t, s.ep, dialOptions(p))
	mustEcho(t, c)
	if got, want := c.RemoteBlessings, defaultBlessings(s.p); !got.Equivalent(want) {
		t.Errorf("the client sees %v, want %v", got, want)
	}
	if got, want := (<-clients).RemoteBlessings, defaultBlessings(p); !got.Equivalent(want) {
		t.Errorf("the server sees %v, want %v", got, want)
	}
}

func TestNoCallIsServedOnAConnectionThatIsNotKnown(t *testing.T) {
	server, known := make(chan *testServer, 1), make(chan bool, 1)
	s := serve(t, AcceptOptions{Serve: func(f *Flow) {
		known <- slices.Contains((<-server).Conns(), f.Conn())
		echo(f)
	}})
	server <- s
	mustEcho(t, dialTo(t, s.ep, dialOptions(testutil.NewPrincipal("client"))))
	if !<-known {
		t.Error("a flow was served before its connection was known, so that a lame duck would forget it")
	}
}

func TestOversizeMessageIsNotSent(t *testing.T) {
	s := serve(t, AcceptOptions{})
	c := dialTo(t, s.ep, dialOptions(testutil.NewPrincipal("client")))
	f := acquire(t, c)
	if err := f.WriteFrame('x', make([]byte, MaxMessageSize+1)); !errors.Is(err, ErrTooLarge) {
		t.Fatalf("got %v, want ErrTooLarge", err)
	}
	if got, err := exchange(f, []byte("still")); err != nil || string(got) != "still" {
		t.Fatalf("the flow is harmed: %q, %v", got, err)
	}
	c.Release(f, true)
}

func TestOversizeFrameIsRefusedBeforeAllocation(t *testing.T) {
	failed := make(chan error, 1)
	s := serve(t, AcceptOptions{Serve: func(f *Flow) {
		_, _, err := f.ReadHeader()
		failed <- err
	}})
	c := dialTo(t, s.ep, dialOptions(testutil.NewPrincipal("client")))
	f := acquire(t, c)
	var header [HeaderSize]byte
	putHeader(header[:], 'x', 0)
	binary.BigEndian.PutUint32(header[1:], MaxMessageSize+1)
	if _, err := f.stream.Write(header[:]); err != nil {
		t.Fatal(err)
	}
	if err := <-failed; !errors.Is(err, ErrTooLarge) {
		t.Fatalf("got %v, want ErrTooLarge", err)
	}
	c.Release(f, false)
}

func TestFlowsAreReused(t *testing.T) {
	var mu sync.Mutex
	opened := 0
	s := serve(t, AcceptOptions{Serve: func(f *Flow) {
		mu.Lock()
		opened++
		mu.Unlock()
		echo(f)
	}})
	c := dialTo(t, s.ep, dialOptions(testutil.NewPrincipal("client")))
	for range 10 {
		mustEcho(t, c)
	}
	mu.Lock()
	defer mu.Unlock()
	if opened != 1 {
		t.Errorf("10 calls one after another opened %d flows, want 1", opened)
	}
}

func TestResetReachesABlockedPeer(t *testing.T) {
	entered, left := make(chan struct{}), make(chan struct{})
	s := serve(t, AcceptOptions{Serve: func(f *Flow) {
		close(entered)
		<-f.WasReset()
		close(left)
	}})
	c := dialTo(t, s.ep, dialOptions(testutil.NewPrincipal("client")))
	f := acquire(t, c)
	written := make(chan error, 1)
	// Nobody reads, so this blocks when the window is full.
	go func() { written <- f.WriteFrame('x', make([]byte, MaxMessageSize)) }()
	<-entered
	select {
	case err := <-written:
		t.Fatalf("the write went through: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	c.Release(f, false)
	if err := <-written; err == nil {
		t.Error("the blocked write reported success")
	}
	<-left
}

func TestResetHookOfALateUser(t *testing.T) {
	s := serve(t, AcceptOptions{})
	c := dialTo(t, s.ep, dialOptions(testutil.NewPrincipal("client")))
	f := acquire(t, c)
	c.Release(f, false)
	called := false
	f.OnReset(func() { called = true })
	if !called {
		t.Error("the hook of a flow that was reset before was not called")
	}
}

func TestConnectionLossEndsFlows(t *testing.T) {
	entered, reset := make(chan struct{}), make(chan struct{})
	s := serve(t, AcceptOptions{Serve: func(f *Flow) {
		close(entered)
		<-f.WasReset()
		close(reset)
	}})
	c := dialTo(t, s.ep, dialOptions(testutil.NewPrincipal("client")))
	f := acquire(t, c)
	if err := f.WriteFrame('x', nil); err != nil {
		t.Fatal(err)
	}
	<-entered
	c.transport.abort()
	<-reset
	if _, _, err := f.ReadHeader(); err == nil || errors.Is(err, io.EOF) && c.Err() == nil {
		t.Errorf("reading from a lost connection: %v", err)
	}
	c.Release(f, false)
}

// mute is a TCP proxy that can stop passing bytes on without closing anything. It then
// drops what arrives, or, if it stalls, does not even read it.
type mute struct {
	ln     net.Listener
	silent chan struct{}
	stall  bool
	done   chan struct{}
}

func newMute(t *testing.T, target string) *mute {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := &mute{ln: ln, silent: make(chan struct{}), done: make(chan struct{})}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			in, err := ln.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", target)
			if err != nil {
				t.Error(err)
				return
			}
			wg.Go(func() { m.pass(in, out) })
			wg.Go(func() { m.pass(out, in) })
		}
	})
	t.Cleanup(func() {
		if err := ln.Close(); err != nil {
			t.Error(err)
		}
		close(m.done)
		wg.Wait()
	})
	return m
}

// pass copies until the source ends; what arrives in silence is dropped.
func (m *mute) pass(from, to net.Conn) {
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if err != nil {
			break
		}
		select {
		case <-m.silent:
			if m.stall {
				<-m.done
			}
			continue
		default:
		}
		if _, err := to.Write(buf[:n]); err != nil {
			break
		}
	}
	if err := errors.Join(closeSocket(from), closeSocket(to)); err != nil {
		return
	}
}

func TestSilentPeerIsFoundWithinTheChannelTimeout(t *testing.T) {
	const timeout = 1500 * time.Millisecond
	for _, side := range []string{"dialer", "acceptor"} {
		t.Run(side, func(t *testing.T) {
			t.Parallel()
			var ao AcceptOptions
			accepted := make(chan *Conn, 1)
			ao.Serve = func(f *Flow) { accepted <- f.Conn(); echo(f) }
			o := dialOptions(testutil.NewPrincipal("client"))
			if side == "dialer" {
				o.ChannelTimeout = timeout
			} else {
				ao.ChannelTimeout = timeout
			}
			s := serve(t, ao)
			m := newMute(t, s.ep.Address)
			c := dialTo(t, naming.Endpoint{Protocol: "tcp", Address: m.ln.Addr().String()}, o)
			mustEcho(t, c)
			watcher := <-accepted
			if side == "dialer" {
				watcher = c
			}
			checkSilence(t, watcher, m, timeout)
		})
	}
}

// checkSilence mutes the peer of c and expects c to find it out in time.
func checkSilence(t *testing.T, c *Conn, m *mute, timeout time.Duration) {
	t.Helper()
	// A peer that answers probes is kept.
	select {
	case <-c.Dying():
		t.Fatalf("gave up a live peer: %v", c.Err())
	case <-time.After(timeout * 3 / 2):
	}
	start := time.Now()
	close(m.silent)
	select {
	case <-c.Dying():
	case <-time.After(10 * timeout):
		t.Fatal("the silent peer was not found")
	}
	if !errors.Is(c.Err(), ErrSilent) {
		t.Errorf("the connection ended with %v, want ErrSilent", c.Err())
	}
	if d := time.Since(start); d > 2*timeout {
		t.Errorf("found after %v; the channel timeout is %v", d, timeout)
	}
}

// TestStalledPeerHoldsUpNobody fills every buffer on the way to a peer that reads no
// more. Whoever is then reset returns at once.
func TestStalledPeerHoldsUpNobody(t *testing.T) {
	s := serve(t, AcceptOptions{})
	m := newMute(t, s.ep.Address)
	m.stall = true
	c := dialTo(t, naming.Endpoint{Protocol: "tcp", Address: m.ln.Addr().String()},
		dialOptions(testutil.NewPrincipal("client")))
	mustEcho(t, c)
	const writers = 64
	flows := make([]*Flow, writers)
	for i := range flows {
		flows[i] = acquire(t, c)
	}
	close(m.silent)
	returned := make(chan error, writers)
	for _, f := range flows {
		go func() { returned <- f.WriteFrame('x', make([]byte, MaxMessageSize)) }()
	}
	eventually(t, "the buffer is full", func() bool {
		c.transport.mu.Lock()
		defer c.transport.mu.Unlock()
		return len(c.transport.pending) >= sendBufferSize
	})
	begin := time.Now()
	for _, f := range flows {
		c.Release(f, false)
	}
	for range flows {
		if err := <-returned; err == nil {
			t.Error("a write to a stalled peer reports success")
		}
	}
	if d := time.Since(begin); d > 5*time.Second {
		t.Errorf("the writers were held up for %v", d)
	}
	if c.Err() != nil {
		t.Errorf("the connection ended: %v", c.Err())
	}
	c.transport.abort()
}

func TestAResetIdleFlowIsNotReused(t *testing.T) {
	accepted := make(chan *Flow, 2)
	s := serve(t, AcceptOptions{Serve: func(f *Flow) { accepted <- f; echo(f) }})
	c := dialTo(t, s.ep, dialOptions(testutil.NewPrincipal("client")))
	mustEcho(t, c)
	idle := c.flows.idle[0]
	(<-accepted).Reset()
	<-idle.WasReset()
	mustEcho(t, c)
}

func TestChannelTimeoutOnlyGetsShorter(t *testing.T) {
	s := serve(t, AcceptOptions{})
	c := dialTo(t, s.ep, dialOptions(testutil.NewPrincipal("client")))
	steps := []struct{ ask, want time.Duration }{
		{0, DefaultChannelTimeout}, {10 * time.Second, 10 * time.Second}, {20 * time.Second, 10 * time.Second},
		{time.Nanosecond, MinChannelTimeout},
	}
	for _, step := range steps {
		c.ShortenChannelTimeout(step.ask)
		if got := time.Duration(c.timeout.Load()); got != step.want {
			t.Errorf("after asking for %v: %v, want %v", step.ask, got, step.want)
		}
	}
}

func TestLameDuckLetsCallsFinish(t *testing.T) {
	s := serve(t, AcceptOptions{})
	c := dialTo(t, s.ep, dialOptions(testutil.NewPrincipal("client")))
	f := acquire(t, c)
	if got, err := exchange(f, []byte("one")); err != nil || string(got) != "one" {
		t.Fatal(string(got), err)
	}
	s.EnterLameDuck()
	eventually(t, "the client is told", func() bool { return !c.Usable() })
	ctx, _ := testContext(t)
	if _, err := c.Acquire(ctx); !errors.Is(err, ErrClosed) {
		t.Errorf("a new call on a lame duck: %v, want ErrClosed", err)
	}
	if got, err := exchange(f, []byte("two")); err != nil || string(got) != "two" {
		t.Errorf("the call in progress: %q, %v", got, err)
	}
	c.Release(f, true)
	<-c.Closed()
}

func TestAcquireEndsWithItsContext(t *testing.T) {
	s := serve(t, AcceptOptions{})
	c := dialTo(t, s.ep, dialOptions(testutil.NewPrincipal("client")))
	for range cap(c.flows.slots) {
		c.flows.slots <- struct{}{}
	}
	ctx, _ := testContext(t)
	ctx, cancel := context.WithCancel(ctx)
	failed := make(chan error, 1)
	go func() {
		_, err := c.Acquire(ctx)
		failed <- err
	}()
	cancel()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want Canceled", err)
	}
}

func TestManyConcurrentFlows(t *testing.T) {
	s := serve(t, AcceptOptions{})
	c := dialTo(t, s.ep, dialOptions(testutil.NewPrincipal("client")))
	var wg sync.WaitGroup
	for i := range 600 {
		wg.Go(func() {
			f := acquire(t, c)
			payload := bytes.Repeat([]byte{byte(i)}, i)
			got, err := exchange(f, payload)
			if err != nil || !bytes.Equal(got, payload) {
				t.Errorf("flow %d: %d bytes, %v", i, len(got), err)
			}
			c.Release(f, err == nil)
		})
	}
	wg.Wait()
	accepted := s.Conns()[0]
	c.closeStale(time.Hour)
	if len(c.flows.idle) == 0 {
		t.Error("no flow is kept for reuse")
	}
	c.closeStale(-time.Hour)
	if idle, open := len(c.flows.idle), len(c.flows.slots); idle != 0 || open != 0 {
		t.Errorf("after closing stale flows %d are idle and %d open", idle, open)
	}
	eventually(t, "the acceptor lets go of them too", func() bool {
		accepted.flows.mu.Lock()
		defer accepted.flows.mu.Unlock()
		return len(accepted.flows.open) == 0
	})
	mustEcho(t, c)
}

func TestIdleConnectionsAreLeft(t *testing.T) {
	s := serve(t, AcceptOptions{})
	o := dialOptions(testutil.NewPrincipal("client"))
	pair := func() (dialer, acceptor *Conn) {
		c := dialTo(t, s.ep, o)
		eventually(t, "it is accepted", func() bool { return len(s.Conns()) == 1 })
		return c, s.Conns()[0]
	}
	gone := func(c *Conn) {
		<-c.Closed()
		eventually(t, "both sides let go", func() bool { return len(s.Conns()) == 0 })
	}
	c, a := pair()
	c.leaveIdle(IdleTimeout)
	a.leaveIdle(2 * IdleTimeout)
	mustEcho(t, c)
	c.leaveIdle(IdleTimeout + 1)
	gone(c)

	c, a = pair()
	a.leaveIdle(2*IdleTimeout + 1)
	// The dialer may be gone already: then its end is what the acceptor saw.
	if err := a.Err(); err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		t.Errorf("the acceptor left first: %v", err)
	}
	gone(c)

	c, a = pair()
	a.leaveIdle(2*IdleTimeout + idleGrace + 1)
	gone(c)
}

// TestMaxFlows opens as many flows as a connection may have; one more waits until one is given back.
func TestMaxFlows(t *testing.T) {
	s := serve(t, AcceptOptions{})
	c := dialTo(t, s.ep, dialOptions(testutil.NewPrincipal("client")))
	flows := make([]*Flow, MaxFlows)
	for i := range flows {
		flows[i] = acquire(t, c)
	}
	if n, bound := len(c.flows.slots), cap(c.flows.slots); n != MaxFlows || bound != MaxFlows {
		t.Errorf("%d flows take %d of %d places", MaxFlows, n, bound)
	}
	ctx, _ := testContext(t)
	if _, err := exchange(flows[MaxFlows-1], []byte("x")); err != nil {
		t.Errorf("flow %d: %v", MaxFlows, err)
	}
	next := make(chan *Flow, 1)
	go func() {
		f, err := c.Acquire(ctx)
		if err != nil {
			t.Error(err)
		}
		next <- f
	}()
	c.Release(flows[0], false) // Not kept for reuse: its place is free.
	flows[0] = <-next
	for _, f := range flows {
		c.Release(f, false)
	}
}
