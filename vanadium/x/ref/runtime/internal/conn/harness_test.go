package conn

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"v.io/v23/context"
	"v.io/v23/naming"
	"v.io/v23/security"
	"v.io/x/ref/test/testutil"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// logBook is a logger that remembers its lines.
type logBook struct {
	mu    sync.Mutex
	lines []string
}

func (b *logBook) InfoDepth(_ *context.T, _ int, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lines = append(b.lines, fmt.Sprint(args...))
}
func (b *logBook) InfoStack(*context.T, bool)                  {}
func (b *logBook) VDepth(*context.T, int, int) bool            { return false }
func (b *logBook) VIDepth(*context.T, int, int) context.Logger { return b }
func (b *logBook) FlushLog()                                   {}
func (b *logBook) contains(part string) bool                   { return strings.Contains(b.all(), part) }

func (b *logBook) all() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Join(b.lines, "\n")
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited 10 s in vain: %s", what)
		}
	}
}

// testServer is an acceptor on loopback.
type testServer struct {
	*Acceptor
	ep  naming.Endpoint
	log *logBook
	p   security.Principal
}

// echo answers each frame with itself.
func echo(f *Flow) {
	for {
		kind, n, err := f.ReadHeader()
		if err != nil {
			return
		}
		p, err := f.ReadPayload(n, nil)
		if err != nil {
			return
		}
		if err := f.WriteFrame(kind, p); err != nil {
			return
		}
	}
}

func testContext(t testing.TB) (*context.T, *logBook) {
	ctx, cancel := context.RootContext()
	t.Cleanup(cancel)
	book := &logBook{}
	return context.WithContextLogger(ctx, book), book
}

func defaultBlessings(p security.Principal) security.Blessings {
	b, _ := p.BlessingStore().Default()
	return b
}

// serve starts an acceptor that lives until the test ends.
func serve(t testing.TB, o AcceptOptions) *testServer {
	t.Helper()
	ctx, book := testContext(t)
	if o.Principal == nil {
		o.Principal = testutil.NewPrincipal("server")
	}
	if o.Blessings == nil {
		o.Blessings = func() security.Blessings { return defaultBlessings(o.Principal) }
	}
	if o.Serve == nil {
		o.Serve = echo
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &testServer{Acceptor: NewAcceptor(ctx, o), log: book, p: o.Principal}
	s.ep = naming.Endpoint{Protocol: "tcp", Address: ln.Addr().String()}
	done := make(chan error, 1)
	go func() { done <- s.Serve(ln) }()
	t.Cleanup(func() {
		if err := ln.Close(); err != nil {
			t.Error(err)
		}
		<-done
		s.Close()
	})
	return s
}

func trustAll(security.Blessings) error { return nil }

func dialOptions(p security.Principal) DialOptions {
	return DialOptions{
		Principal: p,
		Trust:     trustAll,
		Present:   func(security.Blessings) (security.Blessings, error) { return defaultBlessings(p), nil },
	}
}

// dialTo dials for the length of the test.
func dialTo(t testing.TB, ep naming.Endpoint, o DialOptions) *Conn {
	t.Helper()
	ctx, _ := testContext(t)
	c, err := Dial(ctx, ep, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Close()
		<-c.Closed()
	})
	return c
}

func acquire(t testing.TB, c *Conn) *Flow {
	t.Helper()
	ctx, _ := testContext(t)
	f, err := c.Acquire(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// exchange sends a frame and returns the answer's payload.
func exchange(f *Flow, payload []byte) ([]byte, error) {
	sent := make(chan error, 1)
	go func() { sent <- f.WriteFrame('x', payload) }()
	_, n, err := f.ReadHeader()
	if err != nil {
		<-sent
		return nil, err
	}
	p, err := f.ReadPayload(n, nil)
	if err != nil {
		return nil, err
	}
	return p, <-sent
}

func mustEcho(t testing.TB, c *Conn) {
	t.Helper()
	f := acquire(t, c)
	got, err := exchange(f, []byte("hello"))
	if err != nil || string(got) != "hello" {
		t.Fatalf("echo: %q, %v", got, err)
	}
	c.Release(f, true)
}

// rawTLS is a client that gets through TLS and no further by itself.
func rawTLS(t testing.TB, ep naming.Endpoint) *channel {
	t.Helper()
	socket, err := net.Dial("tcp", ep.Address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := closeSocket(socket); err != nil {
			t.Error(err)
		}
	})
	cfg, err := tlsConfig()
	if err != nil {
		t.Fatal(err)
	}
	secured := tls.Client(socket, cfg)
	if err := secured.Handshake(); err != nil {
		t.Fatal(err)
	}
	ch, err := newChannel(secured)
	if err != nil {
		t.Fatal(err)
	}
	return ch
}

// waitClosed waits until the other side closed the connection.
func waitClosed(t testing.TB, c net.Conn) {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	_, err := io.Copy(io.Discard, c)
	if ne, ok := err.(net.Error); ok && ne.Timeout() {
		t.Fatal("the connection was not closed")
	}
}
