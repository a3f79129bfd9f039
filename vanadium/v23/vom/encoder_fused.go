package vom

import "v.io/v23/vdl"

func (e *encoder) WriteValueBool(tt *vdl.Type, value bool) error {
	return writeScalar(e, tt, putBool, value)
}

func (e *encoder) WriteValueString(tt *vdl.Type, value string) error {
	return writeScalar(e, tt, putString, value)
}

func (e *encoder) WriteValueUint(tt *vdl.Type, value uint64) error {
	return writeScalar(e, tt, putUint, value)
}

func (e *encoder) WriteValueInt(tt *vdl.Type, value int64) error {
	return writeScalar(e, tt, putInt, value)
}

func (e *encoder) WriteValueFloat(tt *vdl.Type, value float64) error {
	return writeScalar(e, tt, putFloat, value)
}

func (e *encoder) WriteValueBytes(tt *vdl.Type, value []byte) error {
	return writeScalar(e, tt, putBytes, value)
}

func (e *encoder) WriteValueTypeObject(value *vdl.Type) error {
	return writeScalar(e, vdl.TypeObjectType, putTypeObject, value)
}

func (e *encoder) NextEntryValueBool(tt *vdl.Type, value bool) error {
	if err := e.NextEntry(false); err != nil {
		return err
	}
	return writeScalar(e, tt, putBool, value)
}

func (e *encoder) NextEntryValueString(tt *vdl.Type, value string) error {
	if err := e.NextEntry(false); err != nil {
		return err
	}
	return writeScalar(e, tt, putString, value)
}

func (e *encoder) NextEntryValueUint(tt *vdl.Type, value uint64) error {
	if err := e.NextEntry(false); err != nil {
		return err
	}
	return writeScalar(e, tt, putUint, value)
}

func (e *encoder) NextEntryValueInt(tt *vdl.Type, value int64) error {
	if err := e.NextEntry(false); err != nil {
		return err
	}
	return writeScalar(e, tt, putInt, value)
}

func (e *encoder) NextEntryValueFloat(tt *vdl.Type, value float64) error {
	if err := e.NextEntry(false); err != nil {
		return err
	}
	return writeScalar(e, tt, putFloat, value)
}

func (e *encoder) NextEntryValueBytes(tt *vdl.Type, value []byte) error {
	if err := e.NextEntry(false); err != nil {
		return err
	}
	return writeScalar(e, tt, putBytes, value)
}

func (e *encoder) NextEntryValueTypeObject(value *vdl.Type) error {
	if err := e.NextEntry(false); err != nil {
		return err
	}
	return writeScalar(e, vdl.TypeObjectType, putTypeObject, value)
}

func (e *encoder) NextFieldValueBool(index int, tt *vdl.Type, value bool) error {
	if err := e.NextField(index); err != nil {
		return err
	}
	return writeScalar(e, tt, putBool, value)
}

func (e *encoder) NextFieldValueString(index int, tt *vdl.Type, value string) error {
	if err := e.NextField(index); err != nil {
		return err
	}
	return writeScalar(e, tt, putString, value)
}

func (e *encoder) NextFieldValueUint(index int, tt *vdl.Type, value uint64) error {
	if err := e.NextField(index); err != nil {
		return err
	}
	return writeScalar(e, tt, putUint, value)
}

func (e *encoder) NextFieldValueInt(index int, tt *vdl.Type, value int64) error {
	if err := e.NextField(index); err != nil {
		return err
	}
	return writeScalar(e, tt, putInt, value)
}

func (e *encoder) NextFieldValueFloat(index int, tt *vdl.Type, value float64) error {
	if err := e.NextField(index); err != nil {
		return err
	}
	return writeScalar(e, tt, putFloat, value)
}

func (e *encoder) NextFieldValueBytes(index int, tt *vdl.Type, value []byte) error {
	if err := e.NextField(index); err != nil {
		return err
	}
	return writeScalar(e, tt, putBytes, value)
}

func (e *encoder) NextFieldValueTypeObject(index int, value *vdl.Type) error {
	if err := e.NextField(index); err != nil {
		return err
	}
	return writeScalar(e, vdl.TypeObjectType, putTypeObject, value)
}
