package vdl

// coreDecoder is the part of Decoder that the rest can be made of.
type coreDecoder interface {
	StartValue(want *Type) error
	FinishValue() error
	SkipValue() error
	IgnoreNextStartValue()
	NextEntry() (bool, error)
	NextField() (int, error)
	Type() *Type
	IsAny() bool
	IsOptional() bool
	IsNil() bool
	Index() int
	LenHint() int
	DecodeBool() (bool, error)
	DecodeString() (string, error)
	DecodeUint(bitlen int) (uint64, error)
	DecodeInt(bitlen int) (int64, error)
	DecodeFloat(bitlen int) (float64, error)
	DecodeTypeObject() (*Type, error)
	DecodeBytes(fixedLen int, value *[]byte) error
}

// fusedDecoder adds the fused calls to a coreDecoder.
type fusedDecoder struct{ coreDecoder }

// numberTypes are what a number of the bit length is asked for as.
var (
	uintTypes  = map[int]*Type{8: ByteType, 16: Uint16Type, 32: Uint32Type, 64: Uint64Type}
	intTypes   = map[int]*Type{8: Int8Type, 16: Int16Type, 32: Int32Type, 64: Int64Type}
	floatTypes = map[int]*Type{32: Float32Type, 64: Float64Type}
	bytesType  = ListType(ByteType)
)

// readValue reads a whole scalar.
func readValue[T any](d fusedDecoder, want *Type, decode func() (T, error)) (x T, err error) {
	if err := d.StartValue(want); err != nil {
		return x, err
	}
	if x, err = decode(); err != nil {
		return x, err
	}
	return x, d.FinishValue()
}

func nextEntryValue[T any](d fusedDecoder, read func() (T, error)) (done bool, x T, err error) {
	if done, err = d.NextEntry(); done || err != nil {
		return done, x, err
	}
	x, err = read()
	return false, x, err
}

func (d fusedDecoder) ReadValueBool() (bool, error) {
	return readValue(d, BoolType, d.DecodeBool)
}

func (d fusedDecoder) ReadValueString() (string, error) {
	return readValue(d, StringType, d.DecodeString)
}

func (d fusedDecoder) ReadValueTypeObject() (*Type, error) {
	return readValue(d, TypeObjectType, d.DecodeTypeObject)
}

func (d fusedDecoder) ReadValueUint(bitlen int) (uint64, error) {
	return readValue(d, uintTypes[bitlen], func() (uint64, error) { return d.DecodeUint(bitlen) })
}

func (d fusedDecoder) ReadValueInt(bitlen int) (int64, error) {
	return readValue(d, intTypes[bitlen], func() (int64, error) { return d.DecodeInt(bitlen) })
}

func (d fusedDecoder) ReadValueFloat(bitlen int) (float64, error) {
	return readValue(d, floatTypes[bitlen], func() (float64, error) { return d.DecodeFloat(bitlen) })
}

func (d fusedDecoder) ReadValueBytes(fixedLen int, value *[]byte) error {
	if err := d.StartValue(bytesType); err != nil {
		return err
	}
	if err := d.DecodeBytes(fixedLen, value); err != nil {
		return err
	}
	return d.FinishValue()
}

func (d fusedDecoder) NextEntryValueBool() (bool, bool, error) {
	return nextEntryValue(d, d.ReadValueBool)
}

func (d fusedDecoder) NextEntryValueString() (bool, string, error) {
	return nextEntryValue(d, d.ReadValueString)
}

func (d fusedDecoder) NextEntryValueTypeObject() (bool, *Type, error) {
	return nextEntryValue(d, d.ReadValueTypeObject)
}

func (d fusedDecoder) NextEntryValueUint(bitlen int) (bool, uint64, error) {
	return nextEntryValue(d, func() (uint64, error) { return d.ReadValueUint(bitlen) })
}

func (d fusedDecoder) NextEntryValueInt(bitlen int) (bool, int64, error) {
	return nextEntryValue(d, func() (int64, error) { return d.ReadValueInt(bitlen) })
}

func (d fusedDecoder) NextEntryValueFloat(bitlen int) (bool, float64, error) {
	return nextEntryValue(d, func() (float64, error) { return d.ReadValueFloat(bitlen) })
}
