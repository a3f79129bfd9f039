// Waldump looks at what one member remembers: the log, the vote and the snapshots in its directory.
//
//	waldump dump DIR            every segment, batch and entry, one line each
//	waldump verify DIR          reads everything, and lists what is not what was written
//	waldump stat DIR            sums it up
//	waldump repair [-apply] DIR what the directory itself can put right; -apply does it
//
// It takes the lock of the directory, so that no member runs on it meanwhile: it refuses a directory on
// which one does, and never disturbs it. Stop the member, or look at a copy. Nothing is changed but by
// repair -apply, and nothing is ever deleted.
//
// It ends with status 0 when all is well, with 1 when damage was found, which is listed, and with 2 when
// the directory is refused or cannot be read, or the command line cannot be understood.
//
// Repair puts back what the log holds twice: descriptions of batches and segments, votes, marks, footers.
// It lists the entries of which a copy is needed. Those are fetched from the other members when the member
// starts; waldump cannot do that.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"v.io/x/ref/lib/raft/cmd/internal/command"
)

// The exit statuses.
const (
	statusDamaged = 1
	statusRefused = 2
)

// errDamaged is returned by a subcommand that found damage, which it has listed.
var errDamaged = errors.New("damage was found")

// subcommands are all that waldump can do.
var subcommands = []command.Sub{
	{Name: "dump", Short: "every segment, batch and entry", Run: runDump},
	{Name: "verify", Short: "read everything, list what is not what was written", Run: runVerify},
	{Name: "stat", Short: "sum it up", Run: runStat},
	{Name: "repair", Short: "plan what the directory itself can put right; -apply does it", Run: runRepair},
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	std := command.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}
	code := status(std, command.Dispatch(ctx, std, "waldump", subcommands, os.Args[1:]))
	stop()
	os.Exit(code)
}

// status tells people about an error and returns the exit status for it.
func status(std command.Streams, err error) int {
	switch {
	case err == nil || errors.Is(err, flag.ErrHelp):
		return 0
	case errors.Is(err, errDamaged):
		fmt.Fprintf(std.Err, "waldump: %v\n", err)
		return statusDamaged
	}
	fmt.Fprintf(std.Err, "waldump: %v\n", err)
	return statusRefused
}
