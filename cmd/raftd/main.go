// Raftd runs members of a replicated log.
//
//	raftd COMMAND [flags]
//
// Run it without a command for a list of them, and "raftd COMMAND -h" for the
// flags of one.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// The exit codes.
const (
	exitFailed = 1 // the command failed
	exitUsage  = 2 // the command line cannot be understood
)

// A subcommand is one thing that raftd does; each has a file of its own.
type subcommand struct {
	name, short string
	// run executes the command with the arguments behind its name, until it is done
	// or ctx ends.
	run func(ctx context.Context, std streams, args []string) error
}

// streams are the standard streams of the process.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// subcommands are all that raftd can do.
var subcommands = []subcommand{}

// errUsage is wrapped by the error of a command line that cannot be understood.
var errUsage = errors.New("usage")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := dispatch(ctx, streams{os.Stdin, os.Stdout, os.Stderr}, os.Args[1:])
	stop()
	os.Exit(exitCode(os.Stderr, err))
}

// dispatch runs the subcommand that the arguments name.
func dispatch(ctx context.Context, std streams, args []string) error {
	if len(args) > 0 {
		for _, c := range subcommands {
			if c.name == args[0] {
				return c.run(ctx, std, args[1:])
			}
		}
	}
	text := "raftd COMMAND [flags]\n"
	for _, c := range subcommands {
		text += fmt.Sprintf("  raftd %-8s %s\n", c.name, c.short)
	}
	return fmt.Errorf("%w: %s", errUsage, text)
}

// exitCode tells people about an error and returns the process's exit code for
// it.
func exitCode(notes io.Writer, err error) int {
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return 0
	}
	fmt.Fprintf(notes, "raftd: %v\n", err)
	if errors.Is(err, errUsage) {
		return exitUsage
	}
	return exitFailed
}
