package vom

import (
	"bytes"
	"fmt"

	"v.io/v23/vdl"
	_ "v.io/v23/vdlroot/time" // so that instants and durations always travel as such
)

// RawBytes holds one value of any type as it was encoded, so that it can be stored, passed on or decoded later. It is
// the Go type of any in generated code. The members other than Data are shared with other RawBytes and must not be
// changed.
type RawBytes struct {
	Version    Version
	Type       *vdl.Type   // of the value
	RefTypes   []*vdl.Type // the type table of the message, which typeobjects and any in Data refer to
	AnyLengths []int       // the any table of the message
	Data       []byte      // the value, without the header of a message
}

// VDLReflect says that RawBytes holds a value of any type; it is never called.
func (RawBytes) VDLReflect(struct {
	Name string `vdl:"any"`
}) {
}

// RawBytesOf returns the encoding of the value. It panics if the value cannot be encoded, see RawBytesFromValue.
func RawBytesOf(v any) *RawBytes {
	raw, err := RawBytesFromValue(v)
	if err != nil {
		panic(err)
	}
	return raw
}

// RawBytesFromValue returns the encoding of the value.
func RawBytesFromValue(v any) (*RawBytes, error) {
	data, err := Encode(v)
	if err != nil {
		return nil, err
	}
	raw := new(RawBytes)
	if err := Decode(data, raw); err != nil {
		return nil, err
	}
	return raw, nil
}

// ToValue decodes the value and stores it in what v points to. A nil pointer is the nil any.
func (b *RawBytes) ToValue(v any) error {
	return vdl.Read(b.decoder(), v)
}

// decoder returns a decoder of the one value.
func (b *RawBytes) decoder() *decoder {
	d := &decoder{root: vdl.AnyType, body: []byte{controlNil}}
	if b != nil && b.Type != nil {
		d.root, d.body, d.table = b.Type, b.Data, b.RefTypes
		for _, n := range b.AnyLengths {
			d.anyLens = append(d.anyLens, uint64(n))
		}
	}
	return d
}

// IsNil reports whether the value is the nil any or a nil optional.
func (b *RawBytes) IsNil() bool {
	if b == nil || b.Type == nil {
		return true
	}
	return b.Type.CanBeNil() && len(b.Data) == 1 && b.Data[0] == controlNil
}

// VDLIsZero reports whether the value is the nil any.
func (b *RawBytes) VDLIsZero() bool {
	return b == nil || b.Type == nil || b.Type == vdl.AnyType && b.IsNil()
}

// String describes the value.
func (b *RawBytes) String() string {
	var v *vdl.Value
	if err := b.ToValue(&v); err != nil {
		return fmt.Sprintf("RawBytes{%v: %v}", b.Type, err)
	}
	return v.String()
}

// VDLRead makes b the next value of the decoder, whatever its type.
func (b *RawBytes) VDLRead(dec vdl.Decoder) error {
	if d, ok := dec.(*decoder); ok && !d.ignore {
		return d.readRaw(b)
	}
	var v vdl.Value
	if err := v.VDLRead(dec); err != nil {
		return err
	}
	raw, err := RawBytesFromValue(&v)
	if err != nil {
		return err
	}
	*b = *raw
	return nil
}

// readRaw takes the next value as it is.
func (d *decoder) readRaw(b *RawBytes) error {
	tt, err := d.expected()
	if err != nil {
		return err
	}
	isEntry := d.inBytes(1)
	start := d.pos
	if tt.Kind() == vdl.Any && !d.takeNil() {
		var end int
		if tt, end, err = d.anyHeader(); err != nil {
			return err
		}
		start = d.pos
		if err := d.skip(tt, false, len(d.stack)); err != nil {
			return err
		}
		if err := checkEnd(end, d.pos); err != nil {
			return err
		}
	} else if tt.Kind() != vdl.Any {
		if err := d.skip(tt, isEntry, len(d.stack)); err != nil {
			return err
		}
	}
	*b = RawBytes{Version: DefaultVersion, Type: tt, Data: bytes.Clone(d.body[start:d.pos])}
	if isEntry && tt.Kind() == vdl.Byte {
		b.Data = appendUint(nil, uint64(b.Data[0])) // outside of bytes, a byte is a number
	}
	if hasTypeTable(tt) {
		b.RefTypes = append(b.RefTypes, d.table...)
	}
	if hasAnyTable(tt) {
		for _, n := range d.anyLens {
			b.AnyLengths = append(b.AnyLengths, int(n))
		}
	}
	return d.finishMessage()
}

// VDLWrite writes the value. Data is copied if it refers to no table, which differs from message to message, and is
// decoded and encoded again otherwise.
func (b *RawBytes) VDLWrite(enc vdl.Encoder) error {
	if b.VDLIsZero() {
		return enc.NilValue(vdl.AnyType)
	}
	if b.IsNil() {
		return enc.NilValue(b.Type)
	}
	if e, ok := enc.(*encoder); ok && !hasTypeTable(b.Type) {
		return e.writeRaw(b)
	}
	var v vdl.Value
	if err := b.ToValue(&v); err != nil {
		return err
	}
	return v.VDLWrite(enc)
}

// writeRaw writes a value as it is.
func (e *encoder) writeRaw(b *RawBytes) error {
	e.optional = false
	anyLen, err := e.enter(b.Type)
	if err != nil {
		return err
	}
	start := len(e.buf)
	e.buf = append(e.buf, b.Data...)
	return e.leave(anyLen, start)
}
