//go:build unix

package main

import (
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"v.io/x/ref/lib/raft"
)

// alone makes a command the head of a process group, so that it and its children
// can be killed at once.
func alone(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// killAll kills the command's process group.
func killAll(cmd *exec.Cmd) error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }

// TestDevIsInterrupted expects raftd dev to end, with all its members, at the
// interrupt that a terminal sends to the whole group.
func TestDevIsInterrupted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := talk(t, dir)
	if got, err := c.say("set a 1"); err != nil || got != "ok set a" {
		t.Fatalf("set: %q, %v\n%s", got, err, c.notes)
	}
	if err := syscall.Kill(-c.cmd.Process.Pid, syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	for range c.lines {
		t.Error("an answer after the interrupt")
	}
	if err := c.cmd.Wait(); err == nil || !strings.Contains(c.notes.String(), "interrupted") {
		t.Errorf("raftd dev ended %v\n%s", err, c.notes)
	}
	got, err := runScript(t, dir, "get a\n")
	if err != nil {
		t.Fatal(err)
	}
	same(t, got, "a=1\n")
}

// TestGetFromFrozenLeader stops the leader's process, as a long pause does, lets
// the others go on without it, and asks it while it still sleeps. When it wakes it
// believes for a moment that it leads, with an old value in hand: it must not
// answer with it.
func TestGetFromFrozenLeader(t *testing.T) {
	m := live(t)
	for round := range 3 {
		write(t, m, 1, fmt.Sprintf("before %d", round))
		n, err := m.awaitLeader(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		read(t, m, n, fmt.Sprintf("before %d", round)) // the connection stands
		p, ok := find(m.running(), n)
		if !ok {
			t.Fatalf("member %d leads and does not run", n)
		}
		if err := p.child.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		newest := fmt.Sprintf("after %d", round)
		write(t, m, 1+n%devMembers, newest)
		// It is away for three election time-outs. Reads wait at it when it goes on, and others follow.
		<-time.After(3 * 12 * raft.HeartbeatDefault)
		const reads = 20
		answered := make(chan error, reads)
		for range reads {
			go func() {
				got, _, err := m.Get(t.Context(), "k", n)
				if err == nil && got != newest {
					err = fmt.Errorf("an old value: %q, want %q", got, newest)
				}
				answered <- err
			}()
		}
		if err := p.child.cmd.Process.Signal(syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
		for range reads {
			if err := <-answered; err != nil {
				t.Errorf("get k @%d, which led: %v", n, err)
			}
		}
	}
}
