package uniqueid_test

import (
	"fmt"
	"testing"

	"v.io/v23/uniqueid"
)

func TestRandomRoundTrip(t *testing.T) {
	a, err := uniqueid.Random()
	if err != nil {
		t.Fatal(err)
	}
	b, err := uniqueid.Random()
	if err != nil {
		t.Fatal(err)
	}
	if a == b || !uniqueid.Valid(a) || uniqueid.Valid(uniqueid.Id{}) {
		t.Fatalf("ids %v and %v are equal or invalid", a, b)
	}
	if back, err := uniqueid.FromHexString(a.String()); err != nil || back != a {
		t.Fatalf("FromHexString(%v) = %v, %v", a, back, err)
	}
}

func TestFromHexStringRefuses(t *testing.T) {
	for _, bad := range []string{"", "0x", "00", "0x0102030405060708090a0b0c0d0e0f", "0102030405060708090a0b0c0d0e0fzz"} {
		if id, err := uniqueid.FromHexString(bad); err == nil {
			t.Errorf("FromHexString(%q) = %v, want an error", bad, id)
		}
	}
}

func ExampleFromHexString() {
	id, err := uniqueid.FromHexString("54a676398137187ecdb26d2d69ba0003")
	fmt.Println(id, err)
	// Output: 0x54a676398137187ecdb26d2d69ba0003 <nil>
}
