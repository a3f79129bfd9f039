//go:build !linux

package replica

import "v.io/x/ref/lib/raft/core"

// SystemClock returns the monotonic clock of the standard library, the best that this system offers
// without its own calls.
func SystemClock() func() core.Instant { return WallClock() }
