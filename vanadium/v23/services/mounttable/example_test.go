package mounttable_test

import (
	"fmt"

	"v.io/v23"
	"v.io/v23/options"
	"v.io/v23/services/mounttable"
	_ "v.io/x/ref/runtime/factories/generic"
	"v.io/x/ref/services/mounttable/mounttablelib"
	"v.io/x/ref/test"
)

// ExampleMountTableClient asks a mount table itself, which clients usually leave to their namespace.
func ExampleMountTableClient() {
	ctx, shutdown := test.V23Init()
	defer shutdown()
	name, stop, err := mounttablelib.StartServers(ctx, v23.GetListenSpec(ctx), "", "", "", "", "", 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer stop()
	node := mounttable.MountTableClient(name + "/printers")
	if err := node.Mount(ctx, "/host:8101", 60, 0, options.Preresolved{}); err != nil {
		fmt.Println(err)
	}
	entry, err := mounttable.MountTableClient(name+"/printers/laser").ResolveStep(ctx, options.Preresolved{})
	fmt.Println(entry.Servers[0].Server, entry.Name, err)
	// Output: /host:8101 laser <nil>
}
