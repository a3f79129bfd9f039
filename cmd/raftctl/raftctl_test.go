package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
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

// TestRaftctlRefuses lists command lines that cannot work.
func TestRaftctlRefuses(t *testing.T) {
	ctl := build(t, "raftctl")
	for _, test := range []struct {
		args []string
		want string
	}{
		{nil, "raftctl append"},
		{[]string{"status"}, "give --dir"},
		{[]string{"status", "--dir", t.TempDir()}, "has raftd dev run"},
		{[]string{"append", "--dir", t.TempDir()}, "takes 1 arguments"},
		{[]string{"status", "--credentials", t.TempDir(), "--namespace", "/x"}, "credentials in"},
	} {
		out, err := exec.Command(ctl, test.args...).CombinedOutput()
		if err == nil || !strings.Contains(string(out), test.want) {
			t.Errorf("%q: %q, %v, want something about %q", test.args, out, err, test.want)
		}
	}
}
