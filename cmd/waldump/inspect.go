package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"path/filepath"

	"v.io/x/ref/lib/raft/cmd/internal/command"
	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/storage"
	"v.io/x/ref/lib/raft/storage/wal"
)

// parse parses the flags of a subcommand and returns the directory.
func parse(std *command.Streams, name, about string, args []string, more func(*flag.FlagSet)) (string, error) {
	set := flag.NewFlagSet("waldump "+name, flag.ContinueOnError)
	set.SetOutput(std.Err)
	std.ProgressFlag(set)
	more(set)
	set.Usage = func() {
		fmt.Fprintf(std.Err, "waldump %s [flags] DIR\n\n%s\n\n", name, about)
		set.PrintDefaults()
	}
	rest, err := command.Parse(set, args, 1)
	if err != nil {
		return "", err
	}
	return rest[0], nil
}

// inspect opens a member's directory for the time of f.
func inspect(dir string, f func(*storage.Inspection) error) (err error) {
	i, err := storage.Inspect(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, i.Close()) }()
	return f(i)
}

// inspectLog runs an inspector over the log, until ctx ends, and says how far it is.
func inspectLog(ctx context.Context, std command.Streams, i *storage.Inspection, v wal.Inspector) error {
	var p *command.Progress
	total, visit := int64(0), v.Segment
	v.Stop = ctx.Err
	v.Segment = func(s wal.SegmentFound) {
		if total = s.Total; p == nil {
			p = std.NewProgress("log", total)
		}
		p.At(s.Read)
		visit(s)
	}
	if err := i.Log(v); err != nil {
		return err
	}
	p.At(total)
	p.End()
	return nil
}

// runDump prints a line for everything in the log.
func runDump(ctx context.Context, std command.Streams, args []string) error {
	dir, err := parse(&std, "dump", "Prints a line for each segment, batch and entry. Payloads are not printed.", args,
		func(*flag.FlagSet) {})
	if err != nil {
		return err
	}
	out := bufio.NewWriter(std.Out)
	count := 0
	err = inspect(dir, func(i *storage.Inspection) error {
		through, err := covered(i)
		if err != nil {
			return err
		}
		return inspectLog(ctx, std, i, wal.Inspector{
			Segment: func(s wal.SegmentFound) {
				fmt.Fprintf(out, "segment %d  %s  %d bytes, after (index %d, term %d)\n",
					s.Generation, filepath.Base(s.File), s.Size, s.Base.Index, s.Base.Term)
			},
			Batch: func(b wal.BatchFound) { fmt.Fprintln(out, batchLine(b)) },
			Entry: func(e wal.EntryFound) { fmt.Fprintln(out, entryLine(e)) },
			Fault: func(f wal.Fault) { count++; fmt.Fprintf(out, "  DAMAGE %s\n", faultLine(f, through)) },
		})
	})
	return outcome(count, errors.Join(err, out.Flush()))
}

// batchLine describes a batch.
func batchLine(b wal.BatchFound) string {
	line := fmt.Sprintf("  batch %d at %d, %d bytes, commit %d", b.Number, b.Offset, b.Size, b.Commit)
	if b.Hard != nil {
		line += fmt.Sprintf(", term %d vote %q", b.Hard.Term, b.Hard.Vote)
	}
	if b.Truncate != 0 {
		line += fmt.Sprintf(", truncate from %d", b.Truncate)
	}
	if b.Reset != nil {
		line += fmt.Sprintf(", reset to (index %d, term %d)", b.Reset.Index, b.Reset.Term)
	}
	if b.Trim != nil {
		line += fmt.Sprintf(", starts after (index %d, term %d)", b.Trim.Index, b.Trim.Term)
	}
	if b.Count > 0 {
		line += fmt.Sprintf(", entries %d to %d", b.First, b.First+entry.Index(b.Count)-1)
	}
	return line
}

// entryLine describes an entry.
func entryLine(e wal.EntryFound) string {
	if !e.Known {
		return fmt.Sprintf("    entries %d to %d at %d: not readable", e.First, e.Last, e.Offset)
	}
	h := e.Header
	return fmt.Sprintf("    entry %d  term %d  %s  %d bytes  origin %016x  sequence %d  at %d",
		h.Index, h.Term, h.Kind, h.Size, h.Origin, h.Sequence, e.Offset)
}

// covered returns the index up to which the directory's newest intact snapshot has everything, 0 without one.
func covered(i *storage.Inspection) (entry.Index, error) {
	list, _, err := i.Snapshots(nil)
	if err != nil || len(list) == 0 {
		return 0, err
	}
	return list[0].Index, nil
}

// faultLine describes a fault, and what helps. Entries up to covered are in a snapshot too.
func faultLine(f wal.Fault, covered entry.Index) string {
	line := fmt.Sprintf("%s at byte %d: %s", f.File, f.Offset, f.What)
	switch {
	case f.Local:
		return line + " (waldump repair puts it right)"
	case f.Entries.First != 0 && f.Entries.Last <= covered:
		return line + " (the snapshot has what they did: the member does not need them)"
	case f.Entries.First != 0:
		return line + " (the member fetches copies when it starts, unless truncated since)"
	}
	return line
}

// outcome turns the number of faults into the error for them.
func outcome(faults int, err error) error {
	if err == nil && faults > 0 {
		return fmt.Errorf("%w: %d places", errDamaged, faults)
	}
	return err
}
