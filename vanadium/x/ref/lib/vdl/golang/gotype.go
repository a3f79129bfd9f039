package golang

import (
	"fmt"
	"strings"

	"v.io/x/ref/lib/vdl/compile"
)

// native is the Go type by which a wire type is used.
type native struct {
	path, name string
	// zero is a condition with %s for the value, empty if the value must be converted in order to know.
	zero string
}

// natives holds the wire types that are used in another form.
var natives = map[string]native{
	"time.Time":                       {pathTime, "Time", "%s.IsZero()"},
	"time.Duration":                   {pathTime, "Duration", "%s == 0"},
	"time.WireDeadline":               {pathVDLTime, "Deadline", "%s.Time.IsZero()"},
	"v.io/v23/security.WireBlessings": {"v.io/v23/security", "Blessings", "%s.IsZero()"},
	"v.io/v23/security.WireDischarge": {"v.io/v23/security", "Discharge", ""},
}

func isNative(t *compile.Type) bool { return t.Named() && natives[t.String()].name != "" }

// goType returns the Go type by which values of the type are used.
func (g *generator) goType(t *compile.Type) string {
	if isNative(t) {
		n := g.nativeOf(t)
		return g.in(n.path, n.name)
	}
	return g.spell(t, g.goType)
}

// wireType returns the Go type that stands for the type itself.
func (g *generator) wireType(t *compile.Type) string { return g.spell(t, g.wireType) }

func (g *generator) spell(t *compile.Type, part func(*compile.Type) string) string {
	if t.Named() {
		return g.own(t)
	}
	return g.structure(t, part)
}

// structure returns the Go type behind the name of a type other than an enum, struct or union.
func (g *generator) structure(t *compile.Type, part func(*compile.Type) string) string {
	switch t.Kind {
	case compile.Any:
		return "*" + g.in(pathVOM, "RawBytes")
	case compile.TypeObject:
		return "*" + g.vdl("Type")
	case compile.Optional:
		return "*" + part(t.Elem)
	case compile.Array:
		return fmt.Sprintf("[%d]%s", t.Len, part(t.Elem))
	case compile.List:
		return "[]" + part(t.Elem)
	case compile.Set:
		return "map[" + part(t.Key) + "]struct{}"
	case compile.Map:
		return "map[" + part(t.Key) + "]" + part(t.Elem)
	}
	return t.Kind.String()
}

// suffix returns the word for the type in the names of the encoder's and decoder's calls for whole values, or "" if
// values of the type take several calls.
func suffix(t *compile.Type) string {
	switch {
	case isNative(t):
		return ""
	case t.Kind == compile.Bool:
		return "Bool"
	case t.Kind == compile.String || t.Kind == compile.Enum:
		return "String"
	case t.Kind.IsUint():
		return "Uint"
	case t.Kind.IsInt():
		return "Int"
	case t.Kind.IsFloat():
		return "Float"
	case t.Kind == compile.TypeObject:
		return "TypeObject"
	case t.IsBytes():
		return "Bytes"
	}
	return ""
}

// carrier returns the Go type in which the encoder and decoder pass scalars of the type.
func carrier(t *compile.Type) string {
	switch suffix(t) {
	case "Bool":
		return "bool"
	case "String":
		return "string"
	case "Uint":
		return "uint64"
	case "Int":
		return "int64"
	case "Float":
		return "float64"
	}
	return ""
}

// convert returns the scalar in the Go type, without a conversion if it has the type already.
func convert(to, from, value string) string {
	if to == from {
		return value
	}
	return to + "(" + value + ")"
}

// zeroTest returns the condition that the value is zero, or that it is not.
func (g *generator) zeroTest(t *compile.Type, value string, isZero bool) string {
	equal, or, not := " == ", " || ", ""
	if !isZero {
		equal, or, not = " != ", " && ", "!"
	}
	switch {
	case isNative(t):
		return negate(g.nativeZero(t, value), isZero)
	case t.Kind == compile.Bool:
		return negate("!"+value, isZero)
	case t.Kind.IsNumber() || t.Kind == compile.Enum:
		return value + equal + "0"
	case t.Kind == compile.String:
		return value + equal + `""`
	case t.Kind == compile.List || t.Kind == compile.Set || t.Kind == compile.Map:
		return "len(" + value + ")" + equal + "0"
	case t.Kind == compile.TypeObject:
		return value + equal + "nil" + or + value + equal + g.vdl("AnyType")
	case t.Kind == compile.ErrorKind || t.Kind == compile.Optional || t.Kind == compile.Union && g.hand(t):
		return value + equal + "nil"
	case t.Kind == compile.Any || t.Kind == compile.Union:
		return value + equal + "nil" + or + not + value + ".VDLIsZero()"
	case g.hand(t):
		return negate(g.handZero(t, value), isZero)
	}
	return not + value + ".VDLIsZero()"
}

