package rpc_test

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	v23 "v.io/v23"
	"v.io/v23/context"
	"v.io/v23/naming"
	"v.io/v23/options"
	"v.io/v23/rpc"
	"v.io/v23/security"
	"v.io/v23/verror"

	_ "v.io/x/ref/runtime/factories/generic"
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

func (b *logBook) contains(part string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Contains(strings.Join(b.lines, "\n"), part)
}

// world is a runtime with a client "root:client" and a server "root:server".
type world struct {
	t      testing.TB
	root   *testutil.IDProvider
	client *context.T
	server *context.T
	log    *logBook
	// stop ends the server's context.
	stop context.CancelFunc
}

func newWorld(t testing.TB) *world {
	t.Helper()
	ctx, shutdown := v23.Init()
	t.Cleanup(shutdown)
	w := &world{t: t, root: testutil.NewIDProvider("root"), log: &logBook{}}
	ctx = context.WithLogger(ctx, nil)
	ctx = context.WithContextLogger(ctx, w.log)
	ctx = v23.WithListenSpec(ctx, rpc.ListenSpec{Addrs: rpc.ListenAddrs{{"tcp", "127.0.0.1:0"}}})
	w.client = w.as(ctx, "client")
	w.server, w.stop = context.WithCancel(w.as(ctx, "server"))
	t.Cleanup(w.stop)
	return w
}

// as returns a context of a new principal with a blessing of the root's.
func (w *world) as(ctx *context.T, name string, caveats ...security.Caveat) *context.T {
	w.t.Helper()
	p := testutil.NewPrincipal()
	if err := w.root.Bless(p, name, caveats...); err != nil {
		w.t.Fatal(err)
	}
	ctx, err := v23.WithPrincipal(ctx, p)
	if err != nil {
		w.t.Fatal(err)
	}
	return ctx
}

// serve starts a server of the object and returns it with its endpoint's name.
func (w *world) serve(object any, auth security.Authorizer, opts ...rpc.ServerOpt) (rpc.Server, string) {
	w.t.Helper()
	_, s, err := v23.WithNewServer(w.server, "", object, auth, opts...)
	if err != nil {
		w.t.Fatal(err)
	}
	return s, s.Status().Endpoints[0].Name()
}

// call calls with Preresolved and NoRetry.
func call(ctx *context.T, name, method string, in, out []any, opts ...rpc.CallOpt) error {
	opts = append([]rpc.CallOpt{options.Preresolved{}, options.NoRetry{}}, opts...)
	return v23.GetClient(ctx).Call(ctx, name, method, in, out, opts...)
}

func start(ctx *context.T, name, method string, in []any, opts ...rpc.CallOpt) (rpc.ClientCall, error) {
	opts = append([]rpc.CallOpt{options.Preresolved{}, options.NoRetry{}}, opts...)
	return v23.GetClient(ctx).StartCall(ctx, name, method, in, opts...)
}

// wantID checks an error's id.
func wantID(t testing.TB, what string, err error, want verror.IDAction) {
	t.Helper()
	if verror.ErrorID(err) != want.ID {
		t.Errorf("%s: got %v (%v), want %v", what, verror.ErrorID(err), err, want.ID)
	}
}

// eventually waits for a condition.
func eventually(t testing.TB, what string, condition func() bool) {
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

// everyone lets everyone in.
func everyone() security.Authorizer { return security.AllowEveryone() }

// everything is an object whose methods the tests call.
type everything struct {
	// entered gets a value for each call of Hang and Sink, and left its context's error.
	entered chan struct{}
	left    chan error
}

func newEverything() *everything {
	return &everything{entered: make(chan struct{}, 16), left: make(chan error, 16)}
}

func (*everything) Echo(_ *context.T, _ rpc.ServerCall, s string) (string, error) { return s, nil }

func (*everything) Two(*context.T, rpc.ServerCall) (string, int64, error) { return "two", 2, nil }

func (*everything) Nothing(*context.T, rpc.ServerCall) error { return nil }

func (*everything) Fail(_ *context.T, _ rpc.ServerCall, text string) error {
	return fmt.Errorf("%s", text)
}

func (*everything) Deadline(ctx *context.T, _ rpc.ServerCall) (time.Duration, error) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return 0, nil
	}
	return time.Until(deadline), nil
}

func (*everything) Whoami(ctx *context.T, call rpc.ServerCall) ([]string, error) {
	names, _ := security.RemoteBlessingNames(ctx, call.Security())
	return names, nil
}

func (e *everything) Hang(ctx *context.T, _ rpc.ServerCall) error {
	e.entered <- struct{}{}
	<-ctx.Done()
	e.left <- ctx.Err()
	return ctx.Err()
}

// Sum adds up the items, and answers each with the sum so far.
func (*everything) Sum(_ *context.T, call *intStream) (int64, error) {
	var sum int64
	for {
		var v int64
		switch err := call.Recv(&v); err {
		case nil:
			sum += v
			if err := call.Send(sum); err != nil {
				return 0, err
			}
		case io.EOF:
			return sum, nil
		default:
			return 0, err
		}
	}
}

// Sink reads all items and reports how the stream ended.
func (e *everything) Sink(_ *context.T, call *intStream) error {
	e.entered <- struct{}{}
	for {
		var b []byte
		if err := call.Recv(&b); err != nil {
			e.left <- err
			return nil
		}
	}
}

// Pour sends n items and reads none.
func (*everything) Pour(_ *context.T, call *intStream, n int64) error {
	for i := range n {
		if err := call.Send(i); err != nil {
			return err
		}
	}
	return nil
}

// EchoBytes sends back each item.
func (*everything) EchoBytes(_ *context.T, call *intStream) error {
	for {
		var b []byte
		if err := call.Recv(&b); err != nil {
			if err == io.EOF {
				err = nil
			}
			return err
		}
		if err := call.Send(b); err != nil {
			return err
		}
	}
}

// intStream is a server call stub as the generator makes them.
type intStream struct{ rpc.StreamServerCall }

func (s *intStream) Init(call rpc.StreamServerCall) { s.StreamServerCall = call }

func (s *intStream) RecvStream() interface {
	Advance() bool
	Value() int64
	Err() error
} {
	return nil
}

func (s *intStream) SendStream() interface{ Send(int64) error } { return nil }

// addressOf is the name of an address that nothing listens on.
func addressOf(address string) string {
	ep := naming.Endpoint{Protocol: "tcp", Address: address}.WithBlessingNames([]string{"root:server"})
	return ep.Name()
}
