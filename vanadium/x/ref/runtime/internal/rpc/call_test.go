package rpc_test

import (
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	v23 "v.io/v23"
	"v.io/v23/context"
	"v.io/v23/naming"
	"v.io/v23/options"
	"v.io/v23/rpc"
	"v.io/v23/security"
	"v.io/v23/verror"

	"v.io/x/ref/runtime/internal/conn"
	vrpc "v.io/x/ref/runtime/internal/rpc"
)

func TestEchoOverAPreresolvedEndpoint(t *testing.T) {
	w := newWorld(t)
	_, name := w.serve(newEverything(), everyone())
	for _, text := range []string{"", "hello", strings.Repeat("x", 1<<20)} {
		var got string
		if err := call(w.client, name, "Echo", []any{text}, []any{&got}); err != nil || got != text {
			t.Fatalf("%d bytes came back as %d, %v", len(text), len(got), err)
		}
	}
}

// closedAddress is an address that refuses connections.
func closedAddress(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
	return ln.Addr().String()
}

func TestErrorTable(t *testing.T) {
	w := newWorld(t)
	_, name := w.serve(newEverything(), everyone())
	_, denied := w.serve(newEverything(), security.DefaultAuthorizer())
	other := naming.FormatEndpoint("tcp", address(t, name), naming.BlessingOpt("somebody:else"))
	anonymous := naming.FormatEndpoint("tcp", address(t, name))
	var s string
	var n int64
	tests := []struct {
		what, name, method string
		in, out            []any
		want               verror.IDAction
	}{
		{"refused", addressOf(closedAddress(t)), "Echo", []any{"x"}, []any{&s}, verror.ErrNoServers},
		{"unknown protocol", "/@6@unixfd@x@@00000000000000000000000000000000@s@root:server@@", "Echo", nil, nil,
			verror.ErrNoServers},
		{"unknown method", name, "Missing", nil, nil, verror.ErrUnknownMethod},
		{"unknown reserved method", name, "__Missing", nil, nil, verror.ErrUnknownMethod},
		{"unknown suffix", name + "/below", "Echo", []any{"x"}, []any{&s}, verror.ErrUnknownSuffix},
		{"reserved suffix", name + "/__debug", "Echo", []any{"x"}, []any{&s}, verror.ErrUnknownSuffix},
		{"too few arguments", name, "Echo", nil, []any{&s}, verror.ErrBadProtocol},
		{"too many arguments", name, "Echo", []any{"x", "y"}, []any{&s}, verror.ErrBadProtocol},
		{"wrong argument", name, "Echo", []any{[]int64{1}}, []any{&s}, verror.ErrBadProtocol},
		{"too few results", name, "Two", nil, []any{&s}, verror.ErrBadProtocol},
		{"no results wanted", name, "Two", nil, nil, verror.ErrBadProtocol},
		{"wrong result", name, "Two", nil, []any{&n, &n}, verror.ErrBadProtocol},
		{"plain error", name, "Fail", []any{"it broke"}, nil, verror.ErrUnknown},
		{"not allowed", denied, "Nothing", nil, nil, verror.ErrNoAccess},
		{"another server", "/" + other, "Nothing", nil, nil, verror.ErrNotTrusted},
		{"no blessings in the endpoint", "/" + anonymous, "Nothing", nil, nil, verror.ErrNotTrusted},
		{"pattern of the name", security.JoinPatternName("somebody", name), "Nothing", nil, nil, verror.ErrNotTrusted},
		{"an argument that cannot be sent", name, "Echo", []any{func() {}}, []any{&s}, verror.ErrBadArg},
		{"an argument too large", name, "Echo", []any{strings.Repeat("x", conn.MaxMessageSize)}, []any{&s},
			verror.ErrBadArg},
	}
	for _, test := range tests {
		err := call(w.client, test.name, test.method, test.in, test.out)
		wantID(t, test.what, err, test.want)
		if errors.Is(err, vrpc.ErrBrokenOff) {
			t.Errorf("%s counts as no answer: %v", test.what, err)
		}
		// Whatever went wrong, it harmed nothing else.
		if err := call(w.client, name, "Echo", []any{"fine"}, []any{&s}); err != nil || s != "fine" {
			t.Fatalf("after %q: %q, %v", test.what, s, err)
		}
	}
}

func address(t *testing.T, name string) string {
	t.Helper()
	ep, err := naming.ParseEndpoint(strings.TrimPrefix(name, "/"))
	if err != nil {
		t.Fatal(err)
	}
	return ep.Address
}

func TestErrorsKeepTheirText(t *testing.T) {
	w := newWorld(t)
	_, name := w.serve(newEverything(), everyone())
	err := call(w.client, name, "Fail", []any{"it broke"}, nil)
	if err == nil || !strings.Contains(err.Error(), "it broke") {
		t.Errorf("got %v", err)
	}
}