func negate(condition string, keep bool) string {
	switch {
	case keep:
		return condition
	case strings.HasPrefix(condition, "!"):
		return condition[1:]
	case strings.HasSuffix(condition, " == 0"):
		return strings.TrimSuffix(condition, "== 0") + "!= 0"
	case strings.HasSuffix(condition, ")") && !strings.Contains(condition, " "):
		return "!" + condition
	}
	return "!(" + condition + ")"
}

// nativeZero returns the condition that a native value stands for the zero value of the wire type.
func (g *generator) nativeZero(t *compile.Type, value string) string {
	n := g.nativeOf(t)
	if n.zero != "" {
		return fmt.Sprintf(n.zero, value)
	}
	name := "vdlIsZero" + n.name
	if !g.once[name] {
		g.once[name] = true
		g.pending = append(g.pending, func() {
			g.p("\n// %s reports whether the wire form of the value is zero.", name)
			g.p("func %s(x %s) bool {", name, g.goType(t))
			g.p("var wire %s", g.wireType(t))
			g.p("err := %s(&wire, x)", g.in(t.Package.GoPath, t.Name+"FromNative"))
			g.p("return err == nil && (%s)", g.wireZero(t, "wire"))
			g.p("}")
		})
	}
	return name + "(" + value + ")"
}

// wireZero returns the condition that a value of the wire type itself is zero.
func (g *generator) wireZero(t *compile.Type, value string) string {
	switch {
	case t.Kind == compile.Union && g.hand(t):
		return value + " == nil"
	case t.Kind == compile.Union:
		return value + " == nil || " + value + ".VDLIsZero()"
	case g.hand(t):
		return g.handZero(t, value)
	}
	return value + ".VDLIsZero()"
}

// handZero returns the condition for types whose Go code is written by hand, part by part.
func (g *generator) handZero(t *compile.Type, value string) string {
	if t.Kind == compile.Array {
		return value + " == (" + g.own(t) + "{})"
	}
	conditions := make([]string, len(t.Fields))
	for i, f := range t.Fields {
		conditions[i] = "(" + g.zeroTest(f.Type, value+"."+f.Name, true) + ")"
	}
	if len(conditions) == 0 {
		return "true"
	}
	return strings.Join(conditions, " && ")
}

// zeroValue returns the zero value of the type in Go, or "" if it is the zero value of the Go type.
func (g *generator) zeroValue(t *compile.Type) string {
	switch {
	case isNative(t):
		return ""
	case t.Kind == compile.Any:
		return g.in(pathVOM, "RawBytesOf") + "(" + g.vdl("ZeroValue") + "(" + g.vdl("AnyType") + "))"
	case t.Kind == compile.TypeObject:
		return g.vdl("AnyType")
	case t.Kind == compile.Union:
		return g.unionZero(t)
	case t.Kind == compile.Struct:
		return g.structZero(t)
	case t.Kind == compile.Array:
		elem := g.zeroValue(t.Elem)
		if elem == "" {
			return ""
		}
		return fmt.Sprintf("func() (x %s) {\nfor i := range x {\nx[i] = %s\n}\nreturn x\n}()", g.own(t), elem)
	}
	return ""
}

func (g *generator) unionZero(t *compile.Type) string {
	first := t.Fields[0]
	value := g.zeroValue(first.Type)
	if value != "" {
		value = "Value: " + value
	}
	return g.own(t) + first.Name + "{" + value + "}"
}

func (g *generator) structZero(t *compile.Type) string {
	var parts []string
	for _, f := range t.Fields {
		if value := g.zeroValue(f.Type); value != "" {
			parts = append(parts, f.Name+": "+value)
		}
	}
	if len(parts) == 0 {
		return ""
	}
	if len(parts) == 1 {
		return g.own(t) + "{" + parts[0] + "}"
	}
	return g.own(t) + "{\n" + strings.Join(parts, ",\n") + ",\n}"
}
