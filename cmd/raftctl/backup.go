package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	vcontext "v.io/v23/context"
	"v.io/v23/options"

	"v.io/x/ref/lib/raft"
	"v.io/x/ref/lib/raft/cmd/internal/command"
	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/internal/vfs"
	"v.io/x/ref/lib/raft/storage/snapshot"
)

const backupUsage = ` FILE

Writes a backup of the replicated state to FILE, which must not exist yet, while
the members go on. It covers every write that was completed before the command
was started. The file has checksums of its own; its SHA-256 is printed for your
records. "raftd restore" makes a new cluster of it.

Whoever may change the member set may do this. The member that --name leads to
is asked: give the name of one to choose it.`

// backupBound is how long a backup may take unless --timeout says otherwise.
const backupBound = 12 * time.Hour

// runBackup streams an image of one member's state into a file.
func runBackup(ctx context.Context, std command.Streams, args []string) error {
	var g target
	rest, err := parse(&g, std, "backup", backupUsage, args, 1, func(set *flag.FlagSet) {
		g.timeout = backupBound
		set.Lookup("timeout").DefValue = backupBound.String()
		std.ProgressFlag(set)
	})
	if err != nil {
		return err
	}
	file := rest[0]
	if _, err := os.Stat(file); err == nil {
		return fmt.Errorf("backup: %w: %s", snapshot.ErrExists, file)
	}
	return g.with(ctx, func(ctx *vcontext.T) error {
		return onMember(ctx, g.name, func(name string) error {
			return backup(ctx, std, name, file)
		})
	})
}

// backup asks one member.
func backup(ctx *vcontext.T, std command.Streams, name, file string) error {
	ctx, cancel := vcontext.WithCancel(ctx)
	defer cancel()
	call, err := raft.MemberClient(name).Backup(ctx, options.NoRetry{})
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	pieces := call.RecvStream()
	meta, err := receiveBackup(pieces, std, file)
	if err != nil {
		cancel()
		if finished := call.Finish(); errors.Is(err, errCut) && finished != nil {
			err = finished // It says why.
		}
		return fmt.Errorf("backup: %w", err)
	}
	if err := call.Finish(); err != nil {
		return errors.Join(fmt.Errorf("backup: %w", err), os.Remove(file))
	}
	return printBackup(std, file, meta)
}

// backupPieces is the receiving half of a backup.
type backupPieces interface {
	Advance() bool
	Value() raft.BackupPiece
	Err() error
}

var errCut = errors.New("the member ended the stream before the end of the image")

// receiveBackup writes the file.
func receiveBackup(pieces backupPieces, std command.Streams, file string) (entry.SnapshotMeta, error) {
	if !pieces.Advance() {
		return entry.SnapshotMeta{}, errors.Join(errCut, pieces.Err())
	}
	meta, err := pieces.Value().Head.Meta()
	if err != nil {
		return meta, fmt.Errorf("the member describes an impossible image: %w", err)
	}
	sink, err := snapshot.CreateArchive(vfs.OS(), filepath.Clean(file), meta)
	if err != nil {
		return meta, err
	}
	p := std.NewProgress("backup", meta.Size)
	err = copyPieces(pieces, io.MultiWriter(sink, p))
	p.End()
	if err == nil {
		meta, err = sink.Commit()
	}
	if err != nil {
		return meta, errors.Join(err, sink.Abort())
	}
	return meta, nil
}

func copyPieces(pieces backupPieces, w io.Writer) error {
	for pieces.Advance() {
		piece := pieces.Value()
		if _, err := w.Write(piece.Data); err != nil {
			return err
		}
		if piece.Last {
			return nil
		}
	}
	return errors.Join(errCut, pieces.Err())
}

// printBackup says what is in the file.
func printBackup(std command.Streams, file string, meta entry.SnapshotMeta) (err error) {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	sum := sha256.New()
	n, err := io.Copy(sum, f)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(std.Out, "cluster=%s index=%d term=%d state=%d file=%d sha256=%x\n",
		meta.Configuration.Cluster, meta.Index, meta.Term, meta.Size, n, sum.Sum(nil))
	return err
}
