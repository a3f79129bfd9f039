package vdl

import "strconv"

// Kind is the outermost shape of a Type.
type Kind uint

// The kinds, in the order of the language's definition. Values of Any hold a value of any type; TypeObject values are
// types themselves.
const (
	Any Kind = iota
	Optional
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
	Enum
	TypeObject
	Array
	List
	Set
	Map
	Struct
	Union
)

var kindNames = [...]string{
	Any: "any", Optional: "optional", Bool: "bool", Byte: "byte", Uint16: "uint16", Uint32: "uint32", Uint64: "uint64",
	Int8: "int8", Int16: "int16", Int32: "int32", Int64: "int64", Float32: "float32", Float64: "float64",
	String: "string", Enum: "enum", TypeObject: "typeobject", Array: "array", List: "list", Set: "set", Map: "map",
	Struct: "struct", Union: "union",
}

// String returns the kind's keyword in the language, for instance "uint16" or "map".
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "kind(" + strconv.Itoa(int(k)) + ")"
}

// IsNumber reports whether values of the kind are numbers: a byte, an unsigned or signed integer or a float.
func (k Kind) IsNumber() bool { return k >= Byte && k <= Float64 }

// BitLen returns the number of bits of a number's representation: 8, 16, 32 or 64, and 0 for all other kinds.
func (k Kind) BitLen() int {
	switch k {
	case Byte, Int8:
		return 8
	case Uint16, Int16:
		return 16
	case Uint32, Int32, Float32:
		return 32
	case Uint64, Int64, Float64:
		return 64
	}
	return 0
}

func (k Kind) isUnsigned() bool { return k >= Byte && k <= Uint64 }
func (k Kind) isSigned() bool   { return k >= Int8 && k <= Int64 }
func (k Kind) isFloat() bool    { return k == Float32 || k == Float64 }

// isPrimitive reports whether a type of the kind needs no further description than its kind.
func (k Kind) isPrimitive() bool {
	return k != Optional && k != Enum && k < Array
}
