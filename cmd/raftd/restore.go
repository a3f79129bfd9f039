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
	"v.io/x/ref/lib/raft/storage/snapshot"
)

const restoreUsage = `raftd restore --dir DIR --id HOST:PORT FILE

Makes DIR that of the only member of a NEW cluster, which begins with the state
in FILE, a backup of raftctl backup. Members of the former cluster are never
heard by the new one. Every byte of the backup is verified; when anything is
wrong with it, or DIR holds a member's state already, nothing is changed.

Then start the member, and add the others, each on an empty directory:

  raftd member --dir DIR --id HOST:PORT --members HOST:PORT ...
  raftd member --dir DIR2 --id HOST2:PORT2 --join ...
  raftctl add HOST2:PORT2

`

// runRestore founds a cluster on a backup.
func runRestore(ctx context.Context, std command.Streams, args []string) error {
	var dir, id string
	set := flag.NewFlagSet("raftd restore", flag.ContinueOnError)
	set.SetOutput(std.Err)
	set.StringVar(&dir, "dir", "", "the member's `directory`; it must be new, or hold no member's state")
	set.StringVar(&id, "id", "", "the member's id and address, `host:port`")
	std.ProgressFlag(set)
	set.Usage = func() {
		fmt.Fprint(std.Err, restoreUsage)
		set.PrintDefaults()
	}
	rest, err := command.Parse(set, args, 1, "dir", "id")
	if err != nil {
		return err
	}
	f, err := restore(ctx, std, filepath.Join(dir, logDir), entry.MemberID(id), rest[0])
	if err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	_, err = fmt.Fprintf(std.Out, "cluster=%s member=%s index=%d term=%d state=%d\n",
		f.Cluster, f.Member, f.Image.Meta.Index, f.Image.Meta.Term, f.Image.Meta.Size)
	return err
}

// restore makes a member's directory of a backup.
func restore(ctx context.Context, std command.Streams, path string, id entry.MemberID,
	file string) (f storage.Founding, err error) {
	archive, err := snapshot.OpenArchive(vfs.OS(), file)
	if err != nil {
		return f, err
	}
	image, err := archive.Open()
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, image.Close()) }()
	meta := archive.Meta()
	p := std.NewProgress("restore", meta.Size)
	defer p.End()
	f = storage.Founding{Member: id, Term: meta.Term, Progress: p.At,
		Image: &storage.FoundingImage{Meta: meta, Bytes: command.Interruptible(ctx, image)}}
	f.Cluster, f.Incarnation = command.NewCluster()
	return f, storage.Found(vfs.OS(), path, f)
}
