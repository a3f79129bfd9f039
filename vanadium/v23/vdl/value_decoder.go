package vdl

import (
	"bytes"
	"errors"
	"fmt"

	"v.io/v23/internal/lossless"
)

// newValueDecoder returns a Decoder that reads the one value v.
func newValueDecoder(v *Value) Decoder { return fusedDecoder{&valueWalker{root: v}} }

// valueWalker holds the values that are begun, the innermost last.
type valueWalker struct {
	root   *Value // nil once it was begun
	stack  []walkerFrame
	ignore bool // the next StartValue
}

type walkerFrame struct {
	value      *Value // looked through any and optional, unless it is nil
	isAny      bool
	isOptional bool
	index      int  // of the current entry or field
	field      int  // number of fields handed out
	keyDone    bool // the key of the current map entry was handed out
	keys       []*Value
}

func (w *valueWalker) top() (*walkerFrame, error) {
	if len(w.stack) == 0 {
		return nil, errNoValue
	}
	return &w.stack[len(w.stack)-1], nil
}

// next returns the value that StartValue is about to begin.
func (w *valueWalker) next() (*Value, error) {
	if len(w.stack) == 0 {
		v := w.root
		if v == nil {
			return nil, errors.New("vdl: there is no further value")
		}
		w.root = nil
		return v, nil
	}
	frame, _ := w.top()
	if frame.index < 0 {
		return nil, fmt.Errorf("vdl: a value inside %v was asked for before its entry or field", frame.value.t)
	}
	switch v := frame.value; v.t.kind {
	case Array, List:
		return v.Index(frame.index), nil
	case Set:
		return frame.keys[frame.index], nil
	case Map:
		key := frame.keys[frame.index]
		if frame.keyDone {
			return v.MapIndex(key), nil
		}
		frame.keyDone = true
		return key, nil
	case Struct:
		return v.StructField(frame.index), nil
	case Union:
		_, field := v.UnionField()
		return field, nil
	}
	return nil, fmt.Errorf("vdl: a value of %v has no values inside", frame.value.t)
}

func (w *valueWalker) StartValue(want *Type) error {
	if w.ignore {
		w.ignore = false
		return nil
	}
	if len(w.stack) >= maxNesting {
		return errNesting
	}
	v, err := w.next()
	if err != nil {
		return err
	}
	frame := walkerFrame{index: -1}
	if v.t.kind == Any {
		frame.isAny = true
		if elem := v.Elem(); elem != nil {
			v = elem
		}
	}
	if v.t.kind == Optional {
		frame.isOptional = true
		if elem := v.Elem(); elem != nil {
			v = elem
		}
	}
	if err := CheckReadable(v.t, want); err != nil {
		return err
	}
	frame.value = v
	if v.t.kind == Set || v.t.kind == Map {
		frame.keys = v.Keys()
	}
	w.stack = append(w.stack, frame)
	return nil
}

func (w *valueWalker) FinishValue() error {
	if len(w.stack) == 0 {
		return errNoValue
	}
	w.stack = w.stack[:len(w.stack)-1]
	return nil
}

func (w *valueWalker) SkipValue() error {
	_, err := w.next()
	return err
}

func (w *valueWalker) IgnoreNextStartValue() { w.ignore = true }

func (w *valueWalker) NextEntry() (bool, error) {
	frame, err := w.top()
	if err != nil {
		return false, err
	}
	switch frame.value.t.kind {
	case Array, List, Set, Map:
	default:
		return false, fmt.Errorf("vdl: a value of %v has no entries", frame.value.t)
	}
	frame.index++
	frame.keyDone = false
	return frame.index >= frame.value.Len(), nil
}

func (w *valueWalker) NextField() (int, error) {
	frame, err := w.top()
	if err != nil {
		return -1, err
	}
	switch v := frame.value; v.t.kind {
	case Struct:
		for frame.index++; frame.index < len(v.t.fields); frame.index++ {
			if !v.StructField(frame.index).IsZero() {
				return frame.index, nil
			}
		}
		return -1, nil
	case Union:
		if frame.field++; frame.field > 1 {
			return -1, nil
		}
		frame.index, _ = v.UnionField()
		return frame.index, nil
	}
	return -1, fmt.Errorf("vdl: a value of %v has no fields", frame.value.t)
}

