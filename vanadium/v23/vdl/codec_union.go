package vdl

import (
	"fmt"
	"reflect"
)

// unionCodec reads and writes a Go union: an interface that one struct type per field implements.
type unionCodec struct {
	*codec
	goUnion
	values []*codec // of the one member Value of each field's struct
}

// union compiles the codec of a union's interface type or of the struct type of one of its fields.
func (comp compiler) union(c *codec, u *goUnion) error {
	uc := &unionCodec{codec: c, goUnion: *u}
	for _, field := range u.fields {
		if field.rt.Kind() != reflect.Struct || field.rt.NumField() != 1 || !field.rt.Implements(u.iface) {
			return fmt.Errorf("vdl: %v is no field of the union %v, want a struct with one member", field.rt, u.iface)
		}
		value, err := comp.compile(field.rt.Field(0).Type)
		if err != nil {
			return err
		}
		uc.values = append(uc.values, value)
	}
	c.write, c.isZero = uc.writeField, uc.isZeroField
	c.read = func(Decoder, reflect.Value) error {
		return fmt.Errorf("vdl: cannot read into %v, which is one field of the union %v", c.rt, u.iface)
	}
	if c.rt == u.iface {
		c.read, c.setZero = uc.readUnion, func(rv reflect.Value) { rv.Set(uc.zeroField()) }
	}
	return nil
}

// zeroField returns the zero value of the union: its first field with that field's zero value.
func (uc *unionCodec) zeroField() reflect.Value {
	field := reflect.New(uc.fields[0].rt).Elem()
	uc.values[0].setZero(field.Field(0))
	return field
}

// concrete returns the struct inside the interface and the index of its field. A nil interface is the zero value.
func (uc *unionCodec) concrete(rv reflect.Value) (reflect.Value, int) {
	if rv.Kind() == reflect.Interface {
		if rv.IsNil() {
			return uc.zeroField(), 0
		}
		rv = rv.Elem()
	}
	for rv.Kind() == reflect.Pointer && !rv.IsNil() {
		rv = rv.Elem()
	}
	for i, field := range uc.fields {
		if field.rt == rv.Type() {
			return rv, i
		}
	}
	return rv, -1
}

func (uc *unionCodec) isZeroField(rv reflect.Value) bool {
	field, i := uc.concrete(rv)
	return i == 0 && uc.values[0].isZero(field.Field(0))
}

func (uc *unionCodec) writeField(enc Encoder, rv reflect.Value) error {
	field, i := uc.concrete(rv)
	if i < 0 {
		return fmt.Errorf("vdl: %v is no field of the union %v", field.Type(), uc.iface)
	}
	if w, ok := field.Interface().(Writer); ok && rv.Kind() == reflect.Interface {
		return w.VDLWrite(enc)
	}
	if err := enc.StartValue(uc.tt); err != nil {
		return err
	}
	if err := enc.NextField(i); err != nil {
		return err
	}
	if err := uc.values[i].write(enc, field.Field(0)); err != nil {
		return err
	}
	if err := enc.NextField(-1); err != nil {
		return err
	}
	return enc.FinishValue()
}

func (uc *unionCodec) readUnion(dec Decoder, rv reflect.Value) error {
	if err := dec.StartValue(uc.tt); err != nil {
		return err
	}
	sent := dec.Type()
	index, err := dec.NextField()
	if err != nil {
		return err
	}
	if index >= 0 && sent != uc.tt {
		index = uc.tt.FieldIndexByName(sent.Field(index).Name)
	}
	if index < 0 {
		return fmt.Errorf("vdl: the union %v was sent as %v with a field that it has not", uc.tt, sent)
	}
	field := reflect.New(uc.fields[index].rt).Elem()
	if err := uc.values[index].read(dec, field.Field(0)); err != nil {
		return err
	}
	rv.Set(field)
	end, err := dec.NextField()
	if err != nil {
		return err
	}
	if end != -1 {
		return fmt.Errorf("vdl: the union %v was sent with more than one field", uc.tt)
	}
	return dec.FinishValue()
}
