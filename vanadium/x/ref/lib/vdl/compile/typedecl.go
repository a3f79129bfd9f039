package compile

import (
	"strconv"

	"v.io/x/ref/lib/vdl/syntax"
)

// maxArrayLen bounds the length of arrays, whose values always have all elements.
const maxArrayLen = 1 << 20

// builtins holds the types that need no declaration and are not words of the grammar.
var builtins = func() map[string]*Type {
	m := make(map[string]*Type)
	for k := Any; k <= String; k++ {
		if k != ErrorKind {
			m[k.String()] = &Type{Kind: k}
		}
	}
	return m
}()

var (
	errorType      = &Type{Kind: ErrorKind}
	typeObjectType = &Type{Kind: TypeObject}
	boolType       = builtins["bool"]
	stringType     = builtins["string"]
)

// notBuiltin says what to write instead of types known from Go.
var notBuiltin = map[string]string{
	"int": "int32 or int64", "uint": "uint32 or uint64", "uint8": "byte", "uintptr": "uint64", "rune": "int32",
	"complex64": "a struct of two float32", "complex128": "a struct of two float64", "float": "float64",
}

// types resolves the types of a file.
func (c *checker) types(f *syntax.File) {
	for _, d := range f.Types {
		if entry, ok := c.pkg.scope[d.Text].(*typeEntry); ok && entry.source == d {
			c.try(func() { c.resolveNamed(entry) })
			c.pkg.Types = append(c.pkg.Types, entry.typ)
		}
	}
}

func (c *checker) resolveNamed(e *typeEntry) {
	switch e.state {
	case resolved:
		return
	case resolving:
		c.fail(e.typ.Pos, "type %s is defined by itself", e.typ.Name)
	}
	e.state = resolving
	base := c.resolveBase(e)
	if base.Kind == Any || base.Kind == ErrorKind || base.Kind == TypeObject {
		c.fail(e.source.Type.Pos, "%v cannot be given another name: use it directly", base)
	}
	t := e.typ
	t.Kind, t.Len, t.Key, t.Elem, t.Labels, t.Fields = base.Kind, base.Len, base.Key, base.Elem, base.Labels, base.Fields
	e.state = resolved
}

// resolveBase returns the type behind the name of a type declaration. A named base is complete when it returns.
func (c *checker) resolveBase(e *typeEntry) *Type {
	src := e.source.Type
	switch src.Form {
	case syntax.FormOptional:
		c.fail(src.Pos, "an optional cannot be given a name: declare the struct, and write ?%s where it is used",
			src.Elem.Ref)
	case syntax.FormArray:
		return c.array(src)
	case syntax.FormEnum:
		return &Type{Kind: Enum, Labels: c.labels(src)}
	case syntax.FormStruct:
		return &Type{Kind: Struct, Fields: c.fields(src)}
	case syntax.FormUnion:
		if len(src.Fields) == 0 {
			c.fail(src.Pos, "a union has at least one field")
		}
		return &Type{Kind: Union, Fields: c.fields(src)}
	}
	base := c.typ(src)
	if base.Package == c.pkg {
		c.resolveNamed(c.pkg.scope[base.Name].(*typeEntry))
	}
	return base
}

func (c *checker) array(src *syntax.Type) *Type {
	n, err := strconv.ParseInt(src.Len, 0, 64)
	if err != nil || n < 1 || n > maxArrayLen {
		c.fail(src.Pos, "the length of an array is between 1 and %d, not %s", maxArrayLen, src.Len)
	}
	return &Type{Kind: Array, Len: int(n), Elem: c.typ(src.Elem)}
}

func (c *checker) labels(src *syntax.Type) []Decl {
	if len(src.Labels) == 0 {
		c.fail(src.Pos, "an enum has at least one label")
	}
	labels := make([]Decl, len(src.Labels))
	seen := make(map[string]bool)
	for i, l := range src.Labels {
		labels[i] = declOf(l)
		c.checkName(labels[i], memberName, "a label")
		c.checkOnce(seen, labels[i], "label")
	}
	return labels
}

func (c *checker) fields(src *syntax.Type) []Field {
	fields := make([]Field, len(src.Fields))
	seen := make(map[string]bool)
	for i, f := range src.Fields {
		d := declOf(f.Name)
		c.checkName(d, memberName, "a field")
		c.checkOnce(seen, d, "field")
		fields[i] = Field{Decl: d, Type: c.typ(f.Type)}
	}
	return fields
}

func (c *checker) checkOnce(seen map[string]bool, d Decl, what string) {
	if seen[d.Name] {
		c.fail(d.Pos, "%s %s is declared twice: rename one", what, d.Name)
	}
	seen[d.Name] = true
}

// typ returns the type that is written at some place of another declaration. Named types of this package may be
// incomplete when it returns.
func (c *checker) typ(src *syntax.Type) *Type {
	switch src.Form {
	case syntax.FormRef:
		return c.namedType(src.Ref)
	case syntax.FormError:
		return errorType
	case syntax.FormTypeObject:
		return typeObjectType
	case syntax.FormOptional:
		return &Type{Kind: Optional, Elem: c.typ(src.Elem)}
	case syntax.FormList:
		return &Type{Kind: List, Elem: c.typ(src.Elem)}
	case syntax.FormSet:
		return &Type{Kind: Set, Key: c.typ(src.Key)}
	case syntax.FormMap:
		return &Type{Kind: Map, Key: c.typ(src.Key), Elem: c.typ(src.Elem)}
	}
	word := map[syntax.TypeForm]string{
		syntax.FormArray: "array", syntax.FormEnum: "enum", syntax.FormStruct: "struct", syntax.FormUnion: "union",
	}[src.Form]
	c.fail(src.Pos, "this %s needs a name: declare it with type X ... and write X here", word)
	return nil
}

func (c *checker) namedType(ref syntax.Ref) *Type {
	if ref.Path == "" && len(ref.Parts) == 1 {
		name := ref.Parts[0]
		if t := builtins[name]; t != nil {
			return t
		}
		if instead := notBuiltin[name]; instead != "" && c.pkg.scope[name] == nil {
			c.fail(ref.Pos, "%s is not a type of VDL: write %s", name, instead)
		}
	}
	entry, _, rest := c.lookup(ref)
	e, ok := entry.(*typeEntry)
	_, isInterface := entry.(*Interface)
	switch {
	case isInterface:
		c.fail(ref.Pos, "%v is an interface: it can be embedded in interfaces but is not a type of values", ref)
	case !ok || len(rest) > 0:
		c.fail(ref.Pos, "%v is not a type", ref)
	}
	return e.typ
}
