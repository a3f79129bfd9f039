package replica

import (
	"time"

	"v.io/x/ref/lib/raft/core"
)

// WallClock returns a clock made of the standard library's monotonic time. It stands still while
// the machine is suspended; inside a testing/synctest bubble it is the bubble's clock.
func WallClock() func() core.Instant {
	start := time.Now()
	return func() core.Instant { return core.Instant(time.Since(start)) + 1 }
}
