package syntax_test

import (
	"fmt"

	"v.io/x/ref/lib/vdl/syntax"
)

func ExampleParseFile() {
	file, err := syntax.ParseFile("kv.vdl", []byte(`package kv

// Key is a name.
type Key string
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, t := range file.Types {
		fmt.Println(t.Pos, t.Text, t.Doc)
	}
	_, err = syntax.ParseFile("kv.vdl", []byte("package kv\ntype Key"))
	fmt.Println(err)
	// Output:
	// kv.vdl:4:6 Key // Key is a name.
	// kv.vdl:2:9: expected a type, found the end of the line
}
