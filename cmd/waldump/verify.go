package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"v.io/x/ref/lib/raft/cmd/internal/command"
	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/storage"
	"v.io/x/ref/lib/raft/storage/wal"
)

// totals are what an inspection counts.
type totals struct {
	segments, batches, entries, faults int
	bytes                              int64
	first, last                        entry.Index
	term                               entry.Term
	hard                               entry.HardState
	commit                             entry.Index
}

// inspector returns an inspector that counts.
func (t *totals) inspector() wal.Inspector {
	return wal.Inspector{
		Segment: func(s wal.SegmentFound) { t.segments, t.bytes = t.segments+1, t.bytes+s.Size },
		Batch:   t.batch,
		Entry:   func(e wal.EntryFound) { t.entries += int(e.Last - e.First + 1); t.term = max(t.term, e.Header.Term) },
	}
}

// batch follows what batches do to the log.
func (t *totals) batch(b wal.BatchFound) {
	t.batches++
	t.commit = max(t.commit, b.Commit)
	if b.Hard != nil {
		t.hard = *b.Hard
	}
	if b.Truncate != 0 {
		t.last = min(t.last, b.Truncate-1)
	}
	for _, base := range []*entry.Position{b.Reset, b.Trim} {
		if base != nil {
			t.first = base.Index + 1
		}
	}
	if b.Reset != nil {
		t.last = b.Reset.Index
	}
	if b.Count > 0 {
		if t.first == 0 {
			t.first = b.First
		}
		t.last = b.First + entry.Index(b.Count) - 1
	}
}

// runVerify reads everything.
func runVerify(ctx context.Context, std command.Streams, args []string) error {
	const about = "Reads all of the log and of the snapshots and lists what is not what was written."
	dir, err := parse(&std, "verify", about, args, func(*flag.FlagSet) {})
	if err != nil {
		return err
	}
	var t totals
	err = inspect(dir, func(i *storage.Inspection) error {
		through, err := covered(i)
		if err != nil {
			return err
		}
		v := t.inspector()
		v.Fault = func(f wal.Fault) { t.faults++; fmt.Fprintln(std.Out, faultLine(f, through)) }
		if err := inspectLog(ctx, std, i, v); err != nil {
			return err
		}
		list, damaged, err := i.Snapshots(func(meta entry.SnapshotMeta, image io.Reader) error {
			p := std.NewProgress(fmt.Sprintf("snapshot at index %d", meta.Index), meta.Size)
			defer p.End()
			_, err := io.Copy(p, command.Interruptible(ctx, image))
			return err
		})
		if err != nil {
			return err
		}
		for _, d := range damaged {
			t.faults++
			fmt.Fprintf(std.Out, "snapshot at index %d: %v\n", d.Meta.Index, d.Cause)
		}
		fmt.Fprintf(std.Out, "%d segments, %d batches, %d entries and %d snapshots read, %d places damaged\n",
			t.segments, t.batches, t.entries, len(list), t.faults)
		return reportAside(std, i)
	})
	return outcome(t.faults, err)
}

// runStat sums up.
func runStat(ctx context.Context, std command.Streams, args []string) error {
	dir, err := parse(&std, "stat", "Sums up what the member remembers.", args, func(*flag.FlagSet) {})
	if err != nil {
		return err
	}
	var t totals
	err = inspect(dir, func(i *storage.Inspection) error {
		id := i.Identity()
		fmt.Fprintf(std.Out, "member       %s\nincarnation  %016x\ncluster      %v\n",
			id.Member, uint64(id.Incarnation), id.Cluster)
		v := t.inspector()
		v.Fault = func(wal.Fault) { t.faults++ }
		if err := inspectLog(ctx, std, i, v); err != nil {
			return err
		}
		list, damaged, err := i.Snapshots(nil)
		if err != nil {
			return err
		}
		t.faults += len(damaged)
		fmt.Fprintf(std.Out, "hard state   term %d, vote %q\nlog          entries %d to %d, commit at least %d\n",
			t.hard.Term, t.hard.Vote, t.first, t.last, t.commit)
		fmt.Fprintf(std.Out, "segments     %d of %d bytes in all, with %d batches and %d frames\n",
			t.segments, t.bytes, t.batches, t.entries)
		for _, s := range list {
			fmt.Fprintf(std.Out, "snapshot     (index %d, term %d), %d bytes, %s\n", s.Index, s.Term, s.Size, s.ID)
		}
		return errors.Join(reportFree(std, dir), reportAside(std, i))
	})
	return outcome(t.faults, err)
}

// reportFree prints what is kept for later segments.
func reportFree(std command.Streams, dir string) error {
	spares, err := filepath.Glob(filepath.Join(dir, "spare.*"))
	if err != nil {
		return err
	}
	var bytes int64
	for _, name := range spares {
		if info, err := os.Stat(name); err == nil {
			bytes += info.Size()
		}
	}
	_, err = fmt.Fprintf(std.Out, "spares       %d of %d bytes in all\n", len(spares), bytes)
	return err
}

// reportAside prints where the files of former incarnations are kept, of which the newest vote was lost.
func reportAside(std command.Streams, i *storage.Inspection) error {
	all, err := i.Aside()
	if err != nil {
		return err
	}
	for _, a := range all {
		if _, err := fmt.Fprintf(std.Out, "set aside    %s, %d files of %d bytes in all: what the member had before its "+
			"newest vote was lost; look at that directory by itself\n", a.Path, a.Files, a.Bytes); err != nil {
			return err
		}
	}
	return nil
}

// runRepair plans, or does, what the directory itself can put right.
func runRepair(ctx context.Context, std command.Streams, args []string) error {
	const about = "Lists what of the damage the directory itself can put right, and what needs copies of other\n" +
		"members, which the member fetches when it starts. With -apply it does the former."
	var apply bool
	dir, err := parse(&std, "repair", about, args, func(set *flag.FlagSet) {
		set.BoolVar(&apply, "apply", false, "do it; else it is only planned")
	})
	if err != nil {
		return err
	}
	local, left := 0, 0
	err = inspect(dir, func(i *storage.Inspection) error {
		through, err := covered(i)
		if err != nil {
			return err
		}
		v := (&totals{}).inspector()
		v.Mend = apply
		v.Fault = func(f wal.Fault) {
			verb := "needs a copy:"
			switch {
			case f.Local && apply:
				verb = "mended:      "
			case f.Local:
				verb = "would mend:  "
			case f.Entries.First != 0 && f.Entries.Last <= through:
				verb = "needs nothing:"
			}
			if f.Local {
				local++
			} else {
				left++
			}
			fmt.Fprintf(std.Out, "%s %s\n", verb, faultLine(f, through))
		}
		return inspectLog(ctx, std, i, v)
	})
	if err != nil {
		return err
	}
	if !apply {
		left += local
	}
	fmt.Fprintf(std.Out, "%d places can be mended here, %d are damaged when this ends\n", local, left)
	return outcome(left, nil)
}
