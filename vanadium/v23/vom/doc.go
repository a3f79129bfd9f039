// Package vom is the binary format of VDL values: self-describing, and compact when many values of few types are sent.
//
// A stream begins with the version byte. Then follow messages. A type message defines a type and gives it an id, a
// value message names the id of its type and carries a value:
//
//	stream        = version message*
//	message       = typeMessage | valueMessage
//	typeMessage   = [0xe2] int(-id) uint(length) description
//	valueMessage  = int(id) [typeTable] [anyTable] [uint(length)] value
//	typeTable     = uint(n) uint(id)*n       // if the type can contain any or typeobject
//	anyTable      = uint(n) uint(length)*n   // if the type can contain any
//
// The flag 0xe2 says that the type cannot be built yet, because it refers to a type that follows. The length of a value
// is left out for scalars and for bytes, which are as short without it. Types and values can also be sent on two
// streams, which each begin with the version: a TypeEncoder and a TypeDecoder are the ends of the stream of types, and
// serve any number of streams of values at once.
//
//	uint       = byte                      // up to 0x7f
//	           | 0x100-n byte*n            // n bytes, the most significant first
//	int        = uint                      // 2x for x >= 0, -2x-1 for x < 0
//	float      = uint                      // the bytes of the 64-bit IEEE 754 form in reverse order
//	bool       = 0 | 1
//	string     = uint(length) byte*
//	enum       = uint(index of the label)
//	typeobject = uint(index into the typeTable)
//	array      = 0 entry*                  // a byte entry is a bare byte, here and in lists
//	list, set  = uint(n) entry*n
//	map        = uint(n) (key element)*n
//	struct     = (uint(index) field)* 0xe1 // fields that are not zero
//	union      = uint(index) field
//	optional   = 0xe0 | element            // 0xe0 stands for nil
//	any        = 0xe0 | uint(index into the typeTable) uint(index into the anyTable) value
//
// The order of sets and maps is the order of the Go map, so equal values can have different encodings.
package vom
