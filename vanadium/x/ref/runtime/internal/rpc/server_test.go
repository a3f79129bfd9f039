package rpc_test

import (
	"errors"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	v23 "v.io/v23"
	"v.io/v23/context"
	"v.io/v23/naming"
	"v.io/v23/options"
	"v.io/v23/rpc"
	"v.io/v23/security"
	"v.io/v23/vdlroot/signature"
	"v.io/v23/verror"

	"v.io/x/ref/runtime/factories/library"
	vrpc "v.io/x/ref/runtime/internal/rpc"
	"v.io/x/ref/test/testutil"
)

func TestServerStatus(t *testing.T) {
	w := newWorld(t)
	s, _ := w.serve(newEverything(), everyone())
	status := s.Status()
	if status.State != rpc.ServerReady || status.ServesMountTable || len(status.ListenErrors) != 0 {
		t.Errorf("status %+v", status)
	}
	if len(status.Endpoints) != 1 {
		t.Fatalf("endpoints %v", status.Endpoints)
	}
	ep := status.Endpoints[0]
	if got := ep.BlessingNames(); len(got) != 1 || got[0] != "root:server" || ep.RoutingID == naming.NullRoutingID {
		t.Errorf("endpoint %v", ep)
	}
	w.stop()
	<-s.Closed()
	if got := s.Status().State; got != rpc.ServerStopped {
		t.Errorf("after stopping: %v", got)
	}
	select {
	case <-status.Dirty:
	default:
		t.Error("the status changed and Dirty was not closed")
	}
}

func TestServerWithoutAnAddress(t *testing.T) {
	w := newWorld(t)
	w.server = v23.WithListenSpec(w.server, rpc.ListenSpec{})
	s, _ := w.serve(newEverything(), everyone())
	if eps := s.Status().Endpoints; len(eps) != 1 || eps[0].Protocol != "bidi" {
		t.Errorf("endpoints %v, want a placeholder", eps)
	}
}

