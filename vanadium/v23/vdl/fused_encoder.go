package vdl

// coreEncoder is the part of Encoder that the rest can be made of.
type coreEncoder interface {
	SetNextStartValueIsOptional()
	StartValue(tt *Type) error
	FinishValue() error
	NilValue(tt *Type) error
	NextEntry(done bool) error
	NextField(index int) error
	SetLenHint(lenHint int) error
	EncodeBool(value bool) error
	EncodeString(value string) error
	EncodeUint(value uint64) error
	EncodeInt(value int64) error
	EncodeFloat(value float64) error
	EncodeTypeObject(value *Type) error
	EncodeBytes(value []byte) error
}

// fusedEncoder adds the fused calls to a coreEncoder.
type fusedEncoder struct{ coreEncoder }

// writeValue writes a whole scalar.
func writeValue[T any](e fusedEncoder, tt *Type, encode func(T) error, value T) error {
	if err := e.StartValue(tt); err != nil {
		return err
	}
	if err := encode(value); err != nil {
		return err
	}
	return e.FinishValue()
}

func (e fusedEncoder) WriteValueBool(tt *Type, value bool) error {
	return writeValue(e, tt, e.EncodeBool, value)
}

func (e fusedEncoder) WriteValueString(tt *Type, value string) error {
	return writeValue(e, tt, e.EncodeString, value)
}

func (e fusedEncoder) WriteValueUint(tt *Type, value uint64) error {
	return writeValue(e, tt, e.EncodeUint, value)
}

func (e fusedEncoder) WriteValueInt(tt *Type, value int64) error {
	return writeValue(e, tt, e.EncodeInt, value)
}

func (e fusedEncoder) WriteValueFloat(tt *Type, value float64) error {
	return writeValue(e, tt, e.EncodeFloat, value)
}

func (e fusedEncoder) WriteValueBytes(tt *Type, value []byte) error {
	return writeValue(e, tt, e.EncodeBytes, value)
}

func (e fusedEncoder) WriteValueTypeObject(value *Type) error {
	return writeValue(e, TypeObjectType, e.EncodeTypeObject, value)
}

func (e fusedEncoder) NextEntryValueBool(tt *Type, value bool) error {
	if err := e.NextEntry(false); err != nil {
		return err
	}
	return e.WriteValueBool(tt, value)
}

func (e fusedEncoder) NextEntryValueString(tt *Type, value string) error {
	if err := e.NextEntry(false); err != nil {
		return err
	}
	return e.WriteValueString(tt, value)
}

func (e fusedEncoder) NextEntryValueUint(tt *Type, value uint64) error {
	if err := e.NextEntry(false); err != nil {
		return err
	}
	return e.WriteValueUint(tt, value)
}

func (e fusedEncoder) NextEntryValueInt(tt *Type, value int64) error {
	if err := e.NextEntry(false); err != nil {
		return err
	}
	return e.WriteValueInt(tt, value)
}

func (e fusedEncoder) NextEntryValueFloat(tt *Type, value float64) error {
	if err := e.NextEntry(false); err != nil {
		return err
	}
	return e.WriteValueFloat(tt, value)
}

func (e fusedEncoder) NextEntryValueBytes(tt *Type, value []byte) error {
	if err := e.NextEntry(false); err != nil {
		return err
	}
	return e.WriteValueBytes(tt, value)
}

func (e fusedEncoder) NextEntryValueTypeObject(value *Type) error {
	if err := e.NextEntry(false); err != nil {
		return err
	}
	return e.WriteValueTypeObject(value)
}

func (e fusedEncoder) NextFieldValueBool(index int, tt *Type, value bool) error {
	if err := e.NextField(index); err != nil {
		return err
	}
	return e.WriteValueBool(tt, value)
}

func (e fusedEncoder) NextFieldValueString(index int, tt *Type, value string) error {
	if err := e.NextField(index); err != nil {
		return err
	}
	return e.WriteValueString(tt, value)
}

func (e fusedEncoder) NextFieldValueUint(index int, tt *Type, value uint64) error {
	if err := e.NextField(index); err != nil {
		return err
	}
	return e.WriteValueUint(tt, value)
}

func (e fusedEncoder) NextFieldValueInt(index int, tt *Type, value int64) error {
	if err := e.NextField(index); err != nil {
		return err
	}
	return e.WriteValueInt(tt, value)
}

func (e fusedEncoder) NextFieldValueFloat(index int, tt *Type, value float64) error {
	if err := e.NextField(index); err != nil {
		return err
	}
	return e.WriteValueFloat(tt, value)
}

func (e fusedEncoder) NextFieldValueBytes(index int, tt *Type, value []byte) error {
	if err := e.NextField(index); err != nil {
		return err
	}
	return e.WriteValueBytes(tt, value)
}

func (e fusedEncoder) NextFieldValueTypeObject(index int, value *Type) error {
	if err := e.NextField(index); err != nil {
		return err
	}
	return e.WriteValueTypeObject(value)
}
