package vdl_test

import (
	"errors"
	"math"
	"reflect"
	"testing"

	"v.io/v23/vdl"
)

type (
	name   string
	color  int
	digest [4]byte
	point  struct{ X, Y int32 }
	node   struct {
		Value any
		Next  *node
		Under []node
	}
	everything struct {
		B      bool
		U8     byte
		U      uint
		I16    int16
		I      int
		F      float32
		S      name
		C      color
		D      digest
		Bytes  []byte
		List   []point
		Array  [2]point
		Set    map[name]struct{}
		Map    map[color]*point
		Opt    *point
		PtrInt *int
		Any    any
		Type   *vdl.Type
		Value  *vdl.Value
		Shape  shape
		hidden int
	}
	self struct{ Text string }
	liar struct{ Text string }
)

func (color) VDLReflect(struct {
	Name string `vdl:"test/paint.Color"`
	Enum struct{ Red, Green, Blue string }
}) {
}

// shape is a union.
type shape interface{ VDLReflect(shapeReflect) }

type (
	shapeDot  struct{ Value point }
	shapeText struct{ Value string }
)

type shapeReflect struct {
	Name  string `vdl:"test/paint.Shape"`
	Type  shape
	Union struct {
		Dot  shapeDot
		Text shapeText
	}
}

func (shapeDot) VDLReflect(shapeReflect)  {}
func (shapeText) VDLReflect(shapeReflect) {}

// VDLRead and VDLWrite leave a trace of themselves.
func (x *self) VDLRead(dec vdl.Decoder) error {
	type plain self
	if err := vdl.Read(dec, (*plain)(x)); err != nil {
		return err
	}
	x.Text += " read"
	return nil
}

func (x self) VDLWrite(enc vdl.Encoder) error {
	if err := enc.StartValue(vdl.TypeOf(x)); err != nil {
		return err
	}
	if err := enc.NextFieldValueString(0, vdl.StringType, x.Text+" written"); err != nil {
		return err
	}
	if err := enc.NextField(-1); err != nil {
		return err
	}
	return enc.FinishValue()
}

// VDLWrite writes a value of another type.
func (x liar) VDLWrite(enc vdl.Encoder) error { return enc.WriteValueString(vdl.StringType, x.Text) }

func full() everything {
	seven := 7
	return everything{
		B: true, U8: 255, U: math.MaxUint64, I16: -3, I: math.MinInt64, F: 0.5, S: "s", C: 2, D: digest{1, 2, 3, 4},
		Bytes: []byte("bytes"), List: []point{{1, 2}, {}, {0, 3}}, Array: [2]point{{}, {X: 4}},
		Set: map[name]struct{}{"a": {}, "": {}}, Map: map[color]*point{0: nil, 1: {X: 1}}, Opt: &point{},
		PtrInt: &seven, Any: []string{"x"}, Type: vdl.TypeOf(point{}), Value: vdl.ValueOf(uint16(3)),
		Shape: shapeText{"t"}, hidden: 1,
	}
}

func TestTypeOf(t *testing.T) {
	const pkg = "v.io/v23/vdl_test."
	tests := []struct {
		value any
		want  string
	}{
		{nil, "any"},
		{true, "bool"},
		{uint(1), "uint64"},
		{3, "int64"},
		{name(""), pkg + "name string"},
		{color(0), "test/paint.Color enum{Red;Green;Blue}"},
		{digest{}, pkg + "digest [4]byte"},
		{(*digest)(nil), pkg + "digest [4]byte"},
		{map[string]struct{}{}, "set[string]"},
		{[]any{}, "[]any"},
		{&point{}, "?" + pkg + "point struct{X int32;Y int32}"},
		{node{}, pkg + "node struct{Value any;Next ?" + pkg + "node;Under []" + pkg + "node}"},
		{vdl.StringType, "typeobject"},
		{vdl.ValueOf(1), "any"},
		{errors.New("x"), vdl.ErrorType.String()},
		{shapeDot{}, "test/paint.Shape union{Dot " + pkg + "point struct{X int32;Y int32};Text string}"},
		{struct{}{}, "struct{}"},
		{vdl.WireRetryCode(0), "v.io/v23/vdl.WireRetryCode enum{NoRetry;RetryConnection;RetryRefetch;RetryBackoff}"},
	}
	for _, test := range tests {
		if got := vdl.TypeOf(test.value).String(); got != test.want {
			t.Errorf("TypeOf(%T) = %q, want %q", test.value, got, test.want)
		}
	}
	if got := vdl.TypeOf((*shape)(nil)); got != vdl.TypeOf(shapeText{}) {
		t.Errorf("the union interface has the type %v", got)
	}
}

