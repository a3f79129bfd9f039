package lossless_test

import (
	"errors"
	"math"
	"testing"

	"v.io/v23/internal/lossless"
)

func TestConversions(t *testing.T) {
	tests := map[string]struct {
		err error
		ok  bool
	}{
		"uint 255 to 8":         {second(lossless.Uint(255, 8)), true},
		"uint 256 to 8":         {second(lossless.Uint(256, 8)), false},
		"uint max to 64":        {second(lossless.Uint(math.MaxUint64, 64)), true},
		"int -128 to 8":         {second(lossless.Int(-128, 8)), true},
		"int -129 to 8":         {second(lossless.Int(-129, 8)), false},
		"int 128 to 8":          {second(lossless.Int(128, 8)), false},
		"int min to 64":         {second(lossless.Int(math.MinInt64, 64)), true},
		"int -1 to uint":        {second(lossless.UintFromInt(-1, 64)), false},
		"int 7 to uint":         {second(lossless.UintFromInt(7, 8)), true},
		"uint 2^63 to int":      {second(lossless.IntFromUint(1<<63, 64)), false},
		"uint 2^63-1 to int":    {second(lossless.IntFromUint(1<<63-1, 64)), true},
		"float 2^64 to uint":    {second(lossless.UintFromFloat(1<<64, 64)), false},
		"float 2^63 to uint":    {second(lossless.UintFromFloat(1<<63, 64)), true},
		"float -0.5 to uint":    {second(lossless.UintFromFloat(-0.5, 64)), false},
		"float NaN to uint":     {second(lossless.UintFromFloat(math.NaN(), 64)), false},
		"float -2^63 to int":    {second(lossless.IntFromFloat(-1<<63, 64)), true},
		"float 2^63 to int":     {second(lossless.IntFromFloat(1<<63, 64)), false},
		"float inf to int":      {second(lossless.IntFromFloat(math.Inf(-1), 64)), false},
		"uint 2^53 to float64":  {second(lossless.FloatFromUint(1<<53, 64)), true},
		"uint 2^53+1 to float":  {second(lossless.FloatFromUint(1<<53+1, 64)), false},
		"int -2^24 to float32":  {second(lossless.FloatFromInt(-1<<24, 32)), true},
		"int -2^24-1 to float":  {second(lossless.FloatFromInt(-1<<24-1, 32)), false},
		"float64 max to 32":     {second(lossless.Float(math.MaxFloat64, 32)), false},
		"float64 0.1 to 32":     {second(lossless.Float(0.1, 32)), true},
		"float64 inf to 32":     {second(lossless.Float(math.Inf(1), 32)), true},
		"float64 max stays max": {second(lossless.Float(math.MaxFloat64, 64)), true},
	}
	for what, test := range tests {
		var overflow *lossless.Overflow
		if (test.err == nil) != test.ok || test.err != nil && !errors.As(test.err, &overflow) {
			t.Errorf("%s: %v", what, test.err)
		}
	}
}

func second[T any](_ T, err error) error { return err }
