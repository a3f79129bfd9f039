package raft

import (
	"crypto/sha256"
	"fmt"

	"v.io/v23/context"

	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/replica"
	"v.io/x/ref/lib/raft/storage"
)

// directory is a member's persistence in files: LogDir, through package storage.
type directory struct{ dir *storage.Dir }

var _ persistence = directory{}

// openDirectory opens or creates the directory at path, takes its lock, and reads the log. One whose newest vote
// cannot be read begins anew, under another incarnation. The error says what was found there; nothing is deleted
// when it fails, and nothing changed that is not completed by the next opening.
func openDirectory(ctx *context.T, path string) (persistence, error) {
	dir, err := storage.OS(path, storage.Options{Incarnation: entry.Incarnation(randomNumber()), Renew: true})
	if err != nil {
		return nil, ErrBadConfig.Errorf(ctx, "RaftConfig.%s = %q: %s: %w", "LogDir", path, "cannot be opened", err)
	}
	return directory{dir}, nil
}

// Recorded implements persistence.
func (d directory) Recorded() record {
	i := d.dir.Identity()
	r := record{ID: i.Member, Incarnation: i.Incarnation, Former: i.Former, Initial: i.Initial, Cluster: i.Cluster}
	if done := d.dir.Renewal(); done != nil {
		r.Renewal = &renewal{aside: done.Aside, cause: done.Cause}
	}
	return r
}

// SetMember implements persistence.
func (d directory) SetMember(id entry.MemberID) error { return d.dir.SetMember(id) }

// SetInitial implements persistence.
func (d directory) SetInitial(ids []entry.MemberID) error {
	return d.dir.SetInitial(ids, fingerprint(ids))
}

// SetCluster implements persistence.
func (d directory) SetCluster(id entry.ClusterID) error { return d.dir.SetCluster(id) }

// Log implements persistence.
func (d directory) Log() replica.LogStore { return d.dir.Log() }

// Snapshots implements persistence.
func (d directory) Snapshots() replica.SnapshotStore { return d.dir.Snapshots() }

// Close implements persistence.
func (d directory) Close() error { return d.dir.Close() }

// fingerprint returns the SHA-256 of a sorted set, each id preceded by its length.
func fingerprint(ids []entry.MemberID) []byte {
	h := sha256.New()
	for _, id := range ids {
		fmt.Fprintf(h, "%d:%s", len(id), id)
	}
	return h.Sum(nil)
}
