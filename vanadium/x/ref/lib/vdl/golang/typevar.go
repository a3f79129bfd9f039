package golang

import (
	"fmt"
	"strings"

	"v.io/x/ref/lib/vdl/compile"
)

// typeVars collects the package variables that hold the types which the code passes to encoders and decoders.
type typeVars struct {
	// names holds the variable of each type, by the type's string.
	names map[string]string
	order []typeVar
}

type typeVar struct{ name, value string }

// typeVar returns the expression for the type at run time.
func (g *generator) typeVar(t *compile.Type) string {
	if !t.Named() && t.Kind <= compile.TypeObject {
		return g.vdl(builtinVar(t.Kind))
	}
	id := t.String()
	if name, ok := g.vars.names[id]; ok {
		return name
	}
	word := t.Kind.String()
	name := fmt.Sprintf("vdlType%s%s%d", strings.ToUpper(word[:1]), word[1:], len(g.vars.order)+1)
	g.vars.names[id] = name
	g.vars.order = append(g.vars.order, typeVar{name, g.typeOf(t)})
	return name
}

func builtinVar(k compile.Kind) string {
	switch k {
	case compile.TypeObject:
		return "TypeObjectType"
	default:
		word := k.String()
		return strings.ToUpper(word[:1]) + word[1:] + "Type"
	}
}

// typeOf returns the call that finds the type. A pointer to a named struct stands for the optional struct, and pointers
// to all else for what they point to.
func (g *generator) typeOf(t *compile.Type) string {
	switch {
	case t.Kind == compile.Optional:
		return g.vdl("TypeOf") + "((*" + g.wireType(t.Elem) + ")(nil))"
	case t.Kind == compile.Struct:
		return g.vdl("TypeOf") + "((*" + g.wireType(t) + ")(nil)).Elem()"
	}
	return g.vdl("TypeOf") + "((*" + g.wireType(t) + ")(nil))"
}

// variables returns the declarations at the begin of the file.
func (g *generator) variables() string {
	var b strings.Builder
	b.WriteString("// initializeVDLCalled is set by the first call of initializeVDL.\nvar initializeVDLCalled bool\n\n")
	b.WriteString("// The types of this file are registered before other variables of the package are initialised.\n")
	b.WriteString("var _ = initializeVDL()\n\n")
	if len(g.vars.order) == 0 {
		return b.String()
	}
	b.WriteString("// The types that values of this package are made of, set by initializeVDL.\nvar (\n")
	for _, v := range g.vars.order {
		fmt.Fprintf(&b, "%s *%s\n", v.name, g.vdl("Type"))
	}
	b.WriteString(")\n")
	return b.String()
}

// initialize returns the function that registers the types and sets the variables.
func (g *generator) initialize() string {
	var b strings.Builder
	b.WriteString("\n// initializeVDL registers the types of this file. Only the first call does anything. The result " +
		"allows\n// calling it in the declaration of a variable.\n")
	b.WriteString("func initializeVDL() struct{} {\nif initializeVDLCalled {\nreturn struct{}{}\n}\n")
	b.WriteString("initializeVDLCalled = true\n")
	for _, t := range g.pkg.Types {
		if isNative(t) {
			fmt.Fprintf(&b, "%s(%sToNative, %sFromNative)\n", g.vdl("RegisterNative"), t.Name, t.Name)
		}
	}
	for _, t := range g.pkg.Types {
		fmt.Fprintf(&b, "%s((*%s)(nil))\n", g.vdl("Register"), t.Name)
	}
	for _, v := range g.vars.order {
		fmt.Fprintf(&b, "%s = %s\n", v.name, v.value)
	}
	b.WriteString("return struct{}{}\n}\n")
	return b.String()
}
