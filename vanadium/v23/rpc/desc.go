package rpc

import "v.io/v23/vdl"

// Describer is implemented by objects that know more about their methods than reflection does. Generated server stubs
// do it.
type Describer interface {
	// Describe__ returns the interfaces of the object, beginning with the one it is mainly used for.
	Describe__() []InterfaceDesc
}

// InterfaceDesc describes an interface.
type InterfaceDesc struct {
	Name    string
	PkgPath string
	Doc     string
	Embeds  []EmbedDesc  // the interfaces it embeds
	Methods []MethodDesc // its own methods
}

// EmbedDesc describes an embedded interface.
type EmbedDesc struct {
	Name    string
	PkgPath string
	Doc     string
}

// MethodDesc describes a method. The types of the arguments are found by reflection.
type MethodDesc struct {
	Name      string
	Doc       string
	InArgs    []ArgDesc
	OutArgs   []ArgDesc    // without the error
	InStream  ArgDesc      // what the client streams
	OutStream ArgDesc      // what the server streams
	Tags      []*vdl.Value // what authorizers go by
}

// ArgDesc describes an argument, a result or a stream.
type ArgDesc struct {
	Name string
	Doc  string
}
