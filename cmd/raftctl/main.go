// Raftctl operates a replicated log that runs: it finds the members by name, and
// calls them with a principal of its own.
//
//	raftctl COMMAND [flags]
//
// Run it without a command for a list of them, and "raftctl COMMAND -h" for the
// flags of one.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"time"

	vcontext "v.io/v23/context"
	"v.io/v23/naming"

	"v.io/x/ref/lib/raft/cmd/internal/boot"
	"v.io/x/ref/lib/raft/cmd/internal/command"
	"v.io/x/ref/lib/raft/cmd/internal/layout"
)

// subcommands are all that raftctl can do; each has a file of its own.
var subcommands = []command.Sub{
	{Name: "status", Short: "what each member says of itself", Run: runStatus},
	{Name: "append", Short: "append a command to the log", Run: runAppend},
	{Name: "members", Short: "the member set in force", Run: runMembers},
	{Name: "add", Short: "add a member, or a learner", Run: runAdd},
	{Name: "remove", Short: "remove a member", Run: runRemove},
	{Name: "transfer", Short: "move leadership", Run: runTransfer},
	{Name: "snapshot", Short: "take a snapshot at one member", Run: runSnapshot},
	{Name: "backup", Short: "write the replicated state to a file", Run: runBackup},
	{Name: "recover", Short: "go on after a majority was lost", Run: runRecover},
}

func main() { command.Main("raftctl", subcommands) }

// target says which log to operate, and as whom.
type target struct {
	dir, name, credentials, namespace string
	timeout                           time.Duration
}

// flags declares the flags of a target.
func (g *target) flags(set *flag.FlagSet) {
	set.StringVar(&g.dir, "dir", "", "the `directory` of raftd dev, which has all that is needed")
	set.StringVar(&g.name, "name", layout.Name,
		"the `name` that the members are mounted under; one that begins with the mount table's needs no --namespace")
	set.StringVar(&g.credentials, "credentials", "", "the `directory` of the principal to use, instead of --dir's")
	set.StringVar(&g.namespace, "namespace", "", "the `name` of the mount table, instead of --dir's")
	set.DurationVar(&g.timeout, "timeout", 10*time.Second, "how long to try")
}

// complete fills in what the directory knows.
func (g *target) complete() error {
	found := g.namespace != "" || naming.Rooted(g.name)
	if g.dir == "" && (g.credentials == "" || !found) {
		return fmt.Errorf("%w: give --dir, or --credentials and either --namespace or a --name that begins with"+
			" the mount table's", command.ErrUsage)
	}
	if g.dir == "" {
		return nil
	}
	place, err := layout.Open(g.dir)
	if err != nil {
		return fmt.Errorf("%w (has raftd dev run in this directory?)", err)
	}
	if g.credentials == "" {
		g.credentials = place.Credentials("ctl")
	}
	if !found {
		g.namespace, err = place.Namespace()
	}
	return err
}

// with runs f with everything that a call needs.
func (g *target) with(ctx context.Context, f func(*vcontext.T) error) (err error) {
	if err := g.complete(); err != nil {
		return err
	}
	var roots []string
	if g.namespace != "" {
		roots = append(roots, g.namespace)
	}
	vctx, shutdown, err := boot.Open(ctx, g.credentials, roots...)
	if err != nil {
		return err
	}
	defer shutdown()
	vctx, cancel := vcontext.WithTimeout(vctx, g.timeout)
	defer cancel()
	if err := f(vctx); err != nil {
		return errors.Join(err, context.Cause(ctx))
	}
	return nil
}
