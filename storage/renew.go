package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/internal/vfs"
	"v.io/x/ref/lib/raft/storage/wal"
)

// This file: a member whose newest vote cannot be read begins anew. An older vote must not stand for it, since
// the member could give it twice. But a vote, and an ack, count only under the incarnation that gave them: so the
// directory gets another one, and a log that is empty, and the leader lets it catch up like any new member. What
// was there is set aside and never deleted, because it may be the only copy of something.
//
//  1. lost-<incarnation>/identity, a copy of the identity file as it is
//  2. identity: a new incarnation, the former one, "moving" true, "started" false
//  3. every file of log and images is moved to lost-<incarnation>/
//  4. identity: "moving" false; and from here on as a directory comes to be
//
// The second step decides. After a crash before it the vote is found lost again; after one behind it the next Open
// goes on from the third, which skips what is done.

// asidePrefix begins the name of a directory that holds what was set aside, in front of its incarnation.
const asidePrefix = "lost-"

// Renewal says that a directory has got another incarnation, and why.
type Renewal struct {
	// Former is the incarnation whose newest vote was lost, Incarnation the new one.
	Former, Incarnation entry.Incarnation
	// Aside is the path of the directory in which everything of the former incarnation is kept: it is a
	// member's directory itself, for tools.
	Aside string
	// Cause says what could not be read, naming file and offset. It is nil when an earlier Open was
	// interrupted, and this one only completed what that one had begun.
	Cause error
}

// Renewal returns what this Open has renewed, nil when it did not.
func (d *Dir) Renewal() *Renewal { return d.renewal }

// renew gives the directory another incarnation because of cause, unless nobody else can have what it holds.
// Durable on return; the files are still to be set aside.
func (d *Dir) renew(incarnation entry.Incarnation, cause error) error {
	if err := d.mayRenew(cause); err != nil {
		return err
	}
	former := d.identity.Incarnation
	aside := filepath.Join(d.path, asidePrefix+incarnationText(former))
	if err := d.fs.MkdirAll(aside); err != nil {
		return fmt.Errorf("storage: make the directory for what is set aside, because %w: %w", cause, err)
	}
	content, err := vfs.ReadFile(d.fs, filepath.Join(d.path, identityFile), identityMax)
	if err == nil {
		err = vfs.ReplaceFile(d.fs, filepath.Join(aside, identityFile), content)
	}
	if err != nil {
		return fmt.Errorf("storage: set a copy of the identity of %s aside, because %w: %w", d.path, cause, err)
	}
	next := d.identity.clone()
	next.Incarnation, next.Former, next.Moving, next.Started = incarnation, former, true, false
	if err := d.replace(next); err != nil {
		return err
	}
	d.renewal = &Renewal{Cause: cause}
	return nil
}

// mayRenew refuses when others cannot have what the directory holds: a member that is the only voter of the
// newest configuration that can be read, or that can read none, must not begin with an empty log.
func (d *Dir) mayRenew(cause error) error {
	voters, err := d.voters()
	if err != nil {
		return fmt.Errorf("storage: the member set could not be read, because %w: %w", cause, err)
	}
	why := ""
	switch {
	case len(voters) == 0:
		why = "no member set can be read, so that nobody else may have what it holds"
	case len(voters) == 1 && voters[0] == d.identity.Member:
		why = "it is the only voter, so that nobody else may have what it holds"
	default:
		return nil
	}
	return fmt.Errorf("%w; member %q does not begin anew by itself, since %s: make a new cluster of what is left "+
		"(raftctl recover plan %s), or restore a backup", cause, d.identity.Member, why, d.path)
}

