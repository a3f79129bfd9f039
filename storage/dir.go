package storage

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/internal/vfs"
	"v.io/x/ref/lib/raft/storage/damage"
	"v.io/x/ref/lib/raft/storage/snapshot"
	"v.io/x/ref/lib/raft/storage/wal"
)

const lockFile = "LOCK"

// Errors that Open wraps, for errors.Is.
var (
	// ErrLocked is returned when the directory has another owner, in this process or another.
	ErrLocked = vfs.ErrLocked
	// ErrForeign is returned for a directory that holds something else than a member's state.
	ErrForeign = errors.New("storage: not a member's directory")
	// ErrIdentity is returned when the directory belongs to another member, cluster or initial set,
	// or was written by a later version, or says nothing readable about it.
	ErrIdentity = errors.New("storage: wrong identity")
)

// Options say how a directory is opened.
type Options struct {
	// Member is the name that the directory must have, or gets when it has none; "" takes what is
	// there.
	Member entry.MemberID
	// Incarnation marks the directory when it is created, or renewed; it must be random and not 0. Any other
	// directory keeps its own.
	Incarnation entry.Incarnation
	// Renew lets the member begin anew, under Incarnation, when its newest vote cannot be read: see
	// [Dir.Renewal]. Open recovers the log then; Recover returns what it has found.
	Renew bool
	// Salvage is that of wal.Options, for tools. It goes without Renew.
	Salvage bool
	// SegmentSize is that of wal.Options, 0 for its default.
	SegmentSize int64
	// ChunkSize is that of snapshot.Options, 0 for its default.
	ChunkSize int
	// Synced is that of wal.Options: it is told how long each sync of the log took. It may be nil.
	Synced func(time.Duration)
	// Now is the clock for Synced, time.Now when nil.
	Now func() time.Time
}

// OS opens a directory of the machine's own file system. See [Open].
func OS(path string, o Options) (*Dir, error) { return Open(vfs.OS(), path, o) }

// Dir is an open directory. Identity and the setters may be called by several goroutines at once;
// Log and Snapshots have their own rules.
type Dir struct {
	fs        vfs.FS
	path      string
	lock      io.Closer
	log       *wal.Log
	snapshots *snapshot.Store
	created   bool
	renewal   *Renewal

	mu       sync.Mutex // guards identity, and is held while the file is replaced
	identity Identity
	closed   bool
}

// Open opens the directory at path, creating it and its parents when it is not there or empty. The
// log is not read yet: call Recover of [Dir.Log]. When Open fails, nothing that was there has been
// changed, or a renewal (Options.Renew) has begun, which the next Open completes.
func Open(fsys vfs.FS, path string, o Options) (*Dir, error) {
	if path == "" {
		return nil, errors.New("storage: the directory's path is empty")
	}
	if o.Incarnation == 0 {
		return nil, errors.New("storage: the incarnation for a new directory is 0, want a random number")
	}
	if o.Renew && o.Salvage {
		return nil, errors.New("storage: what is to be salvaged is not renewed; give one of the options")
	}
	if err := fsys.MkdirAll(path); err != nil {
		return nil, fmt.Errorf("storage: create directory %s: %w", path, err)
	}
	if err := checkOurs(fsys, path); err != nil {
		return nil, err
	}
	lock, err := fsys.Lock(filepath.Join(path, lockFile))
	if err != nil {
		return nil, fmt.Errorf("storage: directory %s is in use, or cannot be locked; "+
			"stop the member that runs on it: %w", path, err)
	}
	d := &Dir{fs: fsys, path: path, lock: lock}
	if err := d.open(o); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return d, nil
}

// checkOurs refuses a directory that is neither empty nor a member's. What an interrupted creation
// leaves counts as empty.
func checkOurs(fsys vfs.FS, path string) error {
	infos, err := fsys.ReadDir(path)
	if err != nil {
		return fmt.Errorf("storage: list %s: %w", path, err)
	}
	var others []string
	for _, info := range infos {
		switch info.Name {
		case identityFile:
			return nil
		case lockFile, identityFile + ".tmp", "lost+found":
		default:
			others = append(others, info.Name)
		}
	}
	if len(others) == 0 {
		return nil
	}
	found := strings.Join(others[:min(len(others), 5)], ", ")
	return fmt.Errorf("%w: %s has no file %q but %d others (%s); nothing was changed: "+
		"name an empty directory, or put the identity file back", ErrForeign, path, identityFile, len(others), found)
}

// open does the part of Open that holds the lock.
func (d *Dir) open(o Options) error {
	if err := d.loadIdentity(o); err != nil {
		return err
	}
	if err := d.openStores(o); err != nil || !o.Renew {
		return err
	}
	_, err := d.log.Recover()
	if !errors.Is(err, damage.ErrVoteLost) {
		return err
	}
	if err := d.renew(o.Incarnation, err); err != nil {
		return err
	}
	if err := d.openStores(o); err != nil {
		return err
	}
	_, err = d.log.Recover()
	return err
}

