package conformance_test

import (
	"fmt"

	"v.io/x/ref/lib/raft/transport/conformance"
)

// Example runs the first check of the suite on the network in memory.
func Example() {
	check := conformance.Checks()[0]
	fmt.Println(check.Name, check.Run(memory(faulty{})))
	// Output: a message arrives as it was sent <nil>
}
