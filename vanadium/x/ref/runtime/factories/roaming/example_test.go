package roaming_test

import (
	"fmt"

	v23 "v.io/v23"

	_ "v.io/x/ref/runtime/factories/roaming"
)

// The factory is imported for its effect; v23.Init then starts the runtime, once in the
// life of the process.
func Example() {
	ctx, shutdown := v23.Init()
	fmt.Println(v23.GetPrincipal(ctx) != nil, v23.GetClient(ctx) != nil)
	shutdown()
	_, _, err := v23.TryInit()
	fmt.Println(err)
	// Output:
	// true true
	// the runtime was initialized before, and this factory allows that once
}
