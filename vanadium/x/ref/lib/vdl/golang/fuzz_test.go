package golang

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"v.io/x/ref/lib/vdl/compile"
	"v.io/x/ref/lib/vdl/locate"
	"v.io/x/ref/lib/vdl/syntax"
)

// FuzzGenerate compiles arbitrary files. A file is either rejected with the place of a mistake, or gives Go code that
// parses; only clashes of Go names are found as late as that.
func FuzzGenerate(f *testing.F) {
	for _, place := range goldenPlaces {
		text, err := os.ReadFile(filepath.Join(place.Dir, filepath.Base(place.Dir)+".vdl"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte("package p\ntype A [2]B\ntype B union { C set[D]; E ?F }\ntype D enum { G }\ntype F struct { H []A }"))
	f.Add([]byte("package p\nconst A = []int8{1, 3: -B[0]}\nconst B = map[string]bool{\"x\": 1 << 2 > 3}[\"x\"]"))
	f.Add([]byte("package p\nerror E(a any, b error)\n" +
		"type I interface { J; M() stream<bool> (a, b any | error) {\"t\"} }"))
	modules, err := locate.ForDir(".")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "p.vdl"), text, 0o600); err != nil {
			t.Fatal(err)
		}
		pkg, err := compile.NewLoader(modules).Load(compile.Place{Path: "p", GoPath: "p", Dir: dir})
		if err != nil {
			var mistake *syntax.Error
			if !errors.As(err, &mistake) {
				t.Fatalf("error of type %T without a place: %v", err, err)
			}
			return
		}
		g := newGenerator(pkg)
		if _, err := g.generate(); err != nil && len(g.clashes) == 0 {
			t.Error(err)
		}
	})
}
