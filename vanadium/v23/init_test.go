package v23

import (
	"errors"
	"flag"
	"strings"
	"sync"
	"testing"

	"v.io/v23/context"
	"v.io/v23/namespace"
	"v.io/v23/naming"
	"v.io/v23/rpc"
	"v.io/v23/security"
	"v.io/v23/security/access"
	"v.io/v23/verror"
)

// fake is a runtime that records the names of the methods that are called.
type fake struct {
	calls []string
	fail  error
}

func (f *fake) note(method string) { f.calls = append(f.calls, method) }

func (f *fake) WithPrincipal(ctx *context.T, _ security.Principal) (*context.T, error) {
	f.note("WithPrincipal")
	return ctx, f.fail
}
func (f *fake) GetPrincipal(*context.T) security.Principal { f.note("GetPrincipal"); return nil }
func (f *fake) WithNewClient(ctx *context.T, _ ...rpc.ClientOpt) (*context.T, rpc.Client, error) {
	f.note("WithNewClient")
	return ctx, nil, f.fail
}
func (f *fake) GetClient(*context.T) rpc.Client { f.note("GetClient"); return nil }
func (f *fake) WithNewNamespace(ctx *context.T, roots ...string) (*context.T, namespace.T, error) {
	f.note("WithNewNamespace " + strings.Join(roots, " "))
	return ctx, nil, f.fail
}
func (f *fake) GetNamespace(*context.T) namespace.T { f.note("GetNamespace"); return nil }
func (f *fake) WithListenSpec(ctx *context.T, _ rpc.ListenSpec) *context.T {
	f.note("WithListenSpec")
	return ctx
}
func (f *fake) GetListenSpec(*context.T) rpc.ListenSpec {
	f.note("GetListenSpec")
	return rpc.ListenSpec{Proxy: "p"}
}
func (f *fake) GetPermissionsSpec(*context.T) access.PermissionsSpec {
	f.note("GetPermissionsSpec")
	return access.PermissionsSpec{Literal: "l"}
}
func (f *fake) GetBackgroundContext(ctx *context.T) *context.T {
	f.note("GetBackgroundContext")
	return ctx
}
func (f *fake) WithReservedNameDispatcher(ctx *context.T, _ rpc.Dispatcher) *context.T {
	f.note("WithReservedNameDispatcher")
	return ctx
}
func (f *fake) GetReservedNameDispatcher(*context.T) rpc.Dispatcher {
	f.note("GetReservedNameDispatcher")
	return nil
}
func (f *fake) WithNewServer(ctx *context.T, name string, _ interface{}, _ security.Authorizer,
	_ ...rpc.ServerOpt) (*context.T, rpc.Server, error) {
	f.note("WithNewServer " + name)
	return ctx, nil, f.fail
}
func (f *fake) WithNewDispatchingServer(ctx *context.T, name string, _ rpc.Dispatcher,
	_ ...rpc.ServerOpt) (*context.T, rpc.Server, error) {
	f.note("WithNewDispatchingServer " + name)
	return ctx, nil, f.fail
}

// fresh replaces the state of the process for the test.
func fresh(t *testing.T, factory RuntimeFactory) {
	t.Helper()
	set := func(factory RuntimeFactory, site string) {
		process.mu.Lock()
		defer process.mu.Unlock()
		process.factory, process.factorySite, process.runtime, process.starting = factory, site, nil, false
	}
	before, site := process.factory, process.factorySite
	t.Cleanup(func() { set(before, site) })
	set(nil, "")
	if factory != nil {
		RegisterRuntimeFactory(factory)
	}
}

// TestInit checks the life of a runtime: it starts once, ends once, and may start again.
func TestInit(t *testing.T) {
	var root *context.T
	stopped := 0
	fresh(t, func(ctx *context.T) (Runtime, *context.T, Shutdown, error) {
		root = ctx
		return &fake{}, verror.WithComponentName(ctx, "made"), func() {
			if ctx.Err() == nil {
				t.Error("the context outlives the shutdown")
			}
			stopped++
		}, nil
	})
	for round := 1; round <= 2; round++ {
		ctx, shutdown, err := TryInit()
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := TryInit(); err == nil || !strings.Contains(err.Error(), "init_test.go") {
			t.Errorf("a second runtime: %v", err)
		}
		if got := verror.ErrAborted.Errorf(nil, "x").Error(); got != "made: x" {
			t.Errorf("errors without a context say %q", got)
		}
		if ctx.Err() != nil || root.Err() != nil {
			t.Error("the context has ended already")
		}
		shutdown()
		shutdown()
		if stopped != round || ctx.Err() == nil {
			t.Errorf("after round %d it was stopped %d times, and the context is %v", round, stopped, ctx.Err())
		}
	}
}

