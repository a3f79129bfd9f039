package sim_test

import (
	"fmt"

	"v.io/x/ref/lib/raft/sim"
)

// A minute of a cluster in a world in which things fail, in a fraction of a second.
func Example() {
	plan := sim.NewPlan(17)
	result := sim.Run(plan, sim.Options{})
	fmt.Println("violation:", result.Violation)
	fmt.Println("at least a minute:", result.Virtual >= 60*sim.Second)
	again := sim.Run(plan, sim.Options{})
	fmt.Println("the same again:", again.Hash == result.Hash)
	// Output:
	// violation: <nil>
	// at least a minute: true
	// the same again: true
}
