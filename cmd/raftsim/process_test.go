package main

import (
	"context"
	"errors"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"v.io/x/ref/lib/raft/sim/planted"
)

// program builds raftsim, with a planted bug when one is named.
func program(t *testing.T, bug string) string {
	t.Helper()
	root, err := planted.Root(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	to := filepath.Join(dir, "raftsim")
	args := []string{"build", "-o", to}
	if bug != "" {
		all, err := planted.Bugs()
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(all, func(b planted.Bug) bool { return b.Name == bug })
		if i < 0 {
			t.Fatalf("no bug is named %s", bug)
		}
		overlay, err := planted.Overlay(root, dir, &all[i])
		if err != nil {
			t.Fatal(err)
		}
		args = append(args, "-overlay", overlay)
	}
	build := exec.Command("go", append(args, "./cmd/raftsim")...)
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return to
}

// status runs a program and returns its exit status and what it printed.
func status(t *testing.T, program string, args ...string) (int, string) {
	t.Helper()
	out, err := exec.Command(program, args...).CombinedOutput()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0, string(out)
	case errors.As(err, &exit):
		return exit.ExitCode(), string(out)
	}
	t.Fatal(err)
	return -1, ""
}

// A process of raftsim ends with status 1 when a promise is broken, and says which, where, and how to see it
// again: with a log that says yes after a failed sync, and with a majority that is half. Without these bugs
// the same seed ends with 0.
func TestStatusOfAViolation(t *testing.T) {
	broken := program(t, "failed-sync-forgotten")
	code, out := status(t, broken, "-seeds", "200", "-shrink", "20")
	found := regexp.MustCompile(`(?m)^seed (\d+) is broken: .+`).FindStringSubmatch(out)
	if code != 1 || found == nil {
		t.Fatalf("status %d, and it says\n%s", code, out)
	}
	seed := found[1]
	for _, want := range []string{"go run ./cmd/raftsim -seed " + seed, "shrunken: ", "the last lines of its log",
		"each line: virtual time, who, what, details", "  deliver  %s, term %d, index %d"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if code, out := status(t, broken, "-seed", seed, "-shrink", "0"); code != 1 || !strings.Contains(out, "broken: ") {
		t.Errorf("seed %s alone: status %d, and it says\n%s", seed, code, out)
	}
	if code, out := status(t, program(t, ""), "-seed", seed); code != 0 {
		t.Errorf("seed %s without the bug: status %d, and it says\n%s", seed, code, out)
	}
	code, out = status(t, program(t, "half-is-majority"), "-explore", "-space", "even")
	if code != 1 || !strings.Contains(out, " is broken: ") {
		t.Errorf("the model check: status %d, and it says\n%s", code, out)
	}
}

// Every way of asking for nothing, or for what is not there, ends a process with status 2.
func TestStatusOfAMistake(t *testing.T) {
	sound := program(t, "")
	for _, args := range []string{
		"", "-seed x", "-explore -space nowhere", "-planted -only nothing", "-scenario nowhere",
	} {
		if code, out := status(t, sound, strings.Fields(args)...); code != 2 {
			t.Errorf("raftsim %s: status %d, and it says\n%s", args, code, out)
		}
	}
}
