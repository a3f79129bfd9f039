package version_test

import (
	"fmt"

	"v.io/v23/rpc/version"
)

// ExampleRPCVersion compares versions.
func ExampleRPCVersion() {
	agreed := min(version.RPCVersion(15), version.RPCVersion(14))
	fmt.Println(agreed > version.UnknownRPCVersion, agreed)
	// Output: true 14
}
