package vdl

import "fmt"

// Convert stores the Go value src in what dst points to, as if it were encoded and decoded: their types need not be the
// same but Compatible, and numbers are only converted without loss.
func Convert(dst, src any) error {
	v, err := ValueFrom(src)
	if err != nil {
		return err
	}
	return Read(newValueDecoder(v), dst)
}

// convertValue returns the value x converted to the type t.
func convertValue(t *Type, x *Value) (*Value, error) {
	if x == nil {
		x = ZeroValue(AnyType)
	}
	return readValueAs(newValueDecoder(x), t)
}

// VDLIsZero reports whether the Value stands for the nil any.
func (v *Value) VDLIsZero() bool { return v == nil || v.t == nil || v.t == AnyType && v.rep == nil }

// VDLReflect says that a Value holds a value of any type; it is never called.
func (*Value) VDLReflect(struct {
	Name string `vdl:"any"`
}) {
}

// VDLRead makes v the next value of the decoder, whatever its type.
func (v *Value) VDLRead(dec Decoder) error {
	x, err := readValueAs(dec, AnyType)
	if err != nil {
		return err
	}
	if elem := x.Elem(); elem != nil {
		x = elem
	}
	*v = *x
	return nil
}

// readValueAs reads the next value and converts it to the type.
func readValueAs(dec Decoder, t *Type) (*Value, error) {
	if err := dec.StartValue(t); err != nil {
		return nil, err
	}
	if dec.IsNil() {
		v := ZeroValue(t)
		if t == AnyType && dec.Type() != AnyType {
			v.rep = ZeroValue(dec.Type())
		}
		return v, dec.FinishValue()
	}
	inner := t
	switch {
	case t == AnyType && dec.IsOptional():
		inner = OptionalType(dec.Type())
	case t == AnyType:
		inner = dec.Type()
	}
	v := &Value{t: inner.NonOptional()}
	if err := v.readContent(dec); err != nil {
		return nil, err
	}
	if inner.kind == Optional {
		v = &Value{inner, v}
	}
	if t == AnyType {
		v = &Value{t, v}
	}
	return v, dec.FinishValue()
}

// readContent reads what is between StartValue and FinishValue.
func (v *Value) readContent(dec Decoder) error {
	switch v.t.kind {
	case Array, List:
		return v.readSequence(dec)
	case Set, Map:
		return v.readEntries(dec)
	case Struct, Union:
		return v.readFields(dec)
	}
	return v.readScalar(dec)
}

func (v *Value) readScalar(dec Decoder) error {
	var err error
	switch kind := v.t.kind; {
	case kind == Bool:
		v.rep, err = dec.DecodeBool()
	case kind.isUnsigned():
		v.rep, err = dec.DecodeUint(kind.BitLen())
	case kind.isSigned():
		v.rep, err = dec.DecodeInt(kind.BitLen())
	case kind.isFloat():
		v.rep, err = dec.DecodeFloat(kind.BitLen())
	case kind == String:
		v.rep, err = dec.DecodeString()
	case kind == TypeObject:
		v.rep, err = dec.DecodeTypeObject()
	case kind == Enum:
		label, derr := dec.DecodeString()
		if derr != nil {
			return derr
		}
		i := v.t.indexOf(label)
		if i < 0 {
			return fmt.Errorf("vdl: %v has no label %q", v.t, label)
		}
		v.rep = i
	default:
		err = fmt.Errorf("vdl: a value of %v cannot be read", v.t)
	}
	return err
}

func (v *Value) readSequence(dec Decoder) error {
	if v.t.IsBytes() {
		return v.readBytes(dec)
	}
	for i := 0; ; i++ {
		done, err := dec.NextEntry()
		if err != nil {
			return err
		}
		if v.t.kind == Array && done != (i == v.t.length) {
			return fmt.Errorf("vdl: %v was sent with a length that is not %d", v.t, v.t.length)
		}
		if done {
			return nil
		}
		elem, err := readValueAs(dec, v.t.elem)
		if err != nil {
			return err
		}
		v.place(i, elem)
	}
}

func (v *Value) readBytes(dec Decoder) error {
	var content []byte
	fixed := -1
	if v.t.kind == Array {
		fixed = v.t.length
		content = make([]byte, fixed)
	}
	err := dec.DecodeBytes(fixed, &content)
	v.rep = content
	return err
}

