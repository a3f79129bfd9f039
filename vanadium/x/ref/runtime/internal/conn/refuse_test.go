package conn

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"v.io/v23/naming"
	"v.io/v23/security"
	"v.io/v23/vom"
	"v.io/x/ref/test/testutil"
)

// unharmed checks that the server still serves.
func unharmed(t *testing.T, s *testServer) {
	t.Helper()
	c := dialTo(t, s.ep, dialOptions(testutil.NewPrincipal("client")))
	mustEcho(t, c)
}

func dialTCP(t *testing.T, ep naming.Endpoint) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", ep.Address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := closeSocket(c); err != nil {
			t.Error(err)
		}
	})
	return c
}

// rawBytes sends bytes as they are.
func rawBytes(b []byte) func(*testing.T, naming.Endpoint) net.Conn {
	return func(t *testing.T, ep naming.Endpoint) net.Conn {
		c := dialTCP(t, ep)
		if _, err := c.Write(b); err != nil {
			t.Fatal(err)
		}
		return c
	}
}

// inTLS lets f send something after the TLS handshake.
func inTLS(f func(ch *channel) error) func(*testing.T, naming.Endpoint) net.Conn {
	return func(t *testing.T, ep naming.Endpoint) net.Conn {
		ch := rawTLS(t, ep)
		if err := f(ch); err != nil {
			t.Fatal(err)
		}
		return ch.conn
	}
}

func foreignTLS(t *testing.T, ep naming.Endpoint) net.Conn {
	c := dialTCP(t, ep)
	foreign := tls.Client(c, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
	if err := foreign.Handshake(); err == nil {
		t.Error("a foreign client got through TLS")
	}
	return c
}

func TestGarbageIsRefusedAndLogged(t *testing.T) {
	var oversize [HeaderSize]byte
	putHeader(oversize[:], kindHello, MaxHandshakeFrame+1)
	ours := hello{min: minVersion, max: maxVersion}
	tests := []struct {
		what string
		send func(t *testing.T, ep naming.Endpoint) net.Conn
		log  string
	}{
		{"plain HTTP", rawBytes([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n")), "TLS handshake"},
		{"zeros", rawBytes(make([]byte, 4096)), "TLS handshake"},
		{"foreign TLS", foreignTLS, "TLS handshake"},
		{"not a hello", inTLS(func(ch *channel) error {
			return writeFrame(ch.conn, kindHello, []byte("abracadabra"))
		}), "does not start with"},
		{"another version", inTLS(func(ch *channel) error {
			return ch.sendHello(hello{min: 99, max: 100})
		}), "no common version"},
		{"oversize handshake frame", inTLS(func(ch *channel) error {
			_, err := ch.conn.Write(oversize[:])
			return err
		}), "frame too large"},
		{"frames out of order", inTLS(func(ch *channel) error {
			return writeFrame(ch.conn, kindAuth, []byte{1})
		}), "instead of"},
		{"a truncated auth message", inTLS(func(ch *channel) error {
			return errors.Join(ch.sendHello(ours),
				writeFrame(ch.conn, kindAuth, binary.BigEndian.AppendUint32(nil, 1<<31)))
		}), "auth message"},
	}
	for _, test := range tests {
		t.Run(test.what, func(t *testing.T) {
			s := serve(t, AcceptOptions{})
			waitClosed(t, test.send(t, s.ep))
			eventually(t, "the refusal is logged", func() bool { return s.log.contains(test.log) })
			unharmed(t, s)
		})
	}
}

func TestUnfinishedHandshakeIsRefused(t *testing.T) {
	s := serve(t, AcceptOptions{HandshakeTimeout: 2 * time.Second})
	plain, secured := dialTCP(t, s.ep), rawTLS(t, s.ep)
	waitClosed(t, plain)
	waitClosed(t, secured.conn)
	eventually(t, "the refusal is logged", func() bool {
		return s.log.contains("did not finish its handshake within 2s")
	})
	unharmed(t, s)
}

func TestHandshakeBytesAreBounded(t *testing.T) {
	a, b := net.Pipe()
	m := newMeteredConn(a)
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := io.Copy(b, io.LimitReader(zeros{}, 2*MaxHandshakeBytes)); err == nil {
			t.Error("all bytes were taken")
		}
	})
	n, err := io.Copy(io.Discard, m)
	if n != MaxHandshakeBytes || !errors.Is(err, errTooManyHandshakeBytes) {
		t.Errorf("read %d bytes, %v", n, err)
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
	wg.Wait()
}

// zeros is an endless source.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestOldestPendingConnectionIsShed(t *testing.T) {
	s := serve(t, AcceptOptions{MaxPending: 3, HandshakeTimeout: time.Minute})
	idle := make([]net.Conn, 3)
	for i := range idle {
		idle[i] = dialTCP(t, s.ep)
		eventually(t, "it is pending", func() bool {
			s.mu.Lock()
			defer s.mu.Unlock()
			return s.pending.len() == i+1
		})
	}
	unharmed(t, s)
	waitClosed(t, idle[0])
	if !s.log.contains("shedding") {
		t.Error("shedding was not logged")
	}
}

func TestAThousandIdleConnections(t *testing.T) {
	s := serve(t, AcceptOptions{})
	for range 1000 {
		dialTCP(t, s.ep)
	}
	unharmed(t, s)
}

// entered waits until the acceptor has entered n connections: a dialer is through its handshake before.
func entered(t *testing.T, s *testServer, n int) {
	t.Helper()
	eventually(t, "the acceptor has entered the connections", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.conns) == n
	})
}

