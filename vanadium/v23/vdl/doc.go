// Package vdl is the type system and the value model of the Vanadium Definition Language.
//
// A Type describes a value, independent of the programming language. Types are hash-consed: two types are equal if and
// only if their pointers are equal. A value is represented either by an ordinary Go value, whose Type is found by
// TypeOf, or by a Value, which can hold any value of any Type without a Go type of its own.
//
// Encoder and Decoder are the seam between values and formats. Go types take part in it through generated VDLWrite and
// VDLRead methods; Write and Read serve every other Go type by reflection. Package v.io/v23/vom is the binary format.
package vdl
