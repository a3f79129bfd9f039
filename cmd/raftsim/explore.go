package main

import (
	"flag"
	"fmt"
	"io"
	"runtime/metrics"
	"strings"
	"time"

	"v.io/x/ref/lib/raft/sim/explore"
)

// exploration is what -explore and its flags ask for.
type exploration struct {
	wanted, long, verbose bool
	space                 string
	limit                 uint64
}

func (e *exploration) flags(set *flag.FlagSet) {
	set.BoolVar(&e.wanted, "explore", false, "visit every state of small clusters of real cores, within stated bounds")
	set.BoolVar(&e.long, "long", false, "with -explore: the spaces of the long run, some 20 million states together")
	set.BoolVar(&e.verbose, "levels", false, "with -explore: a line for each level of the search")
	set.StringVar(&e.space, "space", "", "with -explore: only the space of this `name`")
	set.Uint64Var(&e.limit, "limit", 100_000_000, "with -explore: at most so many `states` of each space")
}

// run visits the spaces one after the other, prints what was found and returns the exit status.
func (e *exploration) run(out io.Writer) int {
	var total uint64
	began, found := time.Now(), false
	for _, space := range explore.Spaces(e.long) {
		if e.space != "" && e.space != space.Name {
			continue
		}
		found = true
		r := e.visit(out, &space)
		if r.Violation != nil {
			fmt.Fprintf(out, "\n%v", r.Violation)
			return 1
		}
		total += r.States
	}
	if !found {
		fmt.Fprintf(out, "no space is named %q\n", e.space)
		return 2
	}
	took := time.Since(began)
	fmt.Fprintf(out, "no violation in %d states, %.0f states/s\n", total, float64(total)/took.Seconds())
	return 0
}

// visit searches one space and prints its bounds and its figures.
func (e *exploration) visit(out io.Writer, space *explore.Space) explore.Result {
	fmt.Fprintf(out, "%s: %s\n  bounds: %s\n", space.Name, space.About, bounds(space))
	began, most := time.Now(), uint64(0)
	r := explore.Run(*space, e.limit, func(r *explore.Result) {
		most = max(most, heap())
		if e.verbose {
			fmt.Fprintf(out, "  depth %d: %d states\n", r.Depth, r.States)
		}
	})
	took := time.Since(began)
	end := "all visited"
	if !r.Complete {
		end = "NOT all visited"
	}
	fmt.Fprintf(out, "  %d states (%s), %d steps, depth %d, %d local states, core asked %d times\n",
		r.States, end, r.Steps, r.Depth, r.Locals, r.Asked)
	fmt.Fprintf(out, "  %.1f s, %.0f states/s, heap at most %d MB, a state missed with probability %.0e\n",
		took.Seconds(), float64(r.States)/took.Seconds(), most>>20, r.Missed())
	fmt.Fprintf(out, "  first seen: %+v\n", r.Seen)
	return r
}

// bounds writes those of a space in one line.
func bounds(s *explore.Space) string {
	parts := []string{
		fmt.Sprintf("%d members", s.Members), fmt.Sprintf("terms to %d", s.Terms),
		fmt.Sprintf("entries to %d", s.Entries), fmt.Sprintf("%d messages under way", s.Messages),
	}
	if s.Candidates != 0 {
		parts = append(parts, fmt.Sprintf("%d candidates", s.Candidates))
	}
	if s.Led {
		parts = append(parts, "one leads")
	}
	if s.Instant {
		parts = append(parts, "instant disks")
	}
	for choice, n := range s.Times {
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %v", n, explore.Choice(choice)))
		}
	}
	return strings.Join(parts, ", ")
}

// heap returns the bytes of live and not yet collected objects.
func heap() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
