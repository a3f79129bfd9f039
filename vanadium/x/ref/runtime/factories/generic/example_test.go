package generic_test

import (
	"fmt"

	v23 "v.io/v23"

	_ "v.io/x/ref/runtime/factories/generic"
)

// The factory is imported for its effect; v23.Init then starts the runtime.
func Example() {
	ctx, shutdown := v23.Init()
	defer shutdown()
	fmt.Println(v23.GetPrincipal(ctx) != nil, v23.GetClient(ctx) != nil)
	// Output: true true
}
