package library_test

import (
	"flag"
	"fmt"
	"testing"
	"time"

	v23 "v.io/v23"
	"v.io/v23/context"
	"v.io/v23/naming"
	"v.io/v23/rpc"
	"v.io/v23/security"

	_ "v.io/x/ref/runtime/factories/generic"
	"v.io/x/ref/runtime/factories/library"
	"v.io/x/ref/test/testutil"
)

func TestEnvironment(t *testing.T) {
	tests := []struct {
		what, name, value string
		ok                bool
	}{
		{"reload interval", "V23_CREDENTIALS_RELOAD_INTERVAL", "10s", true},
		{"not a duration", "V23_CREDENTIALS_RELOAD_INTERVAL", "soon", false},
		{"not positive", "V23_CREDENTIALS_RELOAD_INTERVAL", "0s", false},
		{"publish period", "V23_PUBLISH_PERIOD", "10s", true},
		{"a publish period that is none", "V23_PUBLISH_PERIOD", "often", false},
		{"a publish period below zero", "V23_PUBLISH_PERIOD", "-1s", false},
		{"credentials that are not there", "V23_CREDENTIALS", "/nonexistent/credentials", false},
		{"a root that is not rooted", "V23_NAMESPACE_X", "relative", false},
	}
	for _, test := range tests {
		t.Run(test.what, func(t *testing.T) {
			t.Setenv(test.name, test.value)
			_, shutdown, err := v23.TryInit()
			if (err == nil) != test.ok {
				t.Errorf("%v=%v: %v", test.name, test.value, err)
			}
			if err == nil {
				shutdown()
			}
		})
	}
}

func TestPrincipalWithoutCredentialsIsAnonymous(t *testing.T) {
	ctx, shutdown := v23.Init()
	defer shutdown()
	names := security.DefaultBlessingNames(v23.GetPrincipal(ctx))
	if len(names) != 1 || len(names[0]) < len("anonymous-") || names[0][:10] != "anonymous-" {
		t.Errorf("names %v", names)
	}
}

func TestRegisterFlagsOnce(t *testing.T) {
	library.RegisterFlags()
	library.RegisterFlags()
	for _, name := range []string{"v23.credentials", "v23.namespace.root", "v23.tcp.address", "v23.tcp.protocol",
		"v23.proxy", "v23.permissions.file", "v23.permissions.literal"} {
		if flag.Lookup(name) == nil {
			t.Errorf("there is no flag -%v", name)
		}
	}
}

func TestContextsOfTheRuntime(t *testing.T) {
	ctx, shutdown := v23.Init()
	defer shutdown()
	p := testutil.NewPrincipal("other")
	child, err := v23.WithPrincipal(ctx, p)
	if err != nil {
		t.Fatal(err)
	}
	if v23.GetPrincipal(child) != p || v23.GetPrincipal(ctx) == p {
		t.Error("WithPrincipal changes the wrong context")
	}
	if v23.GetClient(child) == v23.GetClient(ctx) {
		t.Error("another principal shares the client")
	}
	if _, err := v23.WithPrincipal(ctx, nil); err == nil {
		t.Error("a nil principal is taken")
	}
	v23.GetNamespace(ctx).CacheCtl(naming.DisableCache(true))
	_, ns, err := v23.WithNewNamespace(ctx, "/host:1")
	if err != nil || len(ns.Roots()) != 1 {
		t.Errorf("roots %v, %v", ns.Roots(), err)
	}
	if v23.GetBackgroundContext(child) != ctx {
		t.Error("the background context is not that of Init")
	}
	spec := rpc.ListenSpec{Addrs: rpc.ListenAddrs{{Protocol: "tcp", Address: "127.0.0.1:0"}}}
	child = v23.WithListenSpec(ctx, spec)
	spec.Addrs[0].Address = "changed"
	if got := v23.GetListenSpec(child).Addrs[0].Address; got != "127.0.0.1:0" {
		t.Errorf("the ListenSpec is shared with the caller: %v", got)
	}
}

func TestShutdownEndsContextsAndClients(t *testing.T) {
	ctx, shutdown := v23.Init()
	child, c, err := v23.WithNewClient(ctx)
	if err != nil {
		t.Fatal(err)
	}
	shutdown()
	select {
	case <-c.Closed():
	case <-time.After(10 * time.Second):
		t.Fatal("the client is still open")
	}
	if child.Err() == nil {
		t.Error("the context is still alive")
	}
}

// greeter is a service with one method.
type greeter struct{}

func (greeter) Greet(_ *context.T, _ rpc.ServerCall, name string) (string, error) {
	return "Hello, " + name + "!", nil
}

// A program imports a factory, initializes the runtime, and has contexts from which
// servers and clients are made.
func Example() {
	ctx, shutdown := v23.Init()
	defer shutdown()
	ctx = v23.WithListenSpec(ctx, rpc.ListenSpec{Addrs: rpc.ListenAddrs{{Protocol: "tcp", Address: "127.0.0.1:0"}}})
	_, server, err := v23.WithNewServer(ctx, "", greeter{}, security.AllowEveryone())
	if err != nil {
		fmt.Println(err)
		return
	}
	var text string
	name := server.Status().Endpoints[0].Name()
	if err := v23.GetClient(ctx).Call(ctx, name, "Greet", []any{"world"}, []any{&text}); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(text)
	// Output: Hello, world!
}
