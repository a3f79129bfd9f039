package main

import (
	"bytes"
	"io"
	"strings"
	"testing"
)

// -explore prints bounds, figures and the verdict of one space; a name that is not one is a mistake.
func TestExplore(t *testing.T) {
	var out bytes.Buffer
	e := exploration{space: "reads", limit: 1 << 30}
	if status := e.run(&out); status != 0 {
		t.Fatalf("status %d\n%s", status, out.String())
	}
	for _, want := range []string{
		"3 members, terms to 2", "1 reads", "(all visited)", "states/s", "no violation in ",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
	out.Reset()
	if status := (&exploration{space: "nothing"}).run(&out); status != 2 {
		t.Errorf("status %d for a name that is no space's", status)
	}
	out.Reset()
	few := exploration{space: "reads", limit: 100, verbose: true}
	if status := few.run(&out); status != 0 || !strings.Contains(out.String(), "(NOT all visited)") ||
		!strings.Contains(out.String(), "depth 1: ") {
		t.Errorf("status %d\n%s", status, out.String())
	}
}

// Without anything to do the command says how to ask.
func TestUsage(t *testing.T) {
	for _, args := range [][]string{nil, {"-explore", "what"}, {"-unknown"}} {
		if status := run(args, io.Discard, io.Discard); status != 2 {
			t.Errorf("%q ends with %d", args, status)
		}
	}
}
