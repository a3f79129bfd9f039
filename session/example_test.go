package session_test

import (
	"fmt"

	"v.io/x/ref/lib/raft/session"
)

// A member sends a command twice, because it did not hear what became of the first copy.
func Example() {
	table := session.New(session.Default())
	fmt.Println("entry 11 opens the session of origin 7:", table.Open(7, 10, 11))
	fmt.Println("entry 12 is its command 1:", table.Take(7, 1, 12))
	fmt.Println("entry 13 is its command 1 again:", table.Take(7, 1, 13))
	fmt.Println("entry 14 is of an origin without a session:", table.Take(8, 1, 14))
	// Output:
	// entry 11 opens the session of origin 7: fresh
	// entry 12 is its command 1: fresh
	// entry 13 is its command 1 again: duplicate
	// entry 14 is of an origin without a session: unknown session
}
