package vom

import (
	"fmt"
	"slices"

	"v.io/v23/vdl"
)

// scalar returns the type of the value begun last, which is about to get its scalar.
func (e *encoder) scalar() (*vdl.Type, error) {
	frame, err := e.top()
	if err != nil {
		return nil, err
	}
	return frame.tt, nil
}

func errScalar(tt *vdl.Type, value any) error {
	return fmt.Errorf("vom: %v cannot hold the %T %v", tt, value, value)
}

// writeScalar writes a whole scalar of the type. The function appends the scalar.
func writeScalar[T any](e *encoder, tt *vdl.Type, put func(*encoder, *vdl.Type, T) error, value T) error {
	anyLen, err := e.enter(e.takeOptional(tt))
	if err != nil {
		return err
	}
	start := len(e.buf)
	if err := put(e, tt, value); err != nil {
		return err
	}
	return e.leave(anyLen, start)
}

func putBool(e *encoder, tt *vdl.Type, value bool) error {
	if tt.Kind() != vdl.Bool {
		return errScalar(tt, value)
	}
	digit := byte(0)
	if value {
		digit = 1
	}
	e.buf = append(e.buf, digit)
	return nil
}

func putString(e *encoder, tt *vdl.Type, value string) error {
	switch tt.Kind() {
	case vdl.String:
		e.buf = appendString(e.buf, value)
		return nil
	case vdl.Enum:
		if i := tt.EnumIndex(value); i >= 0 {
			e.buf = appendUint(e.buf, uint64(i))
			return nil
		}
		return fmt.Errorf("vom: %v has no label %q", tt, value)
	}
	return errScalar(tt, value)
}

func putUint(e *encoder, tt *vdl.Type, value uint64) error {
	if k := tt.Kind(); k < vdl.Byte || k > vdl.Uint64 {
		return errScalar(tt, value)
	}
	if bits := tt.Kind().BitLen(); bits < 64 && value>>bits != 0 {
		return errScalar(tt, value)
	}
	if len(e.stack) > 0 && e.stack[len(e.stack)-1].tt.IsBytes() {
		e.buf = append(e.buf, byte(value)) // an entry of bytes
		return nil
	}
	e.buf = appendUint(e.buf, value)
	return nil
}

func putInt(e *encoder, tt *vdl.Type, value int64) error {
	if k := tt.Kind(); k < vdl.Int8 || k > vdl.Int64 {
		return errScalar(tt, value)
	}
	if shift := 64 - tt.Kind().BitLen(); value<<shift>>shift != value {
		return errScalar(tt, value)
	}
	e.buf = appendInt(e.buf, value)
	return nil
}

func putFloat(e *encoder, tt *vdl.Type, value float64) error {
	if k := tt.Kind(); k != vdl.Float32 && k != vdl.Float64 {
		return errScalar(tt, value)
	}
	e.buf = appendFloat(e.buf, value)
	return nil
}

func putTypeObject(e *encoder, tt *vdl.Type, value *vdl.Type) error {
	if tt.Kind() != vdl.TypeObject {
		return errScalar(tt, value)
	}
	if value == nil {
		value = vdl.AnyType
	}
	index, err := e.tableIndex(value)
	if err != nil {
		return err
	}
	e.buf = appendUint(e.buf, uint64(index))
	return nil
}

// putBytes appends bytes as a whole value.
func putBytes(e *encoder, tt *vdl.Type, value []byte) error {
	switch {
	case !tt.IsBytes(), tt.Kind() == vdl.Array && tt.Len() != len(value):
		return fmt.Errorf("vom: %v cannot hold %d bytes", tt, len(value))
	case tt.Kind() == vdl.Array:
		e.buf = append(e.buf, 0)
	default:
		e.buf = appendUint(e.buf, uint64(len(value)))
	}
	e.buf = append(slices.Grow(e.buf, len(value)), value...)
	return nil
}

func (e *encoder) EncodeBool(value bool) error {
	tt, err := e.scalar()
	if err != nil {
		return err
	}
	return putBool(e, tt, value)
}

func (e *encoder) EncodeString(value string) error {
	tt, err := e.scalar()
	if err != nil {
		return err
	}
	return putString(e, tt, value)
}

func (e *encoder) EncodeUint(value uint64) error {
	tt, err := e.scalar()
	if err != nil {
		return err
	}
	if n := len(e.stack); n > 1 && e.stack[n-2].tt.IsBytes() {
		e.buf = append(e.buf, byte(value)) // an entry of bytes
		return nil
	}
	return putUint(e, tt, value)
}

func (e *encoder) EncodeInt(value int64) error {
	tt, err := e.scalar()
	if err != nil {
		return err
	}
	return putInt(e, tt, value)
}

func (e *encoder) EncodeFloat(value float64) error {
	tt, err := e.scalar()
	if err != nil {
		return err
	}
	return putFloat(e, tt, value)
}

func (e *encoder) EncodeTypeObject(value *vdl.Type) error {
	tt, err := e.scalar()
	if err != nil {
		return err
	}
	return putTypeObject(e, tt, value)
}

func (e *encoder) EncodeBytes(value []byte) error {
	frame, err := e.top()
	if err != nil {
		return err
	}
	tt := frame.tt
	switch {
	case !tt.IsBytes(), tt.Kind() == vdl.Array && tt.Len() != len(value), frame.hint >= 0 && frame.hint != len(value):
		return fmt.Errorf("vom: %v cannot hold %d bytes", tt, len(value))
	case frame.lenAt >= 0:
		e.buf = appendUint(e.buf, uint64(len(value)))
		frame.lenAt = -1
	}
	e.buf = append(slices.Grow(e.buf, len(value)), value...)
	return nil
}
