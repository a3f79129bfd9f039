// Package uniqueid provides identifiers that are unique without coordination, because they are random.
package uniqueid

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"strings"

	"v.io/v23/vdl"
)

// Id is a 16-byte identifier. The zero Id stands for "none".
type Id [16]byte

// VDLReflect names the type for reflection; it is never called.
func (Id) VDLReflect(struct {
	Name string `vdl:"v.io/v23/uniqueid.Id"`
}) {
}

var idType = vdl.TypeOf((*Id)(nil))

// VDLIsZero reports whether the Id is zero.
func (x Id) VDLIsZero() bool { return x == Id{} }

// VDLWrite encodes the Id.
func (x Id) VDLWrite(enc vdl.Encoder) error { return enc.WriteValueBytes(idType, x[:]) }

// VDLRead decodes the Id.
func (x *Id) VDLRead(dec vdl.Decoder) error {
	bytes := x[:]
	return dec.ReadValueBytes(len(x), &bytes)
}

// Random returns a new Id. It fails only if the system's source of randomness does.
func Random() (Id, error) {
	var id Id
	if _, err := rand.Read(id[:]); err != nil {
		return Id{}, fmt.Errorf("uniqueid: no randomness: %w", err)
	}
	return id, nil
}

// FromHexString returns the Id of 32 hexadecimal digits, which may have the prefix 0x.
func FromHexString(s string) (Id, error) {
	var id Id
	digits := strings.TrimPrefix(s, "0x")
	if len(digits) != 2*len(id) {
		return Id{}, fmt.Errorf("uniqueid: %q has %d hexadecimal digits, want %d", s, len(digits), 2*len(id))
	}
	if _, err := hex.Decode(id[:], []byte(digits)); err != nil {
		return Id{}, fmt.Errorf("uniqueid: %q: %w", s, err)
	}
	return id, nil
}

// Valid reports whether the Id stands for something, that is, whether it is not zero.
func Valid(id Id) bool { return id != Id{} }

// String returns the Id as hexadecimal digits after 0x, which FromHexString accepts.
func (x Id) String() string { return "0x" + hex.EncodeToString(x[:]) }
