package mounttablelib

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"v.io/v23/context"
	"v.io/v23/glob"
	"v.io/v23/naming"
	"v.io/v23/security"
	"v.io/v23/security/access"
	"v.io/v23/services/mounttable"
	"v.io/v23/verror"
)

// fixture is a tree with a clock.
type fixture struct {
	*testing.T
	tree *tree
	now  time.Time
	ctx  *context.T
}

func newFixture(t *testing.T) *fixture {
	ctx, cancel := context.RootContext()
	t.Cleanup(func() { cancel() })
	f := &fixture{T: t, now: time.Unix(1e9, 0), ctx: ctx}
	f.tree = newTree(func() time.Time { return f.now })
	return f
}

// who returns a caller with the names.
func who(names ...string) caller { return caller{names: names} }

// mount mounts the server for a minute or fails the test.
func (f *fixture) mount(name, server string, flags ...naming.MountFlag) {
	f.Helper()
	var all naming.MountFlag
	for _, flag := range flags {
		all |= flag
	}
	if err := f.tree.mount(f.ctx, who(), elementsOf(name), server, time.Minute, all); err != nil {
		f.Fatalf("mount %s: %v", name, err)
	}
}

// resolve returns what is mounted, as "server server rest".
func (f *fixture) resolve(name string) string {
	entry, err := f.tree.resolve(f.ctx, who(), elementsOf(name))
	if err != nil {
		return string(verror.ErrorID(err))
	}
	var parts []string
	for _, server := range entry.Servers {
		parts = append(parts, server.Server)
	}
	return strings.Join(append(parts, "+"+entry.Name), " ")
}

// perms returns permissions that give the name each of the tags.
func perms(name string, tags ...mounttable.Tag) access.Permissions {
	p := access.Permissions{}
	for _, tag := range tags {
		p.Add(security.BlessingPattern(name), string(tag))
	}
	return p
}

// setup gives the nodes permissions, past all checks.
func (f *fixture) setup(byName map[string]access.Permissions) {
	f.Helper()
	if err := f.tree.loadPerms(byName); err != nil {
		f.Fatal(err)
	}
}

// TestMount checks how servers come, accumulate, replace each other and expire.
func TestMount(t *testing.T) {
	f := newFixture(t)
	check := func(name, want string) {
		t.Helper()
		if got := f.resolve(name); got != want {
			t.Errorf("%s resolves to %q, want %q", name, got, want)
		}
	}
	check("a", string(naming.ErrNoSuchName.ID))
	check("", string(naming.ErrNoSuchNameRoot.ID))
	f.mount("a/b", "/s:1")
	check("a/b", "/s:1 +")
	check("a/b/c/d", "/s:1 +c/d")
	check("a", string(naming.ErrNoSuchName.ID))
	f.now = f.now.Add(30 * time.Second)
	f.mount("a/b", "/s:2")
	check("a/b", "/s:2 /s:1 +")
	f.mount("a/b", "/s:1")
	check("a/b", "/s:1 /s:2 +")
	f.now = f.now.Add(31 * time.Second)
	check("a/b", "/s:1 /s:2 +")
	f.mount("a/b", "/s:3", naming.Replace)
	check("a/b", "/s:3 +")
	f.mount("a", "/s:4")
	check("a/b", "/s:4 +b")
	f.now = f.now.Add(time.Minute)
	check("a/b", string(naming.ErrNoSuchName.ID))
	f.mount("z", "/s:1")
	if f.tree.root.children["a"] != nil || f.tree.nodes != 1 {
		t.Errorf("names that expired were not swept away: %d names", f.tree.nodes)
	}
}

// TestMountKinds checks that servers of one name are of one kind.
func TestMountKinds(t *testing.T) {
	f := newFixture(t)
	f.mount("a", "/s:1", naming.MT)
	for _, flags := range []naming.MountFlag{0, naming.Leaf, naming.Leaf | naming.MT} {
		err := f.tree.mount(f.ctx, who(), elementsOf("a"), "/s:2", time.Minute, flags)
		if !errors.Is(err, verror.ErrBadArg) {
			t.Errorf("flags %v: %v", flags, err)
		}
	}
	f.mount("a", "/s:2", naming.Leaf, naming.Replace)
	if got := f.resolve("a"); got != "/s:2 +" {
		t.Errorf("replaced by %q", got)
	}
	err := f.tree.mount(f.ctx, who(), elementsOf("a/b"), "/s:3", time.Minute, 0)
	if !errors.Is(err, naming.ErrNameExists) {
		t.Errorf("mounted below a server: %v", err)
	}
}

