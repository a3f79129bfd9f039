package vdl

import (
	"bytes"
	"fmt"
)

// Value holds one value of any Type, without a Go type of its own. A Value read by several goroutines must not be
// assigned to at the same time. The zero Value is not valid, except as the target of VDLRead.
type Value struct {
	t *Type

	// rep is nil for the zero value of the type. Otherwise it is, by kind:
	//   bool            bool
	//   byte, uint      uint64
	//   int             int64
	//   float           float64
	//   string          string
	//   enum            int, the label's index
	//   typeobject      *Type
	//   bytes           []byte, for lists and arrays of bytes
	//   array, list     []*Value, where nil stands for the zero value
	//   set, map        *valueMap
	//   struct          []*Value, one per field, where nil stands for the zero value
	//   union           *valueField
	//   any, optional   *Value
	rep any
}

// valueField is the field of a union that is present.
type valueField struct {
	index int
	value *Value
}

// valueMap keeps the entries of a set or map in the order in which their keys were first assigned.
type valueMap struct {
	index map[string]int // by canonical form of the key
	keys  []*Value
	elems []*Value // of maps
}

// ZeroValue returns the zero value of the type: false, 0, "", the first label, the first field's zero value, nil, or an
// empty collection.
func ZeroValue(t *Type) *Value {
	if t == nil {
		t = AnyType
	}
	return &Value{t: t}
}

// ValueOf returns the value of the Go value v. A *Value is copied, and nil becomes the nil any. It panics if v has no
// Type, see TypeFromReflect, and otherwise as ValueFrom fails.
func ValueOf(v any) *Value {
	value, err := ValueFrom(v)
	if err != nil {
		panic(err)
	}
	return value
}

// ValueFrom returns the value of the Go value v as ValueOf does, with an error instead of a panic.
func ValueFrom(v any) (*Value, error) {
	enc := newValueEncoder()
	if err := Write(enc, v); err != nil {
		return nil, err
	}
	return enc.result()
}

// CopyValue returns a deep copy of the value.
func CopyValue(v *Value) *Value {
	if v == nil {
		return nil
	}
	c := &Value{t: v.t}
	switch rep := v.rep.(type) {
	case []byte:
		c.rep = bytes.Clone(rep)
	case []*Value:
		c.rep = copyValues(rep)
	case *valueMap:
		m := newValueMap()
		for i, key := range rep.keys {
			m.assign(CopyValue(key), CopyValue(rep.elems[i]))
		}
		c.rep = m
	case *valueField:
		c.rep = &valueField{rep.index, CopyValue(rep.value)}
	case *Value:
		c.rep = CopyValue(rep)
	default:
		c.rep = rep
	}
	return c
}

func copyValues(list []*Value) []*Value {
	c := make([]*Value, len(list))
	for i, v := range list {
		c[i] = CopyValue(v)
	}
	return c
}

// Type returns the type of the value.
func (v *Value) Type() *Type { return v.t }

// Kind returns the kind of the value's type.
func (v *Value) Kind() Kind { return v.t.kind }

// IsValid reports whether the Value holds a value, which the zero Value and a nil pointer do not.
func (v *Value) IsValid() bool { return v != nil && v.t != nil }

// IsNil reports whether the value is the nil of any or of an optional.
func (v *Value) IsNil() bool { return v.t.CanBeNil() && v.rep == nil }

// IsZero reports whether the value is the zero value of its type.
func (v *Value) IsZero() bool {
	switch rep := v.rep.(type) {
	case nil:
		return true
	case bool:
		return !rep
	case uint64:
		return rep == 0
	case int64:
		return rep == 0
	case float64:
		return rep == 0
	case string:
		return rep == ""
	case int:
		return rep == 0
	case *Type:
		return rep == AnyType
	case []byte:
		return len(bytes.Trim(rep, "\x00")) == 0 && (v.t.kind == Array || len(rep) == 0)
	case []*Value:
		return v.t.kind == List && len(rep) == 0 || v.t.kind != List && allZero(rep)
	case *valueMap:
		return len(rep.keys) == 0
	case *valueField:
		return rep.index == 0 && rep.value.IsZero()
	}
	return false
}

