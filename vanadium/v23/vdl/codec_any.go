package vdl

import (
	"errors"
	"fmt"
	"reflect"
)

// anyCodec compiles the codec of an interface type that can hold values of any type.
func anyCodec(c *codec) {
	c.write = func(enc Encoder, rv reflect.Value) error {
		if rv.IsNil() {
			return enc.NilValue(AnyType)
		}
		elem, err := codecOf(rv.Elem().Type())
		if err != nil {
			return err
		}
		return elem.write(enc, rv.Elem())
	}
	c.read = func(dec Decoder, rv reflect.Value) error {
		x, err := readAny(dec)
		if err != nil {
			return err
		}
		rv.SetZero()
		if !x.IsValid() {
			return nil
		}
		if !x.Type().AssignableTo(c.rt) {
			return fmt.Errorf("vdl: a value of %v was sent where a %v is expected", x.Type(), c.rt)
		}
		rv.Set(x)
		return nil
	}
	c.isZero = func(rv reflect.Value) bool {
		if rv.IsNil() {
			return true
		}
		elem, err := codecOf(rv.Elem().Type())
		return err == nil && elem.tt == AnyType && elem.isZero(rv.Elem())
	}
}

// readAny reads the next value as the Go type registered for its type, or as a *Value if there is none. The nil any is
// returned as the zero reflect.Value.
func readAny(dec Decoder) (reflect.Value, error) {
	if err := dec.StartValue(AnyType); err != nil {
		return reflect.Value{}, err
	}
	if dec.IsNil() {
		tt := dec.Type()
		if tt.kind == Optional && tt != ErrorType {
			return nilOptional(tt), dec.FinishValue()
		}
		return reflect.Value{}, dec.FinishValue()
	}
	tt := dec.Type()
	if dec.IsOptional() && tt != ErrorType.elem {
		tt = OptionalType(tt)
	}
	rt := goTypeFor(tt)
	if rt == nil {
		rt = rtValue
	}
	c, err := codecOf(rt)
	if err != nil {
		return reflect.Value{}, err
	}
	dec.IgnoreNextStartValue()
	x := reflect.New(rt).Elem()
	return x, c.read(dec, x)
}

func nilOptional(tt *Type) reflect.Value {
	if rt := goTypeFor(tt); rt != nil {
		return reflect.Zero(rt)
	}
	return reflect.ValueOf(ZeroValue(tt))
}

var errNoErrors = errors.New("vdl: errors cannot be converted, import v.io/v23/verror")

// errorCodec compiles the codec of error or of a Go type that travels as an error because it is nothing else.
func errorCodec(c *codec) {
	c.isZero = func(rv reflect.Value) bool { return canBeNil(rv) && rv.IsNil() }
	c.write = func(enc Encoder, rv reflect.Value) error {
		if c.isZero(rv) {
			return enc.NilValue(ErrorType)
		}
		n := nativeOf(rtError)
		if n == nil {
			return errNoErrors
		}
		asError := reflect.New(rtError).Elem()
		asError.Set(rv)
		wire, err := n.fromNative(asError)
		if err != nil {
			return err
		}
		return Write(enc, wire.Addr().Interface())
	}
	c.read = func(dec Decoder, rv reflect.Value) error {
		if c.rt != rtError {
			return fmt.Errorf("vdl: cannot read an error into %v, only into error", c.rt)
		}
		return readError(dec, rv)
	}
}

func canBeNil(rv reflect.Value) bool {
	switch rv.Kind() {
	case reflect.Interface, reflect.Pointer, reflect.Map, reflect.Slice, reflect.Func, reflect.Chan:
		return true
	}
	return false
}

func readError(dec Decoder, rv reflect.Value) error {
	var wire *WireError
	if err := Read(dec, &wire); err != nil {
		return err
	}
	rv.SetZero()
	if wire == nil {
		return nil
	}
	n := nativeOf(rtError)
	if n == nil {
		return errNoErrors
	}
	return n.toNative(reflect.ValueOf(wire).Elem(), rv)
}