func (w *valueWalker) Type() *Type {
	if frame, err := w.top(); err == nil {
		return frame.value.t
	}
	return nil
}

func (w *valueWalker) IsAny() bool {
	frame, err := w.top()
	return err == nil && frame.isAny
}

func (w *valueWalker) IsOptional() bool {
	frame, err := w.top()
	return err == nil && frame.isOptional
}

func (w *valueWalker) IsNil() bool {
	frame, err := w.top()
	return err == nil && frame.value.IsNil()
}

func (w *valueWalker) Index() int {
	if frame, err := w.top(); err == nil {
		return frame.index
	}
	return -1
}

func (w *valueWalker) LenHint() int {
	if frame, err := w.top(); err == nil {
		switch frame.value.t.kind {
		case Array, List, Set, Map:
			return frame.value.Len()
		}
	}
	return -1
}

// scalar returns the value begun last if its kind fits.
func (w *valueWalker) scalar(fits func(Kind) bool, what string) (*Value, error) {
	frame, err := w.top()
	if err != nil {
		return nil, err
	}
	if !fits(frame.value.t.kind) {
		return nil, fmt.Errorf("vdl: a value of %v is not a %s", frame.value.t, what)
	}
	return frame.value, nil
}

func (w *valueWalker) DecodeBool() (bool, error) {
	v, err := w.scalar(func(k Kind) bool { return k == Bool }, "bool")
	if err != nil {
		return false, err
	}
	return v.Bool(), nil
}

func (w *valueWalker) DecodeString() (string, error) {
	v, err := w.scalar(func(k Kind) bool { return k == String || k == Enum }, "string")
	switch {
	case err != nil:
		return "", err
	case v.t.kind == Enum:
		return v.EnumLabel(), nil
	}
	return v.RawString(), nil
}

func (w *valueWalker) DecodeUint(bitlen int) (uint64, error) {
	v, err := w.scalar(Kind.IsNumber, "number")
	switch {
	case err != nil:
		return 0, err
	case v.t.kind.isUnsigned():
		return lossless.Uint(v.Uint(), bitlen)
	case v.t.kind.isSigned():
		return lossless.UintFromInt(v.Int(), bitlen)
	}
	return lossless.UintFromFloat(v.Float(), bitlen)
}

func (w *valueWalker) DecodeInt(bitlen int) (int64, error) {
	v, err := w.scalar(Kind.IsNumber, "number")
	switch {
	case err != nil:
		return 0, err
	case v.t.kind.isUnsigned():
		return lossless.IntFromUint(v.Uint(), bitlen)
	case v.t.kind.isSigned():
		return lossless.Int(v.Int(), bitlen)
	}
	return lossless.IntFromFloat(v.Float(), bitlen)
}

func (w *valueWalker) DecodeFloat(bitlen int) (float64, error) {
	v, err := w.scalar(Kind.IsNumber, "number")
	switch {
	case err != nil:
		return 0, err
	case v.t.kind.isUnsigned():
		return lossless.FloatFromUint(v.Uint(), bitlen)
	case v.t.kind.isSigned():
		return lossless.FloatFromInt(v.Int(), bitlen)
	}
	return lossless.Float(v.Float(), bitlen)
}

func (w *valueWalker) DecodeTypeObject() (*Type, error) {
	v, err := w.scalar(func(k Kind) bool { return k == TypeObject }, "typeobject")
	if err != nil {
		return nil, err
	}
	return v.TypeObject(), nil
}

func (w *valueWalker) DecodeBytes(fixedLen int, value *[]byte) error {
	v, err := w.scalar(func(k Kind) bool { return k == Array || k == List }, "list of bytes")
	if err != nil {
		return err
	}
	n := v.Len()
	if fixedLen >= 0 && n != fixedLen {
		return fmt.Errorf("vdl: %d bytes were sent where %d are expected", n, fixedLen)
	}
	content := make([]byte, 0, boundedCap(n, 1))
	if v.t.IsBytes() {
		content = bytes.Clone(v.Bytes())
	} else {
		for range n {
			if _, err := w.NextEntry(); err != nil {
				return err
			}
			x, err := fusedDecoder{w}.ReadValueUint(8)
			if err != nil {
				return err
			}
			content = append(content, byte(x))
		}
	}
	switch {
	case fixedLen >= 0:
		copy(*value, content)
	case n == 0:
		*value = nil
	default:
		*value = content
	}
	return nil
}
