package namespace_test

import (
	"fmt"
	"time"

	"v.io/v23"
	"v.io/v23/context"
	"v.io/v23/namespace"
	"v.io/v23/naming"
	_ "v.io/x/ref/runtime/factories/generic"
	"v.io/x/ref/services/mounttable/mounttablelib"
	"v.io/x/ref/test"
)

// list prints the names that the pattern finds.
func list(ctx *context.T, ns namespace.T, pattern string) error {
	replies, err := ns.Glob(ctx, pattern)
	if err != nil {
		return err
	}
	for reply := range replies {
		switch reply := reply.(type) {
		case *naming.GlobReplyEntry:
			fmt.Println(reply.Value.Name, reply.Value.Servers[0].Server)
		case *naming.GlobReplyError:
			fmt.Println(reply.Value.Name, reply.Value.Error)
		}
	}
	return nil
}

// ExampleT mounts a server and searches for it.
func ExampleT() {
	ctx, shutdown := test.V23Init()
	defer shutdown()
	name, stop, err := mounttablelib.StartServers(ctx, v23.GetListenSpec(ctx), "", "", "", "", "", 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer stop()
	_, ns, err := v23.WithNewNamespace(ctx, name)
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := ns.Mount(ctx, "printers/laser", "/host:8101", time.Minute); err != nil {
		fmt.Println(err)
	}
	if err := list(ctx, ns, "printers/*"); err != nil {
		fmt.Println(err)
	}
	// Output: printers/laser /host:8101
}
