package time_test

import (
	"fmt"
	"testing"
	"time"

	"v.io/v23/vdl"
	vdltime "v.io/v23/vdlroot/time"
)

func TestTypesAgree(t *testing.T) {
	for _, pair := range [][2]*vdl.Type{
		{vdl.TypeOf(time.Time{}), vdl.TypeOf(vdltime.Time{})},
		{vdl.TypeOf(time.Second), vdl.TypeOf(vdltime.Duration{})},
		{vdl.TypeOf(vdltime.Deadline{}), vdl.TypeOf(vdltime.WireDeadline{})},
	} {
		if pair[0] != pair[1] {
			t.Errorf("native type %v, wire type %v", pair[0], pair[1])
		}
	}
}

func TestRoundTrip(t *testing.T) {
	type all struct {
		T time.Time
		D time.Duration
		N vdltime.Deadline
	}
	instants := []time.Time{{}, time.Unix(0, 0).UTC(), time.Date(2020, 2, 29, 23, 59, 59, 999999999, time.UTC)}
	durations := []time.Duration{0, 1, -1, 1500 * time.Millisecond, -90 * time.Minute, 200 * 365 * 24 * time.Hour}
	for _, instant := range instants {
		for _, duration := range durations {
			in := all{T: instant, D: duration}
			var out all
			if err := vdl.Convert(&out, in); err != nil {
				t.Fatal(err)
			}
			if in != out {
				t.Errorf("%+v became %+v", in, out)
			}
		}
	}
}

func TestDeadlineIsRelative(t *testing.T) {
	in := vdltime.Deadline{Time: time.Now().Add(time.Hour)}
	var wire vdltime.WireDeadline
	if err := vdl.Convert(&wire, in); err != nil {
		t.Fatal(err)
	}
	if left := wire.FromNow; left > time.Hour || left < 59*time.Minute {
		t.Errorf("an hour became %v", left)
	}
	var out vdltime.Deadline
	if err := vdl.Convert(&out, in); err != nil {
		t.Fatal(err)
	}
	if d := out.Sub(in.Time); d < 0 || d > time.Minute {
		t.Errorf("the deadline moved by %v", d)
	}
}

func TestDurationOverflow(t *testing.T) {
	var d time.Duration
	for _, wire := range []vdltime.Duration{{Seconds: 1 << 62}, {Seconds: -1 << 63}, {Seconds: 9223372037}} {
		if err := vdltime.DurationToNative(wire, &d); err == nil {
			t.Errorf("%+v became %v, want an error", wire, d)
		}
	}
}

func ExampleDurationFromNative() {
	var wire vdltime.Duration
	err := vdltime.DurationFromNative(&wire, 1500*time.Millisecond)
	fmt.Println(wire.Seconds, wire.Nanos, err)
	// Output: 1 500000000 <nil>
}
