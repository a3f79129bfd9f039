package golang_test

import (
	"bufio"
	"bytes"
	"fmt"
	"path/filepath"

	"v.io/x/ref/lib/vdl/compile"
	"v.io/x/ref/lib/vdl/golang"
	"v.io/x/ref/lib/vdl/locate"
)

func ExampleGenerate() {
	dir := filepath.Join("testdata", "kv")
	modules, err := locate.ForDir(dir)
	if err != nil {
		fmt.Println(err)
		return
	}
	place, err := modules.Place(dir)
	if err != nil {
		fmt.Println(err)
		return
	}
	pkg, err := compile.NewLoader(modules).Load(place)
	if err != nil {
		fmt.Println(err)
		return
	}
	code, err := golang.Generate(pkg)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(golang.FileName(pkg))
	for lines := bufio.NewScanner(bytes.NewReader(code)); lines.Scan(); {
		if line := lines.Bytes(); bytes.HasPrefix(line, []byte("type Key ")) {
			fmt.Printf("%s\n", line)
		}
	}
	// Output:
	// kv.vdl.go
	// type Key string
}
