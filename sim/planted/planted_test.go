package planted

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"v.io/x/ref/lib/raft/sim/explore"
)

// TestBugsApply checks each bug against the checkout: its old text is in the file once, its finder
// exists, and there are enough of them.
func TestBugsApply(t *testing.T) {
	root, bugs := checkout(t)
	if len(bugs) < 25 {
		t.Errorf("%d bugs, want at least 25", len(bugs))
	}
	var spaces []string
	for _, s := range explore.Spaces(false) {
		spaces = append(spaces, s.Name)
	}
	for i := range bugs {
		bug := &bugs[i]
		if _, err := Overlay(root, t.TempDir(), bug); err != nil {
			t.Errorf("the bug must follow the code, or go if the code cannot have it any more: %v", err)
		}
		switch f := &bug.Find; f.Kind {
		case "explore":
			if !slices.Contains(spaces, f.Target) {
				t.Errorf("%s: there is no space %q", bug.Name, f.Target)
			}
		case "test":
			if !hasTest(t, filepath.Join(root, filepath.FromSlash(f.Target)), f.Test) {
				t.Errorf("%s: there is no test %s in %s", bug.Name, f.Test, f.Target)
			}
		}
	}
}

func checkout(t *testing.T) (string, []Bug) {
	t.Helper()
	root, err := Root(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	bugs, err := Bugs()
	if err != nil {
		t.Fatal(err)
	}
	return root, bugs
}

func hasTest(t *testing.T, dir, name string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "\nfunc "+name+"(t *testing.T)") {
			return true
		}
	}
	return false
}

// TestHunt plants a few bugs for real: one for the model check, one for a test, and one that is none,
// which must not be found. The whole list takes minutes: raftsim -planted.
func TestHunt(t *testing.T) {
	root, bugs := checkout(t)
	hunt := Hunt{Root: root, Dir: t.TempDir()}
	i := slices.IndexFunc(bugs, func(b Bug) bool { return b.Name == "half-is-majority" })
	found, err := hunt.Find(context.Background(), &bugs[i])
	if err != nil || !strings.HasPrefix(found, "model check: \"") || strings.Contains(found, "?") {
		t.Errorf("%q, %v", found, err)
	}
	tested := bugs[i]
	tested.Find = Finder{Kind: "test", Target: "core", Test: "TestMajority"}
	if found, err = hunt.Find(context.Background(), &tested); err != nil || found != "test TestMajority in core" {
		t.Errorf("%q, %v", found, err)
	}
	old := bugs[i].Changes[0].Old
	for _, kind := range []Finder{{Kind: "explore", Target: "again"}, tested.Find} {
		change := Change{File: bugs[i].Changes[0].File, Old: old, New: "\n" + old}
		none := Bug{Name: "none", Find: kind, Changes: []Change{change}}
		if found, err := hunt.Find(context.Background(), &none); !errors.Is(err, ErrNotFound) {
			t.Errorf("%v found %q where no bug is, %v", kind, found, err)
		}
	}
}

// A bug that does not compile, and a test that is not there, are mistakes and no finds.
func TestHuntMistakes(t *testing.T) {
	root, bugs := checkout(t)
	hunt := Hunt{Root: root, Dir: t.TempDir()}
	bug := bugs[slices.IndexFunc(bugs, func(b Bug) bool { return b.Name == "half-is-majority" })]
	bug.Changes[0].New = "func Majority(n int) string { return n }\n"
	for _, f := range []Finder{
		{Kind: "explore", Target: "even"}, {Kind: "test", Target: "core", Test: "TestMajority"},
		{Kind: "test", Target: "core", Test: "TestNowhere"},
	} {
		bug.Find = f
		if found, err := hunt.Find(context.Background(), &bug); err == nil || errors.Is(err, ErrNotFound) {
			t.Errorf("%v: %q, %v", f, found, err)
		}
	}
}

// The form of a bug's file is checked.
func TestParse(t *testing.T) {
	good := "It is wrong.\n\nfind: explore even\n" +
		"file: core/a.go\n<<<<\nold\n====\nnew\n>>>>\nfile: core/b.go\n<<<<\nx\n====\n>>>>\n"
	bug, err := parse("good", good)
	if err != nil || bug.About != "It is wrong." || bug.Find.String() != "explore even" || len(bug.Changes) != 2 ||
		bug.Changes[0] != (Change{File: "core/a.go", Old: "old\n", New: "new\n"}) || bug.Changes[1].New != "" {
		t.Fatalf("%+v, %v", bug, err)
	}
	for _, text := range []string{
		"", "About.\nfile: a\n", "\nfind: seeds\nfile: a\n<<<<\na\n====\nb\n>>>>\n",
		"About.\n\nfind: seeds\n", "About.\n\nfind: luck\nfile: a\n<<<<\na\n====\nb\n>>>>\n",
		"About.\n\nfind: test core\nfile: a\n<<<<\na\n====\nb\n>>>>\n",
		"About.\n\nfind: seeds\nfile: a\n<<<<\na\nb\n>>>>\n", "About.\n\nfind: seeds\na\n<<<<\na\n====\nb\n>>>>\n",
	} {
		if bug, err := parse("bad", text); err == nil {
			t.Errorf("%q is taken for %+v", text, bug)
		}
	}
}

// A change applies when its old text is there once, and changes something.
func TestApply(t *testing.T) {
	c := Change{File: "a.go", Old: "one\n", New: "two\n"}
	if got, err := c.Apply("zero\none\n"); err != nil || got != "zero\ntwo\n" {
		t.Errorf("%q, %v", got, err)
	}
	same := Change{File: "a.go", Old: "one\n", New: "one\n"}
	for _, source := range []string{"", "one\none\n"} {
		if got, err := c.Apply(source); err == nil {
			t.Errorf("%q became %q", source, got)
		}
	}
	if got, err := same.Apply("one\n"); err == nil {
		t.Errorf("a change that changes nothing became %q", got)
	}
	bug := Bug{Name: "gone", Changes: []Change{{File: "nowhere.go", Old: "a", New: "b"}}}
	if _, err := Overlay(t.TempDir(), t.TempDir(), &bug); err == nil {
		t.Error("a file that is not there is patched")
	}
}

// What the programs print is read into one line.
func TestTell(t *testing.T) {
	out := "even: two\n  114 states (NOT all visited), 3 steps\n\n" +
		"committed lasts is broken: entry 1\nat the beginning:\n" +
		"     a is\n  1  a: x\n         a is\n 12  b: y\n"
	if got := explored(out); got != "model check: \"committed lasts\" after 114 states, in 12 steps" {
		t.Errorf("%q", got)
	}
	out = "seed 7 is broken: b\n9 seeds (next: 9)\n"
	if got := simulated(out); got != "simulator: after 9 seeds: seed 7 is broken: b" {
		t.Errorf("%q", got)
	}
}
