package namespace_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"v.io/v23"
	"v.io/v23/context"
	"v.io/v23/namespace"
	"v.io/v23/naming"
	"v.io/v23/options"
	"v.io/v23/rpc"
	"v.io/v23/security"
	"v.io/v23/security/access"
	"v.io/v23/verror"
	_ "v.io/x/ref/runtime/factories/generic"
	"v.io/x/ref/services/mounttable/mounttablelib"
	"v.io/x/ref/test"
)

// world is a runtime with a mount table as the root, and names for more.
type world struct {
	t   *testing.T
	ctx *context.T
	ns  namespace.T
	mt  string // name of the root mount table
}

// newWorld starts a runtime for the test.
func newWorld(t *testing.T) *world {
	t.Helper()
	ctx, shutdown := test.V23Init()
	t.Cleanup(shutdown)
	w := &world{t: t, ctx: ctx}
	w.mt = w.mountTable()
	ctx, ns, err := v23.WithNewNamespace(ctx, w.mt)
	if err != nil {
		t.Fatal(err)
	}
	ns.CacheCtl(naming.DisableCache(false)) // which the one of V23Init has not
	w.ctx, w.ns = ctx, ns
	return w
}

// mountTable starts a mount table.
func (w *world) mountTable() string {
	w.t.Helper()
	name, stop, err := mounttablelib.StartServers(w.ctx, v23.GetListenSpec(w.ctx), "", "", "", "", "", 0)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(stop)
	return name
}

// server starts a server that is no mount table, with the object at all names.
func (w *world) server(object interface{}) string {
	w.t.Helper()
	_, server, err := v23.WithNewDispatchingServer(w.ctx, "", everywhere{object})
	if err != nil {
		w.t.Fatal(err)
	}
	return server.Status().Endpoints[0].Name()
}

// mount mounts the server or fails the test.
func (w *world) mount(name, server string, opts ...naming.NamespaceOpt) {
	w.t.Helper()
	if err := w.ns.Mount(w.ctx, name, server, time.Minute, opts...); err != nil {
		w.t.Fatalf("mount %s: %v", name, err)
	}
}

// everywhere is a dispatcher with one object.
type everywhere struct{ object interface{} }

// Lookup implements rpc.Dispatcher.
func (e everywhere) Lookup(*context.T, string) (interface{}, security.Authorizer, error) {
	return e.object, security.AllowEveryone(), nil
}

// echo is an object.
type echo struct{}

// Suffix returns the rest of the name.
func (echo) Suffix(_ *context.T, call rpc.ServerCall) (string, error) { return call.Suffix(), nil }

// call calls the echo at the name.
func (w *world) call(name string) (string, error) {
	ctx, cancel := context.WithTimeout(w.ctx, 10*time.Second)
	defer cancel()
	var suffix string
	err := v23.GetClient(ctx).Call(ctx, name, "Suffix", nil, []interface{}{&suffix}, options.NoRetry{})
	return suffix, err
}

// TestResolve checks where names lead, through one and two mount tables and beyond.
func TestResolve(t *testing.T) {
	w := newWorld(t)
	second, leaf := w.mountTable(), w.server(echo{})
	w.mount("sub", second, naming.ServesMountTable(true))
	w.mount("sub/inner/leaf", leaf)
	w.mount("top", leaf, naming.IsLeaf(true))
	w.mount("deep", leaf+"/below")
	address := func(name string) string {
		addr, _ := naming.SplitAddressName(name)
		return addr
	}
	for _, test := range []struct {
		name   string
		server string
		rest   string
	}{
		{"top", leaf, ""},
		{"top/x/y", leaf, "x/y"},
		{"deep/x", leaf, "below/x"},
		{"sub/inner/leaf", leaf, ""},
		{"sub/inner/leaf/z", leaf, "z"},
		{"sub", second, ""},
		{leaf + "/q", leaf, "q"},
		{w.mt + "/top/x", leaf, "x"},
		{"__(test-blessing)/top/x", leaf, "x"},
	} {
		entry, err := w.ns.Resolve(w.ctx, test.name)
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		if len(entry.Servers) != 1 || address(entry.Servers[0].Server) != address(test.server) &&
			entry.Servers[0].Server != address(test.server) || entry.Name != test.rest {
			t.Errorf("%s leads to %+v", test.name, entry)
		}
	}
	for _, name := range []string{"nothing", "sub/nothing", "sub/inner", w.mt + "/nothing"} {
		if entry, err := w.ns.Resolve(w.ctx, name); !errors.Is(err, naming.ErrNoSuchName) {
			t.Errorf("%s leads to %+v, %v", name, entry, err)
		}
	}
	for name, want := range map[string]string{"top/x": "x", "sub/inner/leaf/z": "z"} {
		if got, err := w.call(name); err != nil || got != want {
			t.Errorf("call of %s: %q, %v", name, got, err)
		}
	}
}

