package command

import (
	"flag"
	"strings"
	"testing"
	"time"
)

// TestProgress: a short copy says nothing, a long one a line each second and one at its end.
func TestProgress(t *testing.T) {
	var notes strings.Builder
	std := Streams{Err: &notes}
	set := flag.NewFlagSet("p copy", flag.ContinueOnError)
	std.ProgressFlag(set)
	p := std.NewProgress("copy", 4<<20)
	now := p.begun
	p.now = func() time.Time { return now }
	step := func(d time.Duration) {
		now = now.Add(d)
		if _, err := p.Write(make([]byte, 1<<20)); err != nil {
			t.Fatal(err)
		}
	}
	step(time.Millisecond)
	if p.End(); notes.Len() > 0 {
		t.Errorf("a short copy says %q", notes.String())
	}
	step(time.Second)
	step(time.Millisecond)
	step(time.Millisecond)
	p.End()
	want := "copy: 2 MiB of 4 MiB (50%) in 1s\ncopy: 4 MiB of 4 MiB (100%) in 1s\n"
	if notes.String() != want {
		t.Errorf("it says %q, want %q", notes.String(), want)
	}
	notes.Reset()
	q := std.NewProgress("copy", -1)
	q.now = func() time.Time { return q.begun.Add(2 * time.Second) }
	if q.At(3 << 20); notes.String() != "copy: 3 MiB in 2s\n" {
		t.Errorf("without a total it says %q", notes.String())
	}
	for every, want := range map[string]int{"0s": 3, "-1s": 0} {
		notes.Reset()
		if err := set.Parse([]string{"-progress", every}); err != nil {
			t.Fatal(err)
		}
		r := std.NewProgress("copy", 3)
		r.now = func() time.Time { return r.begun }
		r.At(1)
		r.At(2)
		r.End()
		if got := strings.Count(notes.String(), "\n"); got != want {
			t.Errorf("-progress %s: %d lines, want %d: %q", every, got, want, notes.String())
		}
	}
}
