//go:build !unix

package main

import "os/exec"

// alone does nothing where there are no process groups.
func alone(*exec.Cmd) {}

// killAll kills the parent; its children see their input end.
func killAll(cmd *exec.Cmd) error { return cmd.Process.Kill() }
