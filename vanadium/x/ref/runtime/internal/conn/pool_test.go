package conn

import (
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"v.io/v23/context"
	"v.io/v23/naming"
	"v.io/v23/security"
	"v.io/x/ref/test/testutil"
)

func newTestPool(t *testing.T) *Pool {
	p := NewPool()
	t.Cleanup(p.Close)
	return p
}

func TestPoolDialsOnceForManyCallers(t *testing.T) {
	s := serve(t, AcceptOptions{})
	pool := newTestPool(t)
	ctx, _ := testContext(t)
	o := dialOptions(testutil.NewPrincipal("client"))
	var mu sync.Mutex
	got := make(map[*Conn]bool)
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() {
			c, err := pool.Get(ctx, s.ep, o, false)
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			got[c] = true
			mu.Unlock()
		})
	}
	wg.Wait()
	if len(got) != 1 {
		t.Errorf("32 callers got %d connections, want 1", len(got))
	}
}

func TestPoolReplacesALostConnection(t *testing.T) {
	s := serve(t, AcceptOptions{})
	pool := newTestPool(t)
	ctx, _ := testContext(t)
	o := dialOptions(testutil.NewPrincipal("client"))
	first, err := pool.Get(ctx, s.ep, o, false)
	if err != nil {
		t.Fatal(err)
	}
	first.transport.abort()
	<-first.Closed()
	if _, err := pool.Get(ctx, s.ep, o, true); !errors.Is(err, ErrNotCached) {
		t.Errorf("cached only, after the loss: %v, want ErrNotCached", err)
	}
	second, err := pool.Get(ctx, s.ep, o, false)
	if err != nil || second == first {
		t.Fatalf("%v, the same connection: %v", err, second == first)
	}
	mustEcho(t, second)
}

func TestPoolAsksForTrustEachTime(t *testing.T) {
	s := serve(t, AcceptOptions{})
	pool := newTestPool(t)
	ctx, _ := testContext(t)
	o := dialOptions(testutil.NewPrincipal("client"))
	first, err := pool.Get(ctx, s.ep, o, false)
	if err != nil {
		t.Fatal(err)
	}
	wary := o
	wary.Trust = func(security.Blessings) error { return errors.New("no longer") }
	if _, err := pool.Get(ctx, s.ep, wary, false); !errors.Is(err, ErrUntrusted) {
		t.Errorf("got %v, want ErrUntrusted", err)
	}
	if again, err := pool.Get(ctx, s.ep, o, false); err != nil || again != first {
		t.Errorf("the distrust of one caller took the connection from another: %v", err)
	}
}

func TestPoolWaitersDoNotInheritAnothersDistrust(t *testing.T) {
	s := serve(t, AcceptOptions{})
	pool := newTestPool(t)
	ctx, _ := testContext(t)
	entered, release := make(chan struct{}), make(chan struct{})
	wary := dialOptions(testutil.NewPrincipal("client"))
	wary.Trust = func(security.Blessings) error {
		close(entered)
		<-release
		return errors.New("no")
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := pool.Get(ctx, s.ep, wary, false); !errors.Is(err, ErrUntrusted) {
			t.Errorf("the wary caller: %v", err)
		}
	})
	<-entered
	wg.Go(func() {
		if _, err := pool.Get(ctx, s.ep, dialOptions(testutil.NewPrincipal("client")), false); err != nil {
			t.Errorf("the caller that waited: %v", err)
		}
	})
	close(release)
	wg.Wait()
}

func TestPoolWaiterLeavesWithItsContext(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := silent.Close(); err != nil {
			t.Error(err)
		}
	}()
	ep := naming.Endpoint{Protocol: "tcp", Address: silent.Addr().String()}
	pool := newTestPool(t)
	root, _ := testContext(t)
	long, stop := context.WithCancel(root)
	o := dialOptions(testutil.NewPrincipal("client"))
	dialled := make(chan error, 1)
	go func() {
		_, err := pool.Get(long, ep, o, false)
		dialled <- err
	}()
	eventually(t, "the dial is in progress", func() bool {
		pool.mu.Lock()
		defer pool.mu.Unlock()
		return len(pool.slots) == 1
	})
	short, cancel := context.WithTimeout(root, 50*time.Millisecond)
	defer cancel()
	if _, err := pool.Get(short, ep, o, false); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the one that waited: %v", err)
	}
	stop()
	if err := <-dialled; !errors.Is(err, context.Canceled) {
		t.Errorf("the one that dialled: %v", err)
	}
}

func TestPoolShowsNewBlessings(t *testing.T) {
	s := serve(t, AcceptOptions{})
	pool := newTestPool(t)
	ctx, _ := testContext(t)
	p := testutil.NewPrincipal("old")
	o := dialOptions(p)
	first, err := pool.Get(ctx, s.ep, o, false)
	if err != nil {
		t.Fatal(err)
	}
	renamed, err := p.BlessSelf("new")
	if err != nil {
		t.Fatal(err)
	}
	o.Present = func(security.Blessings) (security.Blessings, error) { return renamed, nil }
	first.presented.Store(monotonic() - int64(presentInterval))
	second, err := pool.Get(ctx, s.ep, o, false)
	if err != nil || second == first {
		t.Fatalf("%v, the same connection: %v", err, second == first)
	}
	<-first.Closed()
}

func TestClosedPool(t *testing.T) {
	s := serve(t, AcceptOptions{})
	pool := NewPool()
	ctx, _ := testContext(t)
	o := dialOptions(testutil.NewPrincipal("client"))
	c, err := pool.Get(ctx, s.ep, o, false)
	if err != nil {
		t.Fatal(err)
	}
	pool.Close()
	<-c.Closed()
	if _, err := pool.Get(ctx, s.ep, o, false); !errors.Is(err, ErrPoolClosed) {
		t.Errorf("got %v, want ErrPoolClosed", err)
	}
}

func TestNetworkOfProtocols(t *testing.T) {
	for protocol, want := range map[string]string{
		"": "tcp", "tcp": "tcp", "tcp4": "tcp4", "tcp6": "tcp6", "wsh": "tcp", "wsh4": "tcp4", "wsh6": "tcp6",
	} {
		if got, err := Network(protocol); err != nil || got != want {
			t.Errorf("%q: %q, %v; want %q", protocol, got, err, want)
		}
	}
	if _, err := Network("bidi"); !errors.Is(err, ErrUnknownProtocol) {
		t.Errorf("bidi: %v", err)
	}
}

func TestRateLog(t *testing.T) {
	ctx, book := testContext(t)
	l := newRateLog(ctx)
	for range logBurst + 7 {
		l.logf("refused")
	}
	if n := len(book.lines); n != logBurst {
		t.Errorf("%d lines, want %d", n, logBurst)
	}
	if ok, dropped := l.admit(l.filled.Add(logInterval)); !ok || dropped != 7 {
		t.Errorf("after a pause: %v, %d dropped; want 7", ok, dropped)
	}
	l.logf("one more")
	l.flush()
	if !book.contains("1 lines about refused connections were left out") {
		t.Errorf("lines %v", book.lines)
	}
}
