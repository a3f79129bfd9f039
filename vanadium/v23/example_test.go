package v23_test

import (
	"fmt"

	"v.io/v23"
	"v.io/v23/context"
	"v.io/v23/rpc"
	"v.io/v23/security"
	_ "v.io/x/ref/runtime/factories/generic"
)

// greeter is an object.
type greeter struct{}

// Greet greets.
func (greeter) Greet(_ *context.T, _ rpc.ServerCall, name string) (string, error) {
	return "hello " + name, nil
}

// Example starts a runtime and a server, and calls it.
func Example() {
	ctx, shutdown := v23.Init()
	defer shutdown()
	ctx = v23.WithListenSpec(ctx, rpc.ListenSpec{Addrs: rpc.ListenAddrs{{"tcp", "127.0.0.1:0"}}})
	ctx, server, err := v23.WithNewServer(ctx, "", greeter{}, security.AllowEveryone())
	if err != nil {
		fmt.Println(err)
		return
	}
	name := server.Status().Endpoints[0].Name()
	var greeting string
	err = v23.GetClient(ctx).Call(ctx, name, "Greet", []interface{}{"ann"}, []interface{}{&greeting})
	fmt.Println(greeting, err)
	// Output: hello ann <nil>
}