// openStores opens the log and the images. Before that it completes what was begun: a renewal, the creation
// of a log.
func (d *Dir) openStores(o Options) error {
	if d.identity.Moving {
		if err := d.setAside(); err != nil {
			return err
		}
	}
	store := d.identity.Incarnation
	options := wal.Options{
		Incarnation: store, SegmentSize: o.SegmentSize, Synced: o.Synced, Now: o.Now, Salvage: o.Salvage,
	}
	if !d.identity.Started {
		if err := wal.Create(d.fs, d.path, options); err != nil {
			return err
		}
		started := d.identity.clone()
		started.Started = true
		if err := d.replace(started); err != nil {
			return err
		}
	}
	var err error
	images := snapshot.Options{Incarnation: store, ChunkSize: o.ChunkSize}
	if d.snapshots, err = snapshot.Open(d.fs, d.path, images); err != nil {
		return err
	}
	d.log, err = wal.Open(d.fs, d.path, options)
	return err
}

// readIdentity reads an identity file. The error wraps fs.ErrNotExist when there is none.
func readIdentity(fsys vfs.FS, name string) (Identity, error) {
	b, err := vfs.ReadFile(fsys, name, identityMax)
	if err != nil {
		return Identity{}, fmt.Errorf("storage: read %s: %w", name, err)
	}
	id, err := decodeIdentity(b)
	if err != nil {
		return Identity{}, fmt.Errorf("%w: %s: %w; nothing was changed: restore the file from a copy, "+
			"or use the version of the library that wrote it", ErrIdentity, name, err)
	}
	return id, nil
}

// loadIdentity reads the identity, or makes one for a new directory.
func (d *Dir) loadIdentity(o Options) error {
	name := filepath.Join(d.path, identityFile)
	id, err := readIdentity(d.fs, name)
	if errors.Is(err, fs.ErrNotExist) {
		d.created = true
		fresh := Identity{Member: o.Member, Incarnation: o.Incarnation}
		return d.replace(fresh)
	}
	if err != nil {
		return err
	}
	d.identity = id
	d.created = !id.Started
	if o.Member == "" {
		return nil
	}
	return d.SetMember(o.Member)
}

// replace makes id durable and then the directory's identity.
func (d *Dir) replace(id Identity) error {
	if err := id.validate(); err != nil {
		return fmt.Errorf("storage: identity of %s: %w", d.path, err)
	}
	b, err := id.encode()
	if err != nil {
		return err
	}
	if err := vfs.ReplaceFile(d.fs, filepath.Join(d.path, identityFile), b); err != nil {
		return fmt.Errorf("storage: write identity of %s: %w", d.path, err)
	}
	d.identity = id
	return nil
}

// Identity returns whose directory it is. The result shares nothing with the Dir.
func (d *Dir) Identity() Identity {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.identity.clone()
}

// Created reports whether this Open created the directory.
func (d *Dir) Created() bool { return d.created }

// Path returns the directory's path as it was given to Open.
func (d *Dir) Path() string { return d.path }

// Log returns the member's log.
func (d *Dir) Log() *wal.Log { return d.log }

// Snapshots returns the member's snapshots.
func (d *Dir) Snapshots() *snapshot.Store { return d.snapshots }

// SetMember names the directory's owner, durably. It fails with ErrIdentity when the directory has
// another owner.
func (d *Dir) SetMember(member entry.MemberID) error {
	return d.set(func(id *Identity) error {
		if id.Member != "" && id.Member != member {
			return fmt.Errorf("%w: directory %s belongs to member %q, not to %q; "+
				"nothing was changed: name the member's own directory", ErrIdentity, d.path, id.Member, member)
		}
		id.Member = member
		return nil
	})
}

// SetCluster records the cluster's id, durably. It fails with ErrIdentity when another one is
// recorded.
func (d *Dir) SetCluster(cluster entry.ClusterID) error {
	return d.set(func(id *Identity) error {
		if !id.Cluster.IsZero() && id.Cluster != cluster {
			return fmt.Errorf("%w: directory %s belongs to cluster %s, not to %s",
				ErrIdentity, d.path, id.Cluster, cluster)
		}
		id.Cluster = cluster
		return nil
	})
}

// SetInitial records the initial set, durably; members need not be sorted. It fails with ErrIdentity
// when another set is recorded.
func (d *Dir) SetInitial(members []entry.MemberID, fingerprint []byte) error {
	members = slices.Compact(slices.Sorted(slices.Values(members)))
	return d.set(func(id *Identity) error {
		if len(id.Initial) > 0 && (!slices.Equal(id.Initial, members) || !bytes.Equal(id.Fingerprint, fingerprint)) {
			return fmt.Errorf("%w: directory %s was started with the members %q, not with %q",
				ErrIdentity, d.path, id.Initial, members)
		}
		id.Initial, id.Fingerprint = members, slices.Clone(fingerprint)
		return nil
	})
}

// set changes the identity, and writes it when it is another one then.
func (d *Dir) set(change func(*Identity) error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return fmt.Errorf("storage: directory %s is closed", d.path)
	}
	next := d.identity.clone()
	if err := change(&next); err != nil {
		return err
	}
	if next.equal(d.identity) {
		return nil
	}
	return d.replace(next)
}

func (id Identity) equal(other Identity) bool {
	return id.Member == other.Member && id.Incarnation == other.Incarnation && id.Cluster == other.Cluster &&
		id.Former == other.Former && id.Moving == other.Moving &&
		slices.Equal(id.Initial, other.Initial) && bytes.Equal(id.Fingerprint, other.Fingerprint) &&
		id.Started == other.Started
}

// Close closes the log, when its owner has not done so, and gives the directory back. Closing again
// does nothing.
func (d *Dir) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil
	}
	d.closed = true
	return errors.Join(d.log.Close(), d.lock.Close())
}
