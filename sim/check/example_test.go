package check_test

import (
	"fmt"

	"v.io/x/ref/lib/raft/sim/check"
)

// A read that begins after a write has ended must see it.
func ExampleHistory() {
	var h check.History
	h.Add(check.Operation{Client: 1, Write: true, Value: 5, Called: 10, Returned: 20})
	h.Add(check.Operation{Client: 2, Called: 15, Returned: 30, Answer: 0})
	fmt.Println(h.Check())
	h.Add(check.Operation{Client: 2, Called: 40, Returned: 50, Answer: 0})
	fmt.Println(h.Check() != nil)
	// Output:
	// <nil>
	// true
}
