package vdl

import (
	"fmt"
	"reflect"
)

func scalarCodec(c *codec) error {
	kind := c.tt.kind
	switch {
	case kind == Bool:
		boolCodec(c)
	case kind == String:
		stringCodec(c)
	case kind.isUnsigned():
		uintCodec(c)
	case kind.isSigned():
		intCodec(c)
	case kind.isFloat():
		floatCodec(c)
	default:
		return fmt.Errorf("vdl: Go type %v cannot hold values of %v", c.rt, c.tt)
	}
	return nil
}

func boolCodec(c *codec) {
	c.write = func(enc Encoder, rv reflect.Value) error { return enc.WriteValueBool(c.tt, rv.Bool()) }
	c.read = func(dec Decoder, rv reflect.Value) error {
		x, err := dec.ReadValueBool()
		rv.SetBool(x)
		return err
	}
	c.isZero = func(rv reflect.Value) bool { return !rv.Bool() }
}

func stringCodec(c *codec) {
	c.write = func(enc Encoder, rv reflect.Value) error { return enc.WriteValueString(c.tt, rv.String()) }
	c.read = func(dec Decoder, rv reflect.Value) error {
		x, err := dec.ReadValueString()
		rv.SetString(x)
		return err
	}
	c.isZero = func(rv reflect.Value) bool { return rv.Len() == 0 }
}

func uintCodec(c *codec) {
	bits := c.tt.kind.BitLen()
	c.write = func(enc Encoder, rv reflect.Value) error { return enc.WriteValueUint(c.tt, rv.Uint()) }
	c.read = func(dec Decoder, rv reflect.Value) error {
		x, err := dec.ReadValueUint(bits)
		if err == nil && rv.OverflowUint(x) {
			err = fmt.Errorf("vdl: %d does not fit into %v", x, c.rt)
		}
		rv.SetUint(x)
		return err
	}
	c.isZero = func(rv reflect.Value) bool { return rv.Uint() == 0 }
}

func intCodec(c *codec) {
	bits := c.tt.kind.BitLen()
	c.write = func(enc Encoder, rv reflect.Value) error { return enc.WriteValueInt(c.tt, rv.Int()) }
	c.read = func(dec Decoder, rv reflect.Value) error {
		x, err := dec.ReadValueInt(bits)
		if err == nil && rv.OverflowInt(x) {
			err = fmt.Errorf("vdl: %d does not fit into %v", x, c.rt)
		}
		rv.SetInt(x)
		return err
	}
	c.isZero = func(rv reflect.Value) bool { return rv.Int() == 0 }
}

func floatCodec(c *codec) {
	bits := c.tt.kind.BitLen()
	c.write = func(enc Encoder, rv reflect.Value) error { return enc.WriteValueFloat(c.tt, rv.Float()) }
	c.read = func(dec Decoder, rv reflect.Value) error {
		x, err := dec.ReadValueFloat(bits)
		rv.SetFloat(x)
		return err
	}
	// Minus zero equals zero, but it is a value of its own.
	c.isZero = func(rv reflect.Value) bool { return rv.IsZero() }
}

// enumCodec compiles the codec of an enum, which in Go is an integer or a string of a label.
func enumCodec(c *codec) error {
	if c.rt.Kind() == reflect.String {
		stringCodec(c)
		c.isZero = func(rv reflect.Value) bool { return rv.String() == c.tt.EnumLabel(0) }
		c.setZero = func(rv reflect.Value) { rv.SetString(c.tt.EnumLabel(0)) }
		return nil
	}
	if kind := goKinds[c.rt.Kind()]; !kind.isSigned() {
		return fmt.Errorf("vdl: Go type %v cannot be the enum %v, want a signed integer", c.rt, c.tt)
	}
	c.write = func(enc Encoder, rv reflect.Value) error {
		i := rv.Int()
		if i < 0 || i >= int64(c.tt.NumEnumLabel()) {
			return fmt.Errorf("vdl: %v has no label %d", c.tt, i)
		}
		return enc.WriteValueString(c.tt, c.tt.EnumLabel(int(i)))
	}
	c.read = func(dec Decoder, rv reflect.Value) error {
		label, err := dec.ReadValueString()
		if err != nil {
			return err
		}
		i := c.tt.EnumIndex(label)
		if i < 0 {
			return fmt.Errorf("vdl: %v has no label %q", c.tt, label)
		}
		rv.SetInt(int64(i))
		return nil
	}
	c.isZero = func(rv reflect.Value) bool { return rv.Int() == 0 }
	return nil
}
