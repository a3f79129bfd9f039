package sim

import (
	"bytes"
	"strings"
	"testing"
)

// TestElections runs the elections of many seeds without their clusters: no promise is broken, each plan is one run,
// and what the worlds are there for happens often.
func TestElections(t *testing.T) {
	counts := map[string]int{}
	run := func(seed uint64) *election {
		plan := Plan{Seed: seed, Election: newElectionSetting(seed)}
		e := newElection(&plan)
		e.counts = map[string]int{}
		e.loop()
		return e
	}
	const seeds = 60
	for i := range uint64(seeds) {
		seed := 1_000_000 + i*electionEvery
		e := run(seed)
		if e.violation != nil {
			t.Errorf("seed %d: %v", seed, e.violation)
		}
		if again := run(seed); i < 5 && (again.trace.hash != e.trace.hash || again.trace.events != e.trace.events) {
			t.Errorf("seed %d is two runs, of %d and %d events", seed, e.trace.events, again.trace.events)
		}
		for name, n := range e.counts {
			counts[name] += n
		}
	}
	for name, least := range map[string]int{
		"election: all agree": seeds, "election by a fixed-size quorum": 3 * seeds, "comparison asked": 50 * seeds,
		"comparison answered late": seeds, "surplus member noticed": seeds,
		"leadership confirmed": seeds, "leader asked that is none": seeds / 6,
	} {
		if counts[name] < least {
			t.Errorf("%q was seen %d times, want %d", name, counts[name], least)
		}
	}
}

// An election is in the log of its seed, and its violation in the result.
func TestElectionOfASeed(t *testing.T) {
	plan := NewPlan(4)
	plan.Setting.Duration = Second
	plan.Faults, plan.Operations = nil, nil
	var log bytes.Buffer
	r := Run(plan, Options{Log: &log})
	_, election, found := strings.Cut(log.String(), "an election without a log begins")
	if r.Violation != nil || !found || !strings.Contains(election, "e1   deliver") ||
		r.Counts["election: all agree"] != 1 {
		t.Errorf("%v, counts %v", r.Violation, r.Counts)
	}
	without := plan
	without.Election = Election{}
	if other := Run(without, Options{}); other.Hash == r.Hash || other.Virtual != r.Virtual {
		t.Errorf("without its election the seed is the same run, or another cluster: %v, %v", other.Virtual, r.Virtual)
	}
	plan.Election.Duration, plan.Election.Delay = Second, 10_000*Second
	if r := Run(plan, Options{}); r.Violation == nil || !strings.Contains(r.Violation.Error(), "(in the election of ") {
		t.Errorf("messages that need hours: %v", r.Violation)
	}
}
