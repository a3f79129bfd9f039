package namespace_test

import (
	"testing"
	"time"

	"v.io/v23"
	"v.io/v23/context"
	"v.io/v23/naming"
)

// TestStaleCache checks that a call finds a server that took the place of one that the cache still has.
func TestStaleCache(t *testing.T) {
	w := newWorld(t)
	firstCtx, stopFirst := context.WithCancel(w.ctx)
	_, first, err := v23.WithNewDispatchingServer(firstCtx, "", everywhere{echo{}})
	if err != nil {
		t.Fatal(err)
	}
	w.mount("x", first.Status().Endpoints[0].Name())
	if got, err := w.call("x/a"); err != nil || got != "a" {
		t.Fatalf("the first server: %q, %v", got, err)
	}
	elsewhere, ns, err := v23.WithNewNamespace(w.ctx, w.mt)
	if err != nil {
		t.Fatal(err)
	}
	second := w.server(echo{})
	if err := ns.Mount(elsewhere, "x", second, time.Minute, naming.ReplaceMount(true)); err != nil {
		t.Fatal(err)
	}
	if entry, err := w.ns.Resolve(w.ctx, "x"); err != nil || "/"+entry.Servers[0].Server == second {
		t.Errorf("the cache has forgotten the first server too early: %+v, %v", entry, err)
	}
	stopFirst()
	<-first.Closed()
	ctx, cancel := context.WithTimeout(w.ctx, 30*time.Second)
	defer cancel()
	var suffix string
	err = v23.GetClient(ctx).Call(ctx, "x/b", "Suffix", nil, []interface{}{&suffix})
	if err != nil || suffix != "b" {
		t.Errorf("after the first server is gone: %q, %v", suffix, err)
	}
	if entry, err := w.ns.Resolve(w.ctx, "x"); err != nil || "/"+entry.Servers[0].Server != second {
		t.Errorf("the cache still has the first server: %+v, %v", entry, err)
	}
}

// TestCacheCtl checks that the cache can be switched off, and that flushing tells whether anything was known.
func TestCacheCtl(t *testing.T) {
	w := newWorld(t)
	w.mount("x", w.server(echo{}))
	resolve := func() {
		t.Helper()
		if _, err := w.ns.Resolve(w.ctx, "x/y"); err != nil {
			t.Fatal(err)
		}
	}
	resolve()
	if !w.ns.FlushCacheEntry(w.ctx, "x/z") || w.ns.FlushCacheEntry(w.ctx, "x/z") {
		t.Error("flushing does not tell what was known")
	}
	if ctls := w.ns.CacheCtl(naming.DisableCache(true)); len(ctls) != 1 || ctls[0] != naming.DisableCache(true) {
		t.Errorf("the cache is %v", ctls)
	}
	resolve()
	if w.ns.FlushCacheEntry(w.ctx, "x") {
		t.Error("a cache that is off knows a name")
	}
	if ctls := w.ns.CacheCtl(naming.DisableCache(false)); len(ctls) != 0 {
		t.Errorf("the cache is %v", ctls)
	}
	resolve()
	if !w.ns.FlushCacheEntry(w.ctx, "x") {
		t.Error("a cache that is on again knows nothing")
	}
	if w.ns.FlushCacheEntry(w.ctx, "/nonsense") {
		t.Error("a name that cannot be was known")
	}
}
