package compile_test

import (
	"fmt"
	"os"
	"path/filepath"

	"v.io/x/ref/lib/vdl/compile"
)

// nowhere finds no packages, for packages that import none.
type nowhere struct{}

func (nowhere) Find(path string) (compile.Place, error) {
	return compile.Place{}, fmt.Errorf("no package %s", path)
}

func ExampleLoader() {
	dir, err := os.MkdirTemp("", "vdl")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() {
		if err := os.RemoveAll(dir); err != nil {
			fmt.Println(err)
		}
	}()
	text := "package kv\ntype Entry struct { Key string; Data []byte }\nconst MaxLen = uint32(1) << 20\n"
	if err := os.WriteFile(filepath.Join(dir, "kv.vdl"), []byte(text), 0o600); err != nil {
		fmt.Println(err)
		return
	}
	pkg, err := compile.NewLoader(nowhere{}).Load(compile.Place{Path: "example.com/kv", Dir: dir})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(pkg.Types[0], "is a", pkg.Types[0].Structure())
	fmt.Println(pkg.Consts[0].Name, "=", pkg.Consts[0].Value.Scalar)
	// Output:
	// example.com/kv.Entry is a struct{Key string;Data []byte}
	// MaxLen = 1048576
}
