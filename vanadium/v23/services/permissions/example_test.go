package permissions_test

import (
	"fmt"

	"v.io/v23"
	"v.io/v23/options"
	"v.io/v23/security/access"
	"v.io/v23/services/permissions"
	_ "v.io/x/ref/runtime/factories/generic"
	"v.io/x/ref/services/mounttable/mounttablelib"
	"v.io/x/ref/test"
)

// ExampleObjectClient changes permissions, here of a name of a mount table, without losing changes of others.
func ExampleObjectClient() {
	ctx, shutdown := test.V23Init()
	defer shutdown()
	name, stop, err := mounttablelib.StartServers(ctx, v23.GetListenSpec(ctx), "", "", "", "", "", 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer stop()
	object := permissions.ObjectClient(name + "/printers")
	first := access.Permissions{}.Add("test-blessing", "Admin", "Read")
	if err := object.SetPermissions(ctx, first, "", options.Preresolved{}); err != nil {
		fmt.Println(err)
	}
	perms, version, err := object.GetPermissions(ctx, options.Preresolved{})
	if err != nil {
		fmt.Println(err)
		return
	}
	err = object.SetPermissions(ctx, perms.Add("root:alice", "Read"), version, options.Preresolved{})
	fmt.Println(version, err)
	// Output: 1 <nil>
}
