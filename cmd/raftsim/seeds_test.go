package main

import (
	"bytes"
	"io"
	"strings"
	"testing"
)

// The modes of the simulated worlds print what they did and end with 0; the log of a seed is the same
// each time.
func TestSimulation(t *testing.T) {
	for _, row := range []struct{ args, want string }{
		{"-seeds 2 -from 70 -workers 1", "2 seeds (next: -from 72)"},
		{"-seed 3 -operations 0-9 -faults none", "0 faults, 10 operations"},
		{"-scenario calm -seed 1", "0 faults, 1000 operations"},
		{"-scenario list", "leaders die"},
		{"-seed 3 -operations 0-9 -log", "call "},
	} {
		var first, second bytes.Buffer
		if status := run(strings.Fields(row.args), &first, io.Discard); status != 0 {
			t.Errorf("raftsim %s ends with %d: %s", row.args, status, first.String())
		}
		if !strings.Contains(first.String(), row.want) {
			t.Errorf("raftsim %s does not print %q: %s", row.args, row.want, first.String())
		}
		run(strings.Fields(row.args), &second, io.Discard)
		if first.String() != second.String() {
			t.Errorf("raftsim %s prints something else the second time", row.args)
		}
	}
}

func TestSimulationUsage(t *testing.T) {
	for _, args := range []string{"-seed 1 -faults x", "-seed 1 -operations 3-1", "-scenario nowhere", "-seeds 2 what"} {
		var notes bytes.Buffer
		if status := run(strings.Fields(args), io.Discard, &notes); status != 2 || notes.Len() == 0 {
			t.Errorf("raftsim %s ends with %d and says %q", args, status, notes.String())
		}
	}
}
