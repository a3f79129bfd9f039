package vdl

import (
	"fmt"
	"reflect"
)

// sequence compiles the codec of an array or a list.
func (comp compiler) sequence(c *codec) error {
	if c.rt.Elem().Kind() == reflect.Uint8 {
		bytesCodec(c)
		return nil
	}
	elem, err := comp.compile(c.rt.Elem())
	if err != nil {
		return err
	}
	c.write = func(enc Encoder, rv reflect.Value) error { return writeSequence(c, elem, enc, rv) }
	c.isZero = func(rv reflect.Value) bool { return rv.Len() == 0 }
	if c.tt.kind == List {
		c.read = func(dec Decoder, rv reflect.Value) error { return readList(c, elem, dec, rv) }
		return nil
	}
	c.read = func(dec Decoder, rv reflect.Value) error { return readArray(c, elem, dec, rv) }
	c.isZero = func(rv reflect.Value) bool {
		for i := range rv.Len() {
			if !elem.isZero(rv.Index(i)) {
				return false
			}
		}
		return true
	}
	c.setZero = func(rv reflect.Value) {
		for i := range rv.Len() {
			elem.setZero(rv.Index(i))
		}
	}
	return nil
}

func bytesCodec(c *codec) {
	c.write = func(enc Encoder, rv reflect.Value) error {
		if rv.Kind() == reflect.Array && !rv.CanAddr() {
			addressable := reflect.New(c.rt).Elem()
			addressable.Set(rv)
			rv = addressable
		}
		return enc.WriteValueBytes(c.tt, rv.Bytes())
	}
	c.isZero = func(rv reflect.Value) bool { return rv.Len() == 0 }
	c.read = func(dec Decoder, rv reflect.Value) error {
		var bytes []byte
		err := dec.ReadValueBytes(-1, &bytes)
		rv.SetBytes(bytes)
		return err
	}
	if c.tt.kind == Array {
		c.isZero = reflect.Value.IsZero
		c.read = func(dec Decoder, rv reflect.Value) error {
			bytes := rv.Bytes()
			return dec.ReadValueBytes(len(bytes), &bytes)
		}
	}
}

func writeSequence(c, elem *codec, enc Encoder, rv reflect.Value) error {
	if err := enc.StartValue(c.tt); err != nil {
		return err
	}
	if c.tt.kind == List {
		if err := enc.SetLenHint(rv.Len()); err != nil {
			return err
		}
	}
	for i := range rv.Len() {
		if err := enc.NextEntry(false); err != nil {
			return err
		}
		if err := elem.write(enc, rv.Index(i)); err != nil {
			return err
		}
	}
	if err := enc.NextEntry(true); err != nil {
		return err
	}
	return enc.FinishValue()
}

// maxPrealloc bounds the bytes allocated for the entries that a decoder announces, before they are read.
const maxPrealloc = 64 << 10

// boundedCap returns a capacity for n announced entries of the size.
func boundedCap(n int, size uintptr) int {
	return max(0, min(n, maxPrealloc/int(max(size, 1))))
}

func readList(c, elem *codec, dec Decoder, rv reflect.Value) error {
	if err := dec.StartValue(c.tt); err != nil {
		return err
	}
	rv.SetZero()
	if n := boundedCap(dec.LenHint(), c.rt.Elem().Size()); n > 0 {
		rv.Set(reflect.MakeSlice(c.rt, 0, n))
	}
	for i := 0; ; i++ {
		done, err := dec.NextEntry()
		if err != nil {
			return err
		}
		if done {
			break
		}
		if i >= rv.Cap() {
			rv.Grow(1)
		}
		rv.SetLen(i + 1)
		if err := elem.read(dec, rv.Index(i)); err != nil {
			return err
		}
	}
	if rv.Len() == 0 {
		rv.SetZero()
	}
	return dec.FinishValue()
}

func readArray(c, elem *codec, dec Decoder, rv reflect.Value) error {
	if err := dec.StartValue(c.tt); err != nil {
		return err
	}
	for i := 0; ; i++ {
		done, err := dec.NextEntry()
		if err != nil {
			return err
		}
		if done != (i == rv.Len()) {
			return fmt.Errorf("vdl: %v was sent with a length that is not %d", c.tt, rv.Len())
		}
		if done {
			return dec.FinishValue()
		}
		if err := elem.read(dec, rv.Index(i)); err != nil {
			return err
		}
	}
}

