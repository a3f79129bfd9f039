// Package syntax turns the text of VDL files into syntax trees.
//
// VDL, the Vanadium definition language, declares the types, constants, errors and interfaces that programs exchange.
// A file is a sequence of declarations:
//
//	package kv
//
//	import "v.io/v23/security/access"
//
//	type Entry struct {
//		Key  string
//		Data []byte
//	}
//
//	const MaxLen = uint32(10)
//
//	error Conflict(key string, have uint64) {"en": "conflict on {key}"}
//
//	type Store interface {
//		Get(key string) (Entry | error) {access.Read}
//		Watch(prefix string) stream<_, Entry> error {access.Read}
//	}
//
// Comments, numbers and strings are those of Go. A semicolon is inserted at the end of a line after a name, a literal,
// the words error and typeobject, and the closing marks ) ] } and >.
//
// A line with the comment //vdl:handwritten says that the package's code is not generated.
//
// The tree says what was written, not whether it makes sense: names are not resolved and constants are not evaluated.
// That is the work of package compile.
package syntax
