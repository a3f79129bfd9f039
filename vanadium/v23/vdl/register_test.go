package vdl_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"v.io/v23/vdl"
)

type (
	wireTemp   struct{ Milli int64 }
	temp       float64
	known      struct{ T temp }
	impostor   struct{}
	original   struct{}
	doorNumber uint16
)

func (wireTemp) VDLReflect(struct {
	Name string `vdl:"test/temp.Temp"`
}) {
}

func (original) VDLReflect(struct {
	Name string `vdl:"test/one.Name"`
}) {
}

func (impostor) VDLReflect(struct {
	Name string `vdl:"test/one.Name"`
}) {
}

var errTooCold = errors.New("below absolute zero")

func tempToNative(wire wireTemp, native *temp) error {
	*native = temp(wire.Milli) / 1000
	if *native < -273.15 {
		return errTooCold
	}
	return nil
}

func tempFromNative(wire *wireTemp, native temp) error {
	wire.Milli = int64(native * 1000)
	return nil
}

func init() {
	vdl.RegisterNative(tempToNative, tempFromNative)
	vdl.Register((*known)(nil))
	vdl.Register((*doorNumber)(nil))
	vdl.Register((*shape)(nil))
	vdl.Register((*original)(nil))
}

func TestNative(t *testing.T) {
	if got, want := vdl.TypeOf(temp(0)), vdl.TypeOf(wireTemp{}); got != want {
		t.Errorf("the native type is %v, the wire type %v", got, want)
	}
	in := known{36.5}
	var out known
	if err := vdl.Convert(&out, in); err != nil || in != out {
		t.Errorf("%v became %v, %v", in, out, err)
	}
	var wire struct{ T struct{ Milli int32 } }
	if err := vdl.Convert(&wire, in); err != nil || wire.T.Milli != 36500 {
		t.Errorf("%v became %v, %v", in, wire, err)
	}
	if err := vdl.Convert(&out, struct{ T wireTemp }{wireTemp{-300_000}}); !errors.Is(err, errTooCold) {
		t.Errorf("a failing conversion returned %v", err)
	}
	if !vdl.ValueOf(known{}).IsZero() {
		t.Errorf("the zero native value is %v", vdl.ValueOf(known{}))
	}
}

// TestAnyBecomesRegisteredType decodes into an interface.
func TestAnyBecomesRegisteredType(t *testing.T) {
	type unknown struct{ X int }
	tests := []struct{ in, want any }{
		{doorNumber(4), doorNumber(4)},
		{known{1}, known{1}},
		{&known{1}, &known{1}},
		{(*known)(nil), (*known)(nil)},
		{wireTemp{2000}, temp(2)},
		{shapeText{"x"}, shapeText{"x"}},
		{[]known{{3}}, []known{{3}}},
		{map[string]doorNumber{"a": 1}, map[string]doorNumber{"a": 1}},
		{map[doorNumber]struct{}{1: {}}, map[doorNumber]struct{}{1: {}}},
		{[]any{byte(1), nil}, []any{byte(1), nil}},
		{vdl.BoolType, vdl.BoolType},
		{int8(1), int8(1)},
		{unknown{1}, vdl.ValueOf(unknown{1})},
		{[][][][]int{{{{1}}}}, vdl.ValueOf([][][][]int{{{{1}}}})},
		{nil, nil},
	}
	for _, test := range tests {
		var out any
		if err := vdl.Convert(&out, test.in); err != nil {
			t.Errorf("%T: %v", test.in, err)
			continue
		}
		if got, want := fmt.Sprintf("%T %+v", out, out), fmt.Sprintf("%T %+v", test.want, test.want); got != want &&
			!vdl.DeepEqual(out, test.want) {
			t.Errorf("%T became %s, want %s", test.in, got, want)
		}
		if fmt.Sprintf("%T", out) != fmt.Sprintf("%T", test.want) {
			t.Errorf("%T became a %T, want a %T", test.in, out, test.want)
		}
	}
}

func TestRegistrationsThatPanic(t *testing.T) {
	calls := map[string]func(){
		"two Go types of one name": func() { vdl.Register((*impostor)(nil)) },
		"a Go type without a Type": func() { vdl.Register((*chan int)(nil)) },
		"a native type twice": func() {
			vdl.RegisterNative(func(int64, *temp) error { return nil }, func(*int64, temp) error { return nil })
		},
		"conversions that do not match": func() { vdl.RegisterNative(tempToNative, func(*int64, temp) error { return nil }) },
		"no functions":                  func() { vdl.RegisterNative(1, 2) },
		"conversions without an error":  func() { vdl.RegisterNative(func(int64, *int8) {}, func(*int64, int8) {}) },
		"errors by another type": func() {
			vdl.RegisterNative(func(wireTemp, *error) error { return nil }, func(*wireTemp, error) error { return nil })
		},
		"a native type without IsZero": func() { vdl.RegisterNativeIsZero(temp(0)) },
	}
	for what, call := range calls {
		if _, ok := try(func() *vdl.Type { call(); return nil }); ok {
			t.Errorf("registering %s did not panic", what)
		}
	}
	vdl.Register((*original)(nil)) // the same again is fine
}

// TestErrorsNeedConversion runs without package verror, which registers the conversion of errors.
func TestErrorsNeedConversion(t *testing.T) {
	if v, err := vdl.ValueFrom(errTooCold); err == nil {
		t.Errorf("an error was written as %v", v)
	}
	if v, err := vdl.ValueFrom(struct{ E error }{}); err != nil || !v.IsZero() {
		t.Errorf("a nil error was written as %v, %v", v, err)
	}
	wire := &vdl.WireError{Id: "x", RetryCode: vdl.WireRetryCodeRetryBackoff}
	var out error
	if err := vdl.Convert(&out, wire); err == nil {
		t.Errorf("an error was read as %v", out)
	}
	var same *vdl.WireError
	if err := vdl.Convert(&same, wire); err != nil || same.RetryCode.String() != "RetryBackoff" {
		t.Errorf("a WireError became %+v, %v", same, err)
	}
}

func TestWireRetryCode(t *testing.T) {
	for _, code := range vdl.WireRetryCodeAll {
		if back, err := vdl.WireRetryCodeFromString(code.String()); err != nil || back != code {
			t.Errorf("%v became %v, %v", code, back, err)
		}
	}
	if code, err := vdl.WireRetryCodeFromString("Never"); err == nil || code != -1 || code.String() != "" {
		t.Errorf("an unknown label became %d %q, %v", code, code, err)
	}
}

func ExampleRegisterNative() {
	// Instants travel as milliseconds in this program.
	type instant struct{ time.Time }
	vdl.RegisterNative(
		func(wire int64, native *instant) error {
			native.Time = time.UnixMilli(wire).UTC()
			return nil
		},
		func(wire *int64, native instant) error {
			*wire = native.UnixMilli()
			return nil
		},
	)
	fmt.Println(vdl.ValueOf(instant{time.Unix(1, 0)}))
	// Output: int64(1000)
}

func ExampleConvert() {
	type old struct{ Name, Street string }
	type new struct {
		Name string
		Zip  string
	}
	var to new
	err := vdl.Convert(&to, old{Name: "Ada", Street: "Main"})
	fmt.Printf("%+v %v\n", to, err)
	// Output: {Name:Ada Zip:} <nil>
}