func (v *Value) readEntries(dec Decoder) error {
	for {
		done, err := dec.NextEntry()
		if done || err != nil {
			return err
		}
		key, err := readValueAs(dec, v.t.key)
		if err != nil {
			return err
		}
		var elem *Value
		if v.t.kind == Map {
			if elem, err = readValueAs(dec, v.t.elem); err != nil {
				return err
			}
		}
		v.entries().assign(key, elem)
	}
}

func (v *Value) readFields(dec Decoder) error {
	sent := dec.Type()
	found := false
	for {
		sentIndex, err := dec.NextField()
		if err != nil {
			return err
		}
		if sentIndex == -1 {
			break
		}
		index := v.t.indexOf(sent.fields[sentIndex].Name)
		if index == -1 {
			if err := dec.SkipValue(); err != nil {
				return err
			}
			continue
		}
		field, err := readValueAs(dec, v.t.fields[index].Type)
		if err != nil {
			return err
		}
		found = true
		if v.t.kind == Union {
			v.rep = &valueField{index, field}
		} else {
			v.place(index, field)
		}
	}
	if v.t.kind == Union && !found {
		return fmt.Errorf("vdl: the union %v was sent as %v with a field that it has not", v.t, sent)
	}
	return nil
}

// VDLWrite writes the value that v holds. Nil pointers and invalid values are written as the nil any.
func (v *Value) VDLWrite(enc Encoder) error {
	if !v.IsValid() {
		return enc.NilValue(AnyType)
	}
	if v.IsNil() {
		return enc.NilValue(v.t)
	}
	if v.t.CanBeNil() {
		if v.t.kind == Optional {
			enc.SetNextStartValueIsOptional()
		}
		return v.Elem().VDLWrite(enc)
	}
	if err := enc.StartValue(v.t); err != nil {
		return err
	}
	if err := v.writeContent(enc); err != nil {
		return err
	}
	return enc.FinishValue()
}

func (v *Value) writeContent(enc Encoder) error {
	switch kind := v.t.kind; {
	case kind == Bool:
		return enc.EncodeBool(v.Bool())
	case kind.isUnsigned():
		return enc.EncodeUint(v.Uint())
	case kind.isSigned():
		return enc.EncodeInt(v.Int())
	case kind.isFloat():
		return enc.EncodeFloat(v.Float())
	case kind == String:
		return enc.EncodeString(v.RawString())
	case kind == Enum:
		return enc.EncodeString(v.EnumLabel())
	case kind == TypeObject:
		return enc.EncodeTypeObject(v.TypeObject())
	case v.t.IsBytes():
		return enc.EncodeBytes(v.Bytes())
	case kind == Struct:
		return v.writeFields(enc)
	case kind == Union:
		i, field := v.UnionField()
		if err := enc.NextField(i); err != nil {
			return err
		}
		if err := field.VDLWrite(enc); err != nil {
			return err
		}
		return enc.NextField(-1)
	}
	return v.writeEntries(enc)
}

func (v *Value) writeFields(enc Encoder) error {
	for i := range v.t.fields {
		field := v.StructField(i)
		if field.IsZero() {
			continue
		}
		if err := enc.NextField(i); err != nil {
			return err
		}
		if err := field.VDLWrite(enc); err != nil {
			return err
		}
	}
	return enc.NextField(-1)
}

// writeEntries writes the entries of an array, list, set or map.
func (v *Value) writeEntries(enc Encoder) error {
	if v.t.kind != Array {
		if err := enc.SetLenHint(v.Len()); err != nil {
			return err
		}
	}
	m, _ := v.rep.(*valueMap)
	for i := range v.Len() {
		if err := enc.NextEntry(false); err != nil {
			return err
		}
		var first, second *Value
		if m != nil {
			first, second = m.keys[i], m.elems[i]
		} else {
			first = v.Index(i)
		}
		if err := first.VDLWrite(enc); err != nil {
			return err
		}
		if second == nil {
			continue
		}
		if err := second.VDLWrite(enc); err != nil {
			return err
		}
	}
	return enc.NextEntry(true)
}
