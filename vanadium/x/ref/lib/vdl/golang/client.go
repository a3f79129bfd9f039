package golang

import (
	"fmt"
	"strings"

	"v.io/x/ref/lib/vdl/compile"
)

// interfaces writes what is needed to call and to serve each interface of the package.
func (g *generator) interfaces() {
	if len(g.pkg.Interfaces) > 0 {
		g.section("Interfaces")
	}
	for _, i := range g.pkg.Interfaces {
		g.declare(i.Decl, i.Name+"ClientMethods", i.Name+"ClientStub", i.Name+"Client", i.Name+"ServerMethods",
			i.Name+"ServerStubMethods", i.Name+"ServerStub", i.Name+"Server", i.Name+"Desc")
		g.clientInterfaces(i)
		g.clientStub(i)
		for _, m := range i.Methods {
			if m.Streams() {
				g.clientStream(i, m)
			}
		}
		g.serverInterfaces(i)
		g.serverStub(i)
		g.descriptor(i)
		for _, m := range i.Methods {
			if m.Streams() {
				g.serverStream(i, m)
			}
		}
		g.flush()
	}
}

// part returns the Go name of something generated for an interface, which may be of another package.
func (g *generator) part(i *compile.Interface, suffix string) string {
	return g.in(i.Package.GoPath, i.Name+suffix)
}

// clientInterfaces writes the interface that callers use.
func (g *generator) clientInterfaces(i *compile.Interface) {
	g.p("// %sClientMethods has the methods of %s as a client calls them.", i.Name, i.Name)
	if i.Doc != "" {
		g.p("//\n%s", i.Doc)
	}
	g.p("type %sClientMethods interface {", i.Name)
	for _, e := range i.Embeds {
		g.embedLine(e, "ClientMethods")
	}
	for _, m := range i.Methods {
		g.methodLine(m, "_ "+g.context(), g.args(m, true, "_ ..."+g.rpc("CallOpt")), g.clientResults(i, m))
	}
	g.p("}\n")
	g.p("// %sClientStub calls the methods of %s on a server.", i.Name, i.Name)
	g.p("type %sClientStub interface {\n%sClientMethods\n}\n", i.Name, i.Name)
}

func (g *generator) embedLine(e compile.Embed, suffix string) {
	if e.Note != "" {
		g.p("%s", e.Note)
	}
	g.p("%s", g.part(e.Interface, suffix))
}

func (g *generator) methodLine(m *compile.Method, first, args, results string) {
	if m.Doc != "" {
		g.p("%s", m.Doc)
	}
	g.p("%s(%s%s) %s%s", m.Name, first, args, results, suffixComment(m.Decl))
}

// args returns the arguments of a method behind the first ones, by their own names or as i0, i1 and so on; last is
// what follows them.
func (g *generator) args(m *compile.Method, named bool, last string) string {
	var b strings.Builder
	for i, a := range m.Args {
		name := fmt.Sprintf("i%d", i)
		if named {
			name = argName(a.Name)
		}
		fmt.Fprintf(&b, ", %s %s", name, g.goType(a.Type))
	}
	if last != "" {
		b.WriteString(", " + last)
	}
	return b.String()
}

// results returns the results of a method and the error, by their own names.
func (g *generator) results(m *compile.Method) string {
	if len(m.Results) == 0 {
		return "error"
	}
	parts := make([]string, 0, len(m.Results)+1)
	for _, r := range m.Results {
		parts = append(parts, g.result(r))
	}
	if m.Results[0].Name == "" {
		return "(" + strings.Join(append(parts, "error"), ", ") + ")"
	}
	return "(" + strings.Join(append(parts, "_ error"), ", ") + ")"
}

func (g *generator) result(r compile.Field) string {
	if r.Name == "" {
		return g.goType(r.Type)
	}
	return argName(r.Name) + " " + g.goType(r.Type)
}

// numberedResults returns the results as o0, o1 and so on, and the error as err.
func (g *generator) numberedResults(m *compile.Method) string {
	var b strings.Builder
	for i, r := range m.Results {
		fmt.Fprintf(&b, "o%d %s, ", i, g.goType(r.Type))
	}
	return "(" + b.String() + "err error)"
}

// pointers returns the addresses of the numbered results.
func pointers(m *compile.Method) string {
	parts := make([]string, len(m.Results))
	for i := range m.Results {
		parts[i] = fmt.Sprintf("&o%d", i)
	}
	return strings.Join(parts, ", ")
}

// boxed returns a list for any kind of values, nil if there are none.
func boxed(values string) string {
	if values == "" {
		return "nil"
	}
	return "[]interface{}{" + values + "}"
}

// sent returns the numbered arguments as they are passed on. A pointer to an error tells that an error is meant even if
// it is nil.
func sent(m *compile.Method) string {
	parts := make([]string, len(m.Args))
	for i, a := range m.Args {
		parts[i] = fmt.Sprintf("i%d", i)
		if a.Type.Kind == compile.ErrorKind {
			parts[i] = "&" + parts[i]
		}
	}
	return strings.Join(parts, ", ")
}

// clientResults returns what a call of the method returns: its results, or a handle if items are streamed.
func (g *generator) clientResults(i *compile.Interface, m *compile.Method) string {
	if m.Streams() {
		return "(" + i.Name + m.Name + "ClientCall, error)"
	}
	return g.results(m)
}

// clientStub writes the implementation of the interface for callers.
func (g *generator) clientStub(i *compile.Interface) {
	stub := "impl" + i.Name + "ClientStub"
	g.p("type %s struct {\nname string", stub)
	values := []string{"name"}
	for _, e := range i.Embeds {
		g.p("%s", g.part(e.Interface, "ClientStub"))
		values = append(values, g.part(e.Interface, "Client")+"(name)")
	}
	g.p("}\n\n// %sClient returns a stub for the server of the name, which is resolved at each call.", i.Name)
	g.p("func %sClient(name string) %sClientStub {\nreturn %s{%s}\n}", i.Name, i.Name, stub, strings.Join(values, ", "))
	for _, m := range i.Methods {
		g.clientMethod(i, m, stub)
	}
}

func (g *generator) clientMethod(i *compile.Interface, m *compile.Method, stub string) {
	results := g.numberedResults(m)
	if m.Streams() {
		results = "(ocall " + i.Name + m.Name + "ClientCall, err error)"
	}
	args := g.args(m, false, "opts ..."+g.rpc("CallOpt"))
	g.p("\nfunc (c %s) %s(ctx %s%s) %s {", stub, m.Name, g.context(), args, results)
	client := g.in(pathV23, "GetClient") + "(ctx)"
	if m.Streams() {
		g.p("var call %s", g.rpc("ClientCall"))
		g.p("if call, err = %s.StartCall(ctx, c.name, %q, %s, opts...); err != nil {\nreturn\n}", client, m.Name,
			boxed(sent(m)))
		g.p("ocall = &impl%s%sClientCall{ClientCall: call}", i.Name, m.Name)
	} else {
		g.p("err = %s.Call(ctx, c.name, %q, %s, %s, opts...)", client, m.Name, boxed(sent(m)), boxed(pointers(m)))
	}
	g.p("return\n}")
}
