package layout

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"v.io/v23/security"

	vsecurity "v.io/x/ref/lib/security"
)

// made returns a new layout of three members.
func made(t *testing.T) Layout {
	t.Helper()
	l, err := OpenOrCreate(t.TempDir(), 3)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestCreate(t *testing.T) {
	l := made(t)
	if len(l.Members) != 3 {
		t.Fatalf("members %q, want 3", l.Members)
	}
	seen := make(map[string]bool)
	for _, id := range l.Members {
		host, _, err := net.SplitHostPort(id)
		if err != nil || seen[id] || !net.ParseIP(host).IsLoopback() {
			t.Errorf("member %q, %v: want distinct addresses of the loopback", id, err)
		}
		seen[id] = true
	}
	again, err := OpenOrCreate(l.Dir, 5)
	if err != nil || strings.Join(again.Members, " ") != strings.Join(l.Members, " ") {
		t.Errorf("a second run has %q, %v, want %q", again.Members, err, l.Members)
	}
	left, err := filepath.Glob(filepath.Join(l.Dir, "*.tmp*"))
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %q, %v", left, err)
	}
}

// TestCredentials checks who everybody is in the eyes of a member.
func TestCredentials(t *testing.T) {
	l := made(t)
	member, err := vsecurity.LoadPersistentPrincipal(l.Credentials(MemberName(1)), nil)
	if err != nil {
		t.Fatal(err)
	}
	for who, want := range map[string]string{
		"client": ClientBlessing, "ctl": ClientBlessing + ":ctl",
		MemberName(1): MemberBlessing + ":1", MemberName(3): MemberBlessing + ":3",
	} {
		p, err := vsecurity.LoadPersistentPrincipal(l.Credentials(who), nil)
		if err != nil {
			t.Fatal(err)
		}
		blessings, _ := p.BlessingStore().Default()
		if got := security.BlessingNames(p, blessings); len(got) != 1 || got[0] != want {
			t.Errorf("%s is %q, want %q", who, got, want)
		}
		for _, root := range security.RootBlessings(blessings) {
			der, err := root.PublicKey().MarshalBinary()
			if err != nil {
				t.Fatal(err)
			}
			if err := member.Roots().Recognized(der, want); err != nil {
				t.Errorf("a member does not recognise %s: %v", who, err)
			}
		}
	}
	info, err := os.Stat(l.Credentials("root"))
	if err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("the root's directory has mode %v, %v: others must not read it", info.Mode(), err)
	}
}

func TestOpenRefuses(t *testing.T) {
	if _, err := Open(t.TempDir()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an empty directory: %v", err)
	}
	for name, text := range map[string]string{
		"text":       "raft",
		"version":    `{"version": 2, "members": ["127.0.0.1:1"]}`,
		"no members": `{"version": 1}`,
		"no address": `{"version": 1, "members": ["one"]}`,
	} {
		dir := t.TempDir()
		if err := os.Mkdir(filepath.Join(dir, "config"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "config", "cluster.json"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if l, err := OpenOrCreate(dir, 3); err == nil || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %+v, %v", name, l, err)
		}
	}
}

func TestNamespace(t *testing.T) {
	l := made(t)
	if _, err := l.Namespace(); err == nil {
		t.Error("a cluster that never ran has a namespace")
	}
	for _, root := range []string{"/one", "/two"} {
		if err := l.SetNamespace(root); err != nil {
			t.Fatal(err)
		}
		if got, err := l.Namespace(); err != nil || got != root {
			t.Errorf("namespace %q, %v, want %q", got, err, root)
		}
	}
}
