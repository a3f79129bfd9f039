package vdl

import "fmt"

func primitiveType(kind Kind) *Type { return mustIntern(&Type{kind: kind}) }

// OptionalType returns the type of optional values of elem, which must be a named struct. It panics otherwise.
func OptionalType(elem *Type) *Type {
	if elem != nil {
		if t := elem.optional.Load(); t != nil {
			return t
		}
	}
	t := mustIntern(&Type{kind: Optional, elem: elem})
	elem.optional.Store(t)
	return t
}

// EnumType returns the enum of the labels, which must be distinct identifiers. It panics otherwise.
func EnumType(labels ...string) *Type {
	return mustIntern(&Type{kind: Enum, labels: append([]string(nil), labels...)})
}

// ArrayType returns the type of arrays of n elements. It panics if n is not positive.
func ArrayType(n int, elem *Type) *Type {
	return mustIntern(&Type{kind: Array, length: n, elem: elem})
}

// ListType returns the type of lists of any length.
func ListType(elem *Type) *Type { return mustIntern(&Type{kind: List, elem: elem}) }

// SetType returns the type of sets of the key type. It panics unless key.CanBeKey.
func SetType(key *Type) *Type { return mustIntern(&Type{kind: Set, key: key}) }

// MapType returns the type of maps. It panics unless key.CanBeKey.
func MapType(key, elem *Type) *Type { return mustIntern(&Type{kind: Map, key: key, elem: elem}) }

// StructType returns the type of structs of the fields, whose names must be distinct identifiers. It panics otherwise.
func StructType(fields ...Field) *Type {
	return mustIntern(&Type{kind: Struct, fields: append([]Field(nil), fields...)})
}

// UnionType returns the type of unions of the fields, of which there must be one and whose names must be distinct
// identifiers. It panics otherwise.
func UnionType(fields ...Field) *Type {
	return mustIntern(&Type{kind: Union, fields: append([]Field(nil), fields...)})
}

// NamedType returns the type of the name that has the structure of base. A name of base is dropped. It panics if the
// name is not a possible name or if values of base cannot be named.
func NamedType(name string, base *Type) *Type {
	draft := &Type{name: name}
	draft.copyStructure(base)
	return mustIntern(draft)
}

func (t *Type) copyStructure(base *Type) {
	t.kind, t.labels, t.length = base.kind, base.labels, base.length
	t.key, t.elem = base.key, base.elem
	t.fields = append([]Field(nil), base.fields...)
}

func mustIntern(draft *Type) *Type {
	types, err := intern([]*Type{draft})
	if err != nil {
		panic(fmt.Sprintf("cannot construct a type of kind %v: %v", draft.kind, err))
	}
	return types[0]
}
