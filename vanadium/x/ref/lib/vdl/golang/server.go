package golang

import (
	"strconv"
	"strings"

	"v.io/x/ref/lib/vdl/compile"
)

// serverInterfaces writes the interface that servers implement, and the one that the runtime calls.
func (g *generator) serverInterfaces(i *compile.Interface) {
	g.p("\n// %sServerMethods has the methods of %s as a server implements them.", i.Name, i.Name)
	if i.Doc != "" {
		g.p("//\n%s", i.Doc)
	}
	g.p("type %sServerMethods interface {", i.Name)
	for _, e := range i.Embeds {
		g.embedLine(e, "ServerMethods")
	}
	for _, m := range i.Methods {
		call := g.rpc("ServerCall")
		if m.Streams() {
			call = i.Name + m.Name + "ServerCall"
		}
		g.serverMethodLine(m, call)
	}
	g.p("}\n")
	g.p("// %sServerStubMethods has the methods of %s as the runtime calls them: calls that stream items are "+
		"given as\n// stubs.", i.Name, i.Name)
	if !streams(i) {
		g.p("type %sServerStubMethods %sServerMethods\n", i.Name, i.Name)
	} else {
		g.stubInterface(i)
	}
	g.p("// %sServerStub is what the runtime serves.", i.Name)
	g.p("type %sServerStub interface {\n%sServerStubMethods", i.Name, i.Name)
	g.p("// Describe__ describes the interface and those that it embeds.\nDescribe__() []%s\n}", g.rpc("InterfaceDesc"))
}

func (g *generator) stubInterface(i *compile.Interface) {
	g.p("type %sServerStubMethods interface {", i.Name)
	for _, e := range i.Embeds {
		g.embedLine(e, "ServerStubMethods")
	}
	for _, m := range i.Methods {
		g.serverMethodLine(m, g.stubCall(i, m))
	}
	g.p("}\n")
}

// stubCall returns the type of the call that the runtime passes.
func (g *generator) stubCall(i *compile.Interface, m *compile.Method) string {
	if m.Streams() {
		return "*" + i.Name + m.Name + "ServerCallStub"
	}
	return g.rpc("ServerCall")
}

func (g *generator) serverMethodLine(m *compile.Method, call string) {
	g.methodLine(m, "_ "+g.context()+", _ "+call, g.args(m, true, ""), g.results(m))
}

func streams(i *compile.Interface) bool {
	for _, m := range i.AllMethods() {
		if m.Streams() {
			return true
		}
	}
	return false
}

// serverStub writes the adapter between the runtime and the implementation.
func (g *generator) serverStub(i *compile.Interface) {
	stub := "impl" + i.Name + "ServerStub"
	g.p("\n// %sServer returns what the runtime serves, given an implementation of %s.", i.Name, i.Name)
	g.p("func %sServer(impl %sServerMethods) %sServerStub {\nstub := %s{\nimpl: impl,", i.Name, i.Name, i.Name, stub)
	for _, e := range i.Embeds {
		g.p("%sServerStub: %s(impl),", e.Name, g.part(e.Interface, "Server"))
	}
	g.p("}\n// The stub itself comes first: it may offer globbing on its own.")
	g.p("if gs := %s(stub); gs != nil {\nstub.gs = gs\n} else if gs := %s(impl); gs != nil {\nstub.gs = gs\n}",
		g.rpc("NewGlobState"), g.rpc("NewGlobState"))
	g.p("return stub\n}\n\ntype %s struct {\nimpl %sServerMethods", stub, i.Name)
	for _, e := range i.Embeds {
		g.p("%s", g.part(e.Interface, "ServerStub"))
	}
	g.p("gs *%s\n}", g.rpc("GlobState"))
	for _, m := range i.Methods {
		g.serverMethod(i, m, stub)
	}
	g.p("\nfunc (s %s) Globber() *%s {\nreturn s.gs\n}", stub, g.rpc("GlobState"))
	descs := []string{i.Name + "Desc"}
	for _, e := range i.AllEmbeds() {
		descs = append(descs, g.part(e, "Desc"))
	}
	g.p("\nfunc (s %s) Describe__() []%s {\nreturn []%s{%s}\n}", stub, g.rpc("InterfaceDesc"), g.rpc("InterfaceDesc"),
		strings.Join(descs, ", "))
}

func (g *generator) serverMethod(i *compile.Interface, m *compile.Method, stub string) {
	types := make([]string, 0, len(m.Results)+1)
	for _, r := range m.Results {
		types = append(types, g.goType(r.Type))
	}
	results := strings.Join(append(types, "error"), ", ")
	if len(m.Results) > 0 {
		results = "(" + results + ")"
	}
	passed := "ctx, call"
	for n := range m.Args {
		passed += ", i" + strconv.Itoa(n)
	}
	g.p("\nfunc (s %s) %s(ctx %s, call %s%s) %s {\nreturn s.impl.%s(%s)\n}", stub, m.Name, g.context(), g.stubCall(i, m),
		g.args(m, false, ""), results, m.Name, passed)
}

// descriptor writes the description of the interface, which tells its tags and comments at run time.
func (g *generator) descriptor(i *compile.Interface) {
	g.p("\n// %sDesc describes %s.", i.Name, i.Name)
	g.p("var %sDesc %s = desc%s\n", i.Name, g.rpc("InterfaceDesc"), i.Name)
	g.p("// desc%s hides the literal from documentation.", i.Name)
	g.p("var desc%s = %s{\nName: %q,\nPkgPath: %q,", i.Name, g.rpc("InterfaceDesc"), i.Name, g.pkg.Path)
	g.docField(i.Doc)
	if len(i.Embeds) > 0 {
		g.p("Embeds: []%s{", g.rpc("EmbedDesc"))
		for _, e := range i.Embeds {
			g.p("{Name: %q, PkgPath: %q, Doc: %q},", e.Name, e.Package.Path, e.Doc)
		}
		g.p("},")
	}
	if len(i.Methods) > 0 {
		g.p("Methods: []%s{", g.rpc("MethodDesc"))
		for _, m := range i.Methods {
			g.methodDesc(m)
		}
		g.p("},")
	}
	g.p("}")
}

func (g *generator) docField(doc string) {
	if doc != "" {
		g.p("Doc: %q,", doc)
	}
}

func (g *generator) methodDesc(m *compile.Method) {
	g.p("{\nName: %q,", m.Name)
	g.docField(m.Doc)
	g.argDescs("InArgs", m.Args)
	g.argDescs("OutArgs", m.Results)
	if len(m.Tags) > 0 {
		tags := make([]string, len(m.Tags))
		for n, tag := range m.Tags {
			tags[n] = g.vdl("ValueOf") + "(" + g.constant(tag, true) + ")"
		}
		g.p("Tags: []*%s{%s},", g.vdl("Value"), strings.Join(tags, ", "))
	}
	g.p("},")
}

func (g *generator) argDescs(name string, args []compile.Field) {
	if len(args) == 0 {
		return
	}
	g.p("%s: []%s{", name, g.rpc("ArgDesc"))
	for _, a := range args {
		g.p("{Name: %q, Doc: %q},", a.Name, a.Doc)
	}
	g.p("},")
}