// TestInitFailures checks how starting fails.
func TestInitFailures(t *testing.T) {
	fresh(t, nil)
	if _, _, err := TryInit(); !errors.Is(err, errNoFactory) {
		t.Errorf("without a factory: %v", err)
	}
	bad := errors.New("bad flags")
	fail := bad
	fresh(t, func(ctx *context.T) (Runtime, *context.T, Shutdown, error) { return &fake{}, ctx, func() {}, fail })
	if _, _, err := TryInit(); !errors.Is(err, bad) {
		t.Errorf("a factory that fails: %v", err)
	}
	expectPanic(t, "Init with a factory that fails", func() { Init() })
	expectPanic(t, "a second factory", func() { RegisterRuntimeFactory(process.factory) })
	fail = nil
	ctx, shutdown := Init()
	defer shutdown()
	if !ctx.Initialized() {
		t.Error("a failure is remembered")
	}
	fresh(t, nil)
	expectPanic(t, "a nil factory", func() { RegisterRuntimeFactory(nil) })
	expectPanic(t, "use without a runtime", func() { GetClient(ctx) })
}

// expectPanic checks that f panics.
func expectPanic(t *testing.T, what string, f func()) {
	t.Helper()
	defer func() {
		if recover() == nil {
			t.Errorf("%s: no panic", what)
		}
	}()
	f()
}

// TestConcurrentInit checks that only one of several that start at once has the runtime.
func TestConcurrentInit(t *testing.T) {
	fresh(t, func(ctx *context.T) (Runtime, *context.T, Shutdown, error) { return &fake{}, ctx, func() {}, nil })
	var started sync.WaitGroup
	var mu sync.Mutex
	up := 0
	for range 8 {
		started.Go(func() {
			if _, _, err := TryInit(); err == nil {
				mu.Lock()
				defer mu.Unlock()
				up++
			}
		})
	}
	started.Wait()
	if up != 1 {
		t.Errorf("%d have the runtime", up)
	}
}

// TestFunctions checks that every function is that of the runtime.
func TestFunctions(t *testing.T) {
	rt := &fake{}
	fresh(t, func(ctx *context.T) (Runtime, *context.T, Shutdown, error) { return rt, ctx, func() {}, nil })
	ctx, shutdown := Init()
	defer shutdown()
	for want, call := range map[string]func() error{
		"GetPrincipal":               func() error { GetPrincipal(ctx); return nil },
		"WithPrincipal":              func() error { _, err := WithPrincipal(ctx, nil); return err },
		"GetClient":                  func() error { GetClient(ctx); return nil },
		"WithNewClient":              func() error { _, _, err := WithNewClient(ctx); return err },
		"GetNamespace":               func() error { GetNamespace(ctx); return nil },
		"WithNewNamespace a b":       func() error { _, _, err := WithNewNamespace(ctx, "a", "b"); return err },
		"GetListenSpec":              func() error { GetListenSpec(ctx); return nil },
		"WithListenSpec":             func() error { WithListenSpec(ctx, rpc.ListenSpec{}); return nil },
		"GetPermissionsSpec":         func() error { GetPermissionsSpec(ctx); return nil },
		"GetBackgroundContext":       func() error { GetBackgroundContext(ctx); return nil },
		"WithReservedNameDispatcher": func() error { WithReservedNameDispatcher(ctx, nil); return nil },
		"GetReservedNameDispatcher":  func() error { GetReservedNameDispatcher(ctx); return nil },
		"WithNewServer n":            func() error { _, _, err := WithNewServer(ctx, "n", nil, nil); return err },
		"WithNewDispatchingServer n": func() error { _, _, err := WithNewDispatchingServer(ctx, "n", nil); return err },
	} {
		rt.calls = nil
		if err := call(); err != nil || len(rt.calls) != 1 || rt.calls[0] != want {
			t.Errorf("%s called %q, %v", want, rt.calls, err)
		}
	}
	rt.fail = naming.ErrNoMountTable
	if _, _, err := WithNewNamespace(ctx); !errors.Is(err, rt.fail) {
		t.Errorf("an error is lost: %v", err)
	}
}

// TestHelp checks that the error by which Init exits is recognised however it is wrapped.
func TestHelp(t *testing.T) {
	fresh(t, func(ctx *context.T) (Runtime, *context.T, Shutdown, error) {
		return nil, nil, nil, errors.Join(errors.New("flags"), flag.ErrHelp)
	})
	if _, _, err := TryInit(); !errors.Is(err, flag.ErrHelp) {
		t.Error(err)
	}
}
