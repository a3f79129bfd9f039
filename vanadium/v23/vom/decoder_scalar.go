package vom

import (
	"fmt"
	"math"
	"math/bits"

	"v.io/v23/internal/lossless"
	"v.io/v23/vdl"
)

// takeNumber takes the number of type tt. Entries of bytes are bare bytes.
func (d *decoder) takeNumber(tt *vdl.Type, isEntry bool) (uint64, error) {
	if !tt.Kind().IsNumber() {
		return 0, fmt.Errorf("vom: a value of %v is not a number", tt)
	}
	if isEntry && tt.Kind() == vdl.Byte {
		if d.pos >= len(d.body) {
			return 0, errTruncated
		}
		d.pos++
		return uint64(d.body[d.pos-1]), nil
	}
	u, err := d.uint()
	if bitLen := tt.Kind().BitLen(); err == nil && bitLen < 64 && tt.Kind() < vdl.Float32 && u>>bitLen != 0 {
		err = fmt.Errorf("vom: %#x is too large for a value of %v", u, tt)
	}
	return u, err
}

func isUnsigned(k vdl.Kind) bool { return k >= vdl.Byte && k <= vdl.Uint64 }
func isSigned(k vdl.Kind) bool   { return k >= vdl.Int8 && k <= vdl.Int64 }

func floatOf(u uint64) float64 { return math.Float64frombits(bits.ReverseBytes64(u)) }

func (d *decoder) takeUint(tt *vdl.Type, isEntry bool, bitlen int) (uint64, error) {
	u, err := d.takeNumber(tt, isEntry)
	switch kind := tt.Kind(); {
	case err != nil:
		return 0, err
	case isUnsigned(kind):
		return lossless.Uint(u, bitlen)
	case isSigned(kind):
		return lossless.UintFromInt(unzigzag(u), bitlen)
	}
	return lossless.UintFromFloat(floatOf(u), bitlen)
}

func (d *decoder) takeInt(tt *vdl.Type, isEntry bool, bitlen int) (int64, error) {
	u, err := d.takeNumber(tt, isEntry)
	switch kind := tt.Kind(); {
	case err != nil:
		return 0, err
	case isUnsigned(kind):
		return lossless.IntFromUint(u, bitlen)
	case isSigned(kind):
		return lossless.Int(unzigzag(u), bitlen)
	}
	return lossless.IntFromFloat(floatOf(u), bitlen)
}

func (d *decoder) takeFloat(tt *vdl.Type, isEntry bool, bitlen int) (float64, error) {
	u, err := d.takeNumber(tt, isEntry)
	switch kind := tt.Kind(); {
	case err != nil:
		return 0, err
	case isUnsigned(kind):
		return lossless.FloatFromUint(u, bitlen)
	case isSigned(kind):
		return lossless.FloatFromInt(unzigzag(u), bitlen)
	}
	return lossless.Float(floatOf(u), bitlen)
}

func (d *decoder) takeBool(tt *vdl.Type) (bool, error) {
	if tt.Kind() != vdl.Bool {
		return false, fmt.Errorf("vom: a value of %v is not a bool", tt)
	}
	u, err := d.uint()
	if err == nil && u > 1 {
		err = fmt.Errorf("vom: %d is not a bool", u)
	}
	return u == 1, err
}

func (d *decoder) takeString(tt *vdl.Type) (string, error) {
	kind := tt.Kind()
	if kind != vdl.String && kind != vdl.Enum {
		return "", fmt.Errorf("vom: a value of %v is not a string", tt)
	}
	n, err := d.uint()
	switch {
	case err != nil:
		return "", err
	case kind == vdl.Enum && n < uint64(tt.NumEnumLabel()):
		return tt.EnumLabel(int(n)), nil
	case kind == vdl.Enum:
		return "", fmt.Errorf("vom: %v has no label %d", tt, n)
	case n > uint64(len(d.body)-d.pos):
		return "", errTruncated
	}
	s := string(d.body[d.pos : d.pos+int(n)])
	d.pos += int(n)
	return s, nil
}

