package vom_test

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"v.io/v23/vdl"
	"v.io/v23/vom"
)

// generator makes random types and values.
type generator struct {
	*rand.Rand
	names int
}

var scalarTypes = []*vdl.Type{
	vdl.BoolType, vdl.ByteType, vdl.Uint16Type, vdl.Uint32Type, vdl.Uint64Type, vdl.Int8Type, vdl.Int16Type,
	vdl.Int32Type, vdl.Int64Type, vdl.Float32Type, vdl.Float64Type, vdl.StringType,
}

func (g *generator) name() string {
	g.names++
	return fmt.Sprintf("random/pkg.T%d", g.names)
}

func (g *generator) keyType() *vdl.Type {
	switch g.IntN(4) {
	case 0:
		return vdl.NamedType(g.name(), vdl.EnumType("A", "B", "C"))
	case 1:
		return vdl.StructType(vdl.Field{Name: "X", Type: vdl.StringType}, vdl.Field{Name: "Y", Type: vdl.ByteType})
	}
	return scalarTypes[g.IntN(len(scalarTypes))]
}

func (g *generator) fields(depth, least int) []vdl.Field {
	var fields []vdl.Field
	for i := range least + g.IntN(4) {
		fields = append(fields, vdl.Field{Name: fmt.Sprintf("F%d", i), Type: g.typ(depth - 1)})
	}
	return fields
}

// typ returns a type that nests at most depth levels.
func (g *generator) typ(depth int) *vdl.Type {
	if depth == 0 || g.IntN(5) == 0 {
		return scalarTypes[g.IntN(len(scalarTypes))]
	}
	var t *vdl.Type
	switch g.IntN(11) {
	case 0:
		return vdl.AnyType
	case 1:
		return vdl.TypeObjectType
	case 2:
		return vdl.OptionalType(vdl.NamedType(g.name(), vdl.StructType(g.fields(depth, 0)...)))
	case 3:
		t = vdl.ArrayType(1+g.IntN(4), g.typ(depth-1))
	case 4:
		t = vdl.ListType(g.typ(depth - 1))
	case 5:
		t = vdl.SetType(g.keyType())
	case 6:
		t = vdl.MapType(g.keyType(), g.typ(depth-1))
	case 7:
		t = vdl.StructType(g.fields(depth, 0)...)
	case 8:
		t = vdl.UnionType(g.fields(depth, 1)...)
	case 9:
		t = vdl.EnumType("A", "B", "C")
	case 10:
		t = scalarTypes[g.IntN(len(scalarTypes))]
	}
	if g.IntN(2) == 0 {
		t = vdl.NamedType(g.name(), t)
	}
	return t
}

func (g *generator) scalar(k vdl.Kind) any {
	switch k {
	case vdl.Bool:
		return g.IntN(2) == 0
	case vdl.String:
		return string(make([]byte, g.IntN(200)))
	case vdl.Enum:
		return []string{"A", "B", "C"}[g.IntN(3)]
	case vdl.Float32:
		return math.Float32frombits(g.Uint32()&^0x7f800000 | 0x3f800000)
	case vdl.Float64:
		return g.NormFloat64()
	case vdl.Int8, vdl.Int16, vdl.Int32, vdl.Int64:
		return int64(g.Uint64()) >> (64 - g.IntN(k.BitLen()) - 1)
	}
	return g.Uint64() >> (64 - g.IntN(k.BitLen()) - 1)
}

// value returns a random value of the type.
func (g *generator) value(t *vdl.Type, depth int) *vdl.Value {
	v := vdl.ZeroValue(t)
	if g.IntN(6) == 0 || depth == 0 {
		return v
	}
	var err error
	switch t.Kind() {
	case vdl.Any:
		err = v.Assign(g.value(g.typ(2), depth-1))
	case vdl.Optional:
		err = v.Assign(g.value(t.Elem(), depth-1))
	case vdl.TypeObject:
		err = v.Assign(vdl.ValueOf(g.typ(3)))
	case vdl.Array, vdl.List:
		if t.Kind() == vdl.List {
			v.AssignLen(g.IntN(5))
		}
		for i := 0; i < v.Len() && err == nil; i++ {
			err = v.AssignIndex(i, g.value(t.Elem(), depth-1))
		}
	case vdl.Set:
		err = v.AssignSetKey(g.value(t.Key(), depth-1))
	case vdl.Map:
		for i := 0; i < 3 && err == nil; i++ {
			err = v.AssignMapIndex(g.value(t.Key(), depth-1), g.value(t.Elem(), depth-1))
		}
	case vdl.Struct:
		for i := 0; i < t.NumField() && err == nil; i++ {
			err = v.AssignField(i, g.value(t.Field(i).Type, depth-1))
		}
	case vdl.Union:
		i := g.IntN(t.NumField())
		err = v.AssignField(i, g.value(t.Field(i).Type, depth-1))
	default:
		err = v.Assign(vdl.ValueOf(g.scalar(t.Kind())))
	}
	if err != nil {
		panic(fmt.Sprintf("%v: %v", t, err))
	}
	return v
}

// TestRandomRoundTrip sends random values of random types, each in a stream of its own and all in one.
func TestRandomRoundTrip(t *testing.T) {
	g := &generator{Rand: rand.New(rand.NewPCG(1, 2))}
	var stream bytes.Buffer
	enc, dec := vom.NewEncoder(&stream), vom.NewDecoder(&stream)
	for range 3000 {
		in := g.value(g.typ(4), 6)
		data, err := vom.Encode(in)
		if err != nil {
			t.Fatalf("%v: %v", in, err)
		}
		checkSame(t, in, func(v any) error { return vom.Decode(data, v) })
		if err := enc.Encode(in); err != nil {
			t.Fatal(err)
		}
		checkSame(t, in, dec.Decode)
	}
}

func checkSame(t *testing.T, in *vdl.Value, decode func(any) error) {
	t.Helper()
	var raw vom.RawBytes
	if err := decode(&raw); err != nil {
		t.Fatalf("%v: %v", in, err)
	}
	var out *vdl.Value
	if err := raw.ToValue(&out); err != nil {
		t.Fatalf("%v: %v", in, err)
	}
	if want := unwrap(in); !vdl.EqualValue(unwrap(out), want) {
		t.Fatalf("%v of %v\nbecame %v of %v", want, want.Type(), out, out.Type())
	}
}

// unwrap returns the value inside an any, since an any that stands alone is not distinguished from what it holds.
func unwrap(v *vdl.Value) *vdl.Value {
	if v.Kind() == vdl.Any && v.Elem() != nil {
		return v.Elem()
	}
	return v
}
