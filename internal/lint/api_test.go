package lint

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// vanadiumAPI reads the list of names that the root module may use.
func vanadiumAPI(t *testing.T) api {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", "vanadium_api.txt"))
	if err != nil {
		t.Fatal(err)
	}
	names, err := readAPI(f)
	if err != nil {
		t.Fatalf("%s: %v", f.Name(), err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return names
}

// TestVanadiumAPI checks that the root module uses nothing of Vanadium that the
// real modules may lack.
func TestVanadiumAPI(t *testing.T) {
	uses, err := vanadiumUses(above)
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range vanadiumAPI(t).outside(uses) {
		t.Errorf("%s: %s is not a name that the real Vanadium offers", u.at, u.name)
	}
}

func TestReadAPI(t *testing.T) {
	names, err := readAPI(strings.NewReader("# comment\nv.io/p\n    F\n    T M N # two\nv.io/q # blank\n    F\n"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"v.io/p.F", "v.io/p.T", "v.io/p.T.M", "v.io/p.T.N", "v.io/q.F"} {
		if !names[want] {
			t.Errorf("%s is missing", want)
		}
	}
	if len(names) != 5 {
		t.Errorf("%d names, want 5: %v", len(names), names)
	}
	for _, bad := range []string{"    F\n", "v.io/p F\n"} {
		if _, err := readAPI(strings.NewReader(bad)); err == nil {
			t.Errorf("%q is read without an error", bad)
		}
	}
}

// plantedModules is a root module that uses four names which a list lacks: a
// function, a method of an interface, a method and a field.
var plantedModules = map[string]string{
	"go.mod":          "module v.io/x/ref/lib/raft\n\ngo 1.26\n\nrequire v.io v0.0.0\n\nreplace v.io => ./vanadium\n",
	"vanadium/go.mod": "module v.io\n\ngo 1.26\n",
	"vanadium/p/p.go": `package p
type T struct{ In, Out int }
func (T) M()     {}
func (T) Extra() {}
type I interface { A(); B() }
func F() T { return T{} }
func G()   {}
`,
	"raft.go": `package raft
import "v.io/p"
func Own() { p.F().M(); p.F().Extra(); _ = p.T{In: 1, Out: 2} }
`,
	"raft_test.go": `package raft
import "v.io/p"
func Hook(i p.I) { i.A(); i.B() }
`,
	"ext_test.go": `package raft_test
import ("v.io/p"; "v.io/x/ref/lib/raft")
func f() { raft.Own(); raft.Hook(nil); p.G() }
`,
}

// TestVanadiumAPIPlanted plants uses of unknown names in a module of its own.
func TestVanadiumAPIPlanted(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, plantedModules)
	uses, err := vanadiumUses(dir)
	if err != nil {
		t.Fatal(err)
	}
	allowed, err := readAPI(strings.NewReader("v.io/p\n    F\n    T M In\n    I A\n"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, u := range allowed.outside(uses) {
		got = append(got, u.name+" "+filepath.Base(u.at.Filename))
	}
	want := "v.io/p.G ext_test.go; v.io/p.I.B raft_test.go; v.io/p.T.Extra raft.go; v.io/p.T.Out raft.go"
	if s := strings.Join(got, "; "); s != want {
		t.Errorf("got  %s\nwant %s", s, want)
	}
}
