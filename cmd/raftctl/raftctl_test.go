package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"v.io/v23/naming"

	"v.io/x/ref/lib/raft/cmd/internal/command"
	"v.io/x/ref/lib/raft/cmd/internal/layout"
	vsecurity "v.io/x/ref/lib/security"
)

// build builds a command of this module and returns the program.
func build(t *testing.T, name string) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), name)
	out, err := exec.Command("go", "build", "-o", program, "v.io/x/ref/lib/raft/cmd/"+name).CombinedOutput()
	if err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return program
}

// dev runs raftd dev on a directory until the test ends. It returns once the
// members serve, and gives lines to it.
func dev(t *testing.T, program, dir string) func(line string) string {
	t.Helper()
	cmd := exec.Command(program, "dev", "--dir", dir)
	var notes bytes.Buffer
	cmd.Stderr = &notes
	input, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(output)
	t.Cleanup(func() {
		if err := input.Close(); err != nil {
			t.Error(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("raftd dev: %v\n%s", err, notes.String())
		}
	})
	say := func(line string) string {
		t.Helper()
		if _, err := fmt.Fprintln(input, line); err != nil {
			t.Fatalf("%s: %v\n%s", line, err, notes.String())
		}
		answer, err := lines.ReadString('\n')
		if err != nil {
			t.Fatalf("%s: %v\n%s", line, err, notes.String())
		}
		return strings.TrimSpace(answer)
	}
	say("set ready yes")
	return say
}

// TestRaftctl operates a cluster of raftd dev from processes of its own.
func TestRaftctl(t *testing.T) {
	ctl, dir := build(t, "raftctl"), t.TempDir()
	say := dev(t, build(t, "raftd"), dir)

	out, err := exec.Command(ctl, "append", "--dir", dir, "set greeting hello there").Output()
	if err != nil || !strings.HasPrefix(string(out), "appended at index ") {
		t.Fatalf("append: %q, %v", out, err)
	}
	if got := say("get greeting @2"); got != "greeting=hello there" {
		t.Errorf("member 2 has %q", got)
	}

	out, err = exec.Command(ctl, "status", "--dir", dir).Output()
	if err != nil {
		t.Fatalf("status: %v", err)
	}
	text := string(out)
	if strings.Count(text, "\n") != 3 || strings.Count(text, " leader term=") != 1 {
		t.Errorf("status wants three members and one leader:\n%s", text)
	}

	// The log takes any command; the state machine does not.
	out, err = exec.Command(ctl, "append", "--dir", dir, "nonsense").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "refused by the state machine") {
		t.Errorf("append of nonsense: %q, %v", out, err)
	}
}

// stranger returns the directory of a principal that calls itself a client, and
// whom nobody else does.
func stranger(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	p, err := vsecurity.CreatePersistentPrincipal(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := vsecurity.InitDefaultBlessings(p, layout.ClientBlessing); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestRaftctlByName operates a cluster that is known by its name alone, without
// its directory: the name is relative to a mount table, or begins with it.
func TestRaftctlByName(t *testing.T) {
	ctl, dir := build(t, "raftctl"), t.TempDir()
	say := dev(t, build(t, "raftd"), dir)
	place, err := layout.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	root, err := place.Namespace()
	if err != nil {
		t.Fatal(err)
	}
	self := []string{"--credentials", place.Credentials("ctl"), "--timeout", "5s"}
	run := func(args ...string) (string, error) {
		out, err := exec.Command(ctl, args...).CombinedOutput()
		return string(out), err
	}
	for i, target := range [][]string{
		{"--name", naming.Join(root, layout.Name)},
		{"--namespace", root, "--name", layout.Name},
		{"--namespace", root},
	} {
		target = append(target, self...)
		key := fmt.Sprintf("k%d", i)
		out, err := run(append(append([]string{"append"}, target...), "set "+key+" by name")...)
		if err != nil || !strings.HasPrefix(out, "appended at index ") {
			t.Errorf("append %q: %q, %v", target, out, err)
		}
		for n := 1; n <= len(place.Members); n++ {
			if got := say(fmt.Sprintf("get %s @%d", key, n)); got != key+"=by name" {
				t.Errorf("append %q: member %d has %q", target, n, got)
			}
		}
		out, err = run(append([]string{"status"}, target...)...)
		if err != nil || strings.Count(out, " leader term=") != 1 {
			t.Errorf("status %q: %q, %v", target, out, err)
		}
		for _, id := range place.Members {
			if !strings.Contains(out, id+" ") {
				t.Errorf("status %q says nothing of %s:\n%s", target, id, out)
			}
		}
	}
	for _, target := range [][]string{
		{"--name", naming.Join(root, "another"), "--credentials", place.Credentials("ctl"), "--timeout", "1s"},
		{"--name", naming.Join(root, layout.Name), "--credentials", stranger(t), "--timeout", "1s"},
	} {
		if out, err := run(append([]string{"status"}, target...)...); err == nil {
			t.Errorf("status %q: %q", target, out)
		}
		if out, err := run(append(append([]string{"append"}, target...), "set k0 no")...); err == nil {
			t.Errorf("append %q: %q", target, out)
		}
	}
	if got := say("get k0"); got != "k0=by name" {
		t.Errorf("after what was refused: %q", got)
	}
}

// ends runs a program in a process of its own, which must end with a status and say something.
func ends(t *testing.T, status int, says, program string, args ...string) {
	t.Helper()
	c := exec.Command(program, args...)
	out, err := c.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if got := c.ProcessState.ExitCode(); got != status || !strings.Contains(string(out), says) {
		t.Errorf("%s %q: status %d, want %d and %q\n%s", filepath.Base(program), args, got, status, says, out)
	}
}

// TestRaftctlRefuses lists command lines that cannot work.
func TestRaftctlRefuses(t *testing.T) {
	ctl := build(t, "raftctl")
	for _, test := range []struct {
		status int
		args   []string
		want   string
	}{
		{command.ExitUsage, nil, "raftctl append"},
		{command.ExitUsage, []string{"what"}, "raftctl append"},
		{command.ExitUsage, []string{"status"}, "give --dir"},
		{command.ExitUsage, []string{"status", "--what"}, "not defined"},
		{command.ExitUsage, []string{"status", "--credentials", t.TempDir()}, "give --dir"},
		{command.ExitFailed, []string{"status", "--credentials", t.TempDir(), "--name", "/x/raft"}, "credentials in"},
		{command.ExitFailed, []string{"status", "--dir", t.TempDir()}, "has raftd dev run"},
		{command.ExitUsage, []string{"append", "--dir", t.TempDir()}, "takes 1 arguments"},
		{command.ExitFailed, []string{"status", "--credentials", t.TempDir(), "--namespace", "/x"}, "credentials in"},
		{0, []string{"status", "-h"}, "raftctl status"},
	} {
		ends(t, test.status, test.want, ctl, test.args...)
	}
}
