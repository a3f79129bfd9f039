package options_test

import (
	"fmt"
	"time"

	"v.io/v23/naming"
	"v.io/v23/options"
	"v.io/v23/rpc"
	"v.io/v23/security"
)

// Each option is of the kinds that its documentation says.
var (
	_ = []rpc.CallOpt{
		options.Preresolved{}, options.ServerAuthorizer{}, options.NameResolutionAuthorizer{}, options.NoRetry{},
		options.ChannelTimeout(0), options.ConnectionTimeout(0),
	}
	_ = []rpc.ServerOpt{
		options.ChannelTimeout(0), options.ServesMountTable(true), options.IsLeaf(true), options.LameDuckTimeout(0),
		options.ServerPeers{},
	}
	_ = []naming.NamespaceOpt{options.Preresolved{}, options.NameResolutionAuthorizer{}, options.NoRetry{}}
	// Options with an authorizer are authorizers.
	_ security.Authorizer = options.ServerAuthorizer{}
)

// Example makes the options of a call to a known server, which is to fail at the first failure.
func Example() {
	entry := &naming.MountEntry{Name: "suffix", Servers: []naming.MountedServer{{Server: "host:8101"}}}
	opts := []rpc.CallOpt{
		options.Preresolved{Resolution: entry},
		options.ServerAuthorizer{Authorizer: security.AllowEveryone()},
		options.NoRetry{},
		options.ConnectionTimeout(time.Second),
	}
	fmt.Println(len(opts), entry.Names())
	// Output: 4 [/host:8101/suffix]
}
