package compile

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// dirFinder finds packages in directories below a root.
type dirFinder string

func (root dirFinder) Find(path string) (Place, error) {
	place := root.place(path)
	if files, err := Files(place.Dir); err != nil || len(files) == 0 {
		return Place{}, fmt.Errorf("no package %s", path)
	}
	return place, nil
}

func (root dirFinder) place(path string) Place {
	return Place{Path: path, GoPath: path, Dir: filepath.Join(string(root), filepath.FromSlash(path))}
}

// loadText compiles a package of one file, named p.vdl. Further packages are given by path, with their file's text.
func loadText(t testing.TB, text string, others map[string]string) (*Package, error) {
	t.Helper()
	root := dirFinder(t.TempDir())
	files := map[string]string{"p": text}
	for path, text := range others {
		files[path] = text
	}
	for path, text := range files {
		dir := root.place(path).Dir
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(path)+".vdl"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return NewLoader(root).Load(root.place("p"))
}

// imported is what the rejected files can import.
var imported = map[string]string{
	"a/other": "package other\ntype Kind enum { One; Two }\ntype hidden struct {}\nconst Tag = \"tag\"",
	"b/other": "package other\ntype T string",
	"c/cycle": "package cycle\nimport \"p\"\ntype T p.T",
	"d/wrong": "package wrong\ntype T struct { id string }",
}

// rejections lists files that break one rule each, with the place of the mistake and a part of what is said about it.
var rejections = []struct{ rule, text, want string }{
	// Imports and names.
	{"import not found", `import "x/missing"`, `p.vdl:2:8: cannot import "x/missing"`},
	{"import unused", `import "a/other"`, `p.vdl:2:8: "a/other" is imported and not used: remove it`},
	{"import twice", "import \"a/other\"\nimport \"b/other\"",
		`p.vdl:3:8: a package named other is already imported`},
	{"import cycle", "import \"c/cycle\"\ntype T cycle.T", `cycle.vdl:2:8: import cycle`},
	{"import broken", "import \"d/wrong\"\ntype T wrong.T",
		`wrong.vdl:2:17: id must begin with an upper-case letter`},
	{"import hidden", "import \"a/other\"\ntype T []other.hidden",
		`p.vdl:3:10: other.hidden is not exported by package a/other`},
	{"path not imported", "type T []\"a/other\".Kind", `p.vdl:2:10: "a/other" is not imported`},
	{"undefined", "type T []Missing", `p.vdl:2:10: Missing is not defined`},
	{"undefined package", "type T []pkg.Missing", `p.vdl:2:10: pkg.Missing is not defined: declare pkg or import`},
	{"declared twice", "type T string\nconst T = true", `p.vdl:3:7: T is declared twice, first at`},
	{"named as import", "import \"a/other\"\ntype other string",
		`p.vdl:3:6: other is also the name of the package imported`},
	{"named as built-in", "type string bool",
		`p.vdl:2:6: string cannot be the name of a type, because the language defines it`},
	{"named as true", "const true = false", `p.vdl:2:7: true cannot be the name of a constant`},
	{"reserved by Go", "const func = true", `p.vdl:2:7: func cannot be the name of a constant, because Go, Java`},
	{"reserved by Java", "error E(class string)", `p.vdl:2:9: class cannot be the name of a parameter of error E`},
	{"reserved by JavaScript", "type I interface { M(yield bool) error }",
		`p.vdl:2:22: yield cannot be the name of an argument`},

	// Camel case and export.
	{"acronym in type", "type HTTPServer string",
		`the acronym in HTTPServer must use CamelCase, as the name of a type: write HttpServer`},
	{"acronym in field", "type T struct { candidateID string }",
		`p.vdl:2:17: candidateID must begin with an upper-case`},
	{"acronym at end", "type T struct { CandidateID string }",
		`must use CamelCase, as the name of a field: write CandidateId`},
	{"acronym in label", "type T enum { NN }",
		`the acronym in NN must use CamelCase, as the name of a label: write Nn`},
	{"acronym in method", "type I interface { RPCCall() error }", `write RpcCall`},
	{"acronym in error", "error NoACL()",
		`p.vdl:2:7: the acronym in NoACL must use CamelCase, as the name of an error: write NoAcl`},
	{"acronym in interface", "type ABC interface {}",
		`the acronym in ABC must use CamelCase, as the name of an interface: write Abc`},
	{"label not exported", "type T enum { one }",
		`p.vdl:2:15: one must begin with an upper-case letter, as the name of a label: write One`},
	{"method not exported", "type I interface { ping() error }", `write Ping`},
	{"exported type", "type T struct { A low }\ntype low struct {}",
		`the exported type T uses low, which is not exported`},
	{"exported constant", "const C = low(1)\ntype low byte", `the exported constant C uses low`},
	{"exported error", "error E(a []low)\ntype low byte", `p.vdl:2:11: the exported error E uses low`},
	{"argument exported", "type i interface { M(a low) error }\ntype low byte", `an argument of method M uses low`},
	{"result exported", "type i interface { M() (low | error) }\ntype low byte", `a result of method M uses low`},
	{"stream exported", "type i interface { M() stream<_, mid> error }\ntype mid struct { A low }\ntype low byte",
		`a streamed item of method M uses mid`},

	// Types.
	{"array without name", "type T struct { A [3]byte }",
		`p.vdl:2:19: this array needs a name: declare it with type X`},
	{"enum without name", "type T []enum { A }", `this enum needs a name`},
	{"struct without name", "type T map[string]struct {}", `this struct needs a name`},
	{"union without name", "error E(a union { A bool })", `this union needs a name`},
	{"optional of scalar", "type T struct { A ?string }",
		`p.vdl:2:17: ?string is not possible: only named structs can be optional`},
	{"optional of list", "type L []byte\ntype T []?L", `?p.L is not possible`},
	{"named optional", "type S struct {}\ntype T ?S",
		`p.vdl:3:8: an optional cannot be given a name: declare the struct, and write ?S`},
	{"named any", "type T any", `p.vdl:2:8: any cannot be given another name`},
	{"named error", "type T error", `error cannot be given another name`},
	{"type defined by itself", "type A B\ntype B A", `is defined by itself`},
	{"struct in itself", "type T struct { A U }\ntype U struct { B T }",
		`type T contains itself, so that its values never end: T.A.B; use ?T`},
	{"union in itself", "type T union { A T }", `type T contains itself`},
	{"array of itself", "type T [2]T", `type T contains itself, so that its values never end: T[0]`},
	{"array length zero", "type T [0]byte", `p.vdl:2:8: the length of an array is between 1 and`},
	{"array too long", "type T [99999999999999999999]byte", `the length of an array`},
	{"empty enum", "type T enum {}", `an enum has at least one label`},
	{"empty union", "type T union {}", `a union has at least one field`},
	{"label twice", "type T enum { A; A }", `label A is declared twice`},
	{"field twice", "type T struct { A, A string }", `field A is declared twice`},
	{"key any", "type T set[any]", `any cannot be a key, because it contains any`},
	{"key list", "type T map[K]bool\ntype K struct { A []byte }",
		`p.K cannot be a key, because it contains []byte`},
	{"Go type", "type T struct { A int }", `p.vdl:2:19: int is not a type of VDL: write int32 or int64`},
	{"constant as type", "const C = true\ntype T []C", `C is not a type`},
	{"interface as type", "type I interface {}\ntype T []I", `I is an interface: it can be embedded`},

	// Interfaces and errors.
	{"argument without name", "type I interface { M(string) error }",
		`p.vdl:2:22: an argument of method M needs a name`},
	{"results without names", "type I interface { M() (string, bool | error) }",
		`each of several results of method M needs a name`},
	{"argument twice", "type I interface { M(a, a bool) error }", `the name a is declared twice`},
	{"parameter without name", "error E(string)", `a parameter of error E needs a name`},
	{"language twice", `error E() {"en": "a", "en": "b"}`, `two messages in language "en"`},
	{"method twice", "type I interface { M() error; M() error }", `method M is declared twice`},
	{"method embedded twice", "type I interface { A; M() error }\ntype A interface { M() error }",
		`method M of A is already in interface I`},
	{"embeds itself", "type I interface { J }\ntype J interface { I }", `embeds itself`},
	{"embeds type", "type I interface { T }\ntype T string", `T is not an interface`},

	// Constants.
	{"number without type", "const C = 1 + 2", `p.vdl:2:13: the number 3 has no type: write for example int32(3)`},
	{"nil without type", "const C = nil", `nil has no type here`},
	{"composite without type", "const C = {1}", `this composite constant has no type`},
	{"constant defined by itself", "const A = B\nconst B = A", `is defined by itself`},
	{"overflow", "const C = byte(256)", `p.vdl:2:11: 256 overflows type byte, which holds 0 to 255`},
	{"overflow of sum", "const C = int8(100) + int8(28)",
		`p.vdl:2:21: 128 overflows type int8, which holds -128 to 127`},
	{"overflow below", "const C = -uint16(1)", `-1 overflows type uint16`},
	{"overflow of float", "const C = float32(1e39)", `overflows type float32`},
	{"not whole", "const C = int32(1.5)", `1.5 is not a whole number: type int32 cannot hold it`},
	{"division by zero", "const C = int32(1 / 0)", `division by zero`},
	{"remainder by zero", "const C = int32(1 % 0)", `division by zero`},
	{"shift too far", "const C = int32(1 << 5000)", `the shift count is between 0 and 2048`},
	{"shift below zero", "const C = int32(1 << -1)", `the shift count`},
	{"number too large", "const C = int32(1<<2000 << 2000)", `more than 2048 bits`},
	{"operands of two types", "const C = int32(1) + int64(1)", `needs operands of one type, not int32 and int64`},
	{"operator on string", `const C = "a" - "b"`, `operator - needs numbers`},
	{"operator on bool", "const C = true < false", `operator < needs numbers or strings`},
	{"operator on mixed", `const C = "a" + true`, `operator + cannot be applied to "a" and true`},
	{"operator on labels", "type T enum { A }\nconst C = T.A + T.A", `operator + cannot be applied to labels`},
	{"operator on list", "const C = []bool{} == []bool{}", `operator == needs bools, numbers or strings`},
	{"bits of float", "const C = float32(1) & float32(2)", `operator & needs integers`},
	{"not of number", "const C = !1", `operator ! cannot be applied to 1`},
	{"wrong literal", `const C = []bool{"x"}`, `"x" is not a value of type bool`},
	{"nil string", "const C = []string{nil}", `nil is not a value of type string`},
	{"wrong type", "const A = int32(1)\nconst C = []int64{A}",
		`this constant is of type int32 where int64 is expected: convert it`},
	{"wrong conversion", "const C = []byte([]string{})", `a value of type []string cannot be converted to []byte`},
	{"no such label", "type T enum { A; B }\nconst C = T.X", `p.vdl:3:11: enum T has no label X, only A;B`},
	{"label without enum", "type T enum { A }\nconst C = A", `A is not defined`},
	{"type as constant", "type T string\nconst C = T", `T is a type where a constant is expected`},
	{"error as constant", "error E()\nconst C = E", `E is not a constant`},
	{"no such field", "type T struct { A bool }\nconst C = T{B: true}", `p.T has no field B`},
	{"too few fields", "type T struct { A, B bool }\nconst C = T{true}", `p.T has 2 fields, not 1`},
	{"mixed fields", "type T struct { A, B bool }\nconst C = T{A: true, false}",
		`either all fields of p.T are named or none`},
	{"field given twice", "type T struct { A bool }\nconst C = T{A: true, A: true}", `field A is given twice`},
	{"union of two", "type T union { A bool; B bool }\nconst C = T{A: true, B: true}",
		`a value of union p.T is written {Field: value}`},
	{"index given twice", "const C = []bool{0: true, 0: true}", `index 0 is given twice`},
	{"index beyond array", "type T [1]bool\nconst C = T{1: true}", `index 1 is beyond p.T`},
	{"index too large", "const C = []bool{1 << 40: true}", `an index is a number between 0 and`},
	{"key given twice", `const C = map[string]bool{"a": true, "a": false}`, `the key is given twice`},
	{"map without keys", `const C = map[string]bool{true}`, `an item of map[string]bool is written key: value`},
	{"set with values", `const C = set[string]{"a": true}`, `an item of set[string] is only a key`},
	{"composite scalar", "const C = string{}", `{...} is not a value of type string`},
	{"index of scalar", "const A = true\nconst C = A[0]", `only lists, arrays and maps have an index`},
	{"index beyond list", "const A = []bool{}\nconst C = A[0]", `the index is beyond the 0 elements`},
	{"no such key", "const A = map[string]bool{}\nconst C = A[\"x\"]", `the map has no such key`},
	{"too large", "const A = []bool{65000: true}\nconst C = [][]bool{A, A}",
		`the constant has more than 65536 parts`},
}

// TestRejections compiles a file for each rule that breaks it.
func TestRejections(t *testing.T) {
	for _, r := range rejections {
		t.Run(r.rule, func(t *testing.T) {
			_, err := loadText(t, "package p\n"+r.text, imported)
			if err == nil {
				t.Fatalf("accepted:\n%s", r.text)
			}
			if !strings.Contains(err.Error(), r.want) {
				t.Errorf("error %q, want %q in it", err, r.want)
			}
		})
	}
}

// TestNearMisses compiles files that come close to breaking a rule.
func TestNearMisses(t *testing.T) {
	files := []string{
		"type Id string\ntype X509Raw string\ntype IArr string\ntype V23 string",
		"type T struct { A []T; B map[string]T; C ?T }",
		"type K struct { A bool; B E }\ntype E enum { X }\ntype T map[K]set[E]",
		"type T union { A []T; B string }",
		"const C = int8(-128)\nconst D = uint64(1<<64 - 1)\nconst E = int64(-1 << 63)",
		"import \"a/other\"\nconst C = other.Kind.Two\nconst D = other.Tag",
		"import x \"a/other\"\ntype T []x.Kind",
		"import \"a/other\"\ntype T []\"a/other\".Kind",
		"type low byte\ntype mid struct { A low }\nerror e(a mid)\nconst c = low(1)",
		"type A B\ntype B struct { C int32 }",
		"type T struct { Default string; Delete bool }",
	}
	for _, text := range files {
		if _, err := loadText(t, "package p\n"+text, imported); err != nil {
			t.Errorf("%v, in\n%s", err, text)
		}
	}
}

// TestAllMistakes reports mistakes of several declarations at once.
func TestAllMistakes(t *testing.T) {
	_, err := loadText(t, "package p\ntype A struct { x bool }\ntype B enum { y }", nil)
	if err == nil || !strings.Contains(err.Error(), "2:17: x must") || !strings.Contains(err.Error(), "3:15: y must") {
		t.Errorf("error %v, want one about x and one about y", err)
	}
}

// TestClauses rejects files of one directory that disagree about their package.
func TestClauses(t *testing.T) {
	root := dirFinder(t.TempDir())
	dir := root.place("p").Dir
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := NewLoader(root).Load(root.place("p")); err == nil || !strings.Contains(err.Error(), "no .vdl files") {
		t.Errorf("error %v for an empty directory", err)
	}
	for name, text := range map[string]string{"a.vdl": "package p", "b.vdl": "package q"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	_, err := NewLoader(root).Load(root.place("p"))
	if err == nil || !strings.Contains(err.Error(), "b.vdl:1:9: package q, but") {
		t.Errorf("error %v for two packages in a directory", err)
	}
}
