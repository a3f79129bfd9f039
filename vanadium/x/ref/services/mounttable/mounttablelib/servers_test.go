package mounttablelib_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"v.io/v23"
	"v.io/v23/context"
	"v.io/v23/naming"
	"v.io/v23/options"
	"v.io/v23/rpc"
	"v.io/v23/rpc/reserved"
	"v.io/v23/security"
	"v.io/v23/security/access"
	"v.io/v23/services/mounttable"
	"v.io/v23/vdlroot/signature"
	"v.io/v23/verror"
	_ "v.io/x/ref/runtime/factories/generic"
	"v.io/x/ref/services/mounttable/mounttablelib"
	"v.io/x/ref/test"
	"v.io/x/ref/test/testutil"
)

// as returns a context of a new principal with the blessing of the provider.
func as(t *testing.T, ctx *context.T, idp *testutil.IDProvider, extension string) *context.T {
	t.Helper()
	principal := testutil.NewPrincipal()
	if err := idp.Bless(principal, extension); err != nil {
		t.Fatal(err)
	}
	ctx, err := v23.WithPrincipal(ctx, principal)
	if err != nil {
		t.Fatal(err)
	}
	return ctx
}

// TestRightsByBlessings checks that rights go by what callers prove, end to end.
func TestRightsByBlessings(t *testing.T) {
	ctx, shutdown := test.V23Init()
	defer shutdown()
	idp := testutil.NewIDProvider("root")
	file := filepath.Join(t.TempDir(), "perms")
	text := `{"": {"Admin": {"In": ["root:admin"]}, "Read": {"In": ["root"]}}, "a": {"Mount": {"In": ["root:ann"]}}}`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	server := as(t, ctx, idp, "mounttable")
	name, stop, err := mounttablelib.StartServers(server, v23.GetListenSpec(ctx), "", "", file, "", "", 0)
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	mount := func(extension string) error {
		caller := as(t, ctx, idp, extension)
		return mounttable.MountTableClient(name+"/a").Mount(caller, "/host:1", 60, 0, options.Preresolved{})
	}
	if err := mount("ann"); err != nil {
		t.Errorf("one with the right: %v", err)
	}
	if err := mount("ann:phone"); err != nil {
		t.Errorf("an extension of one with the right: %v", err)
	}
	if err := mount("admin"); err != nil {
		t.Errorf("a super user: %v", err)
	}
	if err := mount("bob"); !errors.Is(err, verror.ErrNoAccess) {
		t.Errorf("one without the right: %v", err)
	}
	stranger := as(t, ctx, testutil.NewIDProvider("elsewhere"), "ann")
	err = mounttable.MountTableClient(name+"/a").Unmount(stranger, "", options.Preresolved{},
		options.ServerAuthorizer{Authorizer: security.AllowEveryone()})
	if !errors.Is(err, verror.ErrNoAccess) {
		t.Errorf("a stranger: %v", err)
	}
}

// TestSignature checks that the mount table tells what it is.
func TestSignature(t *testing.T) {
	ctx, shutdown := test.V23Init()
	defer shutdown()
	name, stop, err := mounttablelib.StartServers(ctx, v23.GetListenSpec(ctx), "", "", "", "", "", 0)
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	interfaces, err := reserved.Signature(ctx, name, options.Preresolved{})
	if err != nil {
		t.Fatal(err)
	}
	names := signature.MethodNames(interfaces)
	for _, want := range []string{"Mount", "Unmount", "Delete", "ResolveStep", "SetPermissions", "GetPermissions"} {
		if !slices.Contains(names, want) {
			t.Errorf("%s is missing in %v", want, names)
		}
	}
}

