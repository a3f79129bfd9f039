package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"path/filepath"

	"v.io/x/ref/lib/raft/cmd/internal/command"
	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/internal/vfs"
	"v.io/x/ref/lib/raft/storage"
)

const recoverUsage = ` DIR...

For a cluster that has lost a majority of its voters for good. DIR... are the
directories of ALL members that are left, each stopped. They are only read, here
and by apply, and stay what they are.

"plan" says from which directory a new cluster would go on, and what may be
lost, with numbers. It refuses, and says why, when a majority is left (start the
members instead), when the directories are not those of different members of one
cluster, and when there is no intact one to go on from.

"apply" does what the plan with that fingerprint says, and refuses when anything
has changed since: it makes NEWDIR the directory of the only member of a NEW
cluster. Then start that member, and add others, each on an empty directory:

  raftd member --dir NEWDIR --id HOST:PORT --members HOST:PORT ...
  raftd member --dir DIR2 --id HOST2:PORT2 --join ...
  raftctl add HOST2:PORT2

Never start a lost member again: enough of them would go on as the old cluster.

`

// recoverSubs are the two halves of raftctl recover.
var recoverSubs = []command.Sub{
	{Name: "plan", Short: "say what would be done, and what may be lost", Run: runRecoverPlan},
	{Name: "apply", Short: "do what a plan says", Run: runRecoverApply},
}

// runRecover runs plan or apply.
func runRecover(ctx context.Context, std command.Streams, args []string) error {
	return command.Dispatch(ctx, std, "raftctl recover", recoverSubs, args)
}

// recovery are the arguments of plan and apply.
type recovery struct {
	id, fingerprint, to string
	paths               []string
}

func parseRecovery(std *command.Streams, name string, args []string, required ...string) (r recovery, err error) {
	set := flag.NewFlagSet("raftctl recover "+name, flag.ContinueOnError)
	set.SetOutput(std.Err)
	std.ProgressFlag(set)
	set.StringVar(&r.id, "id", "", "the `id` of the new cluster's member; that of the directory gone on from when empty")
	if len(required) > 0 {
		set.StringVar(&r.fingerprint, "fingerprint", "", "the `fingerprint` that plan printed")
		set.StringVar(&r.to, "to", "", "the new member's `directory`; it must be new, or hold no member's state")
	}
	set.Usage = func() {
		fmt.Fprintf(std.Err, "raftctl recover %s [flags]%s", name, recoverUsage)
		set.PrintDefaults()
	}
	if err := set.Parse(args); err != nil {
		return r, errors.Join(command.ErrUsage, err)
	}
	if r.paths = set.Args(); len(r.paths) == 0 {
		return r, fmt.Errorf("%w: raftctl recover %s needs the directories of the members that are left",
			command.ErrUsage, name)
	}
	for _, name := range required {
		if set.Lookup(name).Value.String() == "" {
			return r, fmt.Errorf("%w: %s needs --%s", command.ErrUsage, set.Name(), name)
		}
	}
	return r, nil
}

// with opens the directories and makes the plan for f.
func (r *recovery) with(ctx context.Context, std command.Streams,
	f func([]*survivor, *plan, string) error) (err error) {
	all, err := surveyAll(ctx, std, r.paths)
	if err != nil {
		return fmt.Errorf("recover: %w", err)
	}
	defer func() { err = errors.Join(err, closeAll(all)) }()
	var known []*facts
	for _, s := range all {
		known = append(known, &s.facts)
	}
	p, err := makePlan(known, entry.MemberID(r.id))
	if err != nil {
		return fmt.Errorf("recover: %w", err)
	}
	return f(all, p, p.fingerprint(known))
}

// runRecoverPlan prints a plan.
func runRecoverPlan(ctx context.Context, std command.Streams, args []string) error {
	r, err := parseRecovery(&std, "plan", args)
	if err != nil {
		return err
	}
	return r.with(ctx, std, func(_ []*survivor, p *plan, fingerprint string) error {
		_, err := fmt.Fprintf(std.Out, "%sfingerprint=%s\n", p, fingerprint)
		return err
	})
}

// runRecoverApply makes the directory.
func runRecoverApply(ctx context.Context, std command.Streams, args []string) error {
	r, err := parseRecovery(&std, "apply", args, "fingerprint", "to")
	if err != nil {
		return err
	}
	return r.with(ctx, std, func(all []*survivor, p *plan, fingerprint string) error {
		if fingerprint != r.fingerprint {
			return fmt.Errorf("recover: %w: the plan has the fingerprint %s now, not %s: something has changed; "+
				"read it again (raftctl recover plan)", errUnsafe, fingerprint, r.fingerprint)
		}
		cluster, err := apply(ctx, std, all, p, filepath.Join(r.to, "log"))
		if err != nil {
			return fmt.Errorf("recover: %w", err)
		}
		_, err = fmt.Fprintf(std.Out, "cluster=%s member=%s index=%d\n", cluster, p.member, p.source.last.Index)
		return err
	})
}

// apply founds the new cluster.
func apply(ctx context.Context, std command.Streams, all []*survivor, p *plan,
	path string) (_ entry.ClusterID, err error) {
	f := storage.Founding{}
	var done func() error
	for _, s := range all {
		if &s.facts != p.source {
			continue
		}
		if f, done, err = s.founding(ctx); err != nil {
			return f.Cluster, err
		}
	}
	defer func() { err = errors.Join(err, done()) }()
	for _, s := range all {
		f.Term = max(f.Term, s.recovered.Hard.Term)
	}
	f.Term = max(f.Term, p.source.last.Term)
	f.Member = p.member
	f.Cluster, f.Incarnation = command.NewCluster()
	progress := std.NewProgress("recover", -1)
	defer progress.End()
	f.Progress = progress.At
	return f.Cluster, storage.Found(vfs.OS(), path, f)
}
