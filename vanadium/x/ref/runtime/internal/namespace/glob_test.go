package namespace_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"v.io/v23/context"
	"v.io/v23/glob"
	"v.io/v23/naming"
	"v.io/v23/rpc"
	"v.io/v23/rpc/reserved"
	"v.io/v23/verror"
)

// glob returns the names that the pattern finds, sorted, and the errors.
func (w *world) glob(pattern string) (names []string, failures []error) {
	w.t.Helper()
	replies, err := w.ns.Glob(w.ctx, pattern)
	if err != nil {
		w.t.Fatalf("glob %s: %v", pattern, err)
	}
	for reply := range replies {
		switch reply := reply.(type) {
		case *naming.GlobReplyEntry:
			names = append(names, reply.Value.Name)
		case *naming.GlobReplyError:
			failures = append(failures, reply.Value.Error)
		default:
			w.t.Fatalf("glob %s: a %T", pattern, reply)
		}
	}
	slices.Sort(names)
	return names, failures
}

// family is an object that has children.
type family struct{ echo }

// GlobChildren__ implements rpc.ChildrenGlobber.
func (family) GlobChildren__(_ *context.T, call rpc.GlobChildrenServerCall, m *glob.Element) error {
	if call.Suffix() != "" {
		return nil
	}
	for _, child := range []string{"ann", "bob"} {
		if !m.Match(child) {
			continue
		}
		if err := call.SendStream().Send(naming.GlobChildrenReplyName{Value: child}); err != nil {
			return err
		}
	}
	return nil
}

// TestGlob checks what patterns find, within a mount table and beyond it.
func TestGlob(t *testing.T) {
	w := newWorld(t)
	second := w.mountTable()
	w.mount("sub", second, naming.ServesMountTable(true))
	w.mount("sub/x/leaf", w.server(echo{}))
	w.mount("people", w.server(family{}))
	w.mount("a/b/one", w.server(echo{}), naming.IsLeaf(true))
	w.mount("a/b/two", w.server(echo{}), naming.IsLeaf(true))
	below := func(prefix string, names ...string) []string {
		for i, name := range names {
			names[i] = prefix + name
		}
		return names
	}
	for _, test := range []struct {
		pattern string
		want    []string
	}{
		{"*", []string{"a", "people", "sub"}},
		{"a", []string{"a"}},
		{"a/b/*", []string{"a/b/one", "a/b/two"}},
		{"a/*/t*", []string{"a/b/two"}},
		{"a/...", []string{"a", "a/b", "a/b/one", "a/b/two"}},
		{"sub/*", []string{"sub/x"}},
		{"sub/x/leaf", []string{"sub/x/leaf"}},
		{"sub/...", []string{"sub", "sub/x", "sub/x/leaf"}},
		{"people/*", []string{"people/ann", "people/bob"}},
		{"people/b*", []string{"people/bob"}},
		{"people/...", []string{"people", "people/ann", "people/bob"}},
		{"people/***", []string{"people"}},
		{"...", []string{"a", "a/b", "a/b/one", "a/b/two", "people", "people/ann", "people/bob", "sub", "sub/x",
			"sub/x/leaf"}},
		{"nothing/*", nil},
		{second + "/*", below(second+"/", "x")},
	} {
		names, failures := w.glob(test.pattern)
		names = slices.DeleteFunc(names, func(name string) bool { return name == "" })
		if !slices.Equal(names, test.want) || len(failures) > 0 {
			t.Errorf("%s finds %q, %v", test.pattern, names, failures)
		}
	}
}

// TestGlobFailures checks what is reported of servers that cannot be searched, and of bad patterns.
func TestGlobFailures(t *testing.T) {
	w := newWorld(t)
	for _, pattern := range []string{"[", "a//[x"} {
		if _, err := w.ns.Glob(w.ctx, pattern); !errors.Is(err, verror.ErrBadArg) {
			t.Errorf("pattern %q: %v", pattern, err)
		}
	}
	w.mount("circle", w.mt, naming.ServesMountTable(true))
	names, failures := w.glob("...")
	if !slices.Contains(names, "circle/circle") {
		t.Errorf("found %q", names)
	}
	if len(failures) != 1 || !errors.Is(failures[0], reserved.ErrGlobMaxRecursionReached) {
		t.Errorf("a circle fails with %v", failures)
	}
	if _, err := w.ns.Resolve(w.ctx, "circle/circle/x"); !errors.Is(err, naming.ErrNoSuchName) {
		t.Errorf("a name through a circle: %v", err)
	}
}

// TestGlobUnread checks that a search ends with its context although nobody reads the results.
func TestGlobUnread(t *testing.T) {
	w := newWorld(t)
	for i := range 200 {
		w.mount(fmt.Sprintf("n/%d", i), "/host:1")
	}
	ctx, cancel := context.WithTimeout(w.ctx, time.Minute)
	replies, err := w.ns.Glob(ctx, "n/*")
	if err != nil {
		t.Fatal(err)
	}
	<-replies
	cancel()
	for range replies {
	}
}