// voters returns the voters of the newest configuration that images and log tell, or else the initial set. It
// is empty when nothing tells.
func (d *Dir) voters() ([]entry.MemberID, error) {
	var logged []logConfiguration
	inspector := wal.Inspector{
		Incarnation: d.identity.Incarnation,
		Batch: func(b wal.BatchFound) {
			logged = slices.DeleteFunc(logged, func(c logConfiguration) bool {
				return b.Reset != nil || b.Truncate != 0 && c.index >= b.Truncate
			})
		},
		Entry: func(e wal.EntryFound) {
			if e.Payload == nil || e.Header.Kind != entry.KindConfiguration {
				return
			}
			if value, err := entry.DecodeConfiguration(e.Payload); err == nil {
				logged = append(logged, logConfiguration{e.First, value})
			}
		},
	}
	if err := inspector.Run(d.fs, d.path); err != nil && !errors.Is(err, entry.ErrCorrupt) {
		return nil, err
	}
	images, err := d.snapshots.List()
	if err != nil {
		return nil, err
	}
	voters, newest := d.identity.Initial, entry.Index(0)
	if len(images) > 0 {
		voters, newest = images[0].Configuration.Voters(), images[0].Index
	}
	for i := range logged {
		if logged[i].index > newest {
			voters, newest = logged[i].value.Voters(), logged[i].index
		}
	}
	return voters, nil
}

// logConfiguration is a configuration of the log and its index.
type logConfiguration struct {
	index entry.Index
	value entry.Configuration
}

// setAside moves the files of the former incarnation out of the way. It may have begun before.
func (d *Dir) setAside() error {
	former := d.identity.Former
	aside := filepath.Join(d.path, asidePrefix+incarnationText(former))
	if err := d.fs.MkdirAll(aside); err != nil {
		return fmt.Errorf("storage: make the directory for what is set aside: %w", err)
	}
	infos, err := d.fs.ReadDir(d.path)
	if err != nil {
		return fmt.Errorf("storage: list %s: %w", d.path, err)
	}
	for _, info := range infos {
		if info.Dir || !ofStores(info.Name) {
			continue
		}
		if err := d.move(info.Name, aside); err != nil {
			return err
		}
	}
	for _, dir := range []string{aside, d.path} {
		if err := d.fs.SyncDir(dir); err != nil {
			return fmt.Errorf("storage: sync %s: %w", dir, err)
		}
	}
	next := d.identity.clone()
	next.Moving = false
	if err := d.replace(next); err != nil {
		return err
	}
	done := &Renewal{Former: former, Incarnation: d.identity.Incarnation, Aside: aside}
	if d.renewal != nil {
		done.Cause = d.renewal.Cause
	}
	d.renewal = done
	return nil
}

// move gives a file of the directory the same name in another one, where nothing may have it.
func (d *Dir) move(name, to string) error {
	target := filepath.Join(to, name)
	if _, err := d.fs.Stat(target); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("storage: %s cannot be moved to %s, which is there already (%w); nothing was replaced: "+
			"remove one of them after you have looked at both", filepath.Join(d.path, name), target,
			errors.Join(err, ErrForeign))
	}
	if err := d.fs.Rename(filepath.Join(d.path, name), target); err != nil {
		return fmt.Errorf("storage: set %s aside: %w", name, err)
	}
	return nil
}

// ofStores reports whether a file is the log's or the images', complete or not.
func ofStores(name string) bool {
	return wal.Owns(name) || strings.Contains(name, ".snap")
}

// Aside is a directory in which the files of a former incarnation are kept.
type Aside struct {
	// Path is the directory's. It is a member's directory itself, for tools.
	Path string
	// Files and Bytes are what it holds of log and images.
	Files int
	Bytes int64
}

// ListAside returns what was set aside in the member's directory at path, sorted by name.
func ListAside(fsys vfs.FS, path string) ([]Aside, error) {
	infos, err := fsys.ReadDir(path)
	if err != nil {
		return nil, fmt.Errorf("storage: list %s: %w", path, err)
	}
	var all []Aside
	for _, info := range infos {
		if !info.Dir || !strings.HasPrefix(info.Name, asidePrefix) {
			continue
		}
		a := Aside{Path: filepath.Join(path, info.Name)}
		files, err := fsys.ReadDir(a.Path)
		if err != nil {
			return nil, fmt.Errorf("storage: list %s: %w", a.Path, err)
		}
		for _, file := range files {
			if ofStores(file.Name) {
				a.Files, a.Bytes = a.Files+1, a.Bytes+file.Size
			}
		}
		if a.Files > 0 {
			all = append(all, a)
		}
	}
	return all, nil
}
