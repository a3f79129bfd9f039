package golang

import (
	"fmt"

	"v.io/x/ref/lib/vdl/compile"
)

// check writes a call that can fail.
func (g *generator) check(call string, args ...any) {
	g.p("if err := %s; err != nil {\nreturn err\n}", fmt.Sprintf(call, args...))
}

// fused returns the call that writes a whole value at once: its name begins with the prefix, and its arguments begin
// with those given. The type must have a suffix.
func (g *generator) fused(prefix, args string, t *compile.Type, value string) string {
	if suffix(t) == "TypeObject" {
		return fmt.Sprintf("enc.%sTypeObject(%s%s)", prefix, args, value)
	}
	return fmt.Sprintf("enc.%s%s(%s%s, %s)", prefix, suffix(t), args, g.typeVar(t), g.carried(t, value))
}

// carried converts the value to what the encoder takes.
func (g *generator) carried(t *compile.Type, value string) string {
	switch {
	case t.Kind == compile.Enum:
		return value + ".String()"
	case !t.IsBytes():
		goType := t.Kind.String()
		if t.Named() {
			goType = t.Name
		}
		return convert(carrier(t), goType, value)
	case t.Elem.Named():
		g.namedBytes()
		if t.Kind == compile.Array {
			value += "[:]"
		}
		return "vdlToBytes(" + value + ")"
	case t.Kind == compile.Array:
		return value + "[:]"
	case t.Named():
		return "[]byte(" + value + ")"
	}
	return value
}

// namedBytes writes the functions that convert lists of a named byte type.
func (g *generator) namedBytes() {
	if g.once["vdlToBytes"] {
		return
	}
	g.once["vdlToBytes"] = true
	g.pending = append(g.pending, func() {
		g.p(`
// vdlToBytes returns a copy of the list as plain bytes.
func vdlToBytes[B ~byte](list []B) []byte {
	plain := make([]byte, len(list))
	for i, b := range list {
		plain[i] = byte(b)
	}
	return plain
}

// vdlFromBytes returns a copy of the bytes in their named type, nil if there are none.
func vdlFromBytes[B ~byte](plain []byte) []B {
	if len(plain) == 0 {
		return nil
	}
	list := make([]B, len(plain))
	for i, b := range plain {
		list[i] = B(b)
	}
	return list
}`)
	})
}

// writeField writes a field whose value is not zero, or that belongs to a union.
func (g *generator) writeField(index int, t *compile.Type, value string) {
	value = g.writable(t, value)
	if suffix(t) != "" {
		g.check("%s", g.fused("NextFieldValue", fmt.Sprintf("%d, ", index), t, value))
		return
	}
	g.check("enc.NextField(%d)", index)
	g.write(t, value)
}

// writeEntry writes an element of an array or list, or a key.
func (g *generator) writeEntry(t *compile.Type, value string) {
	value = g.writable(t, value)
	if suffix(t) != "" {
		g.check("%s", g.fused("NextEntryValue", "", t, value))
		return
	}
	g.check("enc.NextEntry(false)")
	g.write(t, value)
}

// writable replaces type objects that are nil, which stand for any.
func (g *generator) writable(t *compile.Type, value string) string {
	if t.Kind != compile.TypeObject {
		return value
	}
	name := "vdlTypeObject"
	if !g.once[name] {
		g.once[name] = true
		g.pending = append(g.pending, func() {
			g.p("\n// %s returns the type that t stands for: nil stands for any.", name)
			g.p("func %s(t *%s) *%s {\nif t == nil {\nreturn %s\n}\nreturn t\n}", name, g.vdl("Type"), g.vdl("Type"),
				g.vdl("AnyType"))
		})
	}
	return name + "(" + value + ")"
}

// write writes a whole value that is used at some place.
func (g *generator) write(t *compile.Type, value string) {
	switch {
	case isNative(t):
		g.writeNative(t, value)
	case suffix(t) != "":
		g.check("%s", g.fused("WriteValue", "", t, g.writable(t, value)))
	case t.Kind == compile.Any:
		g.p("if %s == nil {", value)
		g.check("enc.NilValue(%s)", g.vdl("AnyType"))
		g.p("} else if err := %s.VDLWrite(enc); err != nil {\nreturn err\n}", value)
	case t.Kind == compile.ErrorKind:
		g.check("%s(enc, %s)", g.in(pathVerror, "VDLWrite"), value)
	case t.Kind == compile.Optional:
		g.writeOptional(t, value)
	case g.hand(t):
		g.check("%s(enc, %s)", g.vdl("Write"), value)
	case t.Kind == compile.Union:
		g.p("if %s == nil {", value)
		g.check("(%s).VDLWrite(enc)", g.unionZero(t))
		g.p("} else if err := %s.VDLWrite(enc); err != nil {\nreturn err\n}", value)
	case t.Named():
		g.check("%s.VDLWrite(enc)", value)
	default:
		g.check("vdlWriteAnon%s(enc, %s)", g.anonymousCoder(t), value)
	}
}

