package mounttablelib

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"v.io/v23/security/access"
	"v.io/v23/services/mounttable"
	"v.io/v23/verror"
)

// get returns the permissions of the name, past all checks.
func (f *fixture) get(name string) access.Permissions {
	f.Helper()
	got, _, err := f.tree.getPermissions(f.ctx, caller{super: true}, elementsOf(name))
	if err != nil {
		f.Fatalf("permissions of %s: %v", name, err)
	}
	return got
}

// TestInheritance checks which permissions new names have.
func TestInheritance(t *testing.T) {
	f := newFixture(t)
	f.mount("open/x", "/s:1")
	if got := f.get("open/x"); got != nil {
		t.Errorf("below an open name: %v", got)
	}
	f.setup(map[string]access.Permissions{
		"a":        perms("u", mounttable.Create, mounttable.Mount),
		"users":    perms("u", mounttable.Create),
		"users/%%": perms("root:%%", mounttable.Admin),
	})
	if err := f.tree.mount(f.ctx, who("u", "v"), elementsOf("a/b/c"), "/s:1", time.Minute, 0); err != nil {
		t.Fatal(err)
	}
	want := perms("u", mounttable.Create, mounttable.Mount, mounttable.Admin).Add("v", "Admin").Normalize()
	for _, name := range []string{"a/b", "a/b/c"} {
		if got := f.get(name); !reflect.DeepEqual(got, want) {
			t.Errorf("%s has %v", name, got)
		}
	}
	if err := f.tree.mount(f.ctx, who("u"), elementsOf("users/ann"), "/s:1", time.Minute, 0); err == nil {
		t.Error("the creator may mount though the template does not say so")
	}
	f.mountAs("root:ann", "users/ann")
	if got := f.get("users/ann"); !reflect.DeepEqual(got, perms("root:ann", mounttable.Admin)) {
		t.Errorf("by the template: %v", got)
	}
}

// mountAs mounts with Create on the name above given to the caller before.
func (f *fixture) mountAs(name, at string) {
	f.Helper()
	above := f.tree.plant(elementsOf(at)[:1])
	above.perms.Add(securityPattern(name), string(mounttable.Create))
	if err := f.tree.mount(f.ctx, who(name), elementsOf(at), "/s:1", time.Minute, 0); err != nil {
		f.Fatal(err)
	}
}

// TestDeleteByThoseAbove checks that Admin on the name above suffices to delete.
func TestDeleteByThoseAbove(t *testing.T) {
	f := newFixture(t)
	f.setup(map[string]access.Permissions{
		"a": perms("u", mounttable.Admin), "a/b": perms("v", mounttable.Admin),
	})
	if err := f.tree.remove(f.ctx, who("u"), elementsOf("a/b"), false); err != nil {
		t.Error(err)
	}
}

// TestHiding checks that a mount does not destroy names whose deletion is not allowed.
func TestHiding(t *testing.T) {
	f := newFixture(t)
	f.setup(map[string]access.Permissions{
		"a": perms("u", mounttable.Mount, mounttable.Read), "a/b": perms("v", mounttable.Admin),
	})
	err := f.tree.mount(f.ctx, who("u"), elementsOf("a"), "/s:1", time.Minute, 0)
	if !errors.Is(err, verror.ErrNoAccess) || f.tree.root.children["a"].children["b"] == nil {
		t.Errorf("mounted above a name of another: %v", err)
	}
}

// TestSetPermissions checks versions, that nobody is locked out by mistake, and what is refused.
func TestSetPermissions(t *testing.T) {
	f := newFixture(t)
	set := func(as string, p access.Permissions, version string) error {
		return f.tree.setPermissions(f.ctx, who(as), elementsOf("a"), p, version)
	}
	for _, step := range []struct {
		as, version string
		perms       access.Permissions
		want        error
	}{
		{"u", "", perms("u", mounttable.Admin), nil},
		{"u", "1", perms("u", mounttable.Admin, mounttable.Read), nil},
		{"u", "1", perms("u", mounttable.Admin), verror.ErrBadVersion},
		{"u", "nonsense", perms("u", mounttable.Admin), verror.ErrBadVersion},
		{"w", "", perms("w", mounttable.Admin), verror.ErrNoAccess},
		{"u", "", perms("a:", mounttable.Admin), verror.ErrBadArg},
		{"u", "2", perms("v", mounttable.Read), nil},
	} {
		if err := set(step.as, step.perms, step.version); !errors.Is(err, step.want) {
			t.Errorf("%v by %s at version %q: %v", step.perms, step.as, step.version, err)
		}
	}
	if got := f.get("a"); !got["Admin"].Includes("u") || got["Admin"].Includes("v") {
		t.Errorf("the one who set them is locked out: %v", got)
	}
	many := access.Permissions{}
	for range maxPermsEntries {
		list := many["Read"]
		list.NotIn = append(list.NotIn, "x")
		many["Read"] = list
	}
	if err := set("u", many, ""); !errors.Is(err, verror.ErrBadArg) {
		t.Errorf("too many entries: %v", err)
	}
}