func TestListenAgain(t *testing.T) {
	w := newWorld(t)
	blocker, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := struct{ Protocol, Address string }{"tcp", blocker.Addr().String()}
	w.server = v23.WithListenSpec(w.server, rpc.ListenSpec{Addrs: rpc.ListenAddrs{addr}})
	s, _ := w.serve(newEverything(), everyone())
	if s.Status().ListenErrors[addr] == nil {
		t.Error("the address is in use and ListenErrors does not say so")
	}
	if err := blocker.Close(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the server listens", func() bool { return len(s.Status().ListenErrors) == 0 })
	if err := call(w.client, s.Status().Endpoints[0].Name(), "Nothing", nil, nil); err != nil {
		t.Error(err)
	}
}

func TestListenOnAllInterfaces(t *testing.T) {
	w := newWorld(t)
	w.server = v23.WithListenSpec(w.server, rpc.ListenSpec{
		Addrs: rpc.ListenAddrs{{Protocol: "wsh", Address: ":0"}},
		AddressChooser: rpc.AddressChooserFunc(func(string, []net.Addr) ([]net.Addr, error) {
			return []net.Addr{&net.IPAddr{IP: net.IPv4(127, 0, 0, 1)}}, nil
		}),
	})
	_, name := w.serve(newEverything(), everyone())
	if !strings.HasPrefix(address(t, name), "127.0.0.1:") {
		t.Errorf("name %v", name)
	}
	if err := call(w.client, name, "Nothing", nil, nil); err != nil {
		t.Error(err)
	}
}

func TestBadServersAreRefused(t *testing.T) {
	w := newWorld(t)
	if _, _, err := v23.WithNewServer(w.server, "", nil, everyone()); err == nil {
		t.Error("no object: no error")
	}
	if _, _, err := v23.WithNewServer(w.server, "", struct{}{}, everyone()); err == nil {
		t.Error("an object without methods: no error")
	}
	if _, _, err := v23.WithNewDispatchingServer(w.server, "", nil); err == nil {
		t.Error("no dispatcher: no error")
	}
}

func TestStopLetsCallsFinish(t *testing.T) {
	w := newWorld(t)
	obj := newEverything()
	s, name := w.serve(obj, everyone())
	c, err := start(w.client, name, "Sum", nil)
	if err != nil {
		t.Fatal(err)
	}
	var sum int64
	if err := errors.Join(c.Send(int64(1)), c.Recv(&sum)); err != nil {
		t.Fatal(err)
	}
	w.stop()
	eventually(t, "the server is stopping", func() bool { return s.Status().State == rpc.ServerStopping })
	if err := errors.Join(c.Send(int64(2)), c.Recv(&sum)); err != nil || sum != 3 {
		t.Errorf("a call in progress: %d, %v", sum, err)
	}
	if err := c.Finish(&sum); err != nil {
		t.Error(err)
	}
	begin := time.Now()
	<-s.Closed()
	if d := time.Since(begin); d > 4*time.Second {
		t.Errorf("without calls, stopping took %v", d)
	}
	wantID(t, "a call after that", call(w.client, name, "Nothing", nil, nil), verror.ErrNoServers)
}

func TestStopEndsStuckHandlersAfterTheLameDuckTimeout(t *testing.T) {
	for _, timeout := range []time.Duration{0, 300 * time.Millisecond} {
		t.Run(timeout.String(), func(t *testing.T) {
			w := newWorld(t)
			obj := newEverything()
			s, name := w.serve(obj, everyone(), options.LameDuckTimeout(timeout))
			c, err := start(w.client, name, "Hang", nil)
			if err != nil {
				t.Fatal(err)
			}
			<-obj.entered
			begin := time.Now()
			w.stop()
			<-obj.left
			if d := time.Since(begin); d < timeout || d > timeout+4*time.Second {
				t.Errorf("with a lame duck timeout of %v the handler was ended after %v", timeout, d)
			}
			err = c.Finish()
			wantID(t, "the client", err, verror.ErrBadProtocol)
			if !errors.Is(err, vrpc.ErrBrokenOff) {
				t.Errorf("the error does not tell that there was no answer: %v", err)
			}
			<-s.Closed()
		})
	}
}

func TestSignatures(t *testing.T) {
	w := newWorld(t)
	_, name := w.serve(newEverything(), everyone())
	var sig []signature.Interface
	if err := call(w.client, name, rpc.ReservedSignature, nil, []any{&sig}); err != nil {
		t.Fatal(err)
	}
	if len(sig) < 2 || sig[len(sig)-1].Name != "__Reserved" {
		t.Errorf("signature %+v", sig)
	}
	for _, method := range []string{"Echo", rpc.GlobMethod} {
		var m signature.Method
		err := call(w.client, name, rpc.ReservedMethodSignature, []any{method}, []any{&m})
		if err != nil || m.Name != method {
			t.Errorf("%v: %+v, %v", method, m, err)
		}
	}
}

func TestReservedMethodsAreAuthorised(t *testing.T) {
	w := newWorld(t)
	_, name := w.serve(newEverything(), security.DefaultAuthorizer())
	var sig []signature.Interface
	var m signature.Method
	wantID(t, "__Signature", call(w.client, name, rpc.ReservedSignature, nil, []any{&sig}), verror.ErrNoAccess)
	wantID(t, "__MethodSignature",
		call(w.client, name, rpc.ReservedMethodSignature, []any{"Echo"}, []any{&m}), verror.ErrNoAccess)
	wantID(t, "__Glob", call(w.client, name, rpc.GlobMethod, []any{"*"}, nil), verror.ErrNoAccess)
}

// tree serves the objects whose names it has; the value says whether everyone may call
// them.
type tree map[string]bool

func (d tree) Lookup(_ *context.T, suffix string) (any, security.Authorizer, error) {
	open, ok := d[suffix]
	if !ok {
		return nil, nil, nil
	}
	var children []string
	for name := range d {
		parent, child, found := strings.Cut(name, "/")
		if !found {
			parent, child = "", name
		}
		if name != "" && parent == suffix && !strings.Contains(child, "/") {
			children = append(children, child)
		}
	}
	auth := security.DefaultAuthorizer()
	if open {
		auth = security.AllowEveryone()
	}
	if len(children) == 0 {
		return newEverything(), auth, nil
	}
	return rpc.ChildrenGlobberInvoker(children...), auth, nil
}

func TestGlob(t *testing.T) {
	w := newWorld(t)
	objects := tree{"": true, "a": true, "a/b": true, "a/secret": false, "c": true}
	_, s, err := v23.WithNewDispatchingServer(w.server, "", objects)
	if err != nil {
		t.Fatal(err)
	}
	name := s.Status().Endpoints[0].Name()
	tests := []struct{ suffix, pattern, want string }{
		{"", "*", "a c"},
		{"", "a/*", "a/b !"},
		{"", "...", " a a/b c !"},
		{"a", "*", "b !"},
		{"c", "", ""},
		{"", "x", ""},
	}
	for _, test := range tests {
		got, err := globOnce(w.client, naming.Join(name, test.suffix), test.pattern)
		if err != nil || got != test.want {
			t.Errorf("%q at %q: %q, %v; want %q", test.pattern, test.suffix, got, err, test.want)
		}
	}
	_, err = globOnce(w.client, name, "[")
	wantID(t, "a bad pattern", err, verror.ErrBadArg)
	_, err = globOnce(w.client, name+"/missing", "*")
	wantID(t, "a missing suffix, which has the default authoriser", err, verror.ErrNoAccess)
}

// globOnce returns the names found, sorted, with ! at the end for an error.
func globOnce(ctx *context.T, name, pattern string) (string, error) {
	c, err := start(ctx, name, rpc.GlobMethod, []any{pattern})
	if err != nil {
		return "", err
	}
	var names []string
	failed := false
	for {
		var reply naming.GlobReply
		if err := c.Recv(&reply); err != nil {
			break
		}
		switch v := reply.(type) {
		case naming.GlobReplyEntry:
			names = append(names, v.Value.Name)
		case naming.GlobReplyError:
			failed = true
		}
	}
	slices.Sort(names)
	if failed {
		names = append(names, "!")
	}
	return strings.Join(names, " "), c.Finish()
}

func TestNewBlessingsOfTheServerAreShown(t *testing.T) {
	w := newWorld(t)
	s, name := w.serve(newEverything(), everyone())
	if err := call(w.client, name, "Nothing", nil, nil); err != nil {
		t.Fatal(err)
	}
	p := v23.GetPrincipal(w.server)
	b, err := w.root.NewBlessings(p, "renamed")
	if err != nil {
		t.Fatal(err)
	}
	if err := p.BlessingStore().SetDefault(b); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the endpoint has the new name", func() bool {
		names := s.Status().Endpoints[0].BlessingNames()
		return len(names) == 1 && names[0] == "root:renamed"
	})
	eventually(t, "clients see the new blessings", func() bool {
		return call(w.client, s.Status().Endpoints[0].Name(), "Nothing", nil, nil) == nil
	})
}

