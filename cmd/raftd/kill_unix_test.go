//go:build unix

package main

import (
	"os/exec"
	"syscall"
)

// alone makes a command the head of a process group, so that it and its children
// can be killed at once.
func alone(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// killAll kills the command's process group.
func killAll(cmd *exec.Cmd) error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
