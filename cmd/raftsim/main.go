// Raftsim doubts: it looks for a way to make the library break a promise.
//
//	raftsim -seeds 1000 [-from 5000]   as many simulated worlds, on all cores
//	raftsim -minutes 30                as many as fit
//	raftsim -seed 17 [-log]            one of them; -log prints a line for each event
//	raftsim -scenario NAME [-seed 3]   one schedule by name; "list" lists them
//	raftsim -explore [-long] [-space NAME] [-limit STATES]
//	raftsim -planted [-only NAME]
//
// Seeds and scenarios are worlds of package sim: whole clusters whose network, disks, processes and
// clocks fail. A failure prints the seed, a shrunken command that repeats it, and the end of its log.
//
// With -explore it visits every state that small clusters of real cores can reach, within stated
// bounds (package sim/explore). A failure prints the shortest way there.
//
// With -planted it doubts its own checks: it plants bugs in the library (package sim/planted), each of
// which must be found. It needs the go tool and a working directory in the checkout.
//
// It ends with status 1 when a promise or an invariant is broken or a planted bug is not found, with 2
// when the command line cannot be understood.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
)

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbagePercent)
	}
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// garbagePercent is GOGC when the environment does not say it: worlds leave much garbage and keep little, so that
// rare collections take half the time and some megabytes more.
const garbagePercent = 800

// The exit statuses.
const (
	statusBroken = 1
	statusUsage  = 2
)

// mode is one thing that raftsim does.
type mode struct {
	// asked reports whether the command line asks for it; the first mode that is asked for runs.
	asked func() bool
	run   func(out io.Writer) int
}

// run is main with its exit status.
func run(args []string, out, notes io.Writer) int {
	set := flag.NewFlagSet("raftsim", flag.ContinueOnError)
	set.SetOutput(notes)
	s := simulation{notes: notes}
	s.flags(set)
	var e exploration
	var p planting
	e.flags(set)
	p.flags(set)
	modes := []mode{
		{func() bool { return e.wanted }, e.run},
		{func() bool { return p.wanted }, func(out io.Writer) int { return p.run(context.Background(), out) }},
		{func() bool { return s.scenario != "" }, s.runScenario},
		{func() bool { return s.given["seed"] }, s.runSeed},
		{func() bool { return s.seeds > 0 || s.minutes > 0 }, s.runSeeds},
	}
	if err := set.Parse(args); err != nil {
		return statusUsage
	}
	s.given = make(map[string]bool)
	set.Visit(func(f *flag.Flag) { s.given[f.Name] = true })
	for _, m := range modes {
		if set.NArg() == 0 && m.asked() {
			return m.run(out)
		}
	}
	fmt.Fprintln(notes, "raftsim: give one of -seeds, -minutes, -seed, -scenario, -explore and -planted;",
		"raftsim -h tells the rest")
	return statusUsage
}

// simulation is what the flags of the simulated worlds ask for.
type simulation struct {
	notes              io.Writer
	seed, seeds, from  uint64
	minutes            float64
	scenario           string
	faults, operations string
	log                bool
	workers, shrink    int
	given              map[string]bool
}

func (v *simulation) flags(set *flag.FlagSet) {
	set.Uint64Var(&v.seed, "seed", 0, "run the plan of one `seed`")
	set.Uint64Var(&v.seeds, "seeds", 0, "run `N` seeds on all cores")
	set.Uint64Var(&v.from, "from", 0, "with -seeds and -minutes: begin with this `seed`")
	set.Float64Var(&v.minutes, "minutes", 0, "run seeds for `M` minutes")
	set.StringVar(&v.scenario, "scenario", "", "run a schedule by `name`; list shows them")
	set.StringVar(&v.faults, "faults", "", "with -seed: keep only the faults with these `numbers`, such as 3,9-12 or none")
	set.StringVar(&v.operations, "operations", "", "with -seed: keep only the operations with these `numbers`")
	set.BoolVar(&v.log, "log", false, "with -seed and -scenario: print a line for each event")
	set.IntVar(&v.workers, "workers", runtime.GOMAXPROCS(0), "run `N` seeds at the same time")
	set.IntVar(&v.shrink, "shrink", 300, "run at most `N` smaller plans to shrink a failure")
}

// usage says what is wrong with the command line.
func (v *simulation) usage(err error) int {
	fmt.Fprintf(v.notes, "raftsim: %v\n", err)
	return statusUsage
}