// mapping compiles the codec of a map or a set.
func (comp compiler) mapping(c *codec) error {
	key, err := comp.compile(c.rt.Key())
	if err != nil {
		return err
	}
	var elem *codec // nil for sets
	if c.tt.kind == Map {
		if elem, err = comp.compile(c.rt.Elem()); err != nil {
			return err
		}
	}
	c.write = func(enc Encoder, rv reflect.Value) error { return writeMap(c, key, elem, enc, rv) }
	c.read = func(dec Decoder, rv reflect.Value) error { return readMap(c, key, elem, dec, rv) }
	c.isZero = func(rv reflect.Value) bool { return rv.Len() == 0 }
	return nil
}

func writeMap(c, key, elem *codec, enc Encoder, rv reflect.Value) error {
	if err := enc.StartValue(c.tt); err != nil {
		return err
	}
	if err := enc.SetLenHint(rv.Len()); err != nil {
		return err
	}
	for iter := rv.MapRange(); iter.Next(); {
		if err := enc.NextEntry(false); err != nil {
			return err
		}
		if err := key.write(enc, iter.Key()); err != nil {
			return err
		}
		if elem == nil {
			continue
		}
		if err := elem.write(enc, iter.Value()); err != nil {
			return err
		}
	}
	if err := enc.NextEntry(true); err != nil {
		return err
	}
	return enc.FinishValue()
}

func readMap(c, key, elem *codec, dec Decoder, rv reflect.Value) error {
	if err := dec.StartValue(c.tt); err != nil {
		return err
	}
	rv.SetZero()
	for {
		done, err := dec.NextEntry()
		if err != nil {
			return err
		}
		if done {
			return dec.FinishValue()
		}
		if rv.IsNil() {
			rv.Set(reflect.MakeMap(c.rt))
		}
		k := reflect.New(c.rt.Key()).Elem()
		if err := key.read(dec, k); err != nil {
			return err
		}
		v := reflect.New(c.rt.Elem()).Elem()
		if elem != nil {
			if err := elem.read(dec, v); err != nil {
				return err
			}
		}
		rv.SetMapIndex(k, v)
	}
}

// structField is a field of a Go struct that travels. Its position in codecs' lists is its index in the Type.
type structField struct {
	index int // in the Go struct
	codec *codec
}

func (comp compiler) structure(c *codec) error {
	var fields []structField
	for i := range c.rt.NumField() {
		if !c.rt.Field(i).IsExported() {
			continue
		}
		field, err := comp.compile(c.rt.Field(i).Type)
		if err != nil {
			return err
		}
		fields = append(fields, structField{i, field})
	}
	c.write = func(enc Encoder, rv reflect.Value) error { return writeStruct(c, fields, enc, rv) }
	c.read = func(dec Decoder, rv reflect.Value) error { return readStruct(c, fields, dec, rv) }
	c.isZero = func(rv reflect.Value) bool {
		for _, field := range fields {
			if !field.codec.isZero(rv.Field(field.index)) {
				return false
			}
		}
		return true
	}
	c.setZero = func(rv reflect.Value) {
		for _, field := range fields {
			field.codec.setZero(rv.Field(field.index))
		}
	}
	return nil
}

func writeStruct(c *codec, fields []structField, enc Encoder, rv reflect.Value) error {
	if err := enc.StartValue(c.tt); err != nil {
		return err
	}
	for i, field := range fields {
		fv := rv.Field(field.index)
		if field.codec.isZero(fv) {
			continue
		}
		if err := enc.NextField(i); err != nil {
			return err
		}
		if err := field.codec.write(enc, fv); err != nil {
			return err
		}
	}
	if err := enc.NextField(-1); err != nil {
		return err
	}
	return enc.FinishValue()
}

func readStruct(c *codec, fields []structField, dec Decoder, rv reflect.Value) error {
	c.setZero(rv)
	if err := dec.StartValue(c.tt); err != nil {
		return err
	}
	sent := dec.Type()
	for {
		index, err := dec.NextField()
		switch {
		case err != nil:
			return err
		case index == -1:
			return dec.FinishValue()
		case sent != c.tt:
			index = c.tt.FieldIndexByName(sent.Field(index).Name)
		}
		if index == -1 {
			if err := dec.SkipValue(); err != nil {
				return err
			}
			continue
		}
		if err := fields[index].codec.read(dec, rv.Field(fields[index].index)); err != nil {
			return err
		}
	}
}
