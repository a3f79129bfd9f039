// Package static registers the runtime for servers on hosts whose addresses stay. Import
// it for that effect only.
package static

import (
	v23 "v.io/v23"

	"v.io/x/ref/runtime/factories/library"
)

func init() {
	library.RegisterFlags()
	v23.RegisterRuntimeFactory(library.Init)
}