func TestNoType(t *testing.T) {
	for _, value := range []any{
		make(chan int), func() {}, complex(1, 1), struct{ hidden int }{}, []func(){}, map[*point]int{}, generic[int]{},
	} {
		if tt, err := vdl.TypeFromReflect(reflect.TypeOf(value)); err == nil {
			t.Errorf("%T has the type %v, want an error", value, tt)
		}
		if _, err := vdl.ValueFrom(value); err == nil {
			t.Errorf("%T was written", value)
		}
	}
}

type generic[T any] struct{ X T }

func TestConvertToSelf(t *testing.T) {
	in := full()
	var out everything
	if err := vdl.Convert(&out, in); err != nil {
		t.Fatal(err)
	}
	if !vdl.DeepEqual(in, out) {
		t.Errorf("%v\nbecame\n%v", vdl.ValueOf(in), vdl.ValueOf(out))
	}
	if out.Opt == nil || *out.PtrInt != 7 || out.Shape != (shapeText{"t"}) || out.Map[1].X != 1 || out.hidden != 0 {
		t.Errorf("%+v became %+v", in, out)
	}
}

func TestReadReplaces(t *testing.T) {
	out := full()
	if err := vdl.Convert(&out, everything{}); err != nil {
		t.Fatal(err)
	}
	if !vdl.ValueOf(out).IsZero() {
		t.Errorf("after a zero value was read: %v", vdl.ValueOf(out))
	}
	if out.Type != vdl.AnyType || out.Value == nil || out.Shape != (shapeDot{}) {
		t.Errorf("zero values are not canonical: %+v", out)
	}
}

func TestConvert(t *testing.T) {
	type narrow struct {
		X  int8
		No string
	}
	tests := []struct {
		src, want any // want's type is the target, an error if src cannot be converted
	}{
		{uint16(200), byte(200)},
		{int64(-5), float32(-5)},
		{2.0, uint32(2)},
		{[]byte{1, 2}, []int64{1, 2}},
		{[]int64{1, 255}, []byte{1, 255}},
		{[]int32{1, 2, 3, 4}, digest{1, 2, 3, 4}},
		{color(1), "Green"},
		{"Blue", color(2)},
		{point{X: 5, Y: 6}, narrow{X: 5}},
		{&point{X: 5}, point{X: 5}},
		{point{X: 5}, &point{X: 5}},
		{map[name]color{"k": 1}, map[string]string{"k": "Green"}},
		{[]any{1, "x"}, []any{int64(1), "x"}},
		{vdl.ValueOf(3), 3},
		{3, any(int64(3))},
	}
	for _, test := range tests {
		target := reflect.New(reflect.TypeOf(test.want))
		if err := vdl.Convert(target.Interface(), test.src); err != nil {
			t.Errorf("%T %v: %v", test.src, test.src, err)
			continue
		}
		if got := target.Elem().Interface(); !reflect.DeepEqual(got, test.want) {
			t.Errorf("%T %v became %#v, want %#v", test.src, test.src, got, test.want)
		}
	}
}

func TestConvertRefuses(t *testing.T) {
	tests := []struct{ src, target any }{
		{256, new(byte)},
		{-1, new(uint64)},
		{uint64(math.MaxUint64), new(int64)},
		{1 << 60, new(float64)},
		{1.5, new(int)},
		{math.Inf(1), new(int)},
		{1e300, new(float32)},
		{"Purple", new(color)},
		{"x", new(int)},
		{[]int{1}, new(digest)},
		{(*point)(nil), new(point)},
		{nil, new(string)},
		{shapeText{}, new(shapeText)},
		{point{}, point{}},
		{point{}, (*point)(nil)},
		{color(9), new(string)},
		{3, new(chan int)},
	}
	for _, test := range tests {
		if err := vdl.Convert(test.target, test.src); err == nil {
			t.Errorf("%T %v was converted to %T", test.src, test.src, test.target)
		}
	}
}

func TestOwnMethodsAreUsed(t *testing.T) {
	type holder struct {
		Plain self
		Ptr   *self
		List  []self
	}
	in := holder{self{"a"}, &self{"b"}, []self{{"c"}}}
	var out holder
	if err := vdl.Convert(&out, in); err != nil {
		t.Fatal(err)
	}
	want := holder{self{"a written read"}, &self{"b written read"}, []self{{"c written read"}}}
	if !reflect.DeepEqual(out, want) {
		t.Errorf("became %+v, want %+v", out, want)
	}
	if v, err := vdl.ValueFrom(struct{ F liar }{liar{"x"}}); err == nil {
		t.Errorf("a field was written with another type than it has: %v", v)
	}
}
