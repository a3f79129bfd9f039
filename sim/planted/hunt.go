package planted

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// SeedsMax is how many seeds the simulator has to find a bug.
const SeedsMax = 2000

// Hunt lets the bugs' finders look for them. It needs the go tool and the checkout.
type Hunt struct {
	// Root is the module's directory.
	Root string
	// Dir is where patched files and programs are written; the caller removes it.
	Dir string
}

// Root returns the directory of the module that the working directory is in.
func Root(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Path}} {{.Dir}}").Output()
	if err != nil {
		return "", fmt.Errorf("planted: the go tool does not tell the module: %w", err)
	}
	module, dir, _ := strings.Cut(strings.TrimSpace(string(out)), " ")
	if module != "v.io/x/ref/lib/raft" {
		return "", fmt.Errorf("planted: the bugs are those of v.io/x/ref/lib/raft, the working directory is in %s", module)
	}
	return dir, nil
}

// ErrNotFound is wrapped by the error of a bug that its finder did not find.
var ErrNotFound = errors.New("planted: NOT FOUND")

// Find builds the library with the bug and lets the finder look. It returns what was found, in one
// line. The error wraps [ErrNotFound], or says that the bug does not apply or does not compile.
func (h *Hunt) Find(ctx context.Context, bug *Bug) (string, error) {
	dir, err := os.MkdirTemp(h.Dir, "bug")
	if err != nil {
		return "", err
	}
	overlay, err := Overlay(h.Root, dir, bug)
	if err != nil {
		return "", err
	}
	switch f := &bug.Find; f.Kind {
	case "test":
		return h.test(ctx, overlay, f)
	case "explore":
		return h.simulate(ctx, overlay, dir, explored, "-explore", "-space", f.Target)
	default:
		return h.simulate(ctx, overlay, dir, simulated, "-seeds", strconv.Itoa(SeedsMax), "-shrink", "0")
	}
}

// go runs the go tool in the checkout and returns what it printed.
func (h *Hunt) goTool(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = h.Root
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// test runs the named test with the bug, and without it: it must fail and pass.
func (h *Hunt) test(ctx context.Context, overlay string, f *Finder) (string, error) {
	pattern, pkg := "^"+f.Test+"$", "./"+f.Target
	out, err := h.goTool(ctx, "test", "-v", "-run", pattern, pkg)
	if err != nil || !strings.Contains(out, "--- PASS: "+f.Test) {
		return "", fmt.Errorf("planted: %s does not pass without the bug: %w\n%s", f.Test, err, out)
	}
	out, err = h.goTool(ctx, "test", "-overlay", overlay, "-run", pattern, pkg)
	if err == nil {
		return "", fmt.Errorf("%w: %s passes with the bug", ErrNotFound, f.Test)
	}
	if !strings.Contains(out, "--- FAIL: "+f.Test) && !strings.Contains(out, "panic: ") {
		return "", fmt.Errorf("planted: %w\n%s", err, out)
	}
	return fmt.Sprintf("test %s in %s", f.Test, f.Target), nil
}

// simulate builds raftsim with the bug and runs it: it must end with status 1, after it has said which
// promise is broken.
func (h *Hunt) simulate(
	ctx context.Context, overlay, dir string, tell func(string) string, args ...string,
) (string, error) {
	program := filepath.Join(dir, "raftsim")
	if out, err := h.goTool(ctx, "build", "-overlay", overlay, "-o", program, "./cmd/raftsim"); err != nil {
		return "", fmt.Errorf("planted: it does not compile: %w\n%s", err, out)
	}
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return "", fmt.Errorf("%w by raftsim %s", ErrNotFound, strings.Join(args, " "))
	case !errors.As(err, &exit) || exit.ExitCode() != 1:
		return "", fmt.Errorf("planted: raftsim %s: %w\n%s", strings.Join(args, " "), err, out.String())
	}
	if m := seedLine.FindStringSubmatch(out.String()); m != nil {
		if err := h.sound(ctx, dir, m[2]); err != nil {
			return "", err
		}
	}
	return tell(out.String()), nil
}

// sound checks that a seed passes without the bug: else something else was found.
func (h *Hunt) sound(ctx context.Context, dir, seed string) error {
	program := filepath.Join(dir, "sound")
	if out, err := h.goTool(ctx, "build", "-o", program, "./cmd/raftsim"); err != nil {
		return fmt.Errorf("planted: it does not compile without the bug: %w\n%s", err, out)
	}
	if out, err := exec.CommandContext(ctx, program, "-seed", seed, "-shrink", "0").CombinedOutput(); err != nil {
		return fmt.Errorf("planted: seed %s is broken without the bug, too: %w\n%.1000s", seed, err, out)
	}
	return nil
}

var (
	brokenLine = regexp.MustCompile(`(?m)^(.*) is broken: `)
	statesLine = regexp.MustCompile(`(?m)^  (\d+) states `)
	seedsLine  = regexp.MustCompile(`(?m)^(\d+) seeds \(`)
	seedLine   = regexp.MustCompile(`(?m)^(seed (\d+) is broken: .*)`)
	stepLine   = regexp.MustCompile(`(?m)^ *(\d+)  `)
)

// explored reads what the model check has found.
func explored(out string) string {
	invariant, states, steps := "?", "?", "?"
	if m := brokenLine.FindStringSubmatch(out); m != nil {
		invariant = m[1]
	}
	if m := statesLine.FindStringSubmatch(out); m != nil {
		states = m[1]
	}
	if m := stepLine.FindAllStringSubmatch(out, -1); m != nil {
		steps = m[len(m)-1][1]
	}
	return fmt.Sprintf("model check: %q after %s states, in %s steps", invariant, states, steps)
}

// simulated reads what the simulator has found.
func simulated(out string) string {
	seeds, text := "?", "?"
	if m := seedsLine.FindStringSubmatch(out); m != nil {
		seeds = m[1]
	}
	if m := seedLine.FindStringSubmatch(out); m != nil {
		text = m[1]
	}
	return fmt.Sprintf("simulator: after %s seeds: %s", seeds, text)
}
