package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"v.io/x/ref/lib/raft/sim"
)

// runSeeds runs many seeds on all cores.
func (v *simulation) runSeeds(out io.Writer) int {
	shown := time.Now()
	var until time.Time
	if v.minutes > 0 {
		until = shown.Add(time.Duration(v.minutes * float64(time.Minute)))
	}
	fleet := sim.Fleet{
		From: v.from, Seeds: v.seeds, Until: until, Workers: v.workers,
		Done: func(r *sim.Result, s *sim.Summary) {
			if r.Violation != nil {
				fmt.Fprintf(out, "seed %d is broken: %v\n", r.Plan.Seed, r.Violation)
			}
			if time.Since(shown) > 10*time.Second {
				shown = time.Now()
				v.progress(s)
			}
		},
	}
	s := fleet.Run()
	v.progress(s)
	v.summary(out, s)
	for _, r := range s.Failed {
		v.explain(out, r)
	}
	if len(s.Failed) > 0 {
		return statusBroken
	}
	return 0
}

// progress prints one line about a fleet.
func (v *simulation) progress(s *sim.Summary) {
	minutes := s.Elapsed.Minutes()
	fmt.Fprintf(v.notes, "%d seeds, next %d, %d broken; %.0f seeds a minute; a second: %.0f virtual ones, %.0f events\n",
		s.Seeds, s.Next, len(s.Failed), float64(s.Seeds)/minutes, float64(s.Virtual)/1e9/s.Elapsed.Seconds(),
		float64(s.Events)/s.Elapsed.Seconds())
}

// summary prints what a fleet has gone through.
func (v *simulation) summary(out io.Writer, s *sim.Summary) {
	fmt.Fprintf(out, "%d seeds (next: -from %d), %.0f virtual minutes, longest convergence %.1f s, %d broken\n",
		s.Seeds, s.Next, float64(s.Virtual)/6e10, float64(s.ConvergedMax)/1e9, len(s.Failed))
	v.counts(out, s.Counts)
}

// counts prints what was counted: faults, what they led to, and behind a tilde what was checked.
func (v *simulation) counts(out io.Writer, counts map[string]int) {
	var names []string
	for name := range counts {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		fmt.Fprintf(out, "  %-28s %12d\n", strings.TrimPrefix(name, "~"), counts[name])
	}
}

// runSeed runs one seed, whole or shrunken.
func (v *simulation) runSeed(out io.Writer) int {
	plan := sim.NewPlan(v.seed)
	faults, err := sim.ParseNumbers(v.faults)
	if err != nil {
		return v.usage(err)
	}
	operations, err := sim.ParseNumbers(v.operations)
	if err != nil {
		return v.usage(err)
	}
	plan.Keep(faults, operations)
	return v.one(out, plan)
}

// runScenario runs one schedule by its name.
func (v *simulation) runScenario(out io.Writer) int {
	if v.scenario == "list" {
		for i := range sim.Scenarios {
			fmt.Fprintf(out, "%-22s %s\n", sim.Scenarios[i].Name, sim.Scenarios[i].About)
		}
		return 0
	}
	scenario := sim.FindScenario(v.scenario)
	if scenario == nil {
		return v.usage(fmt.Errorf("there is no scenario %q; -scenario list shows them", v.scenario))
	}
	return v.one(out, scenario.Plan(v.seed))
}

// one runs a plan and tells how it ended.
func (v *simulation) one(out io.Writer, plan sim.Plan) int {
	var o sim.Options
	if v.log {
		o.Log = out
	}
	r := sim.Run(plan, o)
	fmt.Fprintf(out, "seed %d: %d members, %d faults, %d operations, %.1f virtual seconds, %d events, hash %016x\n",
		plan.Seed, plan.Setting.Members, len(plan.Faults), len(plan.Operations), float64(r.Virtual)/1e9, r.Events, r.Hash)
	if r.Violation == nil {
		v.counts(out, r.Counts)
		return 0
	}
	fmt.Fprintf(out, "broken: %v\n", r.Violation)
	if v.scenario == "" {
		v.explain(out, r)
	}
	return statusBroken
}

// explain shrinks a failure and prints how to repeat it, with the end of its log.
func (v *simulation) explain(out io.Writer, r *sim.Result) {
	small := sim.Shrink(r, v.shrink)
	fmt.Fprintf(out, "\nseed %d: %v\n  whole:    %s\n  shrunken: %s\n  which has %d faults and %d operations:\n",
		r.Plan.Seed, small.Violation, r.Plan.Command(), small.Plan.Command(), len(small.Plan.Faults),
		len(small.Plan.Operations))
	for _, f := range small.Plan.Faults {
		fmt.Fprintf(out, "    at %9.3f s for %6.3f s: %s (number %d)\n", float64(f.At)/1e9, float64(f.For)/1e9,
			f.Kind, f.Number)
	}
	fmt.Fprintf(out, "  the last lines of its log (-log prints all), in which %s", sim.Legend())
	tail := &lastLines{max: 60}
	sim.Run(*small.Plan, sim.Options{Log: tail})
	for _, line := range tail.lines {
		fmt.Fprintf(out, "    %s\n", line)
	}
}

// lastLines is a writer that keeps the last lines.
type lastLines struct {
	max   int
	lines []string
}

var _ io.Writer = (*lastLines)(nil)

// Write implements io.Writer: each call is one line.
func (l *lastLines) Write(p []byte) (int, error) {
	l.lines = append(l.lines, strings.TrimSuffix(string(p), "\n"))
	if len(l.lines) > 2*l.max {
		l.lines = append(l.lines[:0], l.lines[l.max:]...)
	}
	return len(p), nil
}
