package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// leads is what raftd dev says of a leader.
var leads = regexp.MustCompile(`(?m)^member ([1-3]) leads in term ([1-9][0-9]*)$`)

// TestDevByDefault runs raftd dev as a newcomer does, without a flag: it keeps
// everything in ./raft-data, answers on the standard output alone, says who leads
// and what it understands on the standard error, and ends at quit although more
// lines follow.
func TestDevByDefault(t *testing.T) {
	t.Parallel()
	work := t.TempDir()
	run := func(lines, want string) string {
		cmd := raftd(t, "dev")
		cmd.Dir = work
		cmd.Stdin = strings.NewReader(lines)
		var out, notes strings.Builder
		cmd.Stdout, cmd.Stderr = &out, &notes
		if err := cmd.Run(); err != nil {
			t.Fatalf("raftd dev: %v\n%s", err, tail(notes.String()))
		}
		if out.String() != want {
			t.Errorf("raftd dev answers %q, want %q", out.String(), want)
		}
		return notes.String()
	}

	notes := run("help\nset a 1\nquit\nset a 2\n", "ok set a\n")
	if !leads.MatchString(notes) {
		t.Errorf("nobody leads:\n%s", tail(notes))
	}
	if !strings.Contains(notes, help) {
		t.Errorf("help says nothing:\n%s", tail(notes))
	}
	for _, name := range []string{"config", "member-1", "member-2", "member-3"} {
		if _, err := os.Stat(filepath.Join(work, "raft-data", name)); err != nil {
			t.Error(err)
		}
	}
	run("get a\n", "a=1\n")
}

// TestHelpNamesEveryVerb expects help to begin a line with each verb that parseLine
// knows.
func TestHelpNamesEveryVerb(t *testing.T) {
	_, err := parseLine("nonsense", devMembers)
	_, list, ok := strings.Cut(err.Error(), "the verbs are ")
	if !ok {
		t.Fatalf("no list of verbs: %v", err)
	}
	for _, verb := range strings.Split(list, ", ") {
		if !strings.Contains("\n"+help, "\n"+verb+" ") {
			t.Errorf("help says nothing about %q", verb)
		}
	}
}

// TestDevTellsWhoLeads expects a line about the first leader, and one about its
// successor, another member in a later term, unasked.
func TestDevTellsWhoLeads(t *testing.T) {
	t.Parallel()
	c := talk(t, t.TempDir())
	if got, err := c.say("set a 1"); err != nil || got != "ok set a" {
		t.Fatalf("set: %q, %v\n%s", got, err, c.notes)
	}
	c.notes.await(t, leads, 1)
	if got, err := c.say("kill leader\nset a 2"); err != nil || got != "ok set a" {
		t.Fatalf("set: %q, %v\n%s", got, err, c.notes)
	}
	killed := c.notes.await(t, regexp.MustCompile(`(?m)^member ([1-3]) was killed$`), 1)[0][1]
	// The survivors may elect more than once; the killed one is none of them.
	said := regexp.MustCompile(`(?s)member [1-3] was killed\n.*?member ([1-3]) leads in term [0-9]+\n`)
	if next := c.notes.await(t, said, 1)[0][1]; next == killed {
		t.Errorf("the killed member %s leads again\n%s", killed, c.notes)
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

// TestDevStartsOne kills one member after another by number, writes without it,
// starts it by number, and reads everything through it.
func TestDevStartsOne(t *testing.T) {
	t.Parallel()
	const each = 50
	var script, want strings.Builder
	keys(&script, "set k%[1]d v%[1]d\n", 1, each)
	keys(&want, "ok set k%d\n", 1, each)
	for n, last := 1, each; n <= devMembers; n++ {
		member := string(rune('0' + n))
		script.WriteString("kill " + member + "\n")
		keys(&script, "set k%[1]d v%[1]d\n", last+1, last+each)
		keys(&want, "ok set k%d\n", last+1, last+each)
		last += each
		script.WriteString("start " + member + "\n")
		keys(&script, "get k%d @"+member+"\n", 1, last)
		keys(&want, "k%[1]d=v%[1]d\n", 1, last)
	}
	got, err := runScript(t, t.TempDir(), script.String())
	if err != nil {
		t.Fatal(err)
	}
	same(t, got, want.String())
}
