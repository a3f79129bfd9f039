package naming

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"fmt"
)

// RoutingID identifies the receiver of connections at an address, independent of the address. It is comparable.
type RoutingID struct {
	value [16]byte
}

// NullRoutingID is the RoutingID of an endpoint that does not tell.
var NullRoutingID = RoutingID{}

// NewRoutingID returns a random RoutingID.
func NewRoutingID() (RoutingID, error) {
	var rid RoutingID
	if _, err := rand.Read(rid.value[:]); err != nil {
		return NullRoutingID, fmt.Errorf("naming: no random number for a routing id: %w", err)
	}
	return rid, nil
}

// FixedRoutingID returns the RoutingID with the number in its last eight bytes.
func FixedRoutingID(number uint64) RoutingID {
	var rid RoutingID
	binary.BigEndian.PutUint64(rid.value[8:], number)
	return rid
}

// String returns the 32 hexadecimal digits of the id.
func (rid RoutingID) String() string { return hex.EncodeToString(rid.value[:]) }

// FromString replaces the id by the one of the 32 hexadecimal digits.
func (rid *RoutingID) FromString(digits string) error {
	raw, err := hex.DecodeString(digits)
	if err != nil {
		return fmt.Errorf("naming: a routing id is not hexadecimal: %w", err)
	}
	if len(raw) != len(rid.value) {
		return fmt.Errorf("naming: a routing id has %d digits instead of %d", len(digits), 2*len(rid.value))
	}
	copy(rid.value[:], raw)
	return nil
}

// EndpointOpt makes this an option of FormatEndpoint.
func (RoutingID) EndpointOpt() {}
