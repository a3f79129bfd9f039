package raft

import (
	"errors"
	"io"

	"v.io/v23/context"
	"v.io/v23/verror"

	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/replica"
)

// backupSender is the sending half of a backup.
type backupSender interface {
	Send(item BackupPiece) error
}

// Backup implements Member.
func (s *service) Backup(ctx *context.T, call MemberBackupServerCall) error {
	return s.host.backup(ctx, call.SendStream())
}

// backup streams an image of this member's state. It is an ordinary image, taken now unless there is one
// that covers everything already, so it costs the member no more than a snapshot does.
func (r *raft) backup(ctx *context.T, out backupSender) (err error) {
	// Everything that was acknowledged anywhere before the call has been applied here when this returns.
	if _, err := r.ReadIndex(ctx); err != nil {
		return err
	}
	meta, image, err := r.imageForBackup(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, image.Close()) }()
	head := newSnapshotHead(replica.OutgoingSnapshot{Term: meta.Term, Meta: meta})
	if err := out.Send(BackupPiece{Head: head}); err != nil {
		return err
	}
	return eachPiece(image, func(data []byte, last bool) error {
		return out.Send(BackupPiece{Data: data, Last: last})
	})
}

// backupTries bounds how often an image that is gone when it is opened is replaced by a newer one.
const backupTries = 5

// imageForBackup takes a snapshot and opens it.
func (r *raft) imageForBackup(ctx *context.T) (meta entry.SnapshotMeta, image io.ReadCloser, err error) {
	for range backupTries {
		if meta, err = r.replica.Snapshot(ctx); err != nil {
			return meta, nil, r.translate(ctx, err)
		}
		if meta.Index == 0 {
			return meta, nil, verror.ErrNoExist.Errorf(ctx, "nothing has been applied yet: there is nothing to back up")
		}
		if image, err = r.replica.OpenSnapshot(meta); err == nil {
			return meta, image, nil
		}
	}
	return meta, nil, err
}

// Meta returns the description of an image, its numbers checked: nothing that came from elsewhere is
// believed.
func (h SnapshotHead) Meta() (entry.SnapshotMeta, error) { return h.meta() }
