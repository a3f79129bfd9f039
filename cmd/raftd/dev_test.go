package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// raftd returns the command that runs this test binary as raftd.
func raftd(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, args...)
	cmd.Env = append(os.Environ(), actAs+"=raftd")
	return cmd
}

// runScript runs raftd dev on a directory with a script, and returns the lines of
// its standard output.
func runScript(t *testing.T, dir, script string) ([]string, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(file, []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := raftd(t, "dev", "--dir", dir, "--script", file)
	var out, notes bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &notes
	err := cmd.Run()
	if err != nil {
		t.Logf("notes of raftd dev:\n%s", tail(notes.String()))
	}
	return strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n"), err
}

// tail returns the end of a long text.
func tail(text string) string {
	const most = 8 << 10
	if len(text) > most {
		return "...\n" + text[len(text)-most:]
	}
	return text
}

// keys writes format once for each number from first to last.
func keys(b *strings.Builder, format string, first, last int) {
	for i := first; i <= last; i++ {
		fmt.Fprintf(b, format, i)
	}
}

// TestDevScript writes 1,000 keys, kills the leader, writes 1,000 more, starts all,
// and reads all 2,000 back through each member.
func TestDevScript(t *testing.T) {
	t.Parallel()
	var script, want strings.Builder
	keys(&script, "set k%[1]d v%[1]d\n", 1, 1000)
	script.WriteString("kill leader\n")
	keys(&script, "set k%[1]d v%[1]d\n", 1001, 2000)
	script.WriteString("start all\nstatus\n")
	keys(&want, "ok set k%d\n", 1, 2000)
	for n := 1; n <= devMembers; n++ {
		keys(&script, fmt.Sprintf("get k%%d @%d\n", n), 1, 2000)
		keys(&want, "k%[1]d=v%[1]d\n", 1, 2000)
	}
	script.WriteString("get none\n")
	want.WriteString("none absent\n")
	dir := t.TempDir()
	got, err := runScript(t, dir, script.String())
	if err != nil {
		t.Fatal(err)
	}
	same(t, got, want.String())

	// A later run goes on from the directory.
	got, err = runScript(t, dir, "get k1\nget k2000\nset k1 again\nget k1 @2\nquit\nget k1\n")
	if err != nil {
		t.Fatal(err)
	}
	same(t, got, "k1=v1\nk2000=v2000\nok set k1\nk1=again\n")
}

// same compares lines and reports the first difference.
func same(t *testing.T, got []string, want string) {
	t.Helper()
	lines := strings.Split(strings.TrimSuffix(want, "\n"), "\n")
	for i := range min(len(got), len(lines)) {
		if got[i] != lines[i] {
			t.Fatalf("line %d of the output: %q, want %q", i+1, got[i], lines[i])
		}
	}
	if len(got) != len(lines) {
		t.Fatalf("%d lines of output, want %d", len(got), len(lines))
	}
}

// TestDevScriptFails expects the first failure to end a script, with an exit code.
func TestDevScriptFails(t *testing.T) {
	t.Parallel()
	for name, script := range map[string]string{
		"unknown verb":       "set a 1\nput a 2\nset b 3\n",
		"member that is off": "set a 1\nkill 2\nget a @2\nset b 3\n",
		"killed twice":       "set a 1\nkill 3\nkill 3\nset b 3\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := runScript(t, t.TempDir(), script)
			if err == nil {
				t.Error("raftd dev succeeded")
			}
			same(t, got, "ok set a\n")
		})
	}
	if _, err := raftd(t, "dev", "--script", filepath.Join(t.TempDir(), "none")).Output(); err == nil {
		t.Error("raftd dev succeeded without its script")
	}
}

// A conversation is a raftd dev that is given lines by hand.
type conversation struct {
	cmd   *exec.Cmd
	input io.WriteCloser
	lines chan string // of its standard output; closed at its end
	notes *transcript
}

// A transcript keeps what a process says on its standard error.
type transcript struct {
	mu   sync.Mutex
	text bytes.Buffer
	more chan struct{} // closed, and made anew, by the next Write
}

func newTranscript() *transcript { return &transcript{more: make(chan struct{})} }

// Write implements io.Writer.
func (w *transcript) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	close(w.more)
	w.more = make(chan struct{})
	return w.text.Write(p)
}