// TestUnmount checks that servers go, and useless names with them.
func TestUnmount(t *testing.T) {
	f := newFixture(t)
	unmount := func(name, server string) error {
		return f.tree.unmount(f.ctx, who(), elementsOf(name), server)
	}
	f.mount("a/b/c", "/s:1")
	f.mount("a/b/c", "/s:2")
	if err := unmount("a/b/c", "/s:1"); err != nil || f.resolve("a/b/c") != "/s:2 +" {
		t.Errorf("one: %v, %s", err, f.resolve("a/b/c"))
	}
	if err := unmount("a/b/c", "/s:9"); err != nil || f.resolve("a/b/c") != "/s:2 +" {
		t.Errorf("one that is not there: %v, %s", err, f.resolve("a/b/c"))
	}
	if err := unmount("a/b", ""); err != nil {
		t.Errorf("at a name with names below it: %v", err)
	}
	if err := unmount("a/b/c", ""); err != nil || f.tree.nodes != 0 {
		t.Errorf("all: %v, %d names stay", err, f.tree.nodes)
	}
	if err := unmount("a/b/c", ""); !errors.Is(err, naming.ErrNoSuchName) {
		t.Errorf("nothing: %v", err)
	}
}

// TestDelete checks what can be deleted.
func TestDelete(t *testing.T) {
	f := newFixture(t)
	remove := func(name string, subtree bool) error {
		return f.tree.remove(f.ctx, who(), elementsOf(name), subtree)
	}
	f.mount("a/b/c", "/s:1")
	for name, want := range map[string]error{"a": verror.ErrBadState, "x": naming.ErrNoSuchName, "": verror.ErrBadArg} {
		if err := remove(name, false); !errors.Is(err, want) {
			t.Errorf("%q: %v", name, err)
		}
	}
	if err := remove("a/b", true); err != nil || f.tree.nodes != 0 {
		t.Errorf("%v, %d names stay", err, f.tree.nodes)
	}
}

// TestBounds checks that names and nodes have bounds.
func TestBounds(t *testing.T) {
	f := newFixture(t)
	long := strings.Repeat("x", maxElementLength)
	for name, ok := range map[string]bool{
		long: true, long + "x": false,
		strings.Repeat("a/", maxElements): true, strings.Repeat("a/", maxElements+1): false,
	} {
		if err := checkElements(f.ctx, elementsOf(name)); (err == nil) != ok {
			t.Errorf("%.20s...: %v", name, err)
		}
	}
	for i := range maxServersPerNode + 10 {
		f.mount("s", fmt.Sprintf("/s:%d", i))
	}
	if n := len(f.tree.root.children["s"].servers); n != maxServersPerNode {
		t.Errorf("%d servers are mounted", n)
	}
	f.tree.nodes = maxNodes
	err := f.tree.mount(f.ctx, who(), elementsOf("one-more"), "/s:1", time.Minute, 0)
	if !errors.Is(err, verror.ErrInternal) {
		t.Errorf("a mount beyond the bound: %v", err)
	}
	for server, ok := range map[string]bool{
		"/host:1": true, "host:1": true, "/host:1/x": true, "/nonsense": false, "": false,
		"/host:1/" + strings.Repeat("x", maxServerLength): false,
	} {
		if err := checkServer(server); (err == nil) != ok {
			t.Errorf("server %.20s: %v", server, err)
		}
	}
}

