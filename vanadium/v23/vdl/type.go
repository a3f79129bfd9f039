package vdl

import (
	"fmt"
	"sync/atomic"
)

// Type describes the values of one VDL type. Types are immutable, safe for concurrent use, and hash-consed: equal types
// are the same pointer, so types are compared with == and serve as map keys. The zero Type is not valid; get types from
// the package variables, the constructors, a TypeBuilder or TypeOf.
type Type struct {
	kind   Kind
	name   string
	labels []string       // enum
	length int            // array
	elem   *Type          // optional, array, list, map
	key    *Type          // set, map
	fields []Field        // struct, union
	index  map[string]int // labels or fields by name

	// unique is the canonical description of the whole type graph. Invariant: two types of the registry with the same
	// description are the same type.
	unique string

	// kinds has bit k set if a type of kind k is reachable from the type, itself included.
	kinds uint32

	optional atomic.Pointer[Type] // the optional of this type, once it was asked for
}

// Field is a field of a struct or of a union.
type Field struct {
	Name string
	Type *Type
}

// The types that need no more description than their kind, and ErrorType, which describes error values: it is the
// optional of the struct WireError.
var (
	AnyType        = primitiveType(Any)
	BoolType       = primitiveType(Bool)
	ByteType       = primitiveType(Byte)
	Uint16Type     = primitiveType(Uint16)
	Uint32Type     = primitiveType(Uint32)
	Uint64Type     = primitiveType(Uint64)
	Int8Type       = primitiveType(Int8)
	Int16Type      = primitiveType(Int16)
	Int32Type      = primitiveType(Int32)
	Int64Type      = primitiveType(Int64)
	Float32Type    = primitiveType(Float32)
	Float64Type    = primitiveType(Float64)
	StringType     = primitiveType(String)
	TypeObjectType = primitiveType(TypeObject)

	ErrorType = OptionalType(wireErrorType())
)

func wireErrorType() *Type {
	code := NamedType("v.io/v23/vdl.WireRetryCode",
		EnumType("NoRetry", "RetryConnection", "RetryRefetch", "RetryBackoff"))
	return NamedType("v.io/v23/vdl.WireError", StructType(
		Field{"Id", StringType},
		Field{"RetryCode", code},
		Field{"Msg", StringType},
		Field{"ParamList", ListType(AnyType)},
	))
}

// Kind returns the kind of the type.
func (t *Type) Kind() Kind { return t.kind }

// Name returns the type's name, which is its package path, a dot and its identifier, or "" if it has none.
func (t *Type) Name() string { return t.name }

// String returns a readable description of the type in the notation of the language.
func (t *Type) String() string {
	if t == nil {
		return "<nil type>"
	}
	return t.unique
}

// Unique returns a description that is the same for two types if and only if they are the same type.
func (t *Type) Unique() string { return t.unique }

// Elem returns the element type of an optional, an array, a list or a map. It panics for other kinds.
func (t *Type) Elem() *Type {
	t.mustBe("Elem", Optional, Array, List, Map)
	return t.elem
}

// Key returns the key type of a set or a map. It panics for other kinds.
func (t *Type) Key() *Type {
	t.mustBe("Key", Set, Map)
	return t.key
}

// Len returns the number of elements of an array. It panics for other kinds.
func (t *Type) Len() int {
	t.mustBe("Len", Array)
	return t.length
}

// NumField returns the number of fields of a struct or a union. It panics for other kinds.
func (t *Type) NumField() int {
	t.mustBe("NumField", Struct, Union)
	return len(t.fields)
}

// Field returns field i of a struct or a union. It panics for other kinds and if i is out of range.
func (t *Type) Field(i int) Field {
	t.mustBe("Field", Struct, Union)
	return t.fields[i]
}

// FieldByName returns the field of the name and its index, or an empty Field and -1 if there is none. It panics if the
// type is neither a struct nor a union.
func (t *Type) FieldByName(name string) (Field, int) {
	if i := t.FieldIndexByName(name); i >= 0 {
		return t.fields[i], i
	}
	return Field{}, -1
}

// FieldIndexByName returns the index of the field of the name, or -1 if there is none. It panics if the type is neither
// a struct nor a union.
func (t *Type) FieldIndexByName(name string) int {
	t.mustBe("FieldIndexByName", Struct, Union)
	return t.indexOf(name)
}

// NumEnumLabel returns the number of labels of an enum. It panics for other kinds.
func (t *Type) NumEnumLabel() int {
	t.mustBe("NumEnumLabel", Enum)
	return len(t.labels)
}