// TestStartServersFailures checks that a mount table that is of no use is not started.
func TestStartServersFailures(t *testing.T) {
	ctx, shutdown := test.V23Init()
	defer shutdown()
	start := func(spec rpc.ListenSpec, neighborhood, persist string) error {
		name, stop, err := mounttablelib.StartServers(ctx, spec, "", neighborhood, "", persist, "", 0)
		if err == nil {
			stop()
			return fmt.Errorf("it was started as %s", name)
		}
		return nil
	}
	good := v23.GetListenSpec(ctx)
	if err := start(good, "street", ""); err != nil {
		t.Error("with a neighborhood:", err)
	}
	if err := start(good, "", filepath.Join(t.TempDir(), "missing")); err != nil {
		t.Error("with nowhere to persist:", err)
	}
	if err := start(rpc.ListenSpec{}, "", ""); err != nil {
		t.Error("with nowhere to listen:", err)
	}
	if err := start(rpc.ListenSpec{Addrs: rpc.ListenAddrs{{"tcp", "127.0.0.1:99999"}}}, "", ""); err != nil {
		t.Error("with a bad address:", err)
	}
}

// TestOpts checks the flags.
func TestOpts(t *testing.T) {
	var opts mounttablelib.Opts
	flags := flag.NewFlagSet("test", flag.ContinueOnError)
	opts.InitFlags(flags)
	if err := flags.Parse([]string{"-name=n", "-acls=a", "-persist-dir=p", "-mounttable-log-level=2"}); err != nil {
		t.Fatal(err)
	}
	if want := (mounttablelib.Opts{MountName: "n", AclFile: "a", PersistDir: "p", LogLevel: 2}); opts != want {
		t.Errorf("got %+v", opts)
	}
}

// TestMainWithCtx checks that the mount table runs until its context ends.
func TestMainWithCtx(t *testing.T) {
	ctx, shutdown := test.V23Init()
	defer shutdown()
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- mounttablelib.MainWithCtx(ctx, mounttablelib.Opts{}) }()
	cancel()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(time.Minute):
		t.Error("it goes on without its context")
	}
}

// TestEndDuringTheStart checks that a context which ends is told apart from a ListenSpec without addresses. The end
// may come before, in or after the moment in which the server is looked at, so there are many tries.
func TestEndDuringTheStart(t *testing.T) {
	ctx, shutdown := test.V23Init()
	defer shutdown()
	for range 200 {
		ctx, cancel := context.WithCancel(ctx)
		go cancel()
		_, stop, err := mounttablelib.StartServers(ctx, v23.GetListenSpec(ctx), "", "", "", "", "", 0)
		switch {
		case err == nil:
			stop()
		case !errors.Is(err, context.Canceled):
			t.Fatalf("it did not start because of %v", err)
		}
	}
}

// TestPersistence checks that permissions survive a restart of the server.
func TestPersistence(t *testing.T) {
	ctx, shutdown := test.V23Init()
	defer shutdown()
	dir := t.TempDir()
	for range 2 {
		name, stop, err := mounttablelib.StartServers(ctx, v23.GetListenSpec(ctx), "", "", "", dir, "", 0)
		if err != nil {
			t.Fatal(err)
		}
		client := mounttable.MountTableClient(name + "/a")
		perms, version, err := client.GetPermissions(ctx, options.Preresolved{})
		if errors.Is(err, naming.ErrNoSuchName) {
			perms = access.Permissions{}.Add(test.TestBlessing, "Admin", "Read")
			err = client.SetPermissions(ctx, perms, version, options.Preresolved{})
		} else if !perms["Read"].Includes(test.TestBlessing) {
			t.Errorf("after the restart there are %v", perms)
		}
		if err != nil {
			t.Error(err)
		}
		stop()
	}
}

// ExampleStartServers mounts a server and resolves its name.
func ExampleStartServers() {
	ctx, shutdown := test.V23Init()
	defer shutdown()
	name, stop, err := mounttablelib.StartServers(ctx, v23.GetListenSpec(ctx), "", "", "", "", "", 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer stop()
	ns := v23.GetNamespace(ctx)
	if err := ns.SetRoots(name); err != nil {
		fmt.Println(err)
	}
	if err := ns.Mount(ctx, "greeter", "/(root:greeter)@host:8101", time.Minute); err != nil {
		fmt.Println(err)
	}
	entry, err := ns.ShallowResolve(ctx, "greeter/in/english")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(entry.Names())
	// Output: [/(root:greeter)@host:8101/in/english]
}
