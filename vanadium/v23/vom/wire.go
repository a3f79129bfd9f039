package vom

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/bits"

	"v.io/v23/vdl"
)

// Version is the version of the format, the first byte of a stream.
type Version byte

// The versions. Only Version81 is written and read; Version80 is recognized and refused.
const (
	Version80      Version = 0x80
	Version81      Version = 0x81
	DefaultVersion         = Version81
)

// String returns the version in the form "Version81".
func (v Version) String() string { return fmt.Sprintf("Version%x", byte(v)) }

// Control bytes. They stand where a uint could begin, but no uint begins with them.
const (
	controlNil        = 0xe0
	controlEnd        = 0xe1
	controlIncomplete = 0xe2
)

// Limits of what is read and written.
const (
	maxMessageLen = 1 << 30 // bytes of a message
	maxNesting    = 1000    // levels of values within values
)

// typeID names a type in a stream.
type typeID uint64

// The ids of types that need no type message.
const (
	idBool typeID = 1 + iota
	idByte
	idString
	idUint16
	idUint32
	idUint64
	idInt16
	idInt32
	idInt64
	idFloat32
	idFloat64
	_
	_
	idTypeObject
	idAny
	idInt8

	idBytes    typeID = 39
	idStrings  typeID = 40
	firstOwnID typeID = 41
)

var builtinTypes = map[typeID]*vdl.Type{
	idBool: vdl.BoolType, idByte: vdl.ByteType, idString: vdl.StringType, idUint16: vdl.Uint16Type,
	idUint32: vdl.Uint32Type, idUint64: vdl.Uint64Type, idInt16: vdl.Int16Type, idInt32: vdl.Int32Type,
	idInt64: vdl.Int64Type, idFloat32: vdl.Float32Type, idFloat64: vdl.Float64Type, idTypeObject: vdl.TypeObjectType,
	idAny: vdl.AnyType, idInt8: vdl.Int8Type,
	idBytes: vdl.ListType(vdl.ByteType), idStrings: vdl.ListType(vdl.StringType),
}

var builtinIDs = func() map[*vdl.Type]typeID {
	ids := make(map[*vdl.Type]typeID, len(builtinTypes))
	for id, t := range builtinTypes {
		ids[t] = id
	}
	return ids
}()

// The variants of a type message's description, which is a union of structs.
const (
	wireNamed = iota
	wireEnum
	wireArray
	wireList
	wireSet
	wireMap
	wireStruct
	wireUnion
	wireOptional
)

var (
	errTruncated = errors.New("vom: the data ends within a value")
	errNesting   = fmt.Errorf("vom: value is nested more than %d levels deep", maxNesting)
)

// appendUint appends a uint.
func appendUint(b []byte, x uint64) []byte {
	if x <= 0x7f {
		return append(b, byte(x))
	}
	n := (bits.Len64(x) + 7) / 8
	var tmp [8]byte
	binary.BigEndian.PutUint64(tmp[:], x)
	return append(append(b, byte(-n)), tmp[8-n:]...)
}

func appendInt(b []byte, x int64) []byte { return appendUint(b, zigzag(x)) }

func appendString(b []byte, s string) []byte { return append(appendUint(b, uint64(len(s))), s...) }

func appendFloat(b []byte, x float64) []byte {
	return appendUint(b, bits.ReverseBytes64(math.Float64bits(x)))
}

func zigzag(x int64) uint64 { return uint64(x)<<1 ^ uint64(x>>63) }

func unzigzag(u uint64) int64 { return int64(u>>1) ^ -int64(u&1) }

// uintLen returns the number of bytes of the uint that begins with the byte, or 0 if none does.
func uintLen(first byte) int {
	switch {
	case first <= 0x7f:
		return 1
	case first >= 0xf8:
		return 1 + int(-int8(first))
	}
	return 0
}

// parseUint returns the uint at the beginning of b and its number of bytes.
func parseUint(b []byte) (uint64, int, error) {
	if len(b) == 0 {
		return 0, 0, errTruncated
	}
	n := uintLen(b[0])
	switch {
	case n == 0:
		return 0, 0, fmt.Errorf("vom: no number begins with the byte %#x", b[0])
	case n > len(b):
		return 0, 0, errTruncated
	case n == 1:
		return uint64(b[0]), 1, nil
	}
	var x uint64
	for _, digit := range b[1:n] {
		x = x<<8 | uint64(digit)
	}
	return x, n, nil
}

// hasTypeTable reports whether messages of the type begin with a table of types.
func hasTypeTable(t *vdl.Type) bool { return t.ContainsKind(vdl.WalkAll, vdl.Any, vdl.TypeObject) }

// hasAnyTable reports whether messages of the type begin with a table of the lengths of any values.
func hasAnyTable(t *vdl.Type) bool { return t.ContainsKind(vdl.WalkAll, vdl.Any) }

// hasLength reports whether values of the type are preceded by their length.
func hasLength(t *vdl.Type) bool {
	switch t.Kind() {
	case vdl.Array, vdl.List:
		return !t.IsBytes()
	case vdl.Set, vdl.Map, vdl.Struct, vdl.Union, vdl.Optional, vdl.Any:
		return true
	}
	return false
}
