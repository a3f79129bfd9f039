package golang

import "v.io/x/ref/lib/vdl/compile"

// union writes an interface for the union, a struct for each field, and the function that reads any of them.
func (g *generator) union(t *compile.Type) {
	reflected := "vdl" + upperFirst(t.Name) + "Reflect"
	g.declare(t.Decl, reflected, "VDLRead"+upperFirst(t.Name))
	g.unionInterface(t, reflected)
	for i, f := range t.Fields {
		g.unionField(t, f, i, reflected)
	}
	g.p("\n// VDLRead%s replaces *x by the next value of the decoder.", upperFirst(t.Name))
	g.p("func VDLRead%s(dec %s, x *%s) error {", upperFirst(t.Name), g.decoder(), t.Name)
	g.readUnion(t)
	g.p("}")
}

func upperFirst(name string) string {
	if name[0] >= 'a' && name[0] <= 'z' {
		return string(name[0]-'a'+'A') + name[1:]
	}
	return name
}

func (g *generator) unionInterface(t *compile.Type, reflected string) {
	if t.Doc == "" {
		g.doc(t.Decl, "is the VDL union "+t.String()+": one of the structs below. "+
			"Nil stands for the zero value of the first.")
	} else {
		g.p("%s", t.Doc)
	}
	g.p("type (")
	g.p("%s interface {", t.Name)
	g.p("// Index returns the index of the field.\nIndex() int")
	g.p("// Interface returns the value of the field.\nInterface() interface{}")
	g.p("// Name returns the name of the field.\nName() string")
	g.p("// VDLReflect tells the structure of the union; it is never called.\nVDLReflect(%s)", reflected)
	g.p("// VDLIsZero reports whether the value is the zero value of the union.\nVDLIsZero() bool")
	g.p("// VDLWrite writes the value to the encoder.\nVDLWrite(%s) error", g.encoder())
	g.p("}")
	for _, f := range t.Fields {
		name := t.Name + f.Name
		g.declare(f.Decl, name)
		g.p("// %s is field %s of %s.", name, f.Name, t.Name)
		g.p("%s struct {", name)
		if f.Doc != "" {
			g.p("%s", f.Doc)
		}
		g.p("Value %s%s\n}", g.goType(f.Type), suffixComment(f.Decl))
	}
	g.p("// %s tells the structure of %s.", reflected, t.Name)
	g.p("%s struct {\nName string `vdl:%q`\nType %s\nUnion struct {", reflected, t.String(), t.Name)
	for _, f := range t.Fields {
		g.p("%s %s", f.Name, t.Name+f.Name)
	}
	g.p("}\n}\n)")
}

func (g *generator) unionField(t *compile.Type, f compile.Field, index int, reflected string) {
	name := t.Name + f.Name
	g.p("\n// Index returns %d.\nfunc (x %s) Index() int { return %d }", index, name, index)
	g.p("\n// Interface returns the value.\nfunc (x %s) Interface() interface{} { return x.Value }", name)
	g.p("\n// Name returns the name of the field.\nfunc (x %s) Name() string { return %q }", name, f.Name)
	g.p("\n// VDLReflect tells the structure of the union; it is never called.")
	g.p("func (x %s) VDLReflect(%s) {}", name, reflected)
	g.p("\n// VDLIsZero reports whether x is the zero value of the union.\nfunc (x %s) VDLIsZero() bool {", name)
	if index == 0 {
		g.p("return %s\n}", g.zeroTest(f.Type, "x.Value", true))
	} else {
		g.p("return false\n}")
	}
	g.p("\n// VDLWrite writes x to the encoder.\nfunc (x %s) VDLWrite(enc %s) error {", name, g.encoder())
	g.check("enc.StartValue(%s)", g.typeVar(t))
	g.writeField(index, f.Type, "x.Value")
	g.check("enc.NextField(-1)")
	g.p("return enc.FinishValue()\n}")
}
