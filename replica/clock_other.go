//go:build !linux

package replica

import "v.io/x/ref/lib/raft/core"

// SystemClock returns the monotonic clock of the standard library, the best that this system offers
// without its own calls. suspend is false: it may stand still while the machine is suspended, so that
// a leader may use no lease.
func SystemClock() (now func() core.Instant, suspend bool) { return WallClock(), false }