// TestSupers checks that those who have Admin on the root by the file may do everything, for good.
func TestSupers(t *testing.T) {
	f := newFixture(t)
	f.setup(map[string]access.Permissions{
		"": perms("super", mounttable.Admin), "a": perms("u", mounttable.Admin),
	})
	o := &object{tree: f.tree}
	if !o.tree.supers.Includes("super") || o.tree.supers.Includes("u") {
		t.Errorf("supers are %v", o.tree.supers)
	}
	super := caller{names: []string{"super"}, super: true}
	if err := f.tree.setPermissions(f.ctx, super, elementsOf("a/b"), perms("x", mounttable.Read), ""); err != nil {
		t.Error(err)
	}
}

// TestPermsFile checks which files are understood.
func TestPermsFile(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"good":            {`{"": {"Admin": {"In": ["root"]}}, "a/%%": {"Read": {"In": ["root:%%"]}}}`, ""},
		"not JSON":        {`{`, "not a JSON object"},
		"unknown field":   {`{"a": {"Admin": {"Out": ["root"]}}}`, "Out"},
		"bad pattern":     {`{"a": {"Admin": {"In": ["root:"]}}}`, "not a blessing pattern"},
		"template inside": {`{"a/%%/b": {"Admin": {"In": ["root"]}}}`, "not the last element"},
		"long name":       {`{"` + strings.Repeat("x", maxElementLength+1) + `": {}}`, "512"},
	} {
		path := filepath.Join(t.TempDir(), "perms")
		if err := os.WriteFile(path, []byte(test.text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := NewMountTableDispatcher(newFixture(t).ctx, path, "", "")
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: %v", name, err)
		}
	}
	missing := filepath.Join(t.TempDir(), "missing")
	if _, err := NewMountTableDispatcher(newFixture(t).ctx, missing, "", ""); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
}

// TestJournal checks that permissions outlive the mount table, and that a torn end of the journal is no obstacle.
func TestJournal(t *testing.T) {
	dir := t.TempDir()
	reopen := func() *fixture {
		f := newFixture(t)
		if err := f.tree.restore(dir); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := f.tree.journal.close(); err != nil {
				t.Error(err)
			}
		})
		return f
	}
	f := reopen()
	for name, p := range map[string]access.Permissions{
		"a": perms("u", mounttable.Admin), "a/b": perms("v", mounttable.Read), "c": perms("w", mounttable.Read),
	} {
		if err := f.tree.setPermissions(f.ctx, caller{super: true}, elementsOf(name), p, ""); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.tree.setPermissions(f.ctx, who("u"), elementsOf("a"), perms("u", mounttable.Admin), "1"); err != nil {
		t.Fatal(err)
	}
	if err := f.tree.remove(f.ctx, caller{super: true}, elementsOf("c"), true); err != nil {
		t.Fatal(err)
	}
	journal, err := os.OpenFile(filepath.Join(dir, journalName), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := journal.WriteString(`{"Name":"torn","Permi`); err != nil {
		t.Fatal(err)
	}
	if err := journal.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		f = reopen()
		got, version, err := f.tree.getPermissions(f.ctx, who("u"), elementsOf("a"))
		if err != nil || version != "2" || !reflect.DeepEqual(got, perms("u", mounttable.Admin)) {
			t.Errorf("a has %v, version %s, %v", got, version, err)
		}
		if got := f.get("a/b"); !got["Read"].Includes("v") {
			t.Errorf("a/b has %v", got)
		}
		if f.tree.nodes != 2 {
			t.Errorf("there are %d names", f.tree.nodes)
		}
	}
}

// TestJournalBound checks that the journal does not grow with every change.
func TestJournalBound(t *testing.T) {
	dir := t.TempDir()
	f := newFixture(t)
	if err := f.tree.restore(dir); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := f.tree.journal.close(); err != nil {
			t.Error(err)
		}
	}()
	f.tree.journal.limit = 2000
	for range 100 {
		err := f.tree.setPermissions(f.ctx, caller{super: true}, elementsOf("a"), perms("u", mounttable.Admin), "")
		if err != nil {
			t.Fatal(err)
		}
		if f.tree.journal.limit > 2000 {
			f.tree.journal.limit = 2000
		}
	}
	info, err := os.Stat(filepath.Join(dir, journalName))
	if err != nil || info.Size() > 3000 || info.Size() != f.tree.journal.size {
		t.Errorf("the journal has %v bytes, and %d are known, %v", info.Size(), f.tree.journal.size, err)
	}
	again := newFixture(t)
	if err := again.tree.restore(dir); err != nil {
		t.Fatal(err)
	}
	if _, version, err := again.tree.getPermissions(f.ctx, caller{super: true}, elementsOf("a")); version != "100" {
		t.Errorf("the version is %s, %v", version, err)
	}
	if err := again.tree.journal.close(); err != nil {
		t.Error(err)
	}
}

// TestJournalDamage checks that a damaged journal is refused, and left alone.
func TestJournalDamage(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, journalName)
	text := "{\"Name\":\"a\"}\nnonsense\n{\"Name\":\"b\"}\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := NewMountTableDispatcher(newFixture(t).ctx, "", dir, "")
	if err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("damage is not reported: %v", err)
	}
	if left, err := os.ReadFile(path); err != nil || string(left) != text {
		t.Errorf("the journal was changed to %q, %v", left, err)
	}
}
