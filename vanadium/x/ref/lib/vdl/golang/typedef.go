package golang

import (
	"strconv"
	"strings"

	"v.io/x/ref/lib/vdl/compile"
)

// types writes the types of the package.
func (g *generator) types() {
	if len(g.pkg.Types) > 0 {
		g.section("Types")
	}
	for _, t := range g.pkg.Types {
		g.declare(t.Decl, t.Name)
		switch t.Kind {
		case compile.Enum:
			g.enum(t)
		case compile.Struct:
			g.structType(t)
		case compile.Union:
			g.union(t)
		default:
			g.simpleType(t)
		}
		g.flush()
	}
}

// simpleType writes a named scalar, array, list, set or map.
func (g *generator) simpleType(t *compile.Type) {
	g.doc(t.Decl, "is the VDL type "+t.String()+".")
	g.p("type %s %s%s", t.Name, g.structure(t, g.goType), suffixComment(t.Decl))
	g.reflectMethod(t, "")
	g.isZeroMethod(t)
	g.writeMethod(t)
	g.readMethod(t)
}

// suffixComment returns the comment behind a declaration as it stands in the Go code.
func suffixComment(d compile.Decl) string {
	if d.Suffix == "" {
		return ""
	}
	return " " + d.Suffix
}

// reflectMethod writes the method by which the name of the type, and the labels of an enum, are known at run time.
func (g *generator) reflectMethod(t *compile.Type, more string) {
	g.p("\n// VDLReflect tells the name of the type; it is never called.")
	g.p("func (%s) VDLReflect(struct {\nName string `vdl:%q`%s\n}) {\n}", t.Name, t.String(), more)
}

func (g *generator) isZeroMethod(t *compile.Type) {
	g.p("\n// VDLIsZero reports whether x is the zero value of its type.")
	g.p("func (x %s) VDLIsZero() bool {", t.Name)
	switch t.Kind {
	case compile.Struct:
		g.structIsZero(t)
	case compile.Array:
		g.p("for i := range x {\nif %s {\nreturn false\n}\n}\nreturn true", g.zeroTest(t.Elem, "x[i]", false))
	case compile.Bool:
		g.p("return !bool(x)")
	default:
		g.p("return %s", g.zeroTest(anonymous(t), "x", true))
	}
	g.p("}")
}

// anonymous returns the structure of a named type.
func anonymous(t *compile.Type) *compile.Type {
	a := *t
	a.Package, a.Decl = nil, compile.Decl{}
	return &a
}

func (g *generator) structIsZero(t *compile.Type) {
	for _, f := range t.Fields {
		g.p("if %s {\nreturn false\n}", g.zeroTest(f.Type, "x."+f.Name, false))
	}
	g.p("return true")
}

func (g *generator) writeMethod(t *compile.Type) {
	g.p("\n// VDLWrite writes x to the encoder.")
	g.p("func (x %s) VDLWrite(enc %s) error {", t.Name, g.encoder())
	g.writeBody(t)
	g.p("}")
}

func (g *generator) readMethod(t *compile.Type) {
	g.p("\n// VDLRead replaces x by the next value of the decoder.")
	g.p("func (x *%s) VDLRead(dec %s) error {", t.Name, g.decoder())
	g.readBody(t)
	g.p("}")
}

func (g *generator) structType(t *compile.Type) {
	g.doc(t.Decl, "is the VDL struct "+t.String()+".")
	if len(t.Fields) == 0 {
		g.p("type %s struct{}%s", t.Name, suffixComment(t.Decl))
	} else {
		g.p("type %s struct {", t.Name)
		for _, f := range t.Fields {
			g.fieldLine(f)
		}
		g.p("}")
	}
	g.reflectMethod(t, "")
	g.isZeroMethod(t)
	g.writeMethod(t)
	g.readMethod(t)
}

func (g *generator) fieldLine(f compile.Field) {
	if f.Doc != "" {
		g.p("%s", f.Doc)
	}
	g.p("%s %s%s", f.Name, g.goType(f.Type), suffixComment(f.Decl))
}

func (g *generator) enum(t *compile.Type) {
	g.doc(t.Decl, "is the VDL enum "+t.String()+".")
	g.p("type %s int%s", t.Name, suffixComment(t.Decl))
	g.p("\n// The labels of %s.\nconst (", t.Name)
	for i, l := range t.Labels {
		g.declare(l, t.Name+l.Name)
		if l.Doc != "" {
			g.p("%s", l.Doc)
		}
		value := ""
		if i == 0 {
			value = " " + t.Name + " = iota"
		}
		g.p("%s%s%s%s", t.Name, l.Name, value, suffixComment(l))
	}
	g.p(")")
	g.enumFunctions(t)
	labels := make([]string, len(t.Labels))
	for i, l := range t.Labels {
		labels[i] = l.Name
	}
	g.reflectMethod(t, "\nEnum struct{ "+strings.Join(labels, ", ")+" string }")
	g.isZeroMethod(t)
	g.writeMethod(t)
	g.readMethod(t)
}

func (g *generator) enumFunctions(t *compile.Type) {
	all, from := t.Name+"All", t.Name+"FromString"
	g.declare(t.Decl, all, from)
	names := make([]string, len(t.Labels))
	for i, l := range t.Labels {
		names[i] = t.Name + l.Name
	}
	g.p("\n// %s holds all labels of %s in their order.", all, t.Name)
	g.p("var %s = [...]%s{%s}", all, t.Name, strings.Join(names, ", "))
	g.p("\n// %s returns the label of the name.", from)
	g.p("func %s(label string) (x %s, err error) {\nerr = x.Set(label)\nreturn x, err\n}", from, t.Name)
	g.p("\n// Set sets x to the label of the name, which may also be written in lower case. It fails and sets x to -1 if")
	g.p("// there is none.")
	g.p("func (x *%s) Set(label string) error {\nswitch label {", t.Name)
	seen := make(map[string]bool)
	for _, l := range t.Labels {
		seen[l.Name] = true
	}
	for _, l := range t.Labels {
		spellings := strconv.Quote(l.Name)
		if lower := strings.ToLower(l.Name); !seen[lower] {
			seen[lower] = true
			spellings += ", " + strconv.Quote(lower)
		}
		g.p("case %s:\n*x = %s\nreturn nil", spellings, t.Name+l.Name)
	}
	g.p("}\n*x = -1\nreturn %s(\"unknown label %%q in %s\", label)\n}", g.errorf(), t.String())
	g.p("\n// String returns the name of the label, and \"\" if x is none.")
	g.p("func (x %s) String() string {\nswitch x {", t.Name)
	for _, l := range t.Labels {
		g.p("case %s:\nreturn %q", t.Name+l.Name, l.Name)
	}
	g.p("}\nreturn \"\"\n}")
}
