package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"slices"
	"sync"

	"v.io/v23"
	vcontext "v.io/v23/context"

	"v.io/x/ref/lib/raft"
	"v.io/x/ref/lib/raft/cmd/internal/command"
)

// runStatus asks every member that is mounted, and prints a line for each. It
// fails if none answers.
func runStatus(ctx context.Context, std command.Streams, args []string) error {
	var g target
	set := flag.NewFlagSet("raftctl status", flag.ContinueOnError)
	set.SetOutput(std.Err)
	g.flags(set)
	if _, err := command.Parse(set, args, 0); err != nil {
		return err
	}
	return g.with(ctx, func(ctx *vcontext.T) error {
		mounted, err := v23.GetNamespace(ctx).Resolve(ctx, g.name)
		if err != nil {
			return fmt.Errorf("resolve %s: %w", g.name, err)
		}
		lines, err := statuses(ctx, mounted.Names())
		for _, line := range lines {
			if _, err := fmt.Fprintln(std.Out, line); err != nil {
				return err
			}
		}
		if len(lines) == 0 {
			return fmt.Errorf("no member answers: %w", err)
		}
		return nil
	})
}

// statuses asks the servers with these names, all at once. A server that was
// killed stays mounted for a while, so the ones that do not answer are left out.
func statuses(ctx *vcontext.T, names []string) ([]string, error) {
	lines := make([]string, len(names))
	errs := make([]error, len(names))
	var wait sync.WaitGroup
	for i, name := range names {
		wait.Go(func() {
			s, err := raft.MemberClient(name).Status(ctx)
			if err != nil {
				errs[i] = fmt.Errorf("%s: %w", name, err)
				return
			}
			lines[i] = describe(s)
		})
	}
	wait.Wait()
	slices.Sort(lines)
	lines = slices.DeleteFunc(slices.Compact(lines), func(l string) bool { return l == "" })
	return lines, errors.Join(errs...)
}

// describe says in one line how a member is.
func describe(s raft.MemberStatus) string {
	leader, ready := s.Leader, "ready"
	if leader == "" {
		leader = "unknown"
	}
	if s.Ready != "" {
		ready = "not ready: " + s.Ready
	}
	return fmt.Sprintf("%s %s term=%d last=%d commit=%d applied=%d leader=%s cluster=%s damaged=%d healed=%d images=%d "+
		"former=%x %s", s.Id, s.Role, s.Term, s.Last, s.Commit, s.Applied, leader, s.Cluster, s.Damaged, s.Healed,
		s.Images, s.Former, ready)
}
