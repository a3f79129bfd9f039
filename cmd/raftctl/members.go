package main

import (
	"context"
	"errors"
	"flag"
	"fmt"

	"v.io/v23"
	vcontext "v.io/v23/context"
	"v.io/v23/options"
	"v.io/v23/verror"

	"v.io/x/ref/lib/raft"
	"v.io/x/ref/lib/raft/cmd/internal/command"
)

// parse parses the arguments of a subcommand that needs a target, n arguments behind the flags, and the
// flags that more declares.
func parse(g *target, std command.Streams, name, usage string, args []string, n int,
	more func(*flag.FlagSet)) ([]string, error) {
	set := flag.NewFlagSet("raftctl "+name, flag.ContinueOnError)
	set.SetOutput(std.Err)
	g.flags(set)
	more(set)
	set.Usage = func() {
		fmt.Fprintf(std.Err, "raftctl %s [flags]%s\n\n", name, usage)
		set.PrintDefaults()
	}
	return command.Parse(set, args, n)
}

// noMore declares no flags.
func noMore(*flag.FlagSet) {}

// onMember calls the members that are mounted under the name, one after the other, until one can answer:
// some may be gone, or members of the set no longer.
func onMember(ctx *vcontext.T, name string, call func(name string) error) error {
	mounted, err := v23.GetNamespace(ctx).Resolve(ctx, name)
	if err != nil {
		return fmt.Errorf("resolve %s: %w", name, err)
	}
	for _, one := range mounted.Names() {
		err = call(one)
		if !errors.Is(err, raft.ErrRemoved) && !errors.Is(err, verror.ErrNoServers) {
			return err
		}
	}
	return err
}

// runMembers prints a line for each member of the set in force.
func runMembers(ctx context.Context, std command.Streams, args []string) error {
	var g target
	if _, err := parse(&g, std, "members", "", args, 0, noMore); err != nil {
		return err
	}
	return g.with(ctx, func(ctx *vcontext.T) error { return printMembers(ctx, std, g.name) })
}

func printMembers(ctx *vcontext.T, std command.Streams, name string) error {
	members, err := raft.MemberClient(name).Members(ctx)
	if err != nil {
		return fmt.Errorf("members: %w", err)
	}
	for _, m := range members {
		if _, err := fmt.Fprintf(std.Out, "%s %s incarnation=%x\n", m.Id, m.Standing, m.Incarnation); err != nil {
			return err
		}
	}
	return nil
}

// runAdd adds a member and prints the set that it leads to.
func runAdd(ctx context.Context, std command.Streams, args []string) error {
	var g target
	learner := false
	rest, err := parse(&g, std, "add", " ID\n\nThe member must run, started to join (raftd member --join).", args, 1,
		func(set *flag.FlagSet) {
			set.BoolVar(&learner, "learner", false, "the member receives the log and does not vote")
		})
	if err != nil {
		return err
	}
	return g.with(ctx, func(ctx *vcontext.T) error {
		return onMember(ctx, g.name, func(name string) error {
			add := raft.MemberClient(name).AddMember
			if learner {
				add = raft.MemberClient(name).AddLearner
			}
			if err := add(ctx, rest[0], options.NoRetry{}); err != nil {
				return fmt.Errorf("add: %w", err)
			}
			return printMembers(ctx, std, name)
		})
	})
}

// runRemove removes a member and prints the set that it leads to.
func runRemove(ctx context.Context, std command.Streams, args []string) error {
	var g target
	rest, err := parse(&g, std, "remove", " ID", args, 1, noMore)
	if err != nil {
		return err
	}
	return g.with(ctx, func(ctx *vcontext.T) error {
		return onMember(ctx, g.name, func(name string) error {
			if err := raft.MemberClient(name).RemoveMember(ctx, rest[0], options.NoRetry{}); err != nil {
				return fmt.Errorf("remove: %w", err)
			}
			return printMembers(ctx, std, name)
		})
	})
}

// runTransfer moves leadership and says who leads then.
func runTransfer(ctx context.Context, std command.Streams, args []string) error {
	var g target
	to := ""
	_, err := parse(&g, std, "transfer", "", args, 0, func(set *flag.FlagSet) {
		set.StringVar(&to, "to", "", "the `id` of the member that shall lead; the best one when empty")
	})
	if err != nil {
		return err
	}
	return g.with(ctx, func(ctx *vcontext.T) error {
		return onMember(ctx, g.name, func(name string) error {
			if err := raft.MemberClient(name).TransferLeadership(ctx, to, options.NoRetry{}); err != nil {
				return fmt.Errorf("transfer: %w", err)
			}
			status, err := raft.MemberClient(name).Status(ctx)
			if err != nil {
				return fmt.Errorf("leadership has moved; who leads could not be asked: %w", err)
			}
			_, err = fmt.Fprintf(std.Out, "leader=%s term=%d\n", status.Leader, status.Term)
			return err
		})
	})
}

// runSnapshot takes a snapshot at a member and says what it covers.
func runSnapshot(ctx context.Context, std command.Streams, args []string) error {
	var g target
	if _, err := parse(&g, std, "snapshot", "", args, 0, noMore); err != nil {
		return err
	}
	return g.with(ctx, func(ctx *vcontext.T) error {
		index, err := raft.MemberClient(g.name).Snapshot(ctx)
		if err != nil {
			return fmt.Errorf("snapshot: %w", err)
		}
		_, err = fmt.Fprintf(std.Out, "snapshot up to index %d\n", index)
		return err
	})
}
