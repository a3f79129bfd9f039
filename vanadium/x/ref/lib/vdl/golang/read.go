package golang

import (
	"fmt"
	"strings"

	"v.io/x/ref/lib/vdl/compile"
)

// preallocated bounds the entries that are allocated because the encoded value announces them.
const preallocated = 1024

// readArgs returns the arguments of the decoder's call for a scalar of the type.
func readArgs(t *compile.Type) string {
	if t.Kind.IsNumber() {
		return fmt.Sprint(t.Kind.Bits())
	}
	return ""
}

// decoded converts what the decoder returns to the Go type. The type is not an enum and not bytes.
func (g *generator) decoded(t *compile.Type, value string) string {
	if t.Kind == compile.TypeObject {
		return value
	}
	return convert(g.goType(t), carrier(t), value)
}

// isPlain reports whether values of the type are read by one call that returns them.
func isPlain(t *compile.Type) bool {
	return suffix(t) != "" && !t.IsBytes() && t.Kind != compile.Enum
}

// selected returns the variable as it stands before a dot or a bracket: *x is x there.
func selected(target string) string { return strings.TrimPrefix(target, "*") }

// address returns the address of a variable.
func address(target string) string {
	if pointer, ok := strings.CutPrefix(target, "*"); ok {
		return pointer
	}
	return "&" + target
}

// read writes the statements that read a whole value into a variable.
func (g *generator) read(t *compile.Type, target string) {
	switch {
	case isNative(t):
		g.readNative(t, target)
	case isPlain(t):
		g.p("switch value, err := dec.ReadValue%s(%s); {\ncase err != nil:\nreturn err", suffix(t), readArgs(t))
		g.p("default:\n%s = %s\n}", target, g.decoded(t, "value"))
	case t.Kind == compile.Enum:
		g.p("switch label, err := dec.ReadValueString(); {\ncase err != nil:\nreturn err\ndefault:")
		g.check("%s.Set(label)", selected(target))
		g.p("}")
	case t.IsBytes():
		g.readBytes(t, target)
	case t.Kind == compile.Any:
		g.p("%s = new(%s)", target, g.in(pathVOM, "RawBytes"))
		g.check("%s.VDLRead(dec)", target)
	case t.Kind == compile.ErrorKind:
		g.check("%s(dec, &%s)", g.in(pathVerror, "VDLRead"), target)
	case t.Kind == compile.Optional:
		g.readOptional(t, target)
	case g.hand(t):
		g.check("%s(dec, &%s)", g.vdl("Read"), target)
	case t.Kind == compile.Union:
		g.check("%s(dec, &%s)", g.in(t.Package.GoPath, "VDLRead"+upperFirst(t.Name)), target)
	case t.Named():
		g.check("%s.VDLRead(dec)", target)
	default:
		g.check("vdlReadAnon%s(dec, &%s)", g.anonymousCoder(t), target)
	}
}

func (g *generator) readBytes(t *compile.Type, target string) {
	switch {
	case t.Elem.Named() && t.Kind == compile.Array:
		g.p("{\nvar plain [%d]byte\nlist := plain[:]", t.Len)
		g.check("dec.ReadValueBytes(%d, &list)", t.Len)
		g.p("for i, b := range plain {\n%s[i] = %s(b)\n}\n}", selected(target), g.goType(t.Elem))
	case t.Elem.Named():
		g.namedBytes()
		g.p("{\nvar plain []byte")
		g.check("dec.ReadValueBytes(-1, &plain)")
		g.p("%s = vdlFromBytes[%s](plain)\n}", target, g.goType(t.Elem))
	case t.Kind == compile.Array:
		g.p("{\nlist := %s[:]", selected(target))
		g.check("dec.ReadValueBytes(%d, &list)", t.Len)
		g.p("}")
	case t.Named():
		g.check("dec.ReadValueBytes(-1, (*[]byte)(%s))", address(target))
	default:
		g.check("dec.ReadValueBytes(-1, %s)", address(target))
	}
}

func (g *generator) readNative(t *compile.Type, target string) {
	if g.hand(t) {
		g.check("%s(dec, &%s)", g.vdl("Read"), target)
		return
	}
	g.p("{\nvar wire %s", g.wireType(t))
	if t.Kind == compile.Union {
		g.check("%s(dec, &wire)", g.in(t.Package.GoPath, "VDLRead"+upperFirst(t.Name)))
	} else {
		g.check("wire.VDLRead(dec)")
	}
	g.check("%s(wire, &%s)", g.in(t.Package.GoPath, t.Name+"ToNative"), target)
	g.p("}")
}

func (g *generator) readOptional(t *compile.Type, target string) {
	if g.hand(t.Elem) {
		g.check("%s(dec, &%s)", g.vdl("Read"), target)
		return
	}
	g.check("dec.StartValue(%s)", g.typeVar(t))
	g.p("if dec.IsNil() {\n%s = nil", target)
	g.check("dec.FinishValue()")
	g.p("} else {\n%s = new(%s)\ndec.IgnoreNextStartValue()", target, g.goType(t.Elem))
	if isNative(t.Elem) {
		g.readNative(t.Elem, "(*"+target+")")
	} else {
		g.check("%s.VDLRead(dec)", target)
	}
	g.p("}")
}

