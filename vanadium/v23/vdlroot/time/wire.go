package time

import (
	"v.io/v23/vdl"
)

var (
	timeType     = vdl.TypeOf((*Time)(nil)).Elem()
	durationType = vdl.TypeOf((*Duration)(nil)).Elem()
)

// VDLReflect names the type for reflection; it is never called.
func (Time) VDLReflect(struct {
	Name string `vdl:"time.Time"`
}) {
}

// VDLReflect names the type for reflection; it is never called.
func (Duration) VDLReflect(struct {
	Name string `vdl:"time.Duration"`
}) {
}

// VDLReflect names the type for reflection; it is never called.
func (WireDeadline) VDLReflect(struct {
	Name string `vdl:"time.WireDeadline"`
}) {
}

// VDLIsZero reports whether the instant is the beginning of year 1.
func (x Time) VDLIsZero() bool { return x == Time{} }

// VDLWrite encodes the instant.
func (x Time) VDLWrite(enc vdl.Encoder) error { return writeParts(enc, timeType, x.Seconds, x.Nanos) }

// VDLRead decodes the instant.
func (x *Time) VDLRead(dec vdl.Decoder) (err error) {
	x.Seconds, x.Nanos, err = readParts(dec, timeType)
	return err
}

// VDLIsZero reports whether the duration is zero.
func (x Duration) VDLIsZero() bool { return x == Duration{} }

// VDLWrite encodes the duration.
func (x Duration) VDLWrite(enc vdl.Encoder) error {
	return writeParts(enc, durationType, x.Seconds, x.Nanos)
}

// VDLRead decodes the duration.
func (x *Duration) VDLRead(dec vdl.Decoder) (err error) {
	x.Seconds, x.Nanos, err = readParts(dec, durationType)
	return err
}

// writeParts encodes the two fields that Time and Duration have in common.
func writeParts(enc vdl.Encoder, tt *vdl.Type, seconds int64, nanos int32) error {
	if err := enc.StartValue(tt); err != nil {
		return err
	}
	if seconds != 0 {
		if err := enc.NextFieldValueInt(0, vdl.Int64Type, seconds); err != nil {
			return err
		}
	}
	if nanos != 0 {
		if err := enc.NextFieldValueInt(1, vdl.Int32Type, int64(nanos)); err != nil {
			return err
		}
	}
	if err := enc.NextField(-1); err != nil {
		return err
	}
	return enc.FinishValue()
}

func readParts(dec vdl.Decoder, tt *vdl.Type) (seconds int64, nanos int32, _ error) {
	if err := dec.StartValue(tt); err != nil {
		return 0, 0, err
	}
	sent := dec.Type()
	for {
		index, err := dec.NextField()
		if err != nil {
			return 0, 0, err
		}
		if index == -1 {
			return seconds, nanos, dec.FinishValue()
		}
		if sent != tt {
			index = tt.FieldIndexByName(sent.Field(index).Name)
		}
		var n int64
		switch index {
		case 0:
			seconds, err = dec.ReadValueInt(64)
		case 1:
			n, err = dec.ReadValueInt(32)
			nanos = int32(n)
		default:
			err = dec.SkipValue()
		}
		if err != nil {
			return 0, 0, err
		}
	}
}

// wireDeadlineType is spelled out because the native type of its field is registered only after the variables are set.
var wireDeadlineType = vdl.NamedType("time.WireDeadline",
	vdl.StructType(vdl.Field{Name: "FromNow", Type: durationType}))

// VDLIsZero reports whether there is no deadline.
func (x WireDeadline) VDLIsZero() bool { return x.FromNow == 0 }

// VDLWrite encodes the deadline.
func (x WireDeadline) VDLWrite(enc vdl.Encoder) error {
	if err := enc.StartValue(wireDeadlineType); err != nil {
		return err
	}
	if x.FromNow != 0 {
		if err := enc.NextField(0); err != nil {
			return err
		}
		var wire Duration
		if err := DurationFromNative(&wire, x.FromNow); err != nil {
			return err
		}
		if err := wire.VDLWrite(enc); err != nil {
			return err
		}
	}
	if err := enc.NextField(-1); err != nil {
		return err
	}
	return enc.FinishValue()
}

// VDLRead decodes the deadline.
func (x *WireDeadline) VDLRead(dec vdl.Decoder) error {
	*x = WireDeadline{}
	if err := dec.StartValue(wireDeadlineType); err != nil {
		return err
	}
	sent := dec.Type()
	for {
		index, err := dec.NextField()
		if err != nil {
			return err
		}
		if index == -1 {
			return dec.FinishValue()
		}
		if sent.Field(index).Name != "FromNow" {
			if err := dec.SkipValue(); err != nil {
				return err
			}
			continue
		}
		var wire Duration
		if err := wire.VDLRead(dec); err != nil {
			return err
		}
		if err := DurationToNative(wire, &x.FromNow); err != nil {
			return err
		}
	}
}
