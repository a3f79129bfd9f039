package test_test

import (
	"fmt"
	"testing"
	"time"

	v23 "v.io/v23"
	"v.io/v23/context"
	"v.io/v23/naming"
	"v.io/v23/rpc"
	"v.io/v23/security"

	"v.io/x/ref/test"
	"v.io/x/ref/test/testutil"
)

// hello is a small object.
type hello struct{}

func (hello) Hello(_ *context.T, _ rpc.ServerCall, name string) (string, error) {
	return "hello " + name, nil
}

func TestServersAreFoundByName(t *testing.T) {
	ctx, shutdown := test.V23InitWithMounttable()
	defer shutdown()
	serverCtx, stop := context.WithCancel(ctx)
	_, s, err := v23.WithNewServer(serverCtx, "some/server", hello{}, security.AllowEveryone())
	if err != nil {
		t.Fatal(err)
	}
	testutil.WaitForServerPublished(s)
	var got string
	client := v23.GetClient(ctx)
	if err := client.Call(ctx, "some/server", "Hello", []any{"you"}, []any{&got}); err != nil || got != "hello you" {
		t.Fatalf("%q, %v", got, err)
	}
	names, _, err := testutil.GlobName(ctx, "", "some/*")
	if err != nil || len(names) != 1 || names[0] != "some/server" {
		t.Errorf("glob: %v, %v", names, err)
	}
	stop()
	<-s.Closed()
	if _, err := v23.GetNamespace(ctx).Resolve(ctx, "some/server"); !naming.ErrNoSuchName.Is(err) {
		t.Errorf("after the server stopped: %v", err)
	}
}

func TestShutdownUnmounts(t *testing.T) {
	ctx, shutdown := test.V23InitWithMounttable()
	_, s, err := v23.WithNewServer(ctx, "a", hello{}, security.AllowEveryone())
	if err != nil {
		t.Fatal(err)
	}
	testutil.WaitForServerPublished(s)
	begin := time.Now()
	shutdown()
	select {
	case <-s.Closed():
	default:
		t.Error("the server was not closed")
	}
	if d := time.Since(begin); d > 4*time.Second {
		t.Errorf("the shutdown took %v", d)
	}
}

func TestNamesComeAndGo(t *testing.T) {
	ctx, shutdown := test.V23InitWithMounttable()
	defer shutdown()
	_, s, err := v23.WithNewServer(ctx, "", hello{}, security.AllowEveryone())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.AddName(""); err == nil {
		t.Error("an empty name is taken")
	}
	if err := s.AddName("one"); err != nil {
		t.Fatal(err)
	}
	testutil.WaitForServerPublished(s)
	ns := v23.GetNamespace(ctx)
	if _, err := ns.Resolve(ctx, "one"); err != nil {
		t.Error(err)
	}
	s.RemoveName("one")
	err = testutil.RetryFor(10*time.Second, func() error {
		if _, err := ns.Resolve(ctx, "one"); !naming.ErrNoSuchName.Is(err) {
			return testutil.TryAgain(fmt.Errorf("still there: %v", err))
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