// TestOtherResolutions checks where mount tables are found, and what is not asked.
func TestOtherResolutions(t *testing.T) {
	w := newWorld(t)
	second := w.mountTable()
	w.mount("sub", second, naming.ServesMountTable(true))
	w.mount("sub/leaf", w.server(echo{}))
	for name, want := range map[string]string{
		"sub/leaf": second, "sub/other": second, "sub": w.mt, "a/b": w.mt, w.mt: w.mt,
	} {
		entry, err := w.ns.ResolveToMountTable(w.ctx, name)
		if err != nil || "/"+entry.Servers[0].Server != want {
			t.Errorf("%s is in %+v, %v", name, entry, err)
		}
	}
	entry := &naming.MountEntry{Name: "x", Servers: []naming.MountedServer{{Server: "host:1"}}}
	if got, err := w.ns.Resolve(w.ctx, "whatever", options.Preresolved{Resolution: entry}); err != nil || got != entry {
		t.Errorf("preresolved: %+v, %v", got, err)
	}
	got, err := w.ns.Resolve(w.ctx, "whatever", options.Preresolved{})
	if err != nil || "/"+got.Servers[0].Server != w.mt || got.Name != "whatever" {
		t.Errorf("not to be resolved: %+v, %v", got, err)
	}
	if got, err := w.ns.ShallowResolve(w.ctx, "sub"); err != nil || "/"+got.Servers[0].Server != second {
		t.Errorf("shallow: %+v, %v", got, err)
	}
}

// TestRoots checks what roots may be, and that there must be some.
func TestRoots(t *testing.T) {
	w := newWorld(t)
	if err := w.ns.SetRoots("relative"); err == nil {
		t.Error("a relative root is taken")
	}
	if err := w.ns.SetRoots("/no-endpoint"); err == nil {
		t.Error("a root without an endpoint is taken")
	}
	if got := w.ns.Roots(); !slices.Equal(got, []string{w.mt}) {
		t.Errorf("roots are %v", got)
	}
	if err := w.ns.SetRoots(); err != nil {
		t.Fatal(err)
	}
	if _, err := w.ns.Resolve(w.ctx, "x"); !errors.Is(err, naming.ErrNoMountTable) {
		t.Errorf("without roots: %v", err)
	}
	w.mountBelow(w.mt+"/prefix", "x", w.server(echo{}))
	if got, err := w.call("x/y"); err != nil || got != "y" {
		t.Errorf("with a root inside of a mount table: %q, %v", got, err)
	}
}

// mountBelow makes root the root, and mounts the server.
func (w *world) mountBelow(root, name, server string) {
	w.t.Helper()
	if err := w.ns.SetRoots(root); err != nil {
		w.t.Fatal(err)
	}
	w.mount(name, server)
}

// TestReplicatedRoots checks that a change reaches all roots, and that one of them is enough to resolve.
func TestReplicatedRoots(t *testing.T) {
	w := newWorld(t)
	second, stop, err := mounttablelib.StartServers(w.ctx, v23.GetListenSpec(w.ctx), "", "", "", "", "", 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.ns.SetRoots(w.mt, second); err != nil {
		t.Fatal(err)
	}
	w.mount("x", w.server(echo{}))
	for _, root := range []string{w.mt, second} {
		if _, err := w.ns.Resolve(w.ctx, root+"/x"); err != nil {
			t.Errorf("not mounted at %s: %v", root, err)
		}
	}
	stop()
	if got, err := w.call("x/y"); err != nil || got != "y" {
		t.Errorf("with one root gone: %q, %v", got, err)
	}
	w.mount("z", w.server(echo{}))
}

// TestMountTTL checks that lifetimes that cannot be are refused.
func TestMountTTL(t *testing.T) {
	w := newWorld(t)
	for _, ttl := range []time.Duration{-time.Second, 200 * 365 * 24 * time.Hour} {
		if err := w.ns.Mount(w.ctx, "x", "/host:1", ttl); !errors.Is(err, verror.ErrBadArg) {
			t.Errorf("%v: %v", ttl, err)
		}
	}
	if err := w.ns.Mount(w.ctx, "x", "/host:1", time.Millisecond); err != nil {
		t.Fatal(err)
	}
	entry, err := w.ns.Resolve(w.ctx, "x")
	if err != nil || time.Until(entry.Servers[0].Deadline.Time) > time.Second {
		t.Errorf("a short lifetime became a long one: %+v, %v", entry, err)
	}
}

// TestUnmountAndDelete checks that names vanish.
func TestUnmountAndDelete(t *testing.T) {
	w := newWorld(t)
	w.mount("a/b", "/host:1")
	w.mount("a/b", "/host:2")
	if err := w.ns.Unmount(w.ctx, "a/b", "/host:1"); err != nil {
		t.Fatal(err)
	}
	if entry, err := w.ns.ShallowResolve(w.ctx, "a/b"); err != nil || entry.Servers[0].Server != "host:2" {
		t.Errorf("after one unmount: %+v, %v", entry, err)
	}
	if err := w.ns.Delete(w.ctx, "a", false); err == nil {
		t.Error("a name with names below it was deleted")
	}
	if err := w.ns.Delete(w.ctx, "a", true); err != nil {
		t.Fatal(err)
	}
	if entry, err := w.ns.Resolve(w.ctx, "a/b"); !errors.Is(err, naming.ErrNoSuchName) {
		t.Errorf("after the deletion: %+v, %v", entry, err)
	}
}

// TestPermissions checks that permissions are set and found, with versions.
func TestPermissions(t *testing.T) {
	w := newWorld(t)
	perms := access.Permissions{}.Add("test-blessing", "Admin", "Read")
	if err := w.ns.SetPermissions(w.ctx, "a", perms, ""); err != nil {
		t.Fatal(err)
	}
	got, version, err := w.ns.GetPermissions(w.ctx, "a")
	if err != nil || len(got) != 2 || !got["Read"].Includes("test-blessing") {
		t.Errorf("got %v, %v", got, err)
	}
	if err := w.ns.SetPermissions(w.ctx, "a", perms, version); err != nil {
		t.Errorf("with the version: %v", err)
	}
	if err := w.ns.SetPermissions(w.ctx, "a", perms, version); !errors.Is(err, verror.ErrBadVersion) {
		t.Errorf("with an old version: %v", err)
	}
}
