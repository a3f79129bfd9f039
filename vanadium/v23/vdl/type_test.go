package vdl_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"v.io/v23/vdl"
)

func field(name string, t *vdl.Type) vdl.Field { return vdl.Field{Name: name, Type: t} }

func TestTypesAreInterned(t *testing.T) {
	point := func() *vdl.Type {
		return vdl.NamedType("a/b.Point", vdl.StructType(field("X", vdl.Int32Type), field("Y", vdl.Int32Type)))
	}
	for _, make := range []func() *vdl.Type{
		point,
		func() *vdl.Type { return vdl.OptionalType(point()) },
		func() *vdl.Type { return vdl.ListType(vdl.ListType(point())) },
		func() *vdl.Type { return vdl.MapType(point(), vdl.SetType(vdl.StringType)) },
		func() *vdl.Type { return vdl.ArrayType(3, vdl.AnyType) },
		func() *vdl.Type { return vdl.NamedType("E", vdl.EnumType("A", "B")) },
		func() *vdl.Type { return vdl.UnionType(field("A", point()), field("B", vdl.TypeObjectType)) },
	} {
		if a, b := make(), make(); a != b {
			t.Errorf("%v was built as two types", a)
		}
	}
	if vdl.ListType(vdl.ByteType) == vdl.ListType(vdl.Int8Type) {
		t.Error("two types are one")
	}
}

func TestTypeString(t *testing.T) {
	rec := recursive(t)
	tests := map[string]*vdl.Type{
		"any":                        vdl.AnyType,
		"[]map[string]int64":         vdl.ListType(vdl.MapType(vdl.StringType, vdl.Int64Type)),
		"[4]set[uint16]":             vdl.ArrayType(4, vdl.SetType(vdl.Uint16Type)),
		"p.E enum{A;B}":              vdl.NamedType("p.E", vdl.EnumType("A", "B")),
		"union{A bool;B typeobject}": vdl.UnionType(field("A", vdl.BoolType), field("B", vdl.TypeObjectType)),
		"p.Rec struct{Next ?p.Rec}":  rec,
		"?p.Rec struct{Next ?p.Rec}": vdl.OptionalType(rec),
		"struct{A p.Rec struct{Next ?p.Rec};B p.Rec}": vdl.StructType(field("A", rec), field("B", rec)),
	}
	for want, tt := range tests {
		if got := tt.String(); got != want {
			t.Errorf("described as %q, want %q", got, want)
		}
	}
}

// recursive returns a struct that refers to itself.
func recursive(t *testing.T) *vdl.Type {
	t.Helper()
	var b vdl.TypeBuilder
	rec := b.Named("p.Rec")
	rec.AssignBase(b.Struct().AppendField("Next", b.Optional().AssignElem(rec)))
	b.Build()
	built, err := rec.Built()
	if err != nil {
		t.Fatal(err)
	}
	return built
}

func TestRecursiveTypesAreInterned(t *testing.T) {
	a, b := recursive(t), recursive(t)
	if a != b {
		t.Fatal("a recursive type was built as two types")
	}
	if next := a.Field(0).Type; next != vdl.OptionalType(a) || next.Elem() != a {
		t.Errorf("the recursion leads to %v", next)
	}
}

func TestBadTypes(t *testing.T) {
	s := vdl.NamedType("p.S", vdl.StructType())
	bad := map[string]func() *vdl.Type{
		"optional of a scalar":       func() *vdl.Type { return vdl.OptionalType(vdl.StringType) },
		"optional of a bare struct":  func() *vdl.Type { return vdl.OptionalType(vdl.StructType()) },
		"enum without labels":        func() *vdl.Type { return vdl.EnumType() },
		"enum with equal labels":     func() *vdl.Type { return vdl.EnumType("A", "A") },
		"enum with a blank label":    func() *vdl.Type { return vdl.EnumType("A B") },
		"empty array":                func() *vdl.Type { return vdl.ArrayType(0, vdl.StringType) },
		"huge array":                 func() *vdl.Type { return vdl.ArrayType(1<<30, vdl.StringType) },
		"key that can be nil":        func() *vdl.Type { return vdl.SetType(vdl.OptionalType(s)) },
		"key with a list in it":      func() *vdl.Type { return vdl.MapType(vdl.ListType(s), s) },
		"union without fields":       func() *vdl.Type { return vdl.UnionType() },
		"fields of the same name":    func() *vdl.Type { return vdl.StructType(field("A", s), field("A", s)) },
		"field without a type":       func() *vdl.Type { return vdl.StructType(vdl.Field{Name: "A"}) },
		"named any":                  func() *vdl.Type { return vdl.NamedType("p.Any", vdl.AnyType) },
		"name that is a keyword":     func() *vdl.Type { return vdl.NamedType("string", vdl.BoolType) },
		"name with a brace":          func() *vdl.Type { return vdl.NamedType("a{", vdl.BoolType) },
		"two types of the same name": func() *vdl.Type { return vdl.StructType(field("A", s), field("B", otherS())) },
	}
	for what, make := range bad {
		if tt, ok := try(make); ok {
			t.Errorf("%s was accepted as %v", what, tt)
		}
	}
}

