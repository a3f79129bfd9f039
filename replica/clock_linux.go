package replica

import (
	"golang.org/x/sys/unix"

	"v.io/x/ref/lib/raft/core"
)

// SystemClock returns the system's monotonic clock, which on Linux counts suspend, so that a member
// that slept knows for how long. suspend is false where it does not: a leader may then use no lease.
func SystemClock() (now func() core.Instant, suspend bool) {
	var probe unix.Timespec
	if unix.ClockGettime(unix.CLOCK_BOOTTIME, &probe) != nil {
		return WallClock(), false
	}
	last := core.Instant(probe.Nano())
	return func() core.Instant {
		var now unix.Timespec
		if unix.ClockGettime(unix.CLOCK_BOOTTIME, &now) != nil {
			return last
		}
		return core.Instant(now.Nano())
	}, true
}