func (g *generator) writeNative(t *compile.Type, value string) {
	if g.hand(t) {
		g.check("%s(enc, %s)", g.vdl("Write"), value)
		return
	}
	g.p("{\nvar wire %s", g.wireType(t))
	g.check("%s(&wire, %s)", g.in(t.Package.GoPath, t.Name+"FromNative"), value)
	if t.Kind == compile.Union {
		g.p("if wire == nil {\nwire = %s\n}", g.unionZero(t))
	}
	g.check("wire.VDLWrite(enc)")
	g.p("}")
}

func (g *generator) writeOptional(t *compile.Type, value string) {
	g.p("if %s == nil {", value)
	g.check("enc.NilValue(%s)", g.typeVar(t))
	g.p("} else {")
	switch {
	case g.hand(t.Elem):
		g.check("%s(enc, %s)", g.vdl("Write"), value)
	case isNative(t.Elem):
		g.p("enc.SetNextStartValueIsOptional()")
		g.writeNative(t.Elem, "*"+value)
	default:
		g.p("enc.SetNextStartValueIsOptional()")
		g.check("%s.VDLWrite(enc)", value)
	}
	g.p("}")
}

// anonymousCoder returns the name of the functions for a type without a name, behind their prefix.
func (g *generator) anonymousCoder(t *compile.Type) string {
	id := t.String()
	n, ok := g.anonymous[id]
	word := upperFirst(t.Kind.String())
	if ok {
		return fmt.Sprintf("%s%d", word, n)
	}
	n = len(g.anonymous) + 1
	g.anonymous[id] = n
	name := fmt.Sprintf("%s%d", word, n)
	g.pending = append(g.pending, func() {
		g.p("\n// vdlWriteAnon%s writes a %s.\nfunc vdlWriteAnon%s(enc %s, x %s) error {", name, t.Kind, name, g.encoder(),
			g.goType(t))
		g.writeBody(t)
		g.p("}\n\n// vdlReadAnon%s reads a %s.\nfunc vdlReadAnon%s(dec %s, x *%s) error {", name, t.Kind, name, g.decoder(),
			g.goType(t))
		g.readBody(t)
		g.p("}")
	})
	return name
}

// writeBody writes the statements that write x, which is of type t itself.
func (g *generator) writeBody(t *compile.Type) {
	if suffix(t) != "" {
		g.p("return %s", g.fused("WriteValue", "", t, "x"))
		return
	}
	g.check("enc.StartValue(%s)", g.typeVar(t))
	switch t.Kind {
	case compile.Struct:
		for i, f := range t.Fields {
			g.writeStructField(i, f)
		}
		g.check("enc.NextField(-1)")
		g.p("return enc.FinishValue()")
		return
	case compile.Array:
		g.p("for i := range x {")
		g.writeEntry(t.Elem, "x[i]")
	case compile.List:
		g.check("enc.SetLenHint(len(x))")
		g.p("for i := range x {")
		g.writeEntry(t.Elem, "x[i]")
	case compile.Set:
		g.check("enc.SetLenHint(len(x))")
		g.p("for key := range x {")
		g.writeEntry(t.Key, "key")
	case compile.Map:
		g.check("enc.SetLenHint(len(x))")
		g.p("for key, elem := range x {")
		g.writeEntry(t.Key, "key")
		g.write(t.Elem, "elem")
	}
	g.p("}")
	g.check("enc.NextEntry(true)")
	g.p("return enc.FinishValue()")
}

func (g *generator) writeStructField(index int, f compile.Field) {
	value := "x." + f.Name
	g.p("if %s {", g.zeroTest(f.Type, value, false))
	if f.Type.Kind == compile.Optional && !g.hand(f.Type.Elem) && !isNative(f.Type.Elem) {
		g.check("enc.NextField(%d)", index)
		g.p("enc.SetNextStartValueIsOptional()")
		g.check("%s.VDLWrite(enc)", value)
	} else {
		g.writeField(index, f.Type, value)
	}
	g.p("}")
}
