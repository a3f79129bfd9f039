package damage_test

import (
	"errors"
	"fmt"

	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/storage/damage"
)

func Example() {
	err := fmt.Errorf("start: %w", damage.At("data/1.log", 512, "checksum is %08x, computed %08x", 1, 2))
	var found *damage.Error
	if errors.As(err, &found) && errors.Is(err, entry.ErrCorrupt) {
		fmt.Printf("%s, byte %d: %s\n", found.File, found.Offset, found.What)
	}
	// Output: data/1.log, byte 512: checksum is 00000001, computed 00000002
}