func (d *decoder) takeTypeObject(tt *vdl.Type) (*vdl.Type, error) {
	if tt.Kind() != vdl.TypeObject {
		return nil, fmt.Errorf("vom: a value of %v is not a typeobject", tt)
	}
	i, err := d.uint()
	if err == nil && i >= uint64(len(d.table)) {
		err = fmt.Errorf("vom: typeobject refers to type %d of %d", i, len(d.table))
	}
	if err != nil {
		return nil, err
	}
	return d.table[i], nil
}

// minLent is the number of bytes from which on it is cheaper to hand out a part of a message than to copy it.
const minLent = 4 << 10

// takeBytes takes n bare bytes, as a slice that the caller may keep. Large ones are not copied if the buffer of the
// message is of this stream only and has little else in it.
func (d *decoder) takeBytes(n int) []byte {
	b := d.body[d.pos : d.pos+n : d.pos+n]
	d.pos += n
	if d.src != nil && d.src.r != nil && n >= minLent && 2*n >= cap(d.src.buf) {
		d.src.lent = true
		return b
	}
	return append([]byte(nil), b...)
}

// inBytes reports whether the value begun n values ago is made of bare bytes.
func (d *decoder) inBytes(n int) bool {
	i := len(d.stack) - n
	return i >= 0 && d.stack[i].tt.IsBytes()
}

func (d *decoder) DecodeBool() (bool, error) {
	frame, err := d.top()
	if err != nil {
		return false, err
	}
	return d.takeBool(frame.tt)
}

func (d *decoder) DecodeString() (string, error) {
	frame, err := d.top()
	if err != nil {
		return "", err
	}
	return d.takeString(frame.tt)
}

func (d *decoder) DecodeUint(bitlen int) (uint64, error) {
	frame, err := d.top()
	if err != nil {
		return 0, err
	}
	return d.takeUint(frame.tt, d.inBytes(2), bitlen)
}

func (d *decoder) DecodeInt(bitlen int) (int64, error) {
	frame, err := d.top()
	if err != nil {
		return 0, err
	}
	return d.takeInt(frame.tt, d.inBytes(2), bitlen)
}

func (d *decoder) DecodeFloat(bitlen int) (float64, error) {
	frame, err := d.top()
	if err != nil {
		return 0, err
	}
	return d.takeFloat(frame.tt, d.inBytes(2), bitlen)
}

func (d *decoder) DecodeTypeObject() (*vdl.Type, error) {
	frame, err := d.top()
	if err != nil {
		return nil, err
	}
	return d.takeTypeObject(frame.tt)
}

func (d *decoder) DecodeBytes(fixedLen int, value *[]byte) error {
	frame, err := d.top()
	if err != nil {
		return err
	}
	if k := frame.tt.Kind(); frame.isNil || k != vdl.List && k != vdl.Array {
		return fmt.Errorf("vom: a value of %v is not a list of bytes", frame.tt)
	}
	if fixedLen >= 0 && (frame.count != fixedLen || len(*value) != fixedLen) {
		return fmt.Errorf("vom: %d bytes were sent where %d are expected", frame.count, fixedLen)
	}
	switch {
	case !frame.tt.IsBytes():
		return d.convertBytes(fixedLen, value)
	case fixedLen >= 0:
		d.pos += copy(*value, d.body[d.pos:])
	case frame.count == 0:
		*value = nil
	default:
		*value = d.takeBytes(frame.count)
	}
	return nil
}

// convertBytes reads the numbers of a list as bytes.
func (d *decoder) convertBytes(fixedLen int, value *[]byte) error {
	var content []byte
	for {
		done, x, err := d.NextEntryValueUint(8)
		if err != nil {
			return err
		}
		if done {
			break
		}
		content = append(content, byte(x))
	}
	if fixedLen >= 0 {
		copy(*value, content)
		return nil
	}
	*value = content
	return nil
}
