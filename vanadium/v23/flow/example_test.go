package flow_test

import (
	"fmt"

	"v.io/v23"
	"v.io/v23/context"
	"v.io/v23/flow"
	"v.io/v23/rpc"
	"v.io/v23/rpc/version"
	"v.io/v23/security"
	_ "v.io/x/ref/runtime/factories/generic"
	"v.io/x/ref/test"
)

// greeter is an object.
type greeter struct{}

// Greet greets.
func (greeter) Greet(*context.T, rpc.ServerCall) (string, error) { return "hello", nil }

// ExamplePinnedConn keeps a connection open between calls that are far apart.
func ExamplePinnedConn() {
	ctx, shutdown := test.V23Init()
	defer shutdown()
	ctx, server, err := v23.WithNewServer(ctx, "", greeter{}, security.AllowEveryone())
	if err != nil {
		fmt.Println(err)
		return
	}
	var pinned flow.PinnedConn
	pinned, err = v23.GetClient(ctx).PinConnection(ctx, server.Status().Endpoints[0].Name())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pinned.Unpin()
	conn := pinned.Conn()
	fmt.Println(conn.RemoteEndpoint().Protocol, conn.CommonVersion() != version.UnknownRPCVersion)
	// Output: tcp true
}
