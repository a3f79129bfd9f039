package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"v.io/x/ref/lib/raft/sim/planted"
)

// planting is what -planted and its flags ask for.
type planting struct {
	wanted bool
	only   string
}

func (p *planting) flags(set *flag.FlagSet) {
	set.BoolVar(&p.wanted, "planted", false, "plant each bug of sim/planted and let its check find it")
	set.StringVar(&p.only, "only", "", "with -planted: only the bug of this `name`")
}

// run plants all bugs, or the one that is asked for.
func (p *planting) run(ctx context.Context, out io.Writer) int {
	bugs, err := planted.Bugs()
	if err != nil {
		fmt.Fprintln(out, err)
		return 2
	}
	return p.plant(ctx, out, bugs)
}

// plant plants the bugs one after the other, prints who found each, and returns the exit status: 1 when
// one was not found or does not apply any more.
func (p *planting) plant(ctx context.Context, out io.Writer, bugs []planted.Bug) int {
	root, err := planted.Root(ctx)
	if err != nil {
		fmt.Fprintln(out, err)
		return 2
	}
	dir, err := os.MkdirTemp("", "planted")
	if err != nil {
		fmt.Fprintln(out, err)
		return 2
	}
	hunt := planted.Hunt{Root: root, Dir: dir}
	failed, all := p.hunt(ctx, out, &hunt, bugs)
	if err := os.RemoveAll(dir); err != nil {
		fmt.Fprintln(out, err)
	}
	switch {
	case all == 0:
		fmt.Fprintf(out, "no bug is named %q\n", p.only)
		return 2
	case failed > 0:
		fmt.Fprintf(out, "%d of %d planted bugs were NOT found\n", failed, all)
		return 1
	}
	fmt.Fprintf(out, "all %d planted bugs were found\n", all)
	return 0
}

// hunt returns how many bugs were not found, and of how many.
func (p *planting) hunt(ctx context.Context, out io.Writer, hunt *planted.Hunt, bugs []planted.Bug) (failed, all int) {
	for i := range bugs {
		bug := &bugs[i]
		if p.only != "" && p.only != bug.Name {
			continue
		}
		all++
		began := time.Now()
		found, err := hunt.Find(ctx, bug)
		if err != nil {
			failed++
			found = err.Error()
		}
		fmt.Fprintf(out, "%-28s %5.1f s  %s\n", bug.Name, time.Since(began).Seconds(), found)
		if errors.Is(err, planted.ErrNotFound) {
			fmt.Fprintf(out, "%28s           (%s)\n", "", bug.About)
		}
	}
	return failed, all
}
