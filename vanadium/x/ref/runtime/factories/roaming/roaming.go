// Package roaming registers the runtime for servers on hosts that move between networks:
// servers that listen on all interfaces follow the addresses of the host. Import it
// for that effect only.
package roaming

import (
	"time"

	v23 "v.io/v23"

	"v.io/x/ref/runtime/factories/library"
)

// refreshAddresses is how often the host's addresses are looked at.
const refreshAddresses = 30 * time.Second

func init() {
	library.RefreshAddresses = refreshAddresses
	library.RegisterFlags()
	v23.RegisterRuntimeFactory(library.Init)
}
