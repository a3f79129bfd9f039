package access

import (
	"v.io/v23/security"
	"v.io/v23/uniqueid"
	"v.io/v23/vdl"
)

// AccessList selects principals by their blessing names. The zero value selects
// nobody.
type AccessList struct {
	// In selects the names that are let in.
	In []security.BlessingPattern
	// NotIn selects names, with all their extensions, that do not count.
	NotIn []string
}

// Permissions maps a tag to those who may call the methods that carry it.
type Permissions map[string]AccessList

// Tag is the type of the typical tags.
type Tag string

// The typical tags.
const (
	// Admin is for methods that change who may do what.
	Admin = Tag("Admin")
	// Debug is for methods that look into the inside of a service.
	Debug = Tag("Debug")
	// Read is for methods that leave the state of the object alone.
	Read = Tag("Read")
	// Write is for methods that change the state of the object.
	Write = Tag("Write")
	// Resolve is for methods that look up names.
	Resolve = Tag("Resolve")
)

// AccessTagCaveat is a kind of caveat that holds for methods carrying one of
// the typical tags in its []Tag parameter.
var AccessTagCaveat = security.CaveatDescriptor{
	Id: uniqueid.Id{0xef, 0xcd, 0xe3, 0x75, 0x14, 0x16, 0xc7, 0x3b,
		0x18, 0x9c, 0xe8, 0x9c, 0xcc, 0x93, 0x80, 0x00},
	ParamType: vdl.TypeOf([]Tag(nil)),
}
