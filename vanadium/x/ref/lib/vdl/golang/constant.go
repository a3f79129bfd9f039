package golang

import (
	"fmt"
	"go/constant"
	"strconv"
	"strings"

	"v.io/x/ref/lib/vdl/compile"
)

// consts writes the constants of the package: scalars as Go constants, all others as variables.
func (g *generator) consts() {
	if len(g.pkg.Consts) > 0 {
		g.section("Constants")
	}
	for _, c := range g.pkg.Consts {
		g.declare(c.Decl, c.Name)
		g.doc(c.Decl, "is a constant of type "+c.Value.Type.String()+".")
		word := "var"
		if c.Value.Scalar != nil && !isNative(c.Value.Type) {
			word = "const"
		}
		g.p("%s %s = %s%s\n", word, c.Name, g.constant(c.Value, true), suffixComment(c.Decl))
		g.flush()
	}
}

// constant returns the Go expression of a value. It is of the Go type of the value if typed is set; otherwise it may
// rely on its place for the type.
func (g *generator) constant(v *compile.Value, typed bool) string {
	t := v.Type
	switch {
	case isNative(t):
		return g.nativeConstant(v)
	case t.Kind == compile.Enum:
		return g.own(t) + constant.StringVal(v.Scalar)
	case v.Scalar != nil:
		return g.scalar(v, typed)
	case v.Type.Kind == compile.TypeObject:
		return g.typeConstant(v.TypeObject)
	case t.Kind == compile.Any:
		return g.anyConstant(v)
	case t.Kind == compile.Optional:
		return g.optionalConstant(v, typed)
	case t.Kind == compile.ErrorKind:
		return g.nilOf(t, typed)
	case t.Kind == compile.Union:
		return g.unionConstant(v, typed)
	case t.Kind == compile.Struct:
		return g.structConstant(v)
	}
	return g.listConstant(v, typed)
}

func (g *generator) scalar(v *compile.Value, typed bool) string {
	text := ""
	switch {
	case v.Type.Kind == compile.Bool:
		text = strconv.FormatBool(constant.BoolVal(v.Scalar))
	case v.Type.Kind == compile.String:
		text = strconv.Quote(constant.StringVal(v.Scalar))
	case v.Type.Kind.IsFloat():
		f, _ := constant.Float64Val(v.Scalar)
		text = strconv.FormatFloat(f, 'g', -1, v.Type.Kind.Bits())
	default:
		text = v.Scalar.ExactString()
	}
	open := !v.Type.Named() && (v.Type.Kind == compile.Bool || v.Type.Kind == compile.String)
	if !typed || open {
		return text
	}
	return g.goType(v.Type) + "(" + text + ")"
}

func (g *generator) nilOf(t *compile.Type, typed bool) string {
	if !typed {
		return "nil"
	}
	return "(" + g.goType(t) + ")(nil)"
}

// typeConstant returns the type object. It does not use a type variable, which may not be set yet.
func (g *generator) typeConstant(t *compile.Type) string {
	if !t.Named() && t.Kind <= compile.TypeObject {
		return g.typeVar(t)
	}
	return g.typeOf(t)
}

func (g *generator) anyConstant(v *compile.Value) string {
	raw := g.in(pathVOM, "RawBytesOf")
	if v.Inner == nil {
		return raw + "(" + g.vdl("ZeroValue") + "(" + g.vdl("AnyType") + "))"
	}
	return raw + "(" + g.constant(v.Inner, true) + ")"
}

func (g *generator) optionalConstant(v *compile.Value, typed bool) string {
	switch {
	case v.Inner == nil:
		return g.nilOf(v.Type, typed)
	case isNative(v.Type.Elem):
		return "func() " + g.goType(v.Type) + " {\nx := " + g.constant(v.Inner, true) + "\nreturn &x\n}()"
	}
	return "&" + g.constant(v.Inner, true)
}

func (g *generator) unionConstant(v *compile.Value, typed bool) string {
	f := v.Type.Fields[v.Field]
	text := fmt.Sprintf("%s%s{Value: %s}", g.own(v.Type), f.Name, g.constant(v.Inner, false))
	if typed {
		return g.goType(v.Type) + "(" + text + ")"
	}
	return text
}

// structConstant writes all fields whose zero value in Go is not zero, and those that are given.
func (g *generator) structConstant(v *compile.Value) string {
	values := make([]string, len(v.Type.Fields))
	for i, f := range v.Type.Fields {
		values[i] = g.zeroValue(f.Type)
	}
	for _, item := range v.Items {
		values[item.Field] = g.constant(item.Value, false)
	}
	var parts []string
	for i, value := range values {
		if value != "" {
			parts = append(parts, v.Type.Fields[i].Name+": "+value)
		}
	}
	return g.literal(g.own(v.Type), parts)
}

func (g *generator) literal(goType string, parts []string) string {
	if len(parts) == 0 {
		return goType + "{}"
	}
	return goType + "{\n" + strings.Join(parts, ",\n") + ",\n}"
}

// listConstant returns an array, list, set or map. Lists, sets and maps without items are nil.
func (g *generator) listConstant(v *compile.Value, typed bool) string {
	if len(v.Items) == 0 && v.Type.Kind != compile.Array {
		return g.nilOf(v.Type, typed)
	}
	if v.Type.Kind == compile.List && v.Type.IsBytes() && !v.Type.Elem.Named() {
		return g.goType(v.Type) + "(" + strconv.Quote(byteString(v)) + ")"
	}
	parts := make([]string, len(v.Items))
	for i, item := range v.Items {
		switch v.Type.Kind {
		case compile.Set:
			parts[i] = g.element(item.Key) + ": {}"
		case compile.Map:
			parts[i] = g.element(item.Key) + ": " + g.element(item.Value)
		default:
			parts[i] = g.element(item.Value)
		}
	}
	return g.literal(g.goType(v.Type), parts)
}

func byteString(v *compile.Value) string {
	b := make([]byte, len(v.Items))
	for i, item := range v.Items {
		n, _ := constant.Uint64Val(item.Value.Scalar)
		b[i] = byte(n)
	}
	return string(b)
}

// element returns a part of a list, set or map, without the type that a literal can leave out there.
func (g *generator) element(v *compile.Value) string {
	text := g.constant(v, false)
	goType := g.goType(v.Type)
	if v.Type.Kind == compile.Optional {
		goType = "&" + g.goType(v.Type.Elem)
	}
	if rest, ok := strings.CutPrefix(text, goType); ok && strings.HasPrefix(rest, "{") {
		return rest
	}
	return text
}

// nativeConstant converts the wire value when the package is initialised. It panics if the wire value has no native
// form, which every test of the package would notice.
func (g *generator) nativeConstant(v *compile.Value) string {
	wire := g.structConstant(v)
	if v.Type.Kind == compile.Union {
		wire = g.unionConstant(v, false)
	}
	return fmt.Sprintf("func() (native %s) {\nwire := %s(%s)\nif err := %s(wire, &native); err != nil {\npanic(err)\n}\n"+
		"return native\n}()", g.goType(v.Type), g.own(v.Type), wire, g.in(v.Type.Package.GoPath, v.Type.Name+"ToNative"))
}
