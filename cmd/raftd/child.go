package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
)

// readyPrefix begins the line that a child prints once it serves.
const readyPrefix = "ready "

// stopWord is the line on a child's standard input that asks it to end in good
// order.
const stopWord = "stop"

// A child is a process of this program that lives no longer than its parent: it
// ends when its standard input does, which the parent holds open, and which the
// kernel closes, however the parent ends. That holds on every system, unlike a
// signal at the parent's death.
type child struct {
	cmd   *exec.Cmd
	input io.WriteCloser
	ended chan struct{} // closed when the process is gone
	err   error         // how it ended; valid once ended is closed
}

// startChild starts a process and waits until it has printed that it is ready. It
// returns what the child said with that. What the child prints on its standard
// error goes to notes.
func startChild(ctx context.Context, cmd *exec.Cmd, notes io.Writer) (*child, string, error) {
	cmd.Stderr = notes
	input, err := cmd.StdinPipe()
	if err != nil {
		return nil, "", err
	}
	output, err := cmd.StdoutPipe()
	if err != nil {
		return nil, "", err
	}
	if err := cmd.Start(); err != nil {
		return nil, "", fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	c := &child{cmd: cmd, input: input, ended: make(chan struct{})}
	ready := make(chan string, 1)
	go c.wait(output, ready)
	select {
	case said := <-ready:
		return c, said, nil
	case <-c.ended:
		return nil, "", fmt.Errorf("process %d ended before it was ready: %w", cmd.Process.Pid, c.how())
	case <-ctx.Done():
		return nil, "", errors.Join(ctx.Err(), c.kill())
	}
}

// wait reads the child's standard output to its end, passes on the line that says
// ready, and then takes note of the child's end.
func (c *child) wait(output io.Reader, ready chan<- string) {
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		if said, ok := strings.CutPrefix(lines.Text(), readyPrefix); ok {
			select {
			case ready <- said:
			default: // said before
			}
		}
	}
	c.err = errors.Join(lines.Err(), c.cmd.Wait())
	close(c.ended)
}

// how says how the child ended.
func (c *child) how() error {
	if c.err == nil {
		return errors.New("with exit code 0")
	}
	return c.err
}

// orderly reads a child's standard input to its end and reports whether the parent
// asked for an end in good order.
func orderly(input io.Reader) bool {
	lines := bufio.NewScanner(input)
	for lines.Scan() {
		if lines.Text() == stopWord {
			return true
		}
	}
	return false
}

// running reports whether the process is still there.
func (c *child) running() bool {
	select {
	case <-c.ended:
		return false
	default:
		return true
	}
}

// kill ends the process at once, without any goodbye, and returns when it is
// gone.
func (c *child) kill() error {
	if err := c.cmd.Process.Kill(); err != nil && c.running() {
		return fmt.Errorf("kill process %d: %w", c.cmd.Process.Pid, err)
	}
	<-c.ended
	return nil
}

// stop lets the process end in good order, and kills it when ctx ends before it
// did.
func (c *child) stop(ctx context.Context) error {
	_, err := io.WriteString(c.input, stopWord+"\n")
	if err = errors.Join(err, c.input.Close()); err != nil && c.running() {
		return errors.Join(err, c.kill())
	}
	select {
	case <-c.ended:
		return c.err
	case <-ctx.Done():
		return errors.Join(fmt.Errorf("process %d does not end: %w", c.cmd.Process.Pid, ctx.Err()), c.kill())
	}
}