func TestLongestIdleConnectionIsShed(t *testing.T) {
	s := serve(t, AcceptOptions{MaxConns: 2, Serve: func(f *Flow) {
		f.Conn().BeginCall()
		defer f.Conn().EndCall()
		echo(f)
	}})
	dial := func() *Conn { return dialTo(t, s.ep, dialOptions(testutil.NewPrincipal("client"))) }
	busy, idle := dial(), dial()
	entered(t, s, 2)
	f := acquire(t, busy)
	if _, err := exchange(f, []byte("x")); err != nil {
		t.Fatal(err)
	}
	third := dial()
	<-idle.Dying()
	mustEcho(t, third)
	if got, err := exchange(f, []byte("y")); err != nil || string(got) != "y" {
		t.Errorf("the busy connection was harmed: %v", err)
	}
	busy.Release(f, true)
	if !s.log.contains("idle longest") {
		t.Error("shedding was not logged")
	}
}

func TestStrangersMakeRoomForEachOther(t *testing.T) {
	friend := testutil.NewPrincipal("friend")
	s := serve(t, AcceptOptions{MaxStrangers: 1, Recognised: func(remote security.Blessings) bool {
		return remote.Equivalent(defaultBlessings(friend))
	}})
	known := dialTo(t, s.ep, dialOptions(friend))
	first := dialTo(t, s.ep, dialOptions(testutil.NewPrincipal("stranger")))
	entered(t, s, 2)
	second := dialTo(t, s.ep, dialOptions(testutil.NewPrincipal("stranger")))
	<-first.Dying()
	mustEcho(t, second)
	mustEcho(t, known)
}

func TestBlessingsOfAnotherPrincipalAreRefused(t *testing.T) {
	s := serve(t, AcceptOptions{})
	thief, owner := testutil.NewPrincipal("thief"), testutil.NewPrincipal("owner")
	o := dialOptions(thief)
	o.Present = func(security.Blessings) (security.Blessings, error) { return defaultBlessings(owner), nil }
	ctx, _ := testContext(t)
	if _, err := Dial(ctx, s.ep, o); !errors.Is(err, ErrRefused) {
		t.Errorf("a dialer with stolen blessings: %v, want ErrRefused", err)
	}
	eventually(t, "it is logged", func() bool { return s.log.contains("owner") && s.log.contains("not authenticated") })

	fake := serve(t, AcceptOptions{Principal: thief, Blessings: func() security.Blessings {
		return defaultBlessings(owner)
	}})
	if _, err := Dial(ctx, fake.ep, dialOptions(owner)); !errors.Is(err, ErrNotAuthenticated) {
		t.Errorf("an acceptor with stolen blessings: %v, want ErrNotAuthenticated", err)
	}
}

func TestReflectedSignatureIsRefused(t *testing.T) {
	s := serve(t, AcceptOptions{})
	ch := rawTLS(t, s.ep)
	if err := ch.sendHello(hello{min: minVersion, max: maxVersion}); err != nil {
		t.Fatal(err)
	}
	if _, err := ch.readHello(); err != nil {
		t.Fatal(err)
	}
	auth, err := ch.expect(kindAuth)
	if err != nil {
		t.Fatal(err)
	}
	if err := writeFrame(ch.conn, kindAuth, auth); err != nil {
		t.Fatal(err)
	}
	if err := ch.readVerdict(); !errors.Is(err, ErrRefused) {
		t.Errorf("the acceptor's own auth message sent back: %v, want ErrRefused", err)
	}
}

