package syntax

import (
	"reflect"
	"strings"
	"testing"
)

// mistakes lists texts that depart from the grammar, with the place and a part of what is said about it.
var mistakes = []struct{ text, want string }{
	{"", `t.vdl:1:1: expected "package" at the begin of the file, found the end of the file`},
	{"package", `t.vdl:1:8: expected the name of the package, found the end of the file`},
	{"package p type T string", `t.vdl:1:11: expected ";" after the package clause, found the keyword type`},
	{"package p\n$", `t.vdl:2:1: unexpected character '$'`},
	{"package p\n_x", `t.vdl:2:1: _x is not a name: names begin with a letter`},
	{"package p\n\"a", `t.vdl:2:1: the string has no end`},
	{"package p\n`a", "t.vdl:2:1: the string has no end: write `"},
	{"package p\n\"\\z\"", `t.vdl:2:1: the string has a bad escape: "\z"`},
	{"package p\n/* a", `t.vdl:2:1: the comment has no end`},
	{"package p\nconst C = 0x", `t.vdl:2:11: "0x" is not a number`},
	{"package p\nconst C = 08", `t.vdl:2:11: "08" is not a number`},
	{"package p\nconst C = 1e999999", `"1e999999" is not a number`},
	{"package p\nconst C = 1e-999999999", `"1e-999999999" is not a number`},
	{"package p\nconst C = 0x.8p-999999999", `"0x.8p-999999999" is not a number`},
	{"package p\nconst C = " + strings.Repeat("1", 401), `the number has 401 characters, at most 400`},
	{"package p\nconst C", `expected "=" after the name of a constant, found the end of the line`},
	{"package p\nconst C =", `t.vdl:2:10: expected a constant, found the end of the file`},
	{"package p\nconst C = []bool", `expected {...} or (...) after the type of a constant`},
	{"package p\nconst C = []bool{true\n}", `expected "," or "}" in a composite constant, found the end of the line`},
	{"package p\nconst C = " + strings.Repeat("(", 300), `nested more than 200 levels deep`},
	{"package p\nconst C = 1" + strings.Repeat("+1", 300), `more than 200 operators in a row`},
	{"package p\nconst C = A" + strings.Repeat("[1]", 300), `more than 200 indexes in a row`},
	{"package p\ntype T " + strings.Repeat("[]", 300), `nested more than 200 levels deep`},
	{"package p\nimport x", `expected an import path in quotes, found the end of the line`},
	{"package p\ntype T string\nimport \"a\"", `t.vdl:3:1: imports stand before all other declarations`},
	{"package p\nfunc F()", `t.vdl:2:1: expected type, const or error, found the name func`},
	{"package p\ntype map string", `"map" cannot be the name of a type, because it is a word of the language`},
	{"package p\ntype (T interface {})", `an interface stands outside of groups`},
	{"package p\ntype T []interface {}", `an interface cannot be used as a type here`},
	{"package p\ntype T", `expected a type, found the end of the line`},
	{"package p\ntype T [n]byte", `expected "]" after the length of an array, which is a plain number, found the name n`},
	{"package p\ntype T struct { A }", `expected the type of field A, found "}"`},
	{"package p\ntype T struct { A string B string }", `expected ";" or "}" in a struct, found the name B`},
	{"package p\ntype T a.", `t.vdl:2:10: expected a name, found the end of the file`},
	{"package p\ntype T \"a\"", `expected "." after the path of a package, found the end of the line`},
	{"package p\nerror E", `expected "(" before the parameters of an error`},
	{"package p\nerror E() {Retry}", `unknown action Retry: write NoRetry, RetryConnection, RetryRefetch or RetryBackoff`},
	{"package p\nerror E() {NoRetry, NoRetry}", `a second action NoRetry: an error has one`},
	{"package p\nerror E() {\"en\"}", `expected ":" between a language and its message`},
	{"package p\ntype I interface { M() }", `expected the results of method M: write error, or (name Type | error)`},
	{"package p\ntype I interface { M() (string) }", `expected "," or "|" in the results of a method, found ")"`},
	{"package p\ntype I interface { M() (string | string) }", `expected "error" after |, because every method can fail`},
	{"package p\ntype I interface { M() stream<,> error }", `expected a type, found ","`},
	{"package p\ntype I interface { M() stream<_ error }", `expected ">" after the types of a stream`},
	{"package p\n// \x00", `t.vdl:2:4: the file has a NUL or a byte order mark: remove it`},
	{"package p\n\xff", `the file is not UTF-8`},
}

