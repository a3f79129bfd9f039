// Package time defines how instants, durations and deadlines travel. Programs use the native types time.Time,
// time.Duration and Deadline; importing this package registers the conversions.
package time

import (
	"fmt"
	"math"
	"time"

	"v.io/v23/vdl"
)

// unixEpoch is the Unix epoch in seconds since the beginning of year 1, which is where Time counts from.
const unixEpoch = 62135596800

const nanosPerSecond = int64(time.Second)

// Time is the wire form of an instant: the time since 0001-01-01 00:00:00 UTC. It has no time zone.
type Time struct {
	Seconds int64
	Nanos   int32 // in [0, 1e9) if normalized
}

// Duration is the wire form of a duration: the sum of its members, whose signs agree if it is normalized.
type Duration struct {
	Seconds int64
	Nanos   int32 // in (-1e9, 1e9) if normalized
}

// WireDeadline is the wire form of a Deadline: the time that is left, so that the clocks of two hosts need not agree.
// Zero stands for no deadline.
type WireDeadline struct {
	FromNow time.Duration
}

// Deadline is an instant by which something must be done, or none if it is zero. It travels as WireDeadline.
type Deadline struct {
	time.Time
}

func init() {
	vdl.RegisterNative(TimeToNative, TimeFromNative)
	vdl.RegisterNative(DurationToNative, DurationFromNative)
	vdl.RegisterNative(WireDeadlineToNative, WireDeadlineFromNative)
	vdl.RegisterNativeIsZero(time.Time{})
	vdl.RegisterNativeIsZero(Deadline{})
	vdl.Register((*Time)(nil))
	vdl.Register((*Duration)(nil))
	vdl.Register((*WireDeadline)(nil))
}

// Now returns the current instant.
func Now() Time {
	t := time.Now()
	return Time{t.Unix() + unixEpoch, int32(t.Nanosecond())}
}

// TimeToNative stores the instant, in UTC, in *native.
func TimeToNative(wire Time, native *time.Time) error {
	if wire == (Time{}) {
		*native = time.Time{}
		return nil
	}
	*native = time.Unix(wire.Seconds-unixEpoch, int64(wire.Nanos)).UTC()
	return nil
}

// TimeFromNative stores the instant in *wire.
func TimeFromNative(wire *Time, native time.Time) error {
	*wire = Time{native.Unix() + unixEpoch, int32(native.Nanosecond())}
	return nil
}

// DurationToNative stores the duration in *native. Durations of more than about 292 years do not fit.
func DurationToNative(wire Duration, native *time.Duration) error {
	seconds, nanos := wire.Seconds+int64(wire.Nanos)/nanosPerSecond, int64(wire.Nanos)%nanosPerSecond
	const limit = math.MaxInt64/nanosPerSecond - 1
	if wire.Seconds > limit || wire.Seconds < -limit {
		return fmt.Errorf("vdl: duration of %d seconds does not fit into a time.Duration", wire.Seconds)
	}
	*native = time.Duration(seconds*nanosPerSecond + nanos)
	return nil
}

// DurationFromNative stores the duration in *wire.
func DurationFromNative(wire *Duration, native time.Duration) error {
	*wire = Duration{int64(native) / nanosPerSecond, int32(int64(native) % nanosPerSecond)}
	return nil
}

// WireDeadlineToNative stores the deadline, counted from now, in *native.
func WireDeadlineToNative(wire WireDeadline, native *Deadline) error {
	*native = Deadline{}
	if wire.FromNow != 0 {
		native.Time = time.Now().Add(wire.FromNow)
	}
	return nil
}

// WireDeadlineFromNative stores the time that is left until the deadline in *wire. It is never zero for a deadline.
func WireDeadlineFromNative(wire *WireDeadline, native Deadline) error {
	*wire = WireDeadline{}
	if native.IsZero() {
		return nil
	}
	wire.FromNow = time.Until(native.Time)
	if wire.FromNow == 0 {
		wire.FromNow = -1
	}
	return nil
}
