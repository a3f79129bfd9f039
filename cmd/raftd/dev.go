package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"v.io/v23"
	vcontext "v.io/v23/context"
	"v.io/v23/options"

	"v.io/x/ref/lib/raft/cmd/internal/boot"
	"v.io/x/ref/lib/raft/cmd/internal/command"
	"v.io/x/ref/lib/raft/cmd/internal/layout"
	"v.io/x/ref/services/mounttable/mounttablelib"
)

// devMembers is how many members raftd dev runs.
const devMembers = 3

// stopBound is how long the members may take to end in good order.
const stopBound = 10 * time.Second

// devFlags are the flags of "raftd dev".
type devFlags struct{ dir, script string }

// parseDevFlags parses the arguments of "raftd dev".
func parseDevFlags(std command.Streams, args []string) (devFlags, error) {
	var f devFlags
	set := flag.NewFlagSet("raftd dev", flag.ContinueOnError)
	set.SetOutput(std.Err)
	set.StringVar(&f.dir, "dir", "raft-data", "the `directory` that holds everything; a later run goes on from it")
	set.StringVar(&f.script, "script", "", "a `file` of lines to execute; the first failure ends it")
	set.Usage = func() {
		fmt.Fprintf(std.Err, "raftd dev runs %d members and a mount table on this machine, and executes lines:\n\n%s\n",
			devMembers, help)
		set.PrintDefaults()
	}
	_, err := command.Parse(set, args, 0)
	return f, err
}

// runDev brings everything up in a straight line, executes the lines, and takes
// everything down in the reverse order.
func runDev(ctx context.Context, std command.Streams, args []string) (err error) {
	f, err := parseDevFlags(std, args)
	if err != nil {
		return err
	}
	// The script first: a wrong name should not cost a start.
	input, done, err := openScript(std, f.script)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()

	place, err := layout.OpenOrCreate(f.dir, devMembers)
	if err != nil {
		return err
	}
	// Not under ctx: what is interrupted is still taken down in good order.
	vctx, shutdown, err := boot.Open(context.WithoutCancel(ctx), place.Credentials("client"))
	if err != nil {
		return err
	}
	defer shutdown()

	// The mount table before the members, which mount themselves.
	root, stopTable, err := serveMountTable(vctx, place)
	if err != nil {
		return err
	}
	defer stopTable()
	if err := place.SetNamespace(root); err != nil {
		return err
	}

	members, err := newMembers(vctx, place, root, std.Err)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, members.stopAll()) }()
	if err := members.startAll(ctx); err != nil {
		return err
	}
	return converseWith(ctx, members, std, input, f.script != "")
}

// openScript opens the lines to execute: a file, or the standard input.
func openScript(std command.Streams, name string) (io.Reader, func() error, error) {
	if name == "" {
		return std.In, func() error { return nil }, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, nil, err
	}
	return bufio.NewReader(f), f.Close, nil
}

// converseWith tells who leads, now and whenever that changes, and executes lines
// until they end or ctx does.
func converseWith(ctx context.Context, members *members, std command.Streams, input io.Reader, strict bool) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if err := members.tellFirst(ctx); err != nil {
		return err
	}
	told := make(chan struct{})
	go func() {
		defer close(told)
		members.tellLeaders(ctx)
	}()
	s := &session{cluster: members, results: std.Out, notes: std.Err, strict: strict}
	ended := make(chan error, 1)
	// A read of the standard input cannot be interrupted, so the session may outlive
	// this function, waiting for a line that nobody will execute.
	go func() { ended <- s.run(ctx, input) }()
	var err error
	select {
	case err = <-ended:
	case <-ctx.Done():
		err = ctx.Err()
	}
	cancel()
	<-told
	return err
}

// serveMountTable serves the mount table and returns its name.
func serveMountTable(ctx *vcontext.T, place layout.Layout) (string, func(), error) {
	table, err := mounttablelib.NewMountTableDispatcher(ctx, place.MountTablePermissions(), "", "")
	if err != nil {
		return "", nil, fmt.Errorf("mount table: %w", err)
	}
	ctx, cancel := vcontext.WithCancel(ctx)
	_, server, err := v23.WithNewDispatchingServer(ctx, "", table,
		options.ServesMountTable(true), options.LameDuckTimeout(lameDuck))
	if err != nil {
		cancel()
		return "", nil, fmt.Errorf("mount table: %w", err)
	}
	stop := func() {
		cancel()
		<-server.Closed()
	}
	name, err := listening(server)
	if err != nil {
		stop()
		return "", nil, fmt.Errorf("mount table: %w", err)
	}
	return name, stop, nil
}