func allZero(list []*Value) bool {
	for _, v := range list {
		if v != nil && !v.IsZero() {
			return false
		}
	}
	return true
}

// Bool returns the value of a bool. It panics for other kinds.
func (v *Value) Bool() bool {
	v.t.mustBe("Value.Bool", Bool)
	x, _ := v.rep.(bool)
	return x
}

// Uint returns the value of a byte or an unsigned integer. It panics for other kinds.
func (v *Value) Uint() uint64 {
	v.t.mustBe("Value.Uint", Byte, Uint16, Uint32, Uint64)
	x, _ := v.rep.(uint64)
	return x
}

// Int returns the value of a signed integer. It panics for other kinds.
func (v *Value) Int() int64 {
	v.t.mustBe("Value.Int", Int8, Int16, Int32, Int64)
	x, _ := v.rep.(int64)
	return x
}

// Float returns the value of a float. It panics for other kinds.
func (v *Value) Float() float64 {
	v.t.mustBe("Value.Float", Float32, Float64)
	x, _ := v.rep.(float64)
	return x
}

// RawString returns the value of a string. It panics for other kinds; String describes values of all kinds.
func (v *Value) RawString() string {
	v.t.mustBe("Value.RawString", String)
	x, _ := v.rep.(string)
	return x
}

// EnumIndex returns the index of an enum's label. It panics for other kinds.
func (v *Value) EnumIndex() int {
	v.t.mustBe("Value.EnumIndex", Enum)
	x, _ := v.rep.(int)
	return x
}

// EnumLabel returns the label of an enum. It panics for other kinds.
func (v *Value) EnumLabel() string { return v.t.EnumLabel(v.EnumIndex()) }

// TypeObject returns the value of a typeobject. It panics for other kinds.
func (v *Value) TypeObject() *Type {
	v.t.mustBe("Value.TypeObject", TypeObject)
	if x, _ := v.rep.(*Type); x != nil {
		return x
	}
	return AnyType
}

// Bytes returns the content of a list or array of bytes, which the caller must not change. It panics for other types.
func (v *Value) Bytes() []byte {
	if !v.t.IsBytes() {
		panic(fmt.Sprintf("vdl: Value.Bytes called on %v", v.t))
	}
	x, _ := v.rep.([]byte)
	if v.t.kind == Array && x == nil {
		x = make([]byte, v.t.length)
	}
	return x
}

// Len returns the number of entries of an array, list, set or map. It panics for other kinds.
func (v *Value) Len() int {
	v.t.mustBe("Value.Len", Array, List, Set, Map)
	if v.t.kind == Array {
		return v.t.length
	}
	switch rep := v.rep.(type) {
	case []byte:
		return len(rep)
	case []*Value:
		return len(rep)
	case *valueMap:
		return len(rep.keys)
	}
	return 0
}

// Index returns entry i of an array or list. It panics for other kinds and if i is out of range.
func (v *Value) Index(i int) *Value {
	v.t.mustBe("Value.Index", Array, List)
	if i < 0 || i >= v.Len() {
		panic(fmt.Sprintf("vdl: Value.Index(%d) of %v with %d entries", i, v.t, v.Len()))
	}
	switch rep := v.rep.(type) {
	case []byte:
		return &Value{v.t.elem, uint64(rep[i])}
	case []*Value:
		return orZero(rep[i], v.t.elem)
	}
	return ZeroValue(v.t.elem)
}

// Keys returns the keys of a set or map in the order they were first assigned. It panics for other kinds.
func (v *Value) Keys() []*Value {
	v.t.mustBe("Value.Keys", Set, Map)
	if m, _ := v.rep.(*valueMap); m != nil {
		return append([]*Value(nil), m.keys...)
	}
	return nil
}

// ContainsKey reports whether a set or map has the key. It panics for other kinds.
func (v *Value) ContainsKey(key *Value) bool {
	v.t.mustBe("Value.ContainsKey", Set, Map)
	m, _ := v.rep.(*valueMap)
	return m != nil && m.find(key) >= 0
}

