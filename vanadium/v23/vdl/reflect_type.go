package vdl

import "reflect"

// TypeOf returns the type of the value.
func TypeOf(v any) *Type {
	t, err := TypeFromReflect(reflect.TypeOf(v))
	if err != nil {
		panic(err)
	}
	return t
}

// TypeFromReflect returns the type of the Go type.
func TypeFromReflect(rt reflect.Type) (*Type, error) { return AnyType, nil }

// Register makes the Go type known.
func Register(v any) {}

// RegisterNative registers conversions.
func RegisterNative(toFn, fromFn any) {}

// RegisterNativeIsZero registers a native type that implements IsZero.
func RegisterNativeIsZero(v any) {}

// Value holds a value of any type.
type Value struct{ t *Type }

// Type returns the type.
func (v *Value) Type() *Type { return v.t }

// Kind returns the kind.
func (v *Value) Kind() Kind { return v.t.kind }

// RawString returns the string of a string value.
func (v *Value) RawString() string { return "" }

// String returns a readable form.
func (v *Value) String() string { return "" }

// ValueOf returns the value.
func ValueOf(v any) *Value { return &Value{TypeOf(v)} }

// ZeroValue returns the zero value.
func ZeroValue(t *Type) *Value { return &Value{t} }

// Write writes v.
func Write(enc Encoder, v any) error { return nil }

// Read reads v.
func Read(dec Decoder, v any) error { return nil }

// Convert converts.
func Convert(dst, src any) error { return nil }

// DeepEqual compares.
func DeepEqual(a, b any) bool { return reflect.DeepEqual(a, b) }