func otherS() *vdl.Type { return vdl.NamedType("p.S", vdl.StringType) }

// try calls the function and reports whether it did not panic.
func try(make func() *vdl.Type) (_ *vdl.Type, ok bool) {
	defer func() { ok = recover() == nil }()
	return make(), true
}

func TestInfiniteTypes(t *testing.T) {
	connect := map[string]func(*vdl.TypeBuilder, vdl.PendingNamed){
		"struct in itself": func(b *vdl.TypeBuilder, n vdl.PendingNamed) {
			n.AssignBase(b.Struct().AppendField("A", n))
		},
		"array of itself": func(b *vdl.TypeBuilder, n vdl.PendingNamed) {
			n.AssignBase(b.Array().AssignLen(1).AssignElem(n))
		},
		"union of itself":      func(b *vdl.TypeBuilder, n vdl.PendingNamed) { n.AssignBase(b.Union().AppendField("A", n)) },
		"type based on itself": func(b *vdl.TypeBuilder, n vdl.PendingNamed) { n.AssignBase(n) },
		"list of lists without a name": func(b *vdl.TypeBuilder, n vdl.PendingNamed) {
			list := b.List()
			n.AssignBase(b.Struct().AppendField("A", list.AssignElem(list)))
		},
	}
	for what, fn := range connect {
		var b vdl.TypeBuilder
		n := b.Named("p.N")
		fn(&b, n)
		if b.Build() {
			t.Errorf("%s was accepted", what)
		}
		if tt, err := n.Built(); err == nil {
			t.Errorf("%s was built as %v", what, tt)
		}
	}
}

// TestTypesWithManyPaths builds types of which there are 2^60 paths from the first to the last.
func TestTypesWithManyPaths(t *testing.T) {
	tt := vdl.NamedType("p.N0", vdl.StructType(field("A", vdl.BoolType)))
	for i := 1; i < 60; i++ {
		tt = vdl.NamedType(fmt.Sprintf("p.N%d", i), vdl.StructType(field("A", tt), field("B", tt)))
	}
	if key := vdl.SetType(tt); !key.Key().CanBeKey() {
		t.Errorf("%v cannot be a key", tt)
	}
	if vdl.Compatible(tt, tt.Field(0).Type) {
		t.Error("types whose innermost fields are a bool and a struct are compatible")
	}
	bare := vdl.StructType(field("A", vdl.BoolType))
	grow := func() *vdl.Type {
		for range 60 {
			bare = vdl.StructType(field("A", bare), field("B", bare))
		}
		return bare
	}
	if _, ok := try(grow); ok {
		t.Error("a type with a huge description was accepted")
	}
}

func TestUnusedTypesAreForgotten(t *testing.T) {
	const n = 2000
	var before, after runtime.MemStats
	make := func(i int) { vdl.NamedType(fmt.Sprintf("p.%s%d", strings.Repeat("x", 10_000), i), vdl.StringType) }
	make(0)
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range n {
		make(i)
		if i%100 == 0 {
			runtime.GC()
		}
	}
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > n*10_000/2 {
		t.Errorf("%d unused types occupy %d bytes", n, grown)
	}
}