// EnumLabel returns label i of an enum. It panics for other kinds and if i is out of range.
func (t *Type) EnumLabel(i int) string {
	t.mustBe("EnumLabel", Enum)
	return t.labels[i]
}

// EnumIndex returns the index of an enum's label, or -1 if there is none. It panics for other kinds.
func (t *Type) EnumIndex(label string) int {
	t.mustBe("EnumIndex", Enum)
	return t.indexOf(label)
}

// IsBytes reports whether the type is a list or an array of (possibly named) bytes.
func (t *Type) IsBytes() bool {
	return (t.kind == List || t.kind == Array) && t.elem.kind == Byte
}

// NonOptional returns the element type of an optional, and the type itself otherwise.
func (t *Type) NonOptional() *Type {
	if t.kind == Optional {
		return t.elem
	}
	return t
}

// CanBeNil reports whether nil is a value of the type: it is any or an optional.
func (t *Type) CanBeNil() bool { return t.kind == Any || t.kind == Optional }

// CanBeNamed reports whether the type could have a name. Any, typeobject and optionals cannot.
func (t *Type) CanBeNamed() bool { return canBeNamed(t.kind) }

// CanBeOptional reports whether the type can be the element of an optional: it is a named struct.
func (t *Type) CanBeOptional() bool { return t.name != "" && t.kind == Struct }

// CanBeKey reports whether values of the type can be keys of sets and maps: the type reaches no any, optional, list,
// set, map or typeobject.
func (t *Type) CanBeKey() bool {
	const never = 1<<Any | 1<<Optional | 1<<TypeObject | 1<<List | 1<<Set | 1<<Map
	return t.kinds&never == 0
}

// WalkMode selects the types that Walk and ContainsKind visit.
type WalkMode int

const (
	// WalkAll visits every type reachable from the start.
	WalkAll WalkMode = iota
	// WalkInline visits the types whose values are always part of a value of the start: it stops at optional, list, set
	// and map, which can be empty.
	WalkInline
)

// ContainsKind reports whether a type of one of the kinds is met on a Walk of the mode.
func (t *Type) ContainsKind(mode WalkMode, kinds ...Kind) bool {
	if mode == WalkAll {
		for _, k := range kinds {
			if t.hasKind(k) {
				return true
			}
		}
		return false
	}
	return !t.Walk(mode, func(visit *Type) bool {
		for _, k := range kinds {
			if visit.kind == k {
				return false
			}
		}
		return true
	})
}

// Walk calls fn once for each type reachable from t in the mode, in depth-first order with t first, until fn returns
// false. It returns false if fn did.
func (t *Type) Walk(mode WalkMode, fn func(*Type) bool) bool {
	return t.walk(mode, fn, map[*Type]bool{})
}

func (t *Type) walk(mode WalkMode, fn func(*Type) bool, seen map[*Type]bool) bool {
	if t == nil || seen[t] {
		return true
	}
	seen[t] = true
	if !fn(t) {
		return false
	}
	if mode == WalkInline && (t.kind == Optional || t.kind == List || t.kind == Set || t.kind == Map) {
		return true
	}
	for _, child := range t.children() {
		if !child.walk(mode, fn, seen) {
			return false
		}
	}
	return true
}

// children returns the types t refers to, in the order they are described: key, element, fields.
func (t *Type) children() []*Type {
	var list []*Type
	if t.key != nil {
		list = append(list, t.key)
	}
	if t.elem != nil {
		list = append(list, t.elem)
	}
	for i := range t.fields {
		list = append(list, t.fields[i].Type)
	}
	return list
}

func (t *Type) hasKind(k Kind) bool { return t.kinds&(1<<k) != 0 }

// indexOf finds a label or a field. Short lists are searched, since that is faster than hashing the name.
func (t *Type) indexOf(name string) int {
	if t.index != nil {
		if i, ok := t.index[name]; ok {
			return i
		}
		return -1
	}
	for i := range t.fields {
		if t.fields[i].Name == name {
			return i
		}
	}
	for i, label := range t.labels {
		if label == name {
			return i
		}
	}
	return -1
}

func (t *Type) mustBe(method string, kinds ...Kind) {
	for _, k := range kinds {
		if t.kind == k {
			return
		}
	}
	panic(fmt.Sprintf("vdl: Type.%s called on %v, want one of the kinds %v", method, t, kinds))
}

func canBeNamed(k Kind) bool { return k != Any && k != TypeObject && k != Optional }
