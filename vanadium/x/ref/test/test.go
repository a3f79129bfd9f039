// Package test sets up the runtime for tests. A test that uses it also imports a
// factory, usually v.io/x/ref/runtime/factories/generic.
package test

import (
	"flag"
	"fmt"

	v23 "v.io/v23"
	"v.io/v23/context"
	"v.io/v23/naming"
	"v.io/v23/rpc"
	"v.io/x/lib/vlog"

	vsecurity "v.io/x/ref/lib/security"
)

// TestBlessing is the blessing of the principal that V23Init makes.
const TestBlessing = "test-blessing"

// IntegrationTestsEnabled is set by the flag -v23.tests, for tests that only run when
// they are asked for.
var IntegrationTestsEnabled bool

func init() {
	flag.BoolVar(&IntegrationTestsEnabled, "v23.tests", false, "run integration tests")
}

// V23Init initializes the runtime so that tests depend on nothing outside: servers
// listen on a port of 127.0.0.1, the principal is new and has blessed itself
// TestBlessing, and the namespace has neither roots nor a cache. It panics on errors.
// The Shutdown must be called at the end of the test.
func V23Init() (*context.T, v23.Shutdown) {
	ctx, shutdown := v23.Init()
	ctx, err := prepare(ctx)
	if err != nil {
		shutdown()
		panic(fmt.Errorf("test: %w", err))
	}
	return ctx, shutdown
}

// prepare makes the context independent of flags and environment.
func prepare(ctx *context.T) (*context.T, error) {
	ctx = v23.WithListenSpec(ctx, rpc.ListenSpec{Addrs: rpc.ListenAddrs{{"tcp", "127.0.0.1:0"}}})
	p, err := vsecurity.NewPrincipal()
	if err != nil {
		return nil, err
	}
	if err := vsecurity.InitDefaultBlessings(p, TestBlessing); err != nil {
		return nil, err
	}
	if ctx, _, err = v23.WithNewNamespace(ctx); err != nil {
		return nil, err
	}
	v23.GetNamespace(ctx).CacheCtl(naming.DisableCache(true))
	return v23.WithPrincipal(ctx, p)
}

// TestContext returns a context that logs, for tests that need no runtime.
func TestContext() (*context.T, context.CancelFunc) {
	ctx, cancel := context.RootContext()
	return context.WithLogger(ctx, vlog.Log), cancel
}
