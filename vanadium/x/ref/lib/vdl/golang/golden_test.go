package golang

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"v.io/x/ref/lib/vdl/compile"
	"v.io/x/ref/lib/vdl/locate"
)

var update = flag.Bool("update", false, "write the generated files in testdata instead of comparing them")

// goldenPlaces holds the packages in testdata. Package kv has the path under which its encoded values were recorded.
var goldenPlaces = []compile.Place{
	{Path: "v.io/x/ref/lib/raft/kv", GoPath: testdataPath + "kv", Dir: filepath.Join("testdata", "kv")},
	{Path: testdataPath + "features", GoPath: testdataPath + "features", Dir: filepath.Join("testdata", "features")},
}

const testdataPath = "v.io/x/ref/lib/vdl/golang/testdata/"

func load(t testing.TB, place compile.Place) *compile.Package {
	t.Helper()
	modules, err := locate.ForDir(place.Dir)
	if err != nil {
		t.Fatal(err)
	}
	pkg, err := compile.NewLoader(modules).Load(place)
	if err != nil {
		t.Fatal(err)
	}
	return pkg
}

// TestGolden compares the generated code with the files that the other tests compile, and checks that generating twice
// gives the same.
func TestGolden(t *testing.T) {
	for _, place := range goldenPlaces {
		pkg := load(t, place)
		code, err := Generate(pkg)
		if err != nil {
			t.Fatal(err)
		}
		again, err := Generate(load(t, place))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(code, again) {
			t.Errorf("%s: two runs differ", place.Path)
		}
		file := filepath.Join(place.Dir, FileName(pkg))
		if *update {
			if err := os.WriteFile(file, code, 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		golden, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(code, golden) {
			t.Errorf("%s differs from what is generated; run the test with -update and read the changes", file)
		}
	}
}
