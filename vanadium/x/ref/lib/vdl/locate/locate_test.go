package locate_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"v.io/x/ref/lib/vdl/compile"
	"v.io/x/ref/lib/vdl/locate"
)

// write creates files below a new directory, which it returns.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		file := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// modules is a module with a replaced one beside it and another nested in that.
var modules = map[string]string{
	"main/go.mod": "module v.io/x/main\nrequire v.io v0.0.0\nrequire v.io/x/lib v0.0.0\n" +
		"replace v.io => ../v23\nreplace v.io/x/lib => ../v23/x/lib\n",
	"main/kv/kv.vdl":                "package kv",
	"main/kv/empty/readme.txt":      "",
	"v23/go.mod":                    "module v.io\n",
	"v23/v23/security/s.vdl":        "package security",
	"v23/v23/vdlroot/time/time.vdl": "package time",
	"v23/x/lib/go.mod":              "module v.io/x/lib\n",
	"v23/x/lib/vlog/vlog.vdl":       "package vlog",
	"v23/x/main/kv/never_used.vdl":  "package kv",
	"outside/p.vdl":                 "package p",
}

func TestPlace(t *testing.T) {
	root := write(t, modules)
	dir := filepath.Join(root, "main", "kv")
	m, err := locate.ForDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	place, err := m.Place(dir)
	if want := (compile.Place{Path: "v.io/x/main/kv", GoPath: "v.io/x/main/kv", Dir: dir}); place != want || err != nil {
		t.Errorf("place %+v, %v, want %+v", place, err, want)
	}
	if place, err := m.Place(filepath.Join(root, "outside")); err == nil {
		t.Errorf("place %+v of a directory outside of the module", place)
	}
	builtin := filepath.Join(root, "v23", "v23", "vdlroot", "time")
	if m, err = locate.ForDir(builtin); err != nil {
		t.Fatal(err)
	}
	if place, err := m.Place(builtin); place.Path != "time" || place.GoPath != "v.io/v23/vdlroot/time" || err != nil {
		t.Errorf("place %+v, %v of a built-in package", place, err)
	}
}

func TestFind(t *testing.T) {
	root := write(t, modules)
	m, err := locate.ForDir(filepath.Join(root, "main", "kv", "empty"))
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"v.io/x/main/kv":     "main/kv",
		"v.io/v23/security":  "v23/v23/security",
		"time":               "v23/v23/vdlroot/time",
		"v.io/x/lib/vlog":    "v23/x/lib/vlog",
		"v.io/x/main/kv/not": "",
		"example.com/kv":     "",
		"missing":            "",
	} {
		place, err := m.Find(path)
		dir, relErr := filepath.Rel(root, place.Dir)
		switch {
		case want == "" && err == nil:
			t.Errorf("%s found in %s", path, place.Dir)
		case want != "" && (err != nil || relErr != nil || filepath.ToSlash(dir) != want):
			t.Errorf("%s found in %s (%v), want %s", path, dir, err, want)
		}
	}
}

func TestForDirWithoutModule(t *testing.T) {
	root := write(t, modules)
	if _, err := locate.ForDir(filepath.Join(root, "outside")); err == nil || !strings.Contains(err.Error(), "no go.mod") {
		t.Errorf("error %v outside of modules", err)
	}
	broken := write(t, map[string]string{"go.mod": "modul x"})
	if _, err := locate.ForDir(broken); err == nil || !strings.Contains(err.Error(), "go mod edit -json failed") {
		t.Errorf("error %v for a broken go.mod", err)
	}
}

func ExampleModules_Find() {
	modules, err := locate.ForDir(".")
	if err != nil {
		fmt.Println(err)
		return
	}
	place, err := modules.Find("time")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(place.Path, "is", place.GoPath)
	// Output: time is v.io/v23/vdlroot/time
}