// TestRights checks for every operation which rights suffice: on the node itself, and on the one above it.
func TestRights(t *testing.T) {
	const (
		admin, read, resolve = mounttable.Admin, mounttable.Read, mounttable.Resolve
		create, mount, debug = mounttable.Create, mounttable.Mount, mounttable.Debug
	)
	all := []mounttable.Tag{admin, read, resolve, create, mount, debug}
	el := elementsOf("above/node")
	operations := []struct {
		name   string
		do     func(*fixture) error
		onNode []mounttable.Tag // each of which suffices on the node, with only Resolve on the one above
		above  []mounttable.Tag // each of which suffices on the one above, with all rights on the node
	}{
		{"mount", func(f *fixture) error { return f.tree.mount(f.ctx, who("u"), el, "/s:1", time.Minute, 0) },
			[]mounttable.Tag{mount, admin}, []mounttable.Tag{read, resolve, create, admin}},
		{"create", func(f *fixture) error {
			return f.tree.mount(f.ctx, who("u"), elementsOf("above/new"), "/s:1", time.Minute, 0)
		}, nil, []mounttable.Tag{create, admin}},
		{"unmount", func(f *fixture) error { return f.tree.unmount(f.ctx, who("u"), el, "") },
			[]mounttable.Tag{mount, admin}, []mounttable.Tag{read, resolve, create, admin}},
		{"resolve", func(f *fixture) error { _, err := f.tree.resolve(f.ctx, who("u"), el); return err },
			[]mounttable.Tag{read, resolve, admin}, []mounttable.Tag{read, resolve, create, admin}},
		{"set", func(f *fixture) error { return f.tree.setPermissions(f.ctx, who("u"), el, perms("u", admin), "") },
			[]mounttable.Tag{admin}, []mounttable.Tag{read, resolve, create, admin}},
		{"get", func(f *fixture) error { _, _, err := f.tree.getPermissions(f.ctx, who("u"), el); return err },
			[]mounttable.Tag{read, admin}, []mounttable.Tag{read, resolve, create, admin}},
		{"delete", func(f *fixture) error { return f.tree.remove(f.ctx, who("u"), el, false) },
			[]mounttable.Tag{admin}, []mounttable.Tag{read, resolve, create, admin}},
		{"list", func(f *fixture) error { return f.globError(el, "*") },
			[]mounttable.Tag{read, admin}, []mounttable.Tag{read, resolve, create, admin}},
		{"enter", func(f *fixture) error { return f.globError(el, "child") },
			[]mounttable.Tag{read, resolve, create, admin}, []mounttable.Tag{read, resolve, create, admin}},
	}
	try := func(do func(*fixture) error, above, node access.Permissions) error {
		f := newFixture(t)
		if do != nil {
			f.mount("above/node", "/s:0")
		}
		f.setup(map[string]access.Permissions{"above": above, "above/node": node})
		return do(f)
	}
	for _, op := range operations {
		do := op.do
		if op.name == "list" || op.name == "enter" {
			do = func(f *fixture) error { f.tree.root.children["above"].children["node"].servers = nil; return op.do(f) }
		}
		for _, tag := range all {
			if op.onNode != nil {
				checkRight(t, op.name+" on the node", tag, op.onNode, try(do, perms("u", resolve), perms("u", tag)))
			}
			if op.name == "create" {
				checkRight(t, op.name, tag, op.above, try(do, perms("u", tag, mount), perms("u", all...)))
				continue
			}
			checkRight(t, op.name+" on the one above", tag, op.above, try(do, perms("u", tag), perms("u", all...)))
		}
	}
}

// checkRight checks that the error fits to whether the tag is among those that suffice.
func checkRight(t *testing.T, what string, tag mounttable.Tag, suffice []mounttable.Tag, err error) {
	t.Helper()
	allowed := false
	for _, one := range suffice {
		allowed = allowed || one == tag
	}
	if allowed && err != nil || !allowed && !errors.Is(err, verror.ErrNoAccess) {
		t.Errorf("%s with %s: %v", what, tag, err)
	}
}

// globError returns the first error of a search.
func (f *fixture) globError(elements []string, pattern string) error {
	parsed, err := glob.Parse(pattern)
	if err != nil {
		return err
	}
	replies, err := f.tree.glob(f.ctx, who("u"), elements, parsed)
	for _, reply := range replies {
		if failure, ok := reply.(naming.GlobReplyError); ok {
			return failure.Value.Error
		}
	}
	return err
}
