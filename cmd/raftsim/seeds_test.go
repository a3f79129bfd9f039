package main

import (
	"bytes"
	"fmt"
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

// -minutes goes through as many seeds as fit, and says where the next run begins and what was injected.
func TestMinutes(t *testing.T) {
	var out, notes bytes.Buffer
	if status := run(strings.Fields("-minutes 0.02 -from 70 -workers 1"), &out, &notes); status != 0 {
		t.Fatalf("status %d: %s", status, out.String())
	}
	var seeds, next uint64
	if _, err := fmt.Sscanf(out.String(), "%d seeds (next: -from %d)", &seeds, &next); err != nil || seeds == 0 ||
		next != 70+seeds {
		t.Errorf("%d seeds, next %d, %v: %s", seeds, next, err, out.String())
	}
	for _, want := range []string{"  duplicate skipped ", "  entries compared "} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in the summary: %s", want, out.String())
		}
	}
	if !strings.Contains(notes.String(), "seeds a minute") {
		t.Errorf("the progress: %q", notes.String())
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
