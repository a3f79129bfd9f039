package main

import (
	"context"
	"errors"
	"flag"
	"fmt"

	vcontext "v.io/v23/context"

	"v.io/x/ref/lib/raft"
	"v.io/x/ref/lib/raft/cmd/internal/command"
)

// runAppend appends a command through whichever member answers, and prints where
// it stands in the log.
func runAppend(ctx context.Context, std command.Streams, args []string) error {
	var g target
	set := flag.NewFlagSet("raftctl append", flag.ContinueOnError)
	set.SetOutput(std.Err)
	g.flags(set)
	set.Usage = func() {
		fmt.Fprint(std.Err, "raftctl append [flags] COMMAND\n\nraftd dev understands commands of the form \"set K V\".\n\n")
		set.PrintDefaults()
	}
	rest, err := command.Parse(set, args, 1)
	if err != nil {
		return err
	}
	return g.with(ctx, func(ctx *vcontext.T) error {
		term, index, applied, err := raft.MemberClient(g.name).Append(ctx, []byte(rest[0]))
		if err != nil {
			return fmt.Errorf("append: %w", err)
		}
		if _, err := fmt.Fprintf(std.Out, "appended at index %d in term %d\n", index, term); err != nil {
			return err
		}
		if applied != "" {
			return errors.New("the command was refused by the state machine: " + applied)
		}
		return nil
	})
}