// readBody writes the statements that read *x, which is of type t itself.
func (g *generator) readBody(t *compile.Type) {
	switch {
	case t.Kind == compile.Struct:
		g.readStruct(t)
	case suffix(t) != "":
		g.read(t, "*x")
		g.p("return nil")
	case t.Kind == compile.Array:
		g.readArray(t)
	case t.Kind == compile.List:
		g.readList(t)
	default:
		g.readKeyed(t)
	}
}

func (g *generator) readStruct(t *compile.Type) {
	zero := g.structZero(t)
	if zero == "" {
		zero = t.Name + "{}"
	}
	name := g.typeVar(t)
	g.p("*x = %s", zero)
	g.check("dec.StartValue(%s)", name)
	g.p("decType := dec.Type()\nfor {\nindex, err := dec.NextField()")
	g.p("switch {\ncase err != nil:\nreturn err\ncase index == -1:\nreturn dec.FinishValue()\n}")
	g.p("if decType != %s {\nindex = %s.FieldIndexByName(decType.Field(index).Name)\n}", name, name)
	g.p("switch index {")
	for i, f := range t.Fields {
		g.p("case %d:", i)
		g.read(f.Type, "x."+f.Name)
	}
	g.p("default:")
	g.check("dec.SkipValue()")
	g.p("}\n}")
}

func (g *generator) readUnion(t *compile.Type) {
	name := g.typeVar(t)
	g.check("dec.StartValue(%s)", name)
	g.p("decType := dec.Type()\nindex, err := dec.NextField()")
	g.p("switch {\ncase err != nil:\nreturn err\ncase index == -1:")
	g.p("return %s(\"no field in a value of union %s, encoded as %%v\", decType)\n}", g.errorf(), t)
	g.p("if decType != %s {\nlabel := decType.Field(index).Name\nif index = %s.FieldIndexByName(label); index == -1 {",
		name, name)
	g.p("return %s(\"union %s has no field %%q, encoded as %%v\", label, decType)\n}\n}", g.errorf(), t)
	g.p("switch index {")
	for i, f := range t.Fields {
		g.p("case %d:\nvar field %s", i, g.own(t)+f.Name)
		g.read(f.Type, "field.Value")
		g.p("*x = field")
	}
	g.p("}\nswitch index, err := dec.NextField(); {\ncase err != nil:\nreturn err\ncase index != -1:")
	g.p("return %s(\"a second field %%d in a value of union %s\", index)\n}", g.errorf(), t)
	g.p("return dec.FinishValue()")
}

// nextEntry writes the head of a loop over entries. In its default case the entry is in the variable name.
func (g *generator) nextEntry(t *compile.Type, name string, done string) {
	if isPlain(t) {
		g.p("switch done, value, err := dec.NextEntryValue%s(%s); {", suffix(t), readArgs(t))
	} else {
		g.p("switch done, err := dec.NextEntry(); {")
	}
	g.p("case err != nil:\nreturn err\n%s\ndefault:", done)
	if isPlain(t) {
		g.p("%s := %s", name, g.decoded(t, "value"))
		return
	}
	g.p("var %s %s", name, g.goType(t))
	g.read(t, name)
}

func (g *generator) readArray(t *compile.Type) {
	g.check("dec.StartValue(%s)", g.typeVar(t))
	g.p("for index := 0; ; index++ {")
	g.nextEntry(t.Elem, "elem", fmt.Sprintf("case done && index == %d:\nreturn dec.FinishValue()\n"+
		"case done || index == %d:\nreturn %s(\"a value of %s has more or less than %d elements\")",
		t.Len, t.Len, g.errorf(), t, t.Len))
	g.p("x[index] = elem\n}\n}")
}

func (g *generator) readList(t *compile.Type) {
	g.check("dec.StartValue(%s)", g.typeVar(t))
	g.p("*x = nil\nif n := dec.LenHint(); n > 0 {\n*x = make(%s, 0, min(n, %d))\n}", g.goType(t), preallocated)
	g.p("for {")
	g.nextEntry(t.Elem, "elem", "case done:\nreturn dec.FinishValue()")
	g.p("*x = append(*x, elem)\n}\n}")
}

// readKeyed reads a set or a map.
func (g *generator) readKeyed(t *compile.Type) {
	g.check("dec.StartValue(%s)", g.typeVar(t))
	g.p("var filled %s", g.goType(t))
	g.p("if n := dec.LenHint(); n > 0 {\nfilled = make(%s, min(n, %d))\n}", g.goType(t), preallocated)
	g.p("for {")
	g.nextEntry(t.Key, "key", "case done:\n*x = filled\nreturn dec.FinishValue()")
	value := "struct{}{}"
	if t.Kind == compile.Map {
		g.p("var elem %s", g.goType(t.Elem))
		g.read(t.Elem, "elem")
		value = "elem"
	}
	g.p("if filled == nil {\nfilled = make(%s)\n}\nfilled[key] = %s\n}\n}", g.goType(t), value)
}