func TestSignatureForAnotherPurposeIsRefused(t *testing.T) {
	s := serve(t, AcceptOptions{})
	p := testutil.NewPrincipal("client")
	ch := rawTLS(t, s.ep)
	good, err := ch.makeAuth(tagDialer, p, defaultBlessings(p))
	if err != nil {
		t.Fatal(err)
	}
	n := binary.BigEndian.Uint32(good)
	var sig security.Signature
	if err := vom.Decode(good[4+n:], &sig); err != nil {
		t.Fatal(err)
	}
	sig.Purpose = []byte("B1")
	changed, err := vom.Encode(sig)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ch.checkAuth(tagDialer, good[4:4+n], changed); !errors.Is(err, ErrNotAuthenticated) {
		t.Errorf("got %v, want ErrNotAuthenticated", err)
	}
	if _, err := ch.checkAuth(tagDialer, good[4:4+n], good[4+n:]); err != nil {
		t.Errorf("the unchanged signature: %v", err)
	}
}

// TestMiddlemanIsFound passes the handshake on between two TLS sessions.
func TestMiddlemanIsFound(t *testing.T) {
	s := serve(t, AcceptOptions{})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := tlsConfig()
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		victim, err := ln.Accept()
		if err != nil {
			t.Error(err)
			return
		}
		target, err := net.Dial("tcp", s.ep.Address)
		if err != nil {
			t.Error(err)
			return
		}
		in, out := tls.Server(victim, cfg), tls.Client(target, cfg)
		wg.Go(func() { relay(in, out) })
		relay(out, in)
	})
	ctx, _ := testContext(t)
	ep := naming.Endpoint{Protocol: "tcp", Address: ln.Addr().String()}
	if _, err := Dial(ctx, ep, dialOptions(testutil.NewPrincipal("client"))); !errors.Is(err, ErrNotAuthenticated) {
		t.Errorf("through a middleman: %v, want ErrNotAuthenticated", err)
	}
	if err := ln.Close(); err != nil {
		t.Error(err)
	}
	wg.Wait()
}

// relay copies until either side is closed, and then closes both.
func relay(from, to *tls.Conn) {
	_, copyErr := io.Copy(to, from)
	if err := errors.Join(copyErr, closeSocket(from.NetConn()), closeSocket(to.NetConn())); err != nil {
		return
	}
}

func TestUntrustedServerNeverSeesTheBlessings(t *testing.T) {
	s := serve(t, AcceptOptions{})
	o := dialOptions(testutil.NewPrincipal("client"))
	distrust := errors.New("never heard of it")
	o.Trust = func(security.Blessings) error { return distrust }
	o.Present = func(security.Blessings) (security.Blessings, error) {
		t.Error("the dialer was about to present its blessings")
		return security.Blessings{}, distrust
	}
	ctx, _ := testContext(t)
	if _, err := Dial(ctx, s.ep, o); !errors.Is(err, ErrUntrusted) || !errors.Is(err, distrust) {
		t.Errorf("got %v, want ErrUntrusted and the reason", err)
	}
	eventually(t, "the server logs it", func() bool { return s.log.contains("never heard of it") })
}

func TestAdmitAndDialerFirst(t *testing.T) {
	friend := testutil.NewPrincipal("friend")
	s := serve(t, AcceptOptions{DialerFirst: true, Admit: func(remote security.Blessings) error {
		if !remote.Equivalent(defaultBlessings(friend)) {
			return errors.New("not a friend")
		}
		return nil
	}})
	mustEcho(t, dialTo(t, s.ep, dialOptions(friend)))
	o := dialOptions(testutil.NewPrincipal("stranger"))
	o.Trust = func(security.Blessings) error {
		t.Error("the server showed itself to a stranger")
		return nil
	}
	ctx, _ := testContext(t)
	if _, err := Dial(ctx, s.ep, o); !errors.Is(err, ErrRefused) {
		t.Errorf("a stranger: %v, want ErrRefused", err)
	}
}

func FuzzAuth(f *testing.F) {
	p := testutil.NewPrincipal("client")
	ch := &channel{material: bytes.Repeat([]byte{7}, exporterSize)}
	good, err := ch.makeAuth(tagDialer, p, defaultBlessings(p))
	if err != nil {
		f.Fatal(err)
	}
	n := binary.BigEndian.Uint32(good)
	f.Add(good[4:4+n], good[4+n:])
	f.Add([]byte{}, []byte{})
	f.Fuzz(func(t *testing.T, blessings, signature []byte) {
		b, err := ch.checkAuth(tagDialer, blessings, signature)
		if err != nil {
			return
		}
		var sig security.Signature
		if err := vom.Decode(signature, &sig); err != nil || !sig.Verify(b.PublicKey(), ch.toSign(tagDialer)) {
			t.Errorf("a key that did not sign was accepted: %v", err)
		}
	})
}