func TestRefusalNamesWhoAndIsLogged(t *testing.T) {
	w := newWorld(t)
	_, name := w.serve(newEverything(), security.DefaultAuthorizer())
	err := call(w.client, name, "Nothing", nil, nil)
	if err == nil || !strings.Contains(err.Error(), "root:client") {
		t.Errorf("the refusal does not name the client: %v", err)
	}
	if !w.log.contains("root:client") || !w.log.contains("Nothing") {
		t.Errorf("the refusal was not logged: %v", w.log.lines)
	}
}

func TestPreresolvedForms(t *testing.T) {
	w := newWorld(t)
	_, name := w.serve(newEverything(), everyone())
	addr := address(t, name)
	entry := &naming.MountEntry{Servers: []naming.MountedServer{{Server: strings.TrimPrefix(name, "/")}}}
	trustAny := options.ServerAuthorizer{Authorizer: security.AllowEveryone()}
	rooted, _, err := v23.WithNewNamespace(w.client, name)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		what, name string
		ctx        *context.T
		opts       []rpc.CallOpt
	}{
		{"endpoint", name, w.client, nil},
		{"endpoint with a slash", name + "/", w.client, nil},
		{"blessing and host:port", "/(root:server)@" + addr, w.client, nil},
		{"host:port", "/" + addr, w.client, []rpc.CallOpt{trustAny}},
		{"resolution", "whatever", w.client, []rpc.CallOpt{options.Preresolved{Resolution: entry}}},
		{"relative to a root", "", rooted, nil},
		{"pattern", security.JoinPatternName("root:server", name), w.client, nil},
	}
	for _, test := range tests {
		var got string
		if err := call(test.ctx, test.name, "Echo", []any{"x"}, []any{&got}, test.opts...); err != nil {
			t.Errorf("%s: %v", test.what, err)
		}
	}
}

func TestDeadlineTravels(t *testing.T) {
	w := newWorld(t)
	_, name := w.serve(newEverything(), everyone())
	var left time.Duration
	if err := call(w.client, name, "Deadline", nil, []any{&left}); err != nil || left != 0 {
		t.Errorf("without a deadline the handler has %v, %v", left, err)
	}
	ctx, cancel := context.WithTimeout(w.client, time.Minute)
	defer cancel()
	if err := call(ctx, name, "Deadline", nil, []any{&left}); err != nil || left <= 50*time.Second || left > time.Minute {
		t.Errorf("of a minute the handler has %v, %v", left, err)
	}
}

func TestDeadlineEndsCallAndHandler(t *testing.T) {
	w := newWorld(t)
	obj := newEverything()
	_, name := w.serve(obj, everyone())
	if err := call(w.client, name, "Nothing", nil, nil); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(w.client, 500*time.Millisecond)
	defer cancel()
	start := time.Now()
	err := call(ctx, name, "Hang", nil, nil)
	wantID(t, "a hanging handler", err, verror.ErrTimeout)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the context's error is not found in %v", err)
	}
	if d := time.Since(start); d > 5*time.Second {
		t.Errorf("the call took %v", d)
	}
	select {
	case <-obj.left:
	case <-time.After(10 * time.Second):
		t.Error("the handler was not ended")
	}
}

func TestCancelReachesTheHandlerAtOnce(t *testing.T) {
	w := newWorld(t)
	obj := newEverything()
	_, name := w.serve(obj, everyone())
	ctx, cancel := context.WithCancel(w.client)
	c, err := start(ctx, name, "Hang", nil)
	if err != nil {
		t.Fatal(err)
	}
	<-obj.entered
	cancel()
	// Nothing is called on c; the handler still learns of it.
	if err := <-obj.left; !errors.Is(err, context.Canceled) {
		t.Errorf("the handler's context ended with %v", err)
	}
	wantID(t, "Finish after cancel", c.Finish(), verror.ErrCanceled)
	wantID(t, "Finish again", c.Finish(), verror.ErrCanceled)
}

func TestACancelledContextCallsNothing(t *testing.T) {
	w := newWorld(t)
	_, name := w.serve(newEverything(), everyone())
	ctx, cancel := context.WithCancel(w.client)
	cancel()
	wantID(t, "cancelled before", call(ctx, name, "Nothing", nil, nil), verror.ErrCanceled)
}

func TestConnectRetriesUntilJustBeforeTheDeadline(t *testing.T) {
	w := newWorld(t)
	name := addressOf(closedAddress(t))
	ctx, cancel := context.WithTimeout(w.client, 500*time.Millisecond)
	defer cancel()
	begin := time.Now()
	err := v23.GetClient(ctx).Call(ctx, name, "Nothing", nil, nil, options.Preresolved{})
	wantID(t, "nobody listens", err, verror.ErrNoServers)
	if d := time.Since(begin); d < 300*time.Millisecond || d > 5*time.Second {
		t.Errorf("gave up after %v; the deadline is 500ms and the margin 100ms", d)
	}
	begin = time.Now()
	wantID(t, "NoRetry", call(w.client, name, "Nothing", nil, nil), verror.ErrNoServers)
	if d := time.Since(begin); d > 5*time.Second {
		t.Errorf("NoRetry took %v", d)
	}
}

