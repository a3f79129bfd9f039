package vdl_test

import (
	"fmt"
	"strings"
	"testing"

	"v.io/v23/vdl"
)

func TestValueAccess(t *testing.T) {
	v := vdl.ValueOf(full())
	field := func(name string) *vdl.Value { return v.StructFieldByName(name) }
	checks := map[string]bool{
		"bool":          field("B").Bool(),
		"uint":          field("U8").Uint() == 255,
		"int":           field("I16").Int() == -3,
		"float":         field("F").Float() == 0.5,
		"string":        field("S").RawString() == "s",
		"label":         field("C").EnumLabel() == "Blue" && field("C").EnumIndex() == 2,
		"bytes":         string(field("Bytes").Bytes()) == "bytes" && field("Bytes").Index(1).Uint() == 'y',
		"list":          field("List").Len() == 3 && field("List").Index(2).StructField(1).Int() == 3,
		"array":         field("Array").Len() == 2 && field("Array").Index(0).IsZero(),
		"set":           field("Set").ContainsKey(vdl.ValueOf(name("a"))) && len(field("Set").Keys()) == 2,
		"map":           field("Map").MapIndex(vdl.ValueOf(color(0))).IsNil(),
		"missing key":   field("Map").MapIndex(vdl.ValueOf(color(2))) == nil,
		"optional":      !field("Opt").IsNil() && field("Opt").Elem().IsZero(),
		"any":           field("Any").Elem().Index(0).RawString() == "x",
		"typeobject":    field("Type").TypeObject() == vdl.TypeOf(point{}),
		"missing field": field("Missing") == nil,
	}
	for what, ok := range checks {
		if !ok {
			t.Errorf("%s is wrong in %v", what, v)
		}
	}
	if i, text := field("Shape").UnionField(); i != 1 || text.RawString() != "t" {
		t.Errorf("the union holds %d %v", i, text)
	}
	if _, ok := try(func() *vdl.Type { field("B").RawString(); return nil }); ok {
		t.Error("RawString of a bool did not panic")
	}
}

func TestCopyAndEqual(t *testing.T) {
	v := vdl.ValueOf(full())
	c := vdl.CopyValue(v)
	if !vdl.EqualValue(v, c) || v.String() != c.String() {
		t.Fatalf("the copy of\n%v is\n%v", v, c)
	}
	for i := range v.Type().NumField() {
		c := vdl.CopyValue(v)
		if err := c.AssignField(i, vdl.ZeroValue(v.Type().Field(i).Type)); err != nil {
			t.Fatal(err)
		}
		if vdl.EqualValue(v, c) || v.String() == c.String() {
			t.Errorf("without field %s, the value is the same", v.Type().Field(i).Name)
		}
	}
	if !vdl.EqualValue(v, vdl.ValueOf(full())) {
		t.Error("the value changed with its copies")
	}
	if vdl.EqualValue(vdl.ValueOf(1), vdl.ValueOf(uint(1))) || vdl.EqualValue(v, nil) {
		t.Error("values of different types are equal")
	}
}

func TestAssign(t *testing.T) {
	list := vdl.ZeroValue(vdl.TypeOf([]color{}))
	list.AssignLen(2)
	bytes := vdl.ZeroValue(vdl.TypeOf(digest{}))
	union := vdl.ZeroValue(vdl.TypeOf(shapeDot{}))
	set := vdl.ZeroValue(vdl.TypeOf(map[byte]struct{}{}))
	optional := vdl.ZeroValue(vdl.TypeOf(&point{}))
	dict := vdl.ZeroValue(vdl.TypeOf(map[string]any{}))
	for _, err := range []error{
		list.AssignIndex(1, vdl.ValueOf("Green")),
		bytes.AssignIndex(3, vdl.ValueOf(200)),
		union.AssignField(1, vdl.ValueOf("text")),
		set.AssignSetKey(vdl.ValueOf(7)),
		set.AssignSetKey(vdl.ValueOf(uint16(7))),
		optional.Assign(vdl.ValueOf(point{1, 2})),
		dict.AssignMapIndex(vdl.ValueOf("k"), vdl.ValueOf(true)),
		dict.AssignMapIndex(vdl.ValueOf("n"), nil),
	} {
		if err != nil {
			t.Error(err)
		}
	}
	for got, want := range map[*vdl.Value]string{
		list:     "[]test/paint.Color enum{Red;Green;Blue}{Red, Green}",
		bytes:    "v.io/v23/vdl_test.digest{0, 0, 0, 200}",
		union:    `test/paint.Shape{Text: "text"}`,
		set:      "set[byte]{7}",
		optional: "?v.io/v23/vdl_test.point{X: 1, Y: 2}",
		dict:     `map[string]any{"k": true, "n": any(nil)}`,
	} {
		if got.String() != want {
			t.Errorf("assigned %v, want %s", got, want)
		}
	}
	for _, err := range []error{
		list.AssignIndex(0, vdl.ValueOf("Purple")), bytes.AssignIndex(0, vdl.ValueOf(256)),
		union.AssignField(1, vdl.ValueOf(1)), set.AssignSetKey(vdl.ValueOf("x")), optional.Assign(vdl.ValueOf(1)),
	} {
		if err == nil {
			t.Error("a value that does not fit was assigned")
		}
	}
}

func TestDeepEqual(t *testing.T) {
	if !vdl.DeepEqual([]int{}, []int(nil)) || !vdl.DeepEqual(map[string]*point{"a": {}}, map[string]*point{"a": {}}) {
		t.Error("equal values are different")
	}
	if vdl.DeepEqual([]int{1}, []int{2}) || vdl.DeepEqual(1, int32(1)) || vdl.DeepEqual(func() {}, func() {}) {
		t.Error("different values are equal")
	}
}

func TestNestingIsBounded(t *testing.T) {
	in := &node{}
	for range 5000 {
		in = &node{Next: in}
	}
	if v, err := vdl.ValueFrom(in); err == nil || !strings.Contains(err.Error(), "nested") {
		t.Errorf("a list of 5000 nodes became %v, %v", v.IsValid(), err)
	}
}

func ExampleValueOf() {
	v := vdl.ValueOf(map[string][]int16{"b": {1, 2}, "a": nil})
	fmt.Println(v.Type())
	fmt.Println(v)
	// Output:
	// map[string][]int16
	// map[string][]int16{"a": {}, "b": {1, 2}}
}
