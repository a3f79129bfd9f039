package vom_test

import (
	"bytes"
	"math"
	"testing"

	"v.io/v23/vdl"
	"v.io/v23/vom"
)

// plain is encoded by reflection.
type plain struct {
	Bool        bool
	String      string
	Uint        uint16
	Int         int32
	Float       float64
	TypeObject  *vdl.Type
	Bytes       []byte
	Bools       []bool
	Strings     []string
	Uints       []uint16
	Ints        []int32
	Floats      []float64
	TypeObjects []*vdl.Type
	Bytess      [][]byte
}

// fused is the same with methods that make all the fused calls, as generated code does.
type fused plain

func (plain) VDLReflect(struct {
	Name string `vdl:"test/fused.Fused"`
}) {
}

func (fused) VDLReflect(struct {
	Name string `vdl:"test/fused.Fused"`
}) {
}

var (
	fusedType    = vdl.TypeOf((*fused)(nil)).Elem()
	byteListType = vdl.TypeOf([]byte(nil))
)

func (x fused) VDLWrite(enc vdl.Encoder) error {
	if err := enc.StartValue(fusedType); err != nil {
		return err
	}
	for _, step := range []func() error{
		func() error { return enc.NextFieldValueBool(0, vdl.BoolType, x.Bool) },
		func() error { return enc.NextFieldValueString(1, vdl.StringType, x.String) },
		func() error { return enc.NextFieldValueUint(2, vdl.Uint16Type, uint64(x.Uint)) },
		func() error { return enc.NextFieldValueInt(3, vdl.Int32Type, int64(x.Int)) },
		func() error { return enc.NextFieldValueFloat(4, vdl.Float64Type, x.Float) },
		func() error { return enc.NextFieldValueTypeObject(5, x.TypeObject) },
		func() error { return enc.NextFieldValueBytes(6, byteListType, x.Bytes) },
		func() error { return x.writeLists(enc) },
		func() error { return enc.NextField(-1) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return enc.FinishValue()
}

// writeList writes a list by the function that writes one entry.
func writeList[T any](enc vdl.Encoder, index int, list []T, write func(T) error) error {
	if err := enc.NextField(index); err != nil {
		return err
	}
	if err := enc.StartValue(fusedType.Field(index).Type); err != nil {
		return err
	}
	if err := enc.SetLenHint(len(list)); err != nil {
		return err
	}
	for _, entry := range list {
		if err := write(entry); err != nil {
			return err
		}
	}
	if err := enc.NextEntry(true); err != nil {
		return err
	}
	return enc.FinishValue()
}

func (x fused) writeLists(enc vdl.Encoder) error {
	for _, step := range []func() error{
		func() error {
			return writeList(enc, 7, x.Bools, func(e bool) error { return enc.NextEntryValueBool(vdl.BoolType, e) })
		},
		func() error {
			return writeList(enc, 8, x.Strings, func(e string) error { return enc.NextEntryValueString(vdl.StringType, e) })
		},
		func() error {
			return writeList(enc, 9, x.Uints, func(e uint16) error { return enc.NextEntryValueUint(vdl.Uint16Type, uint64(e)) })
		},
		func() error {
			return writeList(enc, 10, x.Ints, func(e int32) error { return enc.NextEntryValueInt(vdl.Int32Type, int64(e)) })
		},
		func() error {
			return writeList(enc, 11, x.Floats, func(e float64) error { return enc.NextEntryValueFloat(vdl.Float64Type, e) })
		},
		func() error {
			return writeList(enc, 12, x.TypeObjects, func(e *vdl.Type) error { return enc.NextEntryValueTypeObject(e) })
		},
		func() error {
			write := func(e []byte) error { return enc.NextEntryValueBytes(byteListType, e) }
			return writeList(enc, 13, x.Bytess, write)
		},
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// readList reads a list by the function that reads one entry.
func readList[R, T any](dec vdl.Decoder, index int, list *[]T, next func() (bool, R, error), as func(R) T) error {
	if err := dec.StartValue(fusedType.Field(index).Type); err != nil {
		return err
	}
	for {
		done, x, err := next()
		if err != nil {
			return err
		}
		if done {
			return dec.FinishValue()
		}
		*list = append(*list, as(x))
	}
}

func same[T any](x T) T { return x }

func (x *fused) VDLRead(dec vdl.Decoder) error {
	*x = fused{TypeObject: vdl.AnyType}
	if err := dec.StartValue(fusedType); err != nil {
		return err
	}
	for {
		index, err := dec.NextField()
		if err != nil {
			return err
		}
		if index == -1 {
			return dec.FinishValue()
		}
		if index < 7 {
			err = x.readScalar(dec, index)
		} else {
			err = x.readList(dec, index)
		}
		if err != nil {
			return err
		}
	}
}

func (x *fused) readScalar(dec vdl.Decoder, index int) (err error) {
	var u uint64
	var i int64
	switch index {
	case 0:
		x.Bool, err = dec.ReadValueBool()
	case 1:
		x.String, err = dec.ReadValueString()
	case 2:
		u, err = dec.ReadValueUint(16)
		x.Uint = uint16(u)
	case 3:
		i, err = dec.ReadValueInt(32)
		x.Int = int32(i)
	case 4:
		x.Float, err = dec.ReadValueFloat(64)
	case 5:
		x.TypeObject, err = dec.ReadValueTypeObject()
	case 6:
		err = dec.ReadValueBytes(-1, &x.Bytes)
	}
	return err
}

func (x *fused) readList(dec vdl.Decoder, index int) error {
	switch index {
	case 7:
		return readList(dec, index, &x.Bools, dec.NextEntryValueBool, same)
	case 8:
		return readList(dec, index, &x.Strings, dec.NextEntryValueString, same)
	case 9:
		next := func() (bool, uint64, error) { return dec.NextEntryValueUint(16) }
		return readList(dec, index, &x.Uints, next, func(u uint64) uint16 { return uint16(u) })
	case 10:
		next := func() (bool, int64, error) { return dec.NextEntryValueInt(32) }
		return readList(dec, index, &x.Ints, next, func(i int64) int32 { return int32(i) })
	case 11:
		next := func() (bool, float64, error) { return dec.NextEntryValueFloat(64) }
		return readList(dec, index, &x.Floats, next, same)
	case 12:
		return readList(dec, index, &x.TypeObjects, dec.NextEntryValueTypeObject, same)
	}
	next := func() (done bool, b []byte, err error) {
		if done, err = dec.NextEntry(); !done && err == nil {
			err = dec.ReadValueBytes(-1, &b)
		}
		return done, b, err
	}
	return readList(dec, index, &x.Bytess, next, same)
}

// TestFusedCalls compares the fused calls with reflection, through the binary format and in memory.
func TestFusedCalls(t *testing.T) {
	in := plain{
		true, "s", 65535, math.MinInt32, -1.25, fusedType, []byte("bytes"), []bool{false, true}, []string{"", "t"},
		[]uint16{1, 256}, []int32{-1, 1}, []float64{0, math.Inf(1)}, []*vdl.Type{vdl.AnyType, fusedType},
		[][]byte{nil, {1}},
	}
	byReflection, err := vom.Encode(in)
	if err != nil {
		t.Fatal(err)
	}
	byMethods, err := vom.Encode(fused(in))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(byReflection, byMethods) {
		t.Errorf("encoded by reflection as\n%x, by methods as\n%x", byReflection, byMethods)
	}
	var decoded, converted fused
	if err := vom.Decode(byReflection, &decoded); err != nil {
		t.Fatal(err)
	}
	if err := vdl.Convert(&converted, fused(in)); err != nil {
		t.Fatal(err)
	}
	if !vdl.DeepEqual(plain(decoded), in) || !vdl.DeepEqual(plain(converted), in) {
		t.Errorf("%+v\nwas decoded as\n%+v\nand converted to\n%+v", in, decoded, converted)
	}
}

func BenchmarkEncode(b *testing.B) {
	value := fused{String: "method", Uint: 3, Bytes: make([]byte, 1024)}
	enc := vom.NewEncoder(&bytes.Buffer{})
	b.ReportAllocs()
	for b.Loop() {
		if err := enc.Encode(value); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRoundTrip(b *testing.B) {
	var stream bytes.Buffer
	enc, dec := vom.NewEncoder(&stream), vom.NewDecoder(&stream)
	value := plain{String: "method", Uint: 3, Bytes: make([]byte, 1024)}
	b.ReportAllocs()
	for b.Loop() {
		if err := enc.Encode(value); err != nil {
			b.Fatal(err)
		}
		var out plain
		if err := dec.Decode(&out); err != nil {
			b.Fatal(err)
		}
	}
}
