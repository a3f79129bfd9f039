// Package command is the frame of a program that does several things: each is a
// subcommand with flags of its own.
package command

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

// The exit codes of a program.
const (
	ExitFailed = 1 // the subcommand failed
	ExitUsage  = 2 // the command line cannot be understood
)

// ErrUsage is wrapped by the error of a command line that cannot be understood.
var ErrUsage = errors.New("usage")

// Streams are the standard streams of a process.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
	// Every is how often a long run says on Err how far it is, see ProgressFlag.
	Every time.Duration
}

// A Sub is one thing that a program does.
type Sub struct {
	Name, Short string
	// Run executes the subcommand with the arguments behind its name, until it is
	// done or ctx ends. What it prints for other programs goes to Out.
	Run func(ctx context.Context, std Streams, args []string) error
}

// Main runs a program and ends the process. An interrupt ends the context.
func Main(program string, subs []Sub) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := Dispatch(ctx, Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}, program, subs, os.Args[1:])
	stop()
	os.Exit(ExitCode(os.Stderr, program, err))
}

// Dispatch runs the subcommand that the first argument names.
func Dispatch(ctx context.Context, std Streams, program string, subs []Sub, args []string) error {
	for _, s := range subs {
		if len(args) > 0 && s.Name == args[0] {
			return s.Run(ctx, std, args[1:])
		}
	}
	var text strings.Builder
	for _, s := range subs {
		fmt.Fprintf(&text, "\n  %s %-8s %s", program, s.Name, s.Short)
	}
	return fmt.Errorf("%w:%s", ErrUsage, text.String())
}

// ExitCode tells people about an error and returns the exit code for it. Asking
// for help is none.
func ExitCode(notes io.Writer, program string, err error) int {
	switch {
	case err == nil || errors.Is(err, flag.ErrHelp):
		return 0
	case errors.Is(err, context.Canceled):
		fmt.Fprintf(notes, "%s: interrupted\n", program)
		return ExitFailed
	}
	fmt.Fprintf(notes, "%s: %v\n", program, err)
	if errors.Is(err, ErrUsage) {
		return ExitUsage
	}
	return ExitFailed
}

// Parse parses the flags of a subcommand. Flags named in required must not be
// empty. It returns the arguments behind the flags, which must be as many as
// wanted.
func Parse(set *flag.FlagSet, args []string, want int, required ...string) ([]string, error) {
	if err := set.Parse(args); err != nil {
		return nil, errors.Join(ErrUsage, err)
	}
	for _, name := range required {
		if set.Lookup(name).Value.String() == "" {
			return nil, fmt.Errorf("%w: %s needs --%s", ErrUsage, set.Name(), name)
		}
	}
	if set.NArg() != want {
		return nil, fmt.Errorf("%w: %s takes %d arguments behind its flags, not %q", ErrUsage, set.Name(), want, set.Args())
	}
	return set.Args(), nil
}
