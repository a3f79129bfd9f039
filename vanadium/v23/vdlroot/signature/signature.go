// Package signature describes the interfaces of objects.
package signature

import (
	"slices"
	"strings"

	"v.io/v23/vdl"
)

func init() {
	vdl.Register((*Embed)(nil))
	vdl.Register((*Arg)(nil))
	vdl.Register((*Method)(nil))
	vdl.Register((*Interface)(nil))
}

// Interface describes an interface.
type Interface struct {
	Name    string
	PkgPath string
	Doc     string
	Embeds  []Embed  // the interfaces it embeds
	Methods []Method // its own methods, sorted by name
}

// VDLReflect names the type for reflection; it is never called.
func (Interface) VDLReflect(struct {
	Name string `vdl:"signature.Interface"`
}) {
}

// Embed describes an embedded interface.
type Embed struct {
	Name    string
	PkgPath string
	Doc     string
}

// VDLReflect names the type for reflection; it is never called.
func (Embed) VDLReflect(struct {
	Name string `vdl:"signature.Embed"`
}) {
}

// Method describes a method.
type Method struct {
	Name      string
	Doc       string
	InArgs    []Arg
	OutArgs   []Arg        // without the error
	InStream  *Arg         // what the client streams, nil for nothing
	OutStream *Arg         // what the server streams, nil for nothing
	Tags      []*vdl.Value // what authorizers go by
}

// VDLReflect names the type for reflection; it is never called.
func (Method) VDLReflect(struct {
	Name string `vdl:"signature.Method"`
}) {
}

// Arg describes an argument, a result or a stream.
type Arg struct {
	Name string
	Doc  string
	Type *vdl.Type
}

// VDLReflect names the type for reflection; it is never called.
func (Arg) VDLReflect(struct {
	Name string `vdl:"signature.Arg"`
}) {
}

// CopyInterfaces returns a deep copy.
func CopyInterfaces(x []Interface) []Interface {
	if x == nil {
		return nil
	}
	copies := make([]Interface, len(x))
	for i, one := range x {
		copies[i] = CopyInterface(one)
	}
	return copies
}

// CopyInterface returns a deep copy.
func CopyInterface(x Interface) Interface {
	x.Embeds = slices.Clone(x.Embeds)
	x.Methods = slices.Clone(x.Methods)
	for i, m := range x.Methods {
		x.Methods[i] = CopyMethod(m)
	}
	return x
}

// CopyMethod returns a deep copy. Types and tags are shared, since they never change.
func CopyMethod(x Method) Method {
	x.InArgs = slices.Clone(x.InArgs)
	x.OutArgs = slices.Clone(x.OutArgs)
	x.InStream = copyStream(x.InStream)
	x.OutStream = copyStream(x.OutStream)
	x.Tags = slices.Clone(x.Tags)
	return x
}

func copyStream(x *Arg) *Arg {
	if x == nil {
		return nil
	}
	same := *x
	return &same
}

// FindMethod returns a copy of the method with the name.
func (x Interface) FindMethod(name string) (Method, bool) {
	for _, m := range x.Methods {
		if m.Name == name {
			return CopyMethod(m), true
		}
	}
	return Method{}, false
}

// FirstMethod returns a copy of the first method with the name in the interfaces.
func FirstMethod(interfaces []Interface, name string) (Method, bool) {
	for _, x := range interfaces {
		if m, ok := x.FindMethod(name); ok {
			return m, true
		}
	}
	return Method{}, false
}

// MethodNames returns the names of all methods of the interfaces, each once, sorted.
func MethodNames(interfaces []Interface) []string {
	var names []string
	for _, x := range interfaces {
		for _, m := range x.Methods {
			names = append(names, m.Name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// CleanInterfaces returns a copy of the interfaces with methods sorted by name, and without interfaces that have no
// method which an earlier one does not have.
func CleanInterfaces(interfaces []Interface) []Interface {
	seen := make(map[string]bool)
	var cleaned []Interface
	for _, x := range CopyInterfaces(interfaces) {
		adds := false
		for _, m := range x.Methods {
			adds = adds || !seen[m.Name]
			seen[m.Name] = true
		}
		if !adds {
			continue
		}
		slices.SortFunc(x.Methods, func(a, b Method) int { return strings.Compare(a.Name, b.Name) })
		cleaned = append(cleaned, x)
	}
	return cleaned
}
