// Package lossless converts numbers between representations and refuses conversions that would change the number.
package lossless

import (
	"fmt"
	"math"
)

// Overflow reports a number that the wanted representation cannot hold.
type Overflow struct {
	Number any    // the number
	Want   string // the representation, for instance "uint16"
}

// Error says which number does not fit into what.
func (e *Overflow) Error() string {
	return fmt.Sprintf("number %v cannot be held by %s", e.Number, e.Want)
}

func overflow(number any, kind string, bits int) error {
	return &Overflow{number, fmt.Sprintf("%s%d", kind, bits)}
}

// Uint returns x if it fits into an unsigned integer of the number of bits.
func Uint(x uint64, bits int) (uint64, error) {
	if bits < 64 && x>>bits != 0 {
		return 0, overflow(x, "uint", bits)
	}
	return x, nil
}

// Int returns x if it fits into a signed integer of the number of bits.
func Int(x int64, bits int) (int64, error) {
	if shift := 64 - bits; x<<shift>>shift != x {
		return 0, overflow(x, "int", bits)
	}
	return x, nil
}

// UintFromInt returns x as an unsigned integer.
func UintFromInt(x int64, bits int) (uint64, error) {
	if x < 0 {
		return 0, overflow(x, "uint", bits)
	}
	return Uint(uint64(x), bits)
}

// UintFromFloat returns x as an unsigned integer.
func UintFromFloat(x float64, bits int) (uint64, error) {
	if !(x >= 0 && x < 1<<64) || x != math.Trunc(x) {
		return 0, overflow(x, "uint", bits)
	}
	return Uint(uint64(x), bits)
}

// IntFromUint returns x as a signed integer.
func IntFromUint(x uint64, bits int) (int64, error) {
	if x > math.MaxInt64 {
		return 0, overflow(x, "int", bits)
	}
	return Int(int64(x), bits)
}

// IntFromFloat returns x as a signed integer.
func IntFromFloat(x float64, bits int) (int64, error) {
	if !(x >= -1<<63 && x < 1<<63) || x != math.Trunc(x) {
		return 0, overflow(x, "int", bits)
	}
	return Int(int64(x), bits)
}

// exactBits returns the number of bits of the integers that a float of the number of bits can all hold.
func exactBits(bits int) int {
	if bits == 32 {
		return 24
	}
	return 53
}

// FloatFromUint returns x as a float.
func FloatFromUint(x uint64, bits int) (float64, error) {
	if x > 1<<exactBits(bits) {
		return 0, overflow(x, "float", bits)
	}
	return float64(x), nil
}

// FloatFromInt returns x as a float.
func FloatFromInt(x int64, bits int) (float64, error) {
	if limit := int64(1) << exactBits(bits); x < -limit || x > limit {
		return 0, overflow(x, "float", bits)
	}
	return float64(x), nil
}

// Float returns x if a float of the number of bits can hold it. Rounding to fewer bits of precision is no loss in this
// sense, since floats are approximations, but leaving the range is.
func Float(x float64, bits int) (float64, error) {
	if bits == 32 && math.Abs(x) > math.MaxFloat32 && !math.IsInf(x, 0) {
		return 0, overflow(x, "float", bits)
	}
	return x, nil
}
