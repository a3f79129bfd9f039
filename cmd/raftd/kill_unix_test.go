//go:build unix

package main

import (
	"os/exec"
	"strings"
	"syscall"
	"testing"
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