// String returns all that was said so far.
func (w *transcript) String() string {
	text, _ := w.soFar()
	return text
}

func (w *transcript) soFar() (string, <-chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String(), w.more
}

// await returns the matches of a pattern as soon as there are so many.
func (w *transcript) await(t *testing.T, pattern *regexp.Regexp, want int) [][]string {
	t.Helper()
	late := time.After(lineBound)
	for {
		text, more := w.soFar()
		if found := pattern.FindAllStringSubmatch(text, -1); len(found) >= want {
			return found
		}
		select {
		case <-more:
		case <-late:
			t.Fatalf("not %d times %v:\n%s", want, pattern, tail(text))
		}
	}
}

// talk starts raftd dev on a directory.
func talk(t *testing.T, dir string) *conversation {
	t.Helper()
	c := &conversation{cmd: raftd(t, "dev", "--dir", dir), lines: make(chan string, 1), notes: newTranscript()}
	c.cmd.Stderr = c.notes
	alone(c.cmd)
	var err error
	if c.input, err = c.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	output, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(c.lines)
		lines := bufio.NewScanner(output)
		for lines.Scan() {
			c.lines <- lines.Text()
		}
	}()
	return c
}

// say gives a line and returns the one that answers it.
func (c *conversation) say(line string) (string, error) {
	if _, err := io.WriteString(c.input, line+"\n"); err != nil {
		return "", err
	}
	answer, ok := <-c.lines
	if !ok {
		return "", io.ErrUnexpectedEOF
	}
	return answer, nil
}

// TestDevSurvivesKill kills every process at once in the middle of writing, and
// expects a later run to have every write whose "ok" was printed.
func TestDevSurvivesKill(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	written := 0
	for round := range 3 {
		c := talk(t, dir)
		for i := 1; i <= written; i++ {
			if got, err := c.say(fmt.Sprintf("get k%d", i)); err != nil || got != fmt.Sprintf("k%d=v%d", i, i) {
				t.Fatalf("round %d: an acknowledged write is lost: k%d is %q, %v\n%s", round, i, got, err, c.notes)
			}
		}
		for range 50 {
			next := written + 1
			if got, err := c.say(fmt.Sprintf("set k%d v%d", next, next)); err != nil || got != fmt.Sprintf("ok set k%d", next) {
				t.Fatalf("round %d: set k%d: %q, %v\n%s", round, next, got, err, c.notes)
			}
			written = next
		}
		// One more is under way when everything dies.
		if _, err := io.WriteString(c.input, fmt.Sprintf("set k%[1]d v%[1]d\n", written+1)); err != nil {
			t.Fatal(err)
		}
		if err := killAll(c.cmd); err != nil {
			t.Fatal(err)
		}
		for range c.lines {
			written++ // acknowledged after all
		}
		if err := c.cmd.Wait(); err == nil {
			t.Fatal("the killed process ended well")
		}
	}
}

// TestDevEndsWithItsInput expects the members to be gone when raftd dev is, so that
// the directory can be used again at once.
func TestDevEndsWithItsInput(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for range 2 {
		c := talk(t, dir)
		if got, err := c.say("set a 1"); err != nil || got != "ok set a" {
			t.Fatalf("set: %q, %v\n%s", got, err, c.notes)
		}
		if err := c.input.Close(); err != nil {
			t.Fatal(err)
		}
		for line := range c.lines {
			t.Errorf("unasked: %q", line)
		}
		if err := c.cmd.Wait(); err != nil {
			t.Fatalf("raftd dev: %v\n%s", err, c.notes)
		}
	}
}

// TestDevChildrenDieWithTheParent kills the parent alone and expects a later run
// to get the directory.
func TestDevChildrenDieWithTheParent(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := talk(t, dir)
	if got, err := c.say("set a 1"); err != nil || got != "ok set a" {
		t.Fatalf("set: %q, %v\n%s", got, err, c.notes)
	}
	if err := c.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for range c.lines {
		t.Error("an answer after the death")
	}
	if err := c.cmd.Wait(); err == nil {
		t.Fatal("the killed process ended well")
	}
	got, err := runScript(t, dir, "get a\n")
	if err != nil {
		t.Fatal(err)
	}
	same(t, got, "a=1\n")
}
