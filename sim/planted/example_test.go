package planted_test

import (
	"fmt"

	"v.io/x/ref/lib/raft/sim/planted"
)

// A change replaces a text that must be there exactly once.
func ExampleChange_Apply() {
	c := planted.Change{File: "core/quorum.go", Old: "n/2 + 1", New: "(n + 1) / 2"}
	fmt.Println(c.Apply("return n/2 + 1"))
	fmt.Println(c.Apply("return 1 + n/2"))
	// Output:
	// return (n + 1) / 2 <nil>
	//  planted: core/quorum.go has the old text 0 times, want once:
	// n/2 + 1
}
