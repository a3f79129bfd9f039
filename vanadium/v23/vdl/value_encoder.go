package vdl

import (
	"bytes"
	"errors"
	"fmt"
)

// valueEncoder is an Encoder that builds a Value.
type valueEncoder struct {
	fusedEncoder
	core *valueBuilder
}

func newValueEncoder() *valueEncoder {
	core := &valueBuilder{}
	return &valueEncoder{fusedEncoder{core}, core}
}

// result returns the value that was written.
func (e *valueEncoder) result() (*Value, error) {
	if e.core.value == nil || len(e.core.stack) > 0 {
		return nil, errors.New("vdl: VDLWrite did not write exactly one value")
	}
	return e.core.value, nil
}

// valueBuilder holds the values that are begun, the innermost last.
type valueBuilder struct {
	stack    []builderFrame
	optional bool // the next value is the element of an optional
	value    *Value
}

type builderFrame struct {
	value    *Value
	optional *Type  // the optional whose element the value is, or nil
	index    int    // of the current entry or field, -1 before the first
	key      *Value // of the current map entry, once it was written
}

func (b *valueBuilder) SetNextStartValueIsOptional() { b.optional = true }

func (b *valueBuilder) StartValue(tt *Type) error {
	if len(b.stack) >= maxNesting {
		return errNesting
	}
	frame := builderFrame{value: &Value{t: tt.NonOptional()}, index: -1}
	if b.optional || tt.kind == Optional {
		frame.optional = OptionalType(tt.NonOptional())
	}
	b.optional = false
	b.stack = append(b.stack, frame)
	return nil
}

// maxNesting bounds how deep values nest.
const maxNesting = 1000

var errNesting = fmt.Errorf("vdl: value is nested more than %d levels deep", maxNesting)

func (b *valueBuilder) FinishValue() error {
	frame, err := b.top()
	if err != nil {
		return err
	}
	value := frame.value
	if frame.optional != nil {
		value = &Value{frame.optional, value}
	}
	b.stack = b.stack[:len(b.stack)-1]
	return b.deliver(value)
}

func (b *valueBuilder) NilValue(tt *Type) error {
	b.optional = false
	if !tt.CanBeNil() {
		return fmt.Errorf("vdl: values of %v cannot be nil", tt)
	}
	return b.deliver(ZeroValue(tt))
}

var errNoValue = errors.New("vdl: no value is begun")

func (b *valueBuilder) top() (*builderFrame, error) {
	if len(b.stack) == 0 {
		return nil, errNoValue
	}
	return &b.stack[len(b.stack)-1], nil
}

// deliver puts a finished value into the place it was written for.
func (b *valueBuilder) deliver(v *Value) error {
	if len(b.stack) == 0 {
		if b.value != nil {
			return errors.New("vdl: more than one value was written")
		}
		b.value = v
		return nil
	}
	frame, _ := b.top()
	parent := frame.value
	want, isKey, err := frame.expects()
	if err != nil {
		return err
	}
	if want == AnyType && v.t != AnyType {
		v = &Value{AnyType, v}
	}
	if v.t != want {
		return fmt.Errorf("vdl: a value of %v was written into %v, which wants %v", v.t, parent.t, want)
	}
	switch {
	case isKey && parent.t.kind == Map:
		frame.key = v
	case isKey:
		parent.entries().assign(v, nil)
	case parent.t.kind == Map:
		parent.entries().assign(frame.key, v)
		frame.key = nil
	case parent.t.kind == Union:
		parent.rep = &valueField{frame.index, v}
	default:
		parent.place(frame.index, v)
	}
	return nil
}

// expects returns the type of the next value inside the frame's value, and whether that is a key.
func (f *builderFrame) expects() (_ *Type, isKey bool, _ error) {
	t := f.value.t
	switch {
	case f.index < 0:
		return nil, false, fmt.Errorf("vdl: a value inside %v was written before its entry or field", t)
	case t.kind == Set || t.kind == Map && f.key == nil:
		return t.key, true, nil
	case t.kind == Struct || t.kind == Union:
		return t.fields[f.index].Type, false, nil
	case t.elem == nil || t.kind == Array && f.index >= t.length:
		return nil, false, fmt.Errorf("vdl: %v has no room for one more value", t)
	}
	return t.elem, false, nil
}

// place stores the value of an entry or field.
func (v *Value) place(i int, x *Value) {
	if v.t.IsBytes() {
		content, _ := v.rep.([]byte)
		if content == nil && v.t.kind == Array {
			content = make([]byte, v.t.length)
		}
		if v.t.kind == List {
			content = append(content, 0)
		}
		content[i] = byte(x.Uint())
		v.rep = content
		return
	}
	list, _ := v.rep.([]*Value)
	switch {
	case v.t.kind == List:
		list = append(list, nil)
	case list == nil && v.t.kind == Array:
		list = make([]*Value, v.t.length)
	case list == nil:
		list = make([]*Value, len(v.t.fields))
	}
	list[i] = x
	v.rep = list
}

func (v *Value) entries() *valueMap {
	m, _ := v.rep.(*valueMap)
	if m == nil {
		m = newValueMap()
		v.rep = m
	}
	return m
}

func (b *valueBuilder) NextEntry(done bool) error {
	frame, err := b.top()
	if err == nil && !done {
		frame.index++
	}
	return err
}

func (b *valueBuilder) NextField(index int) error {
	frame, err := b.top()
	if err != nil || index == -1 {
		return err
	}
	if t := frame.value.t; index < 0 || index >= len(t.fields) {
		return fmt.Errorf("vdl: %v has no field %d", t, index)
	}
	frame.index = index
	return nil
}

func (b *valueBuilder) SetLenHint(int) error { return nil }

// scalar stores the scalar of the value begun last, if it is of one of the kinds.
func (b *valueBuilder) scalar(rep any, fits func(Kind) bool) error {
	frame, err := b.top()
	if err != nil {
		return err
	}
	if !fits(frame.value.t.kind) {
		return fmt.Errorf("vdl: %v cannot hold the %T %v", frame.value.t, rep, rep)
	}
	frame.value.rep = rep
	return nil
}

func (b *valueBuilder) EncodeBool(x bool) error {
	return b.scalar(x, func(k Kind) bool { return k == Bool })
}

func (b *valueBuilder) EncodeUint(x uint64) error   { return b.scalar(x, Kind.isUnsigned) }
func (b *valueBuilder) EncodeInt(x int64) error     { return b.scalar(x, Kind.isSigned) }
func (b *valueBuilder) EncodeFloat(x float64) error { return b.scalar(x, Kind.isFloat) }
func (b *valueBuilder) EncodeTypeObject(x *Type) error {
	return b.scalar(x, func(k Kind) bool { return k == TypeObject })
}

func (b *valueBuilder) EncodeString(x string) error {
	frame, err := b.top()
	if err != nil {
		return err
	}
	if t := frame.value.t; t.kind == Enum {
		i := t.indexOf(x)
		if i < 0 {
			return fmt.Errorf("vdl: %v has no label %q", t, x)
		}
		frame.value.rep = i
		return nil
	}
	return b.scalar(x, func(k Kind) bool { return k == String })
}

func (b *valueBuilder) EncodeBytes(x []byte) error {
	frame, err := b.top()
	if err != nil {
		return err
	}
	t := frame.value.t
	if !t.IsBytes() || t.kind == Array && t.length != len(x) {
		return fmt.Errorf("vdl: %v cannot hold %d bytes", t, len(x))
	}
	frame.value.rep = bytes.Clone(x)
	return nil
}
