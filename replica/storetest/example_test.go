package storetest_test

import (
	"fmt"

	"v.io/x/ref/lib/raft/replica/storetest"
)

// Example runs every check of the suite on the log store in memory.
func Example() {
	failed := 0
	for _, check := range storetest.LogChecks() {
		if err := check.Run(new(storetest.LogPlace).Open); err != nil {
			fmt.Println(check.Name, err)
			failed++
		}
	}
	fmt.Println(failed, "checks failed")
	// Output: 0 checks failed
}
