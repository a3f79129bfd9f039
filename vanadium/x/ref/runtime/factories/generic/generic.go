// Package generic registers the runtime for tests, tools and plain programs: it may be
// initialized again after it was shut down. Import it for that effect only.
package generic

import (
	v23 "v.io/v23"

	"v.io/x/ref/runtime/factories/library"
)

func init() {
	library.AllowMultipleInitializations = true
	library.RegisterFlags()
	v23.RegisterRuntimeFactory(library.Init)
}