func TestCompatible(t *testing.T) {
	s := func(fields ...vdl.Field) *vdl.Type { return vdl.StructType(fields...) }
	enumAB, enumBC, enumD := vdl.EnumType("A", "B"), vdl.EnumType("B", "C"), vdl.EnumType("D")
	named := vdl.NamedType("p.S", s(field("A", vdl.BoolType)))
	tests := []struct {
		a, b *vdl.Type
		want bool
	}{
		{vdl.BoolType, vdl.BoolType, true},
		{vdl.BoolType, vdl.ByteType, false},
		{vdl.ByteType, vdl.Float64Type, true},
		{vdl.StringType, vdl.Int64Type, false},
		{vdl.StringType, enumAB, true},
		{enumAB, enumBC, true},
		{enumAB, enumD, false},
		{vdl.TypeObjectType, vdl.StringType, false},
		{vdl.AnyType, vdl.TypeObjectType, true},
		{vdl.OptionalType(named), named, true},
		{vdl.ListType(vdl.ByteType), vdl.ArrayType(2, vdl.Int64Type), true},
		{vdl.ListType(vdl.StringType), vdl.SetType(vdl.StringType), false},
		{vdl.MapType(vdl.StringType, vdl.BoolType), vdl.MapType(enumAB, vdl.BoolType), true},
		{vdl.MapType(vdl.StringType, vdl.BoolType), vdl.MapType(enumAB, vdl.ByteType), false},
		{s(), s(field("A", vdl.BoolType)), true},
		{s(field("B", vdl.BoolType)), s(field("A", vdl.BoolType)), false},
		{s(field("B", vdl.BoolType), field("A", vdl.ByteType)), s(field("A", vdl.Int64Type)), true},
		{s(field("B", vdl.BoolType), field("A", vdl.ByteType)), s(field("A", vdl.BoolType)), false},
		{vdl.UnionType(field("A", vdl.BoolType)), vdl.UnionType(field("B", vdl.BoolType)), false},
		{vdl.UnionType(field("A", vdl.BoolType)), s(field("A", vdl.BoolType)), false},
	}
	for _, test := range tests {
		if got, back := vdl.Compatible(test.a, test.b), vdl.Compatible(test.b, test.a); got != test.want || back != got {
			t.Errorf("Compatible(%v, %v) = %v, reversed %v; want %v", test.a, test.b, got, back, test.want)
		}
	}
}

func TestEqualNamesInOneType(t *testing.T) {
	var b vdl.TypeBuilder
	build := func(label string) vdl.PendingNamed {
		n := b.Named("p.Node")
		return n.AssignBase(b.Struct().AppendField(label, b.List().AssignElem(n)))
	}
	same := b.Struct().AppendField("A", build("L")).AppendField("B", build("L"))
	if !b.Build() {
		_, err := same.Built()
		t.Fatalf("two descriptions of the same type were refused: %v", err)
	}
	built, err := same.Built()
	if err != nil || built.Field(0).Type != built.Field(1).Type {
		t.Errorf("two descriptions of the same type became two types in %v, %v", built, err)
	}
	b = vdl.TypeBuilder{}
	b.Struct().AppendField("A", build("L")).AppendField("B", build("M"))
	if b.Build() {
		t.Error("a type has two types of the same name")
	}
}

func TestWalk(t *testing.T) {
	rec := recursive(t)
	tt := vdl.StructType(field("A", rec), field("B", vdl.MapType(vdl.StringType, vdl.AnyType)))
	var all, inline []string
	tt.Walk(vdl.WalkAll, func(t *vdl.Type) bool {
		all = append(all, t.Kind().String())
		return true
	})
	tt.Walk(vdl.WalkInline, func(t *vdl.Type) bool {
		inline = append(inline, t.Kind().String())
		return true
	})
	if got, want := strings.Join(all, " "), "struct struct optional map string any"; got != want {
		t.Errorf("walked over %s, want %s", got, want)
	}
	if got, want := strings.Join(inline, " "), "struct struct optional map"; got != want {
		t.Errorf("walked inline over %s, want %s", got, want)
	}
	if !tt.ContainsKind(vdl.WalkAll, vdl.Bool, vdl.Any) || tt.ContainsKind(vdl.WalkAll, vdl.Union) ||
		tt.ContainsKind(vdl.WalkInline, vdl.Any) || !tt.ContainsKind(vdl.WalkInline, vdl.Map) {
		t.Errorf("the kinds of %v are wrong", tt)
	}
	if !rec.CanBeOptional() || !rec.CanBeNamed() || vdl.AnyType.CanBeNamed() || vdl.StringType.CanBeOptional() {
		t.Error("what can be optional or named is wrong")
	}
}

func ExampleTypeBuilder() {
	var b vdl.TypeBuilder
	tree := b.Named("example/forest.Tree")
	tree.AssignBase(b.Struct().AppendField("Branches", b.List().AssignElem(tree)))
	b.Build()
	built, err := tree.Built()
	fmt.Println(built, err)
	// Output: example/forest.Tree struct{Branches []example/forest.Tree} <nil>
}
