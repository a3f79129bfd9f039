package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// actAs is the environment variable that makes the test binary a child, or raftd
// itself.
const actAs = "RAFTD_TEST_CHILD"

// TestMain lets the test binary play the children of these tests.
func TestMain(m *testing.M) {
	switch os.Getenv(actAs) {
	case "":
		os.Exit(m.Run())
	case "raftd":
		main()
	case "good":
		fmt.Println("chatter")
		fmt.Println(readyPrefix + "at home")
		if !orderly(os.Stdin) {
			os.Exit(3)
		}
	case "stubborn":
		fmt.Println(readyPrefix + "for ever")
		select {}
	case "silent":
		select {}
	case "broken":
		fmt.Fprintln(os.Stderr, "cannot")
		os.Exit(7)
	}
}

// begin starts a child that plays a part.
func begin(t *testing.T, ctx context.Context, part string, notes io.Writer) (*child, string, error) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), actAs+"="+part)
	return startChild(ctx, cmd, notes)
}

func TestChildStops(t *testing.T) {
	c, said, err := begin(t, t.Context(), "good", io.Discard)
	if err != nil || said != "at home" || !c.running() {
		t.Fatalf("said %q, %v", said, err)
	}
	if err := c.stop(t.Context()); err != nil || c.running() {
		t.Fatalf("stop: %v", err)
	}
}

// TestChildOfDeadParent closes the child's input as the kernel does when the
// parent dies.
func TestChildOfDeadParent(t *testing.T) {
	c, _, err := begin(t, t.Context(), "good", io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.input.Close(); err != nil {
		t.Fatal(err)
	}
	<-c.ended
	if c.err == nil || !strings.Contains(c.err.Error(), "exit status 3") {
		t.Fatalf("ended %v, want the exit code of an orphan", c.err)
	}
}

func TestChildIsKilled(t *testing.T) {
	c, _, err := begin(t, t.Context(), "stubborn", io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.kill(); err != nil || c.running() {
		t.Fatalf("kill: %v", err)
	}
	if err := c.kill(); err != nil {
		t.Fatalf("kill of a dead one: %v", err)
	}
}

func TestChildThatDoesNotStop(t *testing.T) {
	c, _, err := begin(t, t.Context(), "stubborn", io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := c.stop(ctx); err == nil || c.running() {
		t.Fatalf("stop: %v, running: %v", err, c.running())
	}
}

func TestChildThatFails(t *testing.T) {
	var notes strings.Builder
	_, _, err := begin(t, t.Context(), "broken", &notes)
	if err == nil || !strings.Contains(err.Error(), "exit status 7") || !strings.Contains(notes.String(), "cannot") {
		t.Fatalf("got %v, notes %q", err, notes.String())
	}
}

func TestChildThatIsNeverReady(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, _, err := begin(t, ctx, "silent", io.Discard); err == nil {
		t.Fatal("a silent child is taken for a ready one")
	}
}