func TestNewBlessingsOfTheClientAreShown(t *testing.T) {
	w := newWorld(t)
	_, name := w.serve(newEverything(), everyone())
	var names []string
	err := call(w.client, name, "Whoami", nil, []any{&names})
	if err != nil || len(names) != 1 || names[0] != "root:client" {
		t.Fatalf("%v, %v", names, err)
	}
	if err := w.root.Bless(v23.GetPrincipal(w.client), "renamed"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the server sees the new blessings", func() bool {
		err := call(w.client, name, "Whoami", nil, []any{&names})
		return err == nil && len(names) == 1 && names[0] == "root:renamed"
	})
}

func TestServerPeers(t *testing.T) {
	w := newWorld(t)
	_, name := w.serve(newEverything(), everyone(), options.ServerPeers{"root:client"})
	if err := call(w.client, name, "Nothing", nil, nil); err != nil {
		t.Errorf("a peer: %v", err)
	}
	stranger := w.as(w.client, "stranger")
	wantID(t, "a stranger", call(stranger, name, "Nothing", nil, nil), verror.ErrNoAccess)
	eventually(t, "the refusal is logged", func() bool { return w.log.contains("root:stranger") })
}

// grantName grants a blessing of the client's with this extension.
type grantName string

func (g grantName) RPCCallOpt() {}

