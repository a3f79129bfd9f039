package vdl

import (
	"fmt"
	"reflect"
	"sync"
)

// codec reads and writes the values of one Go type. Codecs are compiled once per Go type and then shared.
type codec struct {
	rt reflect.Type
	tt *Type

	write  func(Encoder, reflect.Value) error
	read   func(Decoder, reflect.Value) error // replaces the settable value, whatever it holds
	isZero func(reflect.Value) bool

	// setZero stores the canonical zero value, in which unions, typeobjects and any are not nil pointers or interfaces
	// where the Go type can represent that.
	setZero func(reflect.Value)
}

var codecs sync.Map // reflect.Type -> *codec

// codecOf returns the codec of rt, or an error if rt has no Type.
func codecOf(rt reflect.Type) (*codec, error) {
	if c, ok := codecs.Load(rt); ok {
		return c.(*codec), nil
	}
	if _, err := TypeFromReflect(rt); err != nil {
		return nil, err
	}
	comp := compiler{}
	c, err := comp.compile(rt)
	if err != nil {
		return nil, err
	}
	for rt, c := range comp {
		codecs.Store(rt, c)
	}
	return c, nil
}

// compiler holds the codecs of one compilation, some of which are still incomplete. Codecs refer to each other by
// pointer and only look inside when they run.
type compiler map[reflect.Type]*codec

func (comp compiler) compile(rt reflect.Type) (*codec, error) {
	if c, ok := comp[rt]; ok {
		return c, nil
	}
	tt, err := TypeFromReflect(rt)
	if err != nil {
		return nil, err
	}
	c := &codec{rt: rt, tt: tt, setZero: reflect.Value.SetZero}
	comp[rt] = c
	if n := nativeOf(rt); n != nil {
		return c, comp.native(c, n)
	}
	switch {
	case rt == rtType:
		typeObjectCodec(c)
	case rt == rtAny || rt.Kind() == reflect.Interface && tt == AnyType:
		anyCodec(c)
	case isPlainError(rt):
		errorCodec(c)
	case rt.Kind() == reflect.Pointer:
		err = comp.pointer(c)
	default:
		err = comp.value(c)
	}
	return c, err
}

// value compiles the codec of a type that is neither a pointer nor an interface that can hold anything.
func (comp compiler) value(c *codec) error {
	desc := describeGo(c.rt)
	var err error
	switch {
	case desc.union != nil:
		err = comp.union(c, desc.union)
	case desc.labels != nil:
		err = enumCodec(c)
	case c.tt == AnyType:
		// A type that holds anything brings its own methods.
		c.isZero = func(reflect.Value) bool { return false }
		c.setZero = func(rv reflect.Value) { setZeroAny(rv) }
	default:
		err = comp.shape(c)
	}
	if err == nil {
		useMethods(c)
	}
	return err
}

// setZeroAny lets a type that holds anything store the nil any. Reading from a Value in memory cannot fail.
func setZeroAny(rv reflect.Value) {
	rv.SetZero()
	if reader, ok := rv.Addr().Interface().(Reader); ok {
		if err := reader.VDLRead(newValueDecoder(ZeroValue(AnyType))); err != nil {
			panic(err)
		}
	}
}

func (comp compiler) shape(c *codec) error {
	switch c.tt.kind {
	case Array, List:
		return comp.sequence(c)
	case Set, Map:
		return comp.mapping(c)
	case Struct:
		return comp.structure(c)
	}
	return scalarCodec(c)
}

// useMethods prefers the methods of the Go type, which are usually generated, over reflection.
func useMethods(c *codec) {
	if c.rt.Kind() == reflect.Interface {
		return // a union, which looks for the methods of the struct it holds
	}
	ptr := reflect.PointerTo(c.rt)
	if ptr.Implements(rtReader) {
		c.read = func(dec Decoder, rv reflect.Value) error { return rv.Addr().Interface().(Reader).VDLRead(dec) }
	}
	if ptr.Implements(rtWriter) {
		c.write = func(enc Encoder, rv reflect.Value) error { return methodReceiver(rv).(Writer).VDLWrite(enc) }
	}
	if ptr.Implements(rtZeroer) {
		c.isZero = func(rv reflect.Value) bool { return methodReceiver(rv).(IsZeroer).VDLIsZero() }
	}
}

// methodReceiver returns a pointer to the value, whose methods include those of the value.
func methodReceiver(rv reflect.Value) any {
	if rv.CanAddr() {
		return rv.Addr().Interface()
	}
	ptr := reflect.New(rv.Type())
	ptr.Elem().Set(rv)
	return ptr.Interface()
}