// MapIndex returns the element of the key of a map, or nil if there is none. It panics for other kinds.
func (v *Value) MapIndex(key *Value) *Value {
	v.t.mustBe("Value.MapIndex", Map)
	m, _ := v.rep.(*valueMap)
	if m == nil {
		return nil
	}
	if i := m.find(key); i >= 0 {
		return m.elems[i]
	}
	return nil
}

// StructField returns field i of a struct. It panics for other kinds and if i is out of range.
func (v *Value) StructField(i int) *Value {
	v.t.mustBe("Value.StructField", Struct)
	field := v.t.fields[i]
	if rep, _ := v.rep.([]*Value); rep != nil {
		return orZero(rep[i], field.Type)
	}
	return ZeroValue(field.Type)
}

// StructFieldByName returns the field of the name, or nil if there is none. It panics if the value is no struct.
func (v *Value) StructFieldByName(name string) *Value {
	v.t.mustBe("Value.StructFieldByName", Struct)
	if i := v.t.indexOf(name); i >= 0 {
		return v.StructField(i)
	}
	return nil
}

// UnionField returns the index and the value of the field that is present in a union. It panics for other kinds.
func (v *Value) UnionField() (int, *Value) {
	v.t.mustBe("Value.UnionField", Union)
	if field, _ := v.rep.(*valueField); field != nil {
		return field.index, field.value
	}
	return 0, ZeroValue(v.t.fields[0].Type)
}

// Elem returns the value inside of an any or optional, or nil if there is none. It panics for other kinds.
func (v *Value) Elem() *Value {
	v.t.mustBe("Value.Elem", Any, Optional)
	elem, _ := v.rep.(*Value)
	return elem
}

func orZero(v *Value, t *Type) *Value {
	if v == nil {
		return ZeroValue(t)
	}
	return v
}

func newValueMap() *valueMap { return &valueMap{index: map[string]int{}} }

func (m *valueMap) find(key *Value) int {
	if i, ok := m.index[key.String()]; ok {
		return i
	}
	return -1
}

func (m *valueMap) assign(key, elem *Value) {
	if i := m.find(key); i >= 0 {
		m.elems[i] = elem
		return
	}
	m.index[key.String()] = len(m.keys)
	m.keys, m.elems = append(m.keys, key), append(m.elems, elem)
}

// EqualValue reports whether two values are of the same type and equal. Sets and maps are equal if they have the same
// keys with equal elements, in any order. NaNs are not equal to anything.
func EqualValue(a, b *Value) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	if a.t != b.t {
		return false
	}
	if a.rep == nil || b.rep == nil {
		return a.IsZero() && b.IsZero()
	}
	switch x := a.rep.(type) {
	case []byte:
		return bytes.Equal(x, b.rep.([]byte))
	case []*Value:
		return equalLists(a, x, b.rep.([]*Value))
	case *valueMap:
		return equalMaps(x, b.rep.(*valueMap))
	case *valueField:
		y := b.rep.(*valueField)
		return x.index == y.index && EqualValue(x.value, y.value)
	case *Value:
		return EqualValue(x, b.rep.(*Value))
	}
	return a.rep == b.rep
}

func equalLists(v *Value, a, b []*Value) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		t := v.t.elem
		if v.t.kind == Struct {
			t = v.t.fields[i].Type
		}
		if !EqualValue(orZero(a[i], t), orZero(b[i], t)) {
			return false
		}
	}
	return true
}

func equalMaps(a, b *valueMap) bool {
	if len(a.keys) != len(b.keys) {
		return false
	}
	for i, key := range a.keys {
		j := b.find(key)
		if j < 0 || !EqualValue(a.elems[i], b.elems[j]) {
			return false
		}
	}
	return true
}

// DeepEqual reports whether two Go values are of the same Type and equal as values of it: empty and nil collections are
// equal, and so are different Go types for the same Type. Go values that have no Type are never equal.
func DeepEqual(a, b any) bool {
	x, err := ValueFrom(a)
	if err != nil {
		return false
	}
	y, err := ValueFrom(b)
	return err == nil && EqualValue(x, y)
}
