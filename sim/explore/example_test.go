package explore_test

import (
	"fmt"

	"v.io/x/ref/lib/raft/sim/explore"
)

// A cluster of two in which one member's deadline may expire twice: every state that can follow.
func Example() {
	result := explore.Run(explore.Space{
		Name: "small", Members: 2, Terms: 2, Entries: 2, Messages: 2, Candidates: 1,
		Times: explore.Times{explore.Deadline: 2},
	}, 0, nil)
	fmt.Println("every state was visited:", result.Complete)
	fmt.Println("a violation:", result.Violation != nil)
	fmt.Println("leaders were elected:", result.Seen.Leaders > 0)
	// Output:
	// every state was visited: true
	// a violation: false
	// leaders were elected: true
}
