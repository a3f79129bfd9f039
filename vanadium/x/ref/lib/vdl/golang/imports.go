package golang

import (
	"strconv"

	"v.io/x/ref/lib/vdl/compile"
)

// The packages that generated code uses.
const (
	pathFmt     = "fmt"
	pathIO      = "io"
	pathTime    = "time"
	pathV23     = "v.io/v23"
	pathContext = "v.io/v23/context"
	pathRPC     = "v.io/v23/rpc"
	pathVDL     = "v.io/v23/vdl"
	pathVerror  = "v.io/v23/verror"
	pathVOM     = "v.io/v23/vom"
	pathVDLTime = "v.io/v23/vdlroot/time"
)

// fixedNames holds the names by which the file imports those packages. They are never used for other packages, nor for
// arguments.
var fixedNames = map[string]string{
	pathFmt: "fmt", pathIO: "io", pathTime: "time", pathV23: "v23", pathContext: "context", pathRPC: "rpc",
	pathVDL: "vdl", pathVerror: "verror", pathVOM: "vom", pathVDLTime: "vdltime",
}

var isFixedName = func() map[string]bool {
	m := make(map[string]bool)
	for _, name := range fixedNames {
		m[name] = true
	}
	return m
}()

// in returns the identifier of the package at the path, qualified as the file needs it.
func (g *generator) in(path, ident string) string {
	if path == g.pkg.GoPath {
		return ident
	}
	if name, ok := g.names[path]; ok {
		return name + "." + ident
	}
	name, ok := fixedNames[path]
	if !ok {
		name = g.freeName(path)
	}
	g.names[path] = name
	g.taken[name] = true
	return name + "." + ident
}

// freeName chooses a name for a package that has no fixed one: its own, with a number if another package has it.
func (g *generator) freeName(path string) string {
	own := "imported"
	for _, pkg := range g.pkg.Imports {
		if pkg.GoPath == path {
			own = pkg.Name
		}
	}
	if own == "imported" {
		own = lastName(path)
	}
	name := own
	for n := 2; isFixedName[name] || g.taken[name]; n++ {
		name = own + strconv.Itoa(n)
	}
	return name
}

// lastName returns the last element of a path without what cannot be in a name.
func lastName(path string) string {
	name := []byte{}
	for i := len(path) - 1; i >= 0 && path[i] != '/'; i-- {
		if c := path[i]; c != '.' && c != '-' {
			name = append([]byte{c}, name...)
		}
	}
	return string(name)
}

func (g *generator) vdl(ident string) string    { return g.in(pathVDL, ident) }
func (g *generator) rpc(ident string) string    { return g.in(pathRPC, ident) }
func (g *generator) context() string            { return "*" + g.in(pathContext, "T") }
func (g *generator) encoder() string            { return g.vdl("Encoder") }
func (g *generator) decoder() string            { return g.vdl("Decoder") }
func (g *generator) errorf() string             { return g.in(pathFmt, "Errorf") }
func (g *generator) local(t *compile.Type) bool { return t.Package == g.pkg }
func (g *generator) own(t *compile.Type) string { return g.in(t.Package.GoPath, t.Name) }
func (g *generator) hand(t *compile.Type) bool {
	return t.Named() && !g.local(t) && t.Package.HandWritten
}
func (g *generator) path(decl string) string         { return g.pkg.Path + "." + decl }
func (g *generator) nativeOf(t *compile.Type) native { return natives[t.String()] }

// argName returns the Go name of an argument or result: its own, unless that would hide what the code around it uses.
func argName(name string) string {
	switch name {
	case "ctx", "call", "opts", "err", "format", "message", "argumentError", "verrorComponent", "verrorOperation",
		"returnErr", "params", "iter", "tmp", "ok", "append", "cap", "len", "make", "max", "min", "clear", "close",
		"complex", "complex64", "complex128", "copy", "imag", "iota", "new", "panic", "print", "println", "real",
		"recover", "int", "uint", "uint8", "uintptr", "rune", "comparable":
		return name + "_"
	}
	if isFixedName[name] {
		return name + "_"
	}
	return name
}
