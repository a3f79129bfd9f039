package raftcheck_test

import (
	"errors"
	"testing"

	"v.io/x/ref/lib/raft/raftcheck"
)

// A good client survives whole clusters under faults.
func TestSimulateGoodClient(t *testing.T) {
	for seed := range uint64(6) {
		if err := raftcheck.Simulate(program(""), seed); err != nil {
			t.Error(err)
		}
	}
}

// Mistakes that show in a cluster are found by some seed, and by the same seed again.
func TestSimulatePlantedMistakes(t *testing.T) {
	for bug, want := range map[string]string{
		"modifies": raftcheck.Untouched, "panics": raftcheck.Standing, "reports": raftcheck.Complete,
		"restores a part": raftcheck.Deterministic, "restore panics": raftcheck.Standing,
		"writes live": raftcheck.Deterministic, "counts starts": raftcheck.Deterministic,
	} {
		t.Run(bug, func(t *testing.T) {
			var found *raftcheck.Finding
			for seed := uint64(1); seed <= 20 && found == nil; seed++ {
				if err := raftcheck.Simulate(program(bug), seed); err != nil && !errors.As(err, &found) {
					t.Fatal(err)
				}
			}
			if found == nil || found.Check != want {
				t.Fatalf("found %v, want %q", found, want)
			}
			if err := raftcheck.Simulate(program(bug), found.Seed); bug != "counts starts" && err.Error() != found.Error() {
				t.Errorf("seed %d says first\n%v\nand then\n%v", found.Seed, found, err)
			}
		})
	}
}