func TestConnectionTimeout(t *testing.T) {
	w := newWorld(t)
	_, name := w.serve(newEverything(), everyone())
	wantID(t, "no connection yet", call(w.client, name, "Nothing", nil, nil, options.ConnectionTimeout(0)),
		verror.ErrNoServers)
	if err := call(w.client, name, "Nothing", nil, nil); err != nil {
		t.Fatal(err)
	}
	if err := call(w.client, name, "Nothing", nil, nil, options.ConnectionTimeout(0)); err != nil {
		t.Errorf("with a connection: %v", err)
	}
	// A listener that never answers.
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := ln.Close(); err != nil {
			t.Error(err)
		}
	}()
	begin := time.Now()
	name = addressOf(ln.Addr().String())
	err = call(w.client, name, "Nothing", nil, nil, options.ConnectionTimeout(200*time.Millisecond))
	if err == nil || time.Since(begin) > 4*time.Second {
		t.Errorf("got %v after %v", err, time.Since(begin))
	}
}

func TestExpiredBlessingsAreRefusedOnAnOpenConnection(t *testing.T) {
	w := newWorld(t)
	_, name := w.serve(newEverything(), security.DefaultAuthorizer())
	expiry, err := security.NewExpiryCaveat(time.Now().Add(3 * time.Second))
	if err != nil {
		t.Fatal(err)
	}
	ctx := w.as(w.client, "server:helper", expiry)
	if err := call(ctx, name, "Nothing", nil, nil); err != nil {
		t.Fatalf("before the expiry: %v", err)
	}
	eventually(t, "the blessing expires", func() bool {
		err := call(ctx, name, "Nothing", nil, nil)
		return verror.ErrorID(err) == verror.ErrNoAccess.ID
	})
}

func TestMethodCaveatIsCheckedForEachCall(t *testing.T) {
	w := newWorld(t)
	_, name := w.serve(newEverything(), security.DefaultAuthorizer())
	only, err := security.NewMethodCaveat("Nothing")
	if err != nil {
		t.Fatal(err)
	}
	ctx := w.as(w.client, "server:helper", only)
	if err := call(ctx, name, "Nothing", nil, nil); err != nil {
		t.Errorf("the method allowed: %v", err)
	}
	var s string
	wantID(t, "another method", call(ctx, name, "Echo", []any{"x"}, []any{&s}), verror.ErrNoAccess)
}

func TestSeveralServersAreTriedAtOnce(t *testing.T) {
	w := newWorld(t)
	_, name := w.serve(newEverything(), everyone())
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := silent.Close(); err != nil {
			t.Error(err)
		}
	}()
	entry := &naming.MountEntry{}
	for _, server := range []string{addressOf(silent.Addr().String()), addressOf(closedAddress(t)), "/@bad@@", name} {
		entry.Servers = append(entry.Servers, naming.MountedServer{Server: strings.TrimPrefix(server, "/")})
	}
	begin := time.Now()
	if err := call(w.client, "x", "Nothing", nil, nil, options.Preresolved{Resolution: entry}); err != nil {
		t.Fatal(err)
	}
	if d := time.Since(begin); d > 4*time.Second {
		t.Errorf("the silent server held up the call for %v", d)
	}
}

func TestNothingMountedAndNoRoots(t *testing.T) {
	w := newWorld(t)
	err := call(w.client, "x", "Nothing", nil, nil, options.Preresolved{Resolution: &naming.MountEntry{}})
	wantID(t, "no servers", err, verror.ErrNoServers)
	wantID(t, "no roots", call(w.client, "some/name", "Nothing", nil, nil), verror.ErrNoServers)
}

func TestPinnedConnection(t *testing.T) {
	w := newWorld(t)
	_, name := w.serve(newEverything(), everyone())
	p, err := v23.GetClient(w.client).PinConnection(w.client, name, options.Preresolved{})
	if err != nil {
		t.Fatal(err)
	}
	names, _ := security.RemoteBlessingNames(w.client, security.NewCall(&security.CallParams{
		LocalPrincipal: v23.GetPrincipal(w.client), RemoteBlessings: p.Conn().RemoteBlessings(),
	}))
	if len(names) != 1 || names[0] != "root:server" {
		t.Errorf("pinned to %v", names)
	}
	if p.Conn().RTT() <= 0 {
		t.Error("no round trip time was measured")
	}
	p.Unpin()
	p.Unpin()
}

func TestClosedClient(t *testing.T) {
	w := newWorld(t)
	_, name := w.serve(newEverything(), everyone())
	ctx, c, err := v23.WithNewClient(w.client)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	<-c.Closed()
	wantID(t, "a call on a closed client", v23.GetClient(ctx).Call(ctx, name, "Nothing", nil, nil, options.Preresolved{}),
		verror.ErrBadState)
}