func (g grantName) Grant(_ *context.T, c security.Call) (security.Blessings, error) {
	p := c.LocalPrincipal()
	with, _ := p.BlessingStore().Default()
	return p.Bless(c.RemoteBlessings().PublicKey(), with, string(g), security.UnconstrainedUse())
}

// taker returns the names of the blessings it is granted.
type taker struct{}

func (taker) Take(_ *context.T, call rpc.ServerCall) (string, error) {
	return call.GrantedBlessings().String(), nil
}

func TestGranter(t *testing.T) {
	w := newWorld(t)
	_, name := w.serve(taker{}, everyone())
	var got string
	if err := call(w.client, name, "Take", nil, []any{&got}, grantName("friend")); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(got, "root:client:friend") {
		t.Errorf("granted %q", got)
	}
}

// flaky fails with an error that asks to be retried.
type flaky struct{ failures int }

var errBusy = verror.NewIDAction("v.io/x/ref/runtime/internal/rpc.busy", verror.RetryBackoff)

func (f *flaky) Try(ctx *context.T, _ rpc.ServerCall) error {
	if f.failures > 0 {
		f.failures--
		return errBusy.Errorf(ctx, "busy")
	}
	return nil
}

func TestOnlyRetryBackoffIsRetried(t *testing.T) {
	w := newWorld(t)
	_, name := w.serve(&flaky{failures: 1}, everyone())
	if err := v23.GetClient(w.client).Call(w.client, name, "Try", nil, nil, options.Preresolved{}); err != nil {
		t.Errorf("busy once: %v", err)
	}
	_, name = w.serve(&flaky{failures: 1}, everyone())
	if err := call(w.client, name, "Try", nil, nil); !errors.Is(err, errBusy) {
		t.Errorf("with NoRetry: %v, want errBusy", err)
	}
}

func TestPrincipalWithoutBlessings(t *testing.T) {
	w := newWorld(t)
	ctx, err := v23.WithPrincipal(w.server, testutil.NewPrincipal())
	if err != nil {
		t.Fatal(err)
	}
	_, s, err := v23.WithNewServer(ctx, "", newEverything(), everyone())
	if err != nil {
		t.Fatal(err)
	}
	name := s.Status().Endpoints[0].Name()
	wantID(t, "a server without blessings", call(w.client, name, "Nothing", nil, nil), verror.ErrNotTrusted)
	trust := options.ServerAuthorizer{Authorizer: security.AllowEveryone()}
	if err := call(w.client, name, "Nothing", nil, nil, trust); err != nil {
		t.Errorf("trusted all the same: %v", err)
	}
}

func TestServerFollowsTheAddressesOfTheHost(t *testing.T) {
	library.RefreshAddresses = 10 * time.Millisecond
	defer func() { library.RefreshAddresses = 0 }()
	w := newWorld(t)
	var host atomic.Value
	host.Store(net.IPv4(127, 0, 0, 1))
	w.server = v23.WithListenSpec(w.server, rpc.ListenSpec{
		Addrs: rpc.ListenAddrs{{Protocol: "tcp", Address: ":0"}},
		AddressChooser: rpc.AddressChooserFunc(func(string, []net.Addr) ([]net.Addr, error) {
			return []net.Addr{&net.IPAddr{IP: host.Load().(net.IP)}}, nil
		}),
	})
	s, _ := w.serve(newEverything(), everyone())
	host.Store(net.IPv4(127, 0, 0, 2))
	eventually(t, "the endpoint moves", func() bool {
		return strings.HasPrefix(s.Status().Endpoints[0].Address, "127.0.0.2:")
	})
	if err := call(w.client, s.Status().Endpoints[0].Name(), "Nothing", nil, nil); err != nil {
		t.Error(err)
	}
}