// native compiles the codec of a native type on top of the codec of its wire type.
func (comp compiler) native(c *codec, n *native) error {
	if n.native == rtError {
		errorCodec(c)
		return nil
	}
	wire, err := comp.compile(n.wire)
	if err != nil {
		return err
	}
	c.write = func(enc Encoder, rv reflect.Value) error {
		w, err := n.fromNative(rv)
		if err != nil {
			return err
		}
		return wire.write(enc, w)
	}
	c.read = func(dec Decoder, rv reflect.Value) error {
		w := reflect.New(n.wire).Elem()
		if err := wire.read(dec, w); err != nil {
			return err
		}
		rv.SetZero()
		return n.toNative(w, rv)
	}
	c.isZero = func(rv reflect.Value) bool {
		w, err := n.fromNative(rv)
		return err == nil && wire.isZero(w)
	}
	if hasNativeIsZero(c.rt) {
		c.isZero = func(rv reflect.Value) bool { return rv.Interface().(interface{ IsZero() bool }).IsZero() }
	}
	return nil
}

// pointer compiles the codec of a pointer: an optional, or a pointer that is looked through.
func (comp compiler) pointer(c *codec) error {
	elem, err := comp.compile(c.rt.Elem())
	if err != nil {
		return err
	}
	if c.tt.kind == Optional && elem.tt.kind != Optional {
		optionalCodec(c, elem)
		return nil
	}
	fresh := func() reflect.Value {
		ptr := reflect.New(c.rt.Elem())
		elem.setZero(ptr.Elem())
		return ptr
	}
	c.write = func(enc Encoder, rv reflect.Value) error {
		switch {
		case !rv.IsNil():
			return elem.write(enc, rv.Elem())
		case c.tt.CanBeNil():
			return enc.NilValue(c.tt)
		}
		return elem.write(enc, fresh().Elem())
	}
	c.read = func(dec Decoder, rv reflect.Value) error {
		ptr := reflect.New(c.rt.Elem())
		if err := elem.read(dec, ptr.Elem()); err != nil {
			return err
		}
		rv.Set(ptr)
		return nil
	}
	c.isZero = func(rv reflect.Value) bool { return rv.IsNil() || elem.isZero(rv.Elem()) }
	c.setZero = reflect.Value.SetZero
	if c.tt == AnyType {
		c.setZero = func(rv reflect.Value) { rv.Set(fresh()) }
	}
	return nil
}

func optionalCodec(c, elem *codec) {
	c.write = func(enc Encoder, rv reflect.Value) error {
		if rv.IsNil() {
			return enc.NilValue(c.tt)
		}
		enc.SetNextStartValueIsOptional()
		return elem.write(enc, rv.Elem())
	}
	c.read = func(dec Decoder, rv reflect.Value) error {
		if err := dec.StartValue(c.tt); err != nil {
			return err
		}
		if dec.IsNil() {
			rv.SetZero()
			return dec.FinishValue()
		}
		ptr := reflect.New(c.rt.Elem())
		dec.IgnoreNextStartValue()
		if err := elem.read(dec, ptr.Elem()); err != nil {
			return err
		}
		rv.Set(ptr)
		return nil
	}
	c.isZero = reflect.Value.IsNil
}

func typeObjectCodec(c *codec) {
	c.write = func(enc Encoder, rv reflect.Value) error {
		t := rv.Interface().(*Type)
		if t == nil {
			t = AnyType
		}
		return enc.WriteValueTypeObject(t)
	}
	c.read = func(dec Decoder, rv reflect.Value) error {
		t, err := dec.ReadValueTypeObject()
		if err == nil {
			rv.Set(reflect.ValueOf(t))
		}
		return err
	}
	c.isZero = func(rv reflect.Value) bool { return rv.IsNil() || rv.Interface().(*Type) == AnyType }
	c.setZero = func(rv reflect.Value) { rv.Set(reflect.ValueOf(AnyType)) }
}

// Write writes the Go value v to the encoder: with its own VDLWrite if it has one, and by reflection otherwise. A nil v
// is written as the nil any. An error is returned if the type of v has no Type, see TypeFromReflect.
func Write(enc Encoder, v any) error {
	if v == nil {
		return enc.NilValue(AnyType)
	}
	rv := reflect.ValueOf(v)
	if w, ok := v.(Writer); ok && rv.Kind() != reflect.Pointer {
		return w.VDLWrite(enc)
	}
	c, err := codecOf(rv.Type())
	if err != nil {
		return err
	}
	return c.write(enc, rv)
}

// Read reads the next value of the decoder and stores it in what v points to: with the VDLRead of v if it has one, and
// by reflection otherwise. What was there before is replaced, not merged. An error is returned if v is not a pointer or
// is nil, if the type it points to has no Type, or if the value's type is not Compatible with it.
func Read(dec Decoder, v any) error {
	rv := reflect.ValueOf(v)
	if rv.Kind() != reflect.Pointer || rv.IsNil() {
		return fmt.Errorf("vdl: Read needs a pointer that is not nil, not %T", v)
	}
	if r, ok := v.(Reader); ok {
		return r.VDLRead(dec)
	}
	c, err := codecOf(rv.Type().Elem())
	if err != nil {
		return err
	}
	return c.read(dec, rv.Elem())
}
