package vom

import "v.io/v23/vdl"

var bytesType = vdl.ListType(vdl.ByteType)

// Numbers of a bit length are asked for as these types.
func uintType(bitlen int) *vdl.Type {
	switch bitlen {
	case 8:
		return vdl.ByteType
	case 16:
		return vdl.Uint16Type
	case 32:
		return vdl.Uint32Type
	}
	return vdl.Uint64Type
}

func intType(bitlen int) *vdl.Type {
	switch bitlen {
	case 8:
		return vdl.Int8Type
	case 16:
		return vdl.Int16Type
	case 32:
		return vdl.Int32Type
	}
	return vdl.Int64Type
}

func floatType(bitlen int) *vdl.Type {
	if bitlen == 32 {
		return vdl.Float32Type
	}
	return vdl.Float64Type
}

// startScalar begins a whole scalar. Inside of a value there is usually nothing to begin, so that bare is returned as
// true with the scalar's type; otherwise FinishValue must follow.
func (d *decoder) startScalar(want *vdl.Type) (tt *vdl.Type, bare bool, err error) {
	if d.ignore || len(d.stack) == 0 {
		if err := d.StartValue(want); err != nil {
			return nil, false, err
		}
		return d.Type(), false, nil
	}
	if tt, err = d.expected(); err != nil {
		return nil, false, err
	}
	if !tt.CanBeNil() {
		return tt, true, vdl.CheckReadable(tt, want)
	}
	if err := d.start(tt, want); err != nil {
		return nil, false, err
	}
	return d.Type(), false, nil
}

// finishScalar ends what startScalar began.
func (d *decoder) finishScalar(bare bool, err error) error {
	if bare || err != nil {
		return err
	}
	return d.FinishValue()
}

// isEntry reports whether a scalar that was begun with bare is an entry of bytes.
func (d *decoder) isEntry(bare bool) bool {
	if bare {
		return d.inBytes(1)
	}
	return d.inBytes(2)
}

func (d *decoder) ReadValueBool() (bool, error) {
	tt, bare, err := d.startScalar(vdl.BoolType)
	if err != nil {
		return false, err
	}
	x, err := d.takeBool(tt)
	return x, d.finishScalar(bare, err)
}

func (d *decoder) ReadValueString() (string, error) {
	tt, bare, err := d.startScalar(vdl.StringType)
	if err != nil {
		return "", err
	}
	x, err := d.takeString(tt)
	return x, d.finishScalar(bare, err)
}

func (d *decoder) ReadValueUint(bitlen int) (uint64, error) {
	tt, bare, err := d.startScalar(uintType(bitlen))
	if err != nil {
		return 0, err
	}
	x, err := d.takeUint(tt, d.isEntry(bare), bitlen)
	return x, d.finishScalar(bare, err)
}

func (d *decoder) ReadValueInt(bitlen int) (int64, error) {
	tt, bare, err := d.startScalar(intType(bitlen))
	if err != nil {
		return 0, err
	}
	x, err := d.takeInt(tt, d.isEntry(bare), bitlen)
	return x, d.finishScalar(bare, err)
}

func (d *decoder) ReadValueFloat(bitlen int) (float64, error) {
	tt, bare, err := d.startScalar(floatType(bitlen))
	if err != nil {
		return 0, err
	}
	x, err := d.takeFloat(tt, d.isEntry(bare), bitlen)
	return x, d.finishScalar(bare, err)
}

func (d *decoder) ReadValueTypeObject() (*vdl.Type, error) {
	tt, bare, err := d.startScalar(vdl.TypeObjectType)
	if err != nil {
		return nil, err
	}
	x, err := d.takeTypeObject(tt)
	return x, d.finishScalar(bare, err)
}

func (d *decoder) ReadValueBytes(fixedLen int, value *[]byte) error {
	if err := d.StartValue(bytesType); err != nil {
		return err
	}
	if err := d.DecodeBytes(fixedLen, value); err != nil {
		return err
	}
	return d.FinishValue()
}

func (d *decoder) NextEntryValueBool() (done bool, x bool, err error) {
	if done, err = d.NextEntry(); !done && err == nil {
		x, err = d.ReadValueBool()
	}
	return done, x, err
}

func (d *decoder) NextEntryValueString() (done bool, x string, err error) {
	if done, err = d.NextEntry(); !done && err == nil {
		x, err = d.ReadValueString()
	}
	return done, x, err
}

func (d *decoder) NextEntryValueUint(bitlen int) (done bool, x uint64, err error) {
	if done, err = d.NextEntry(); !done && err == nil {
		x, err = d.ReadValueUint(bitlen)
	}
	return done, x, err
}

func (d *decoder) NextEntryValueInt(bitlen int) (done bool, x int64, err error) {
	if done, err = d.NextEntry(); !done && err == nil {
		x, err = d.ReadValueInt(bitlen)
	}
	return done, x, err
}

func (d *decoder) NextEntryValueFloat(bitlen int) (done bool, x float64, err error) {
	if done, err = d.NextEntry(); !done && err == nil {
		x, err = d.ReadValueFloat(bitlen)
	}
	return done, x, err
}

func (d *decoder) NextEntryValueTypeObject() (done bool, x *vdl.Type, err error) {
	if done, err = d.NextEntry(); !done && err == nil {
		x, err = d.ReadValueTypeObject()
	}
	return done, x, err
}