func TestMistakes(t *testing.T) {
	for _, m := range mistakes {
		_, err := ParseFile("t.vdl", []byte(m.text))
		if err == nil {
			t.Errorf("accepted %q", m.text)
			continue
		}
		if !strings.Contains(err.Error(), m.want) {
			t.Errorf("error %q, want %q in it", err, m.want)
		}
	}
}

func TestFileSize(t *testing.T) {
	_, err := ParseFile("t.vdl", make([]byte, MaxFileBytes+1))
	if err == nil || !strings.Contains(err.Error(), "split it") {
		t.Errorf("error %v for a file that is too large", err)
	}
}

func parse(t *testing.T, text string) *File {
	t.Helper()
	f, err := ParseFile("t.vdl", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestSemicolons parses declarations in one line and over many lines.
func TestSemicolons(t *testing.T) {
	texts := []string{
		"package p; type T struct { A error; B typeobject; C []byte }; const C = T{}; error E(); " +
			"type I interface { M() error }",
		"package p\n\ntype T struct {\n\tA error\n\tB typeobject\n\tC []byte\n}\nconst C = T{}\nerror E()\n" +
			"type I interface {\n\tM() error\n}\n",
		"package p\r\ntype (\r\n\tT struct {\r\nA error /* x */\r\nB typeobject // y\r\nC []byte;};\r\n);\r\n" +
			"const (C = T{\r\n}\r\n)\r\nerror (E()\r\n)\r\ntype I interface { M(\r\n) error; }",
	}
	for _, text := range texts {
		f := parse(t, text)
		if len(f.Types) != 1 || len(f.Types[0].Type.Fields) != 3 || len(f.Consts) != 1 || len(f.Errors) != 1 ||
			len(f.Interfaces) != 1 || len(f.Interfaces[0].Methods) != 1 {
			t.Errorf("wrong tree for\n%s", text)
		}
	}
}

// TestFields parses the ways to write arguments and results.
func TestFields(t *testing.T) {
	for text, want := range map[string]string{
		"M() error":                             " -> ",
		"M(a string) error":                     "a:string -> ",
		"M(a, b string, c bool) error":          "a:string b:string c:bool -> ",
		"M(a p.T, b \"p/q\".T,) error":          "a:p.T b:\"p/q\".T -> ",
		"M() (T | error)":                       " -> :T",
		"M() (p.T | error)":                     " -> :p.T",
		"M() (a, b T | error)":                  " -> a:T b:T",
		"M(\n\ta T,\n\tb T,\n) (a T,\n| error)": "a:T b:T -> a:T",
	} {
		m := parse(t, "package p\ntype I interface { "+text+" }").Interfaces[0].Methods[0]
		if got := fieldText(m.Args) + " -> " + fieldText(m.Results); got != want {
			t.Errorf("%s parsed as %q, want %q", text, got, want)
		}
	}
}

func fieldText(fields []*Field) string {
	var parts []string
	for _, f := range fields {
		parts = append(parts, f.Text+":"+f.Type.Ref.String())
	}
	return strings.Join(parts, " ")
}

// TestPrecedence parses operators as Go groups them.
func TestPrecedence(t *testing.T) {
	for text, want := range map[string]string{
		"1 + 2 * 3":         "(1 + (2 * 3))",
		"1 - 2 - 3":         "((1 - 2) - 3)",
		"-1 + ^2":           "((-1) + (^2))",
		"a || b && c == d":  "(a || (b && (c == d)))",
		"1 << 2 & 3 | 4":    "(((1 << 2) & 3) | 4)",
		"(1 + 2) * 3":       "((1 + 2) * 3)",
		"!a == b":           "((!a) == b)",
		"a[1][2] + b[c+1]":  "(a[1][2] + b[(c + 1)])",
		"1 < 2 != 3 >= 4.5": "(((1 < 2) != 3) >= 4.5)",
	} {
		x := parse(t, "package p\nconst C = "+text).Consts[0].Value
		if got := exprText(x); got != want {
			t.Errorf("%s parsed as %s, want %s", text, got, want)
		}
	}
}

func exprText(x *Expr) string {
	switch x.Form {
	case FormUnary:
		return "(" + x.Op + exprText(x.X) + ")"
	case FormBinary:
		return "(" + exprText(x.X) + " " + x.Op + " " + exprText(x.Y) + ")"
	case FormIndex:
		return exprText(x.X) + "[" + exprText(x.Y) + "]"
	case FormName:
		return x.Ref.String()
	}
	return x.Text
}

// TestStrings parses strings as Go does.
func TestStrings(t *testing.T) {
	for text, want := range map[string]string{
		`"a\n\u00e9\""`: "a\n\u00e9\"",
		"`a\\n\r\nb`":   "a\\n\nb",
		`""`:            "",
	} {
		if got := parse(t, "package p\nconst C = "+text).Consts[0].Value.Text; got != want {
			t.Errorf("%s parsed as %q, want %q", text, got, want)
		}
	}
}

const commented = `// Licence.

// Package p has
// a comment.
package p // not this

// far away

// T is a type.
// It has two lines.
type T struct {
	// A is a field.
	A, B string // of two
	C    bool
} // not this

/* I has
methods. */
type I interface {
	// J is embedded.
	J
	// M is a method.
	M(a string,
		// b comes last.
		b string) error // always
	N(c string) error
}
`

// TestComments finds the comments that belong to declarations.
func TestComments(t *testing.T) {
	f := parse(t, commented)
	fields := f.Types[0].Type.Fields
	i := f.Interfaces[0]
	got := []string{
		f.Doc, f.Types[0].Doc, f.Types[0].Suffix, fields[0].Doc, fields[0].Suffix, fields[1].Doc, fields[2].Doc,
		fields[2].Suffix, i.Doc, i.Embeds[0].Doc, i.Methods[0].Doc, i.Methods[0].Args[0].Doc, i.Methods[0].Args[1].Doc,
		i.Methods[1].Doc, i.Methods[1].Args[0].Doc,
	}
	want := []string{
		"// Package p has\n// a comment.", "// T is a type.\n// It has two lines.", "", "// A is a field.", "// of two",
		"// A is a field.", "", "", "/* I has\nmethods. */", "// J is embedded.", "// M is a method.", "",
		"// b comes last.", "", "",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("comments\n%q, want\n%q", got, want)
	}
}

func TestHandWritten(t *testing.T) {
	if !parse(t, "package p\n//vdl:handwritten\n").HandWritten {
		t.Error("the directive was not found")
	}
	if parse(t, "package p\n// vdl:handwritten means something else\n").HandWritten {
		t.Error("a comment was taken for the directive")
	}
}

// FuzzParseFile parses arbitrary texts. Whatever the text, the parser returns, and either with a tree or with the place
// of a mistake that lies inside the text.
func FuzzParseFile(f *testing.F) {
	f.Add([]byte(commented))
	f.Add([]byte("package p\nimport (x \"a/b\"; \"c\")\ntype (T [0x10]?x.T; U union { A set[string]; B map[T]error })"))
	f.Add([]byte("package p\nconst (A = -1 << 3 &^ 2; B = T{1: {\"a\": nil}}[2]; C = typeobject([]any))"))
	f.Add([]byte("package p\nerror E(a, b string) {RetryBackoff, \"en\": `x`}"))
	f.Add([]byte("package p\ntype I interface { J; a.K; M(a T) stream<_, T> (b, c T | error) {a.B, \"c\"} }"))
	for _, m := range mistakes {
		f.Add([]byte(m.text))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		file, err := ParseFile("t.vdl", src)
		if err == nil {
			if file.Package.Text == "" {
				t.Error("a tree without a package")
			}
			return
		}
		mistake, ok := err.(*Error)
		if !ok {
			t.Fatalf("error of type %T", err)
		}
		lines := strings.Split(string(src), "\n")
		if p := mistake.Pos; p.Line < 1 || p.Line > len(lines) || p.Col < 1 || p.Col > len(lines[p.Line-1])+1 {
			t.Errorf("a mistake outside of the text: %v", err)
		}
	})
}
