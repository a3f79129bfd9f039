package replica

import (
	"golang.org/x/sys/unix"

	"v.io/x/ref/lib/raft/core"
)

// SystemClock returns the system's monotonic clock that counts suspend, so that a member that
// slept knows for how long.
func SystemClock() func() core.Instant {
	var probe unix.Timespec
	if unix.ClockGettime(unix.CLOCK_BOOTTIME, &probe) != nil {
		return WallClock()
	}
	last := core.Instant(probe.Nano())
	return func() core.Instant {
		var now unix.Timespec
		if unix.ClockGettime(unix.CLOCK_BOOTTIME, &now) != nil {
			return last
		}
		return core.Instant(now.Nano())
	}
}
