package syntax

import "fmt"

// Pos is a place in a file. Lines and columns count from 1, columns in bytes.
type Pos struct {
	// File is the name given to ParseFile.
	File string
	Line int
	Col  int
}

// String returns file:line:col, the form that editors can jump to.
func (p Pos) String() string { return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col) }

// Error is a complaint about one place of a file.
type Error struct {
	Pos Pos
	// Text says what is wrong and what to write instead.
	Text string
}

// Error returns the place and the text.
func (e *Error) Error() string { return e.Pos.String() + ": " + e.Text }

// Errorf returns an Error about the place.
func Errorf(pos Pos, format string, args ...any) *Error {
	return &Error{Pos: pos, Text: fmt.Sprintf(format, args...)}
}

// kind is the kind of a token. Marks and operators are the kind of their own text.
type kind string

const (
	kindEOF     kind = "end of file"
	kindIdent   kind = "name"
	kindKeyword kind = "keyword"
	kindInt     kind = "integer"
	kindFloat   kind = "decimal number"
	kindString  kind = "string"
)

// keywords cannot be used as names. The names of the built-in types are not among them.
var keywords = map[string]bool{
	"const": true, "enum": true, "error": true, "import": true, "interface": true, "map": true, "package": true,
	"set": true, "stream": true, "struct": true, "type": true, "typeobject": true, "union": true,
}

// IsKeyword reports whether the word cannot be used as a name.
func IsKeyword(word string) bool { return keywords[word] }

// token is one word, literal or mark.
type token struct {
	kind kind
	text string
	pos  Pos
	// implied is set on semicolons that stand for the end of a line.
	implied bool
}

// is reports whether the token is the mark, operator or keyword.
func (t token) is(text string) bool {
	return (t.kind == kindKeyword || t.kind == kind(t.text)) && t.text == text
}

// String describes the token in messages.
func (t token) String() string {
	switch {
	case t.kind == kindEOF:
		return "the end of the file"
	case t.implied:
		return "the end of the line"
	case t.kind == kind(t.text) || t.kind == kindString:
		return fmt.Sprintf("%q", t.text)
	default:
		return fmt.Sprintf("the %s %s", t.kind, t.text)
	}
}

// endsLine reports whether a line that ends after the token ends a declaration.
func (t token) endsLine() bool {
	switch t.kind {
	case kindIdent, kindInt, kindFloat, kindString:
		return true
	case kindKeyword:
		return t.text == "error" || t.text == "typeobject"
	}
	switch t.text {
	case ")", "]", "}", ">":
		return true
	}
	return false
}

// comment is a run of comments without an empty line between them.
type comment struct {
	text string
	// first and last are the lines of its begin and end.
	first, last int
	// ownLine is false if something other than white space precedes the comment on its first line.
	ownLine bool
}
