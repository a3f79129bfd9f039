package compile

import (
	"go/constant"
	"strconv"
	"strings"

	"v.io/x/ref/lib/vdl/syntax"
)

// Package is a compiled package. It is read-only once Load has returned it.
type Package struct {
	// Name is the name of the package clause.
	Name string
	Place
	Doc string
	// HandWritten is true if the Go code of the package is not generated, so that its types need not have methods that
	// encode and decode them.
	HandWritten bool

	Types      []*Type
	Consts     []*Const
	Errors     []*Error
	Interfaces []*Interface
	// Imports maps the paths of the packages that the files import.
	Imports map[string]*Package

	files []*syntax.File
	// scope maps each declared name to the *typeEntry, *constEntry, *errorEntry or *Interface that it stands for.
	scope map[string]any
}

// Place says where a package is found.
type Place struct {
	// Path is the path by which VDL files import the package; it is part of the names of types.
	Path string
	// GoPath is the path by which Go files import the package. It differs from Path in packages built into VDL.
	GoPath string
	// Dir is the directory of the files.
	Dir string
}

// Decl is what all declarations have.
type Decl struct {
	Name string
	Pos  syntax.Pos
	// Doc and Suffix are the comments above and behind the declaration, with comment marks.
	Doc, Suffix string
}

// Exported reports whether other packages can use the declaration.
func (d Decl) Exported() bool { return isUpper(d.Name) }

func declOf(n syntax.Name) Decl { return Decl{Name: n.Text, Pos: n.Pos, Doc: n.Doc, Suffix: n.Suffix} }

// Kind is the structure of a type.
type Kind int

// The kinds of types. Those up to TypeObject are built in.
const (
	Any Kind = iota
	ErrorKind
	Bool
	Byte
	Uint16
	Uint32
	Uint64
	Int8
	Int16
	Int32
	Int64
	Float32
	Float64
	String
	TypeObject
	Optional
	Enum
	Array
	List
	Set
	Map
	Struct
	Union
)

var kindNames = [...]string{
	"any", "error", "bool", "byte", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64", "float32",
	"float64", "string", "typeobject", "optional", "enum", "array", "list", "set", "map", "struct", "union",
}

// String returns the word of the language for the kind.
func (k Kind) String() string { return kindNames[k] }

// IsUint reports whether the kind is byte or an unsigned integer.
func (k Kind) IsUint() bool { return k >= Byte && k <= Uint64 }

// IsInt reports whether the kind is a signed integer.
func (k Kind) IsInt() bool { return k >= Int8 && k <= Int64 }

// IsFloat reports whether the kind is a floating point number.
func (k Kind) IsFloat() bool { return k == Float32 || k == Float64 }

// IsNumber reports whether the kind is an integer or a float.
func (k Kind) IsNumber() bool { return k >= Byte && k <= Float64 }

// Bits returns the size of a number.
func (k Kind) Bits() int {
	switch k {
	case Byte, Int8:
		return 8
	case Uint16, Int16:
		return 16
	case Uint32, Int32, Float32:
		return 32
	}
	return 64
}

// Type is a type. Built-in types are unique, and so is the Type of each named type; types without a name are compared
// by String.
type Type struct {
	// Decl is empty for types without a name. Package is nil for them and for built-in types.
	Decl
	Package *Package
	Kind    Kind
	Len     int
	Key     *Type
	Elem    *Type
	Labels  []Decl
	Fields  []Field
}

// Field is a field, an argument or a result.
type Field struct {
	Decl
	Type *Type
}

// Named reports whether the type was declared in a package.
func (t *Type) Named() bool { return t.Package != nil }

// IsBytes reports whether the type is a list or an array of bytes.
func (t *Type) IsBytes() bool { return (t.Kind == List || t.Kind == Array) && t.Elem.Kind == Byte }

// String returns the type with full names. Equal types have equal strings.
func (t *Type) String() string {
	if t.Named() {
		return t.Package.Path + "." + t.Name
	}
	return t.Structure()
}

// Structure returns the type as it is written without its own name.
func (t *Type) Structure() string {
	switch t.Kind {
	case Optional:
		return "?" + t.Elem.String()
	case Array:
		return "[" + strconv.Itoa(t.Len) + "]" + t.Elem.String()
	case List:
		return "[]" + t.Elem.String()
	case Set:
		return "set[" + t.Key.String() + "]"
	case Map:
		return "map[" + t.Key.String() + "]" + t.Elem.String()
	case Enum:
		return "enum{" + labelNames(t.Labels) + "}"
	case Struct, Union:
		parts := make([]string, len(t.Fields))
		for i, f := range t.Fields {
			parts[i] = f.Name + " " + f.Type.String()
		}
		return t.Kind.String() + "{" + strings.Join(parts, ";") + "}"
	}
	return t.Kind.String()
}

func labelNames(labels []Decl) string {
	names := make([]string, len(labels))
	for i, l := range labels {
		names[i] = l.Name
	}
	return strings.Join(names, ";")
}

// Const is a named constant.
type Const struct {
	Decl
	Value *Value
}

// Value is a constant. Which fields hold it depends on the kind of its type.
type Value struct {
	// Type is nil while the type of a literal is open, never in a compiled package.
	Type *Type
	// Scalar holds bools, strings, numbers, and the labels of enums as strings.
	Scalar constant.Value
	// TypeObject holds type objects.
	TypeObject *Type
	// Inner holds what an any, an optional or a union contains. It is nil if the value is nil.
	Inner *Value
	// Field is the index of the field that a union contains.
	Field int
	// Items holds lists, arrays, sets, maps and structs. An array has all its elements. Structs have only the fields
	// that were written.
	Items []Item

	// weight is the number of values inside, this one included.
	weight int
}

// Item is a part of a composite value.
type Item struct {
	// Key is the key in sets and maps.
	Key *Value
	// Field is the index of the field in structs.
	Field int
	// Value is nil in sets.
	Value *Value
}

// Error is a kind of error.
type Error struct {
	Decl
	Params []Field
	// Action is NoRetry, RetryConnection, RetryRefetch or RetryBackoff.
	Action string
}

// Interface is a set of methods.
type Interface struct {
	Decl
	Package *Package
	Embeds  []Embed
	Methods []*Method

	source *syntax.InterfaceDecl
	state  state
}

// Embed includes the methods of another interface.
type Embed struct {
	*Interface
	// Note is the comment above the embedding.
	Note string
}

// Method is a method of an interface.
type Method struct {
	Decl
	Args    []Field
	Results []Field
	// Up and Down are the types of the items streamed from and to the client, nil if there are none.
	Up, Down *Type
	Tags     []*Value
}

// Streams reports whether items are streamed during a call.
func (m *Method) Streams() bool { return m.Up != nil || m.Down != nil }

// AllMethods returns the methods of the interface and of those that it embeds, its own first.
func (i *Interface) AllMethods() []*Method {
	methods := append([]*Method(nil), i.Methods...)
	for _, e := range i.Embeds {
		methods = append(methods, e.AllMethods()...)
	}
	return methods
}

// AllEmbeds returns the interfaces embedded directly and indirectly, each before those that it embeds.
func (i *Interface) AllEmbeds() []*Interface {
	var all []*Interface
	for _, e := range i.Embeds {
		all = append(all, e.Interface)
		all = append(all, e.AllEmbeds()...)
	}
	return all
}
