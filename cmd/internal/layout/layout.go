// Package layout knows where a cluster of raftd dev keeps what, and makes it.
//
//	DIR/config/cluster.json         the members' ids, which are their addresses
//	DIR/config/mounttable.json      who may do what at the mount table
//	DIR/config/credentials/root     the principal that blessed all others
//	DIR/config/credentials/client   that of raftd dev
//	DIR/config/credentials/ctl      that of raftctl
//	DIR/config/credentials/member-N that of member N
//	DIR/member-N                    what member N remembers
//	DIR/namespace                   the mount table's name while raftd dev runs
//
// DIR/config appears whole, by one rename, and does not change after that.
package layout

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
)

// Name is the name under which the members of every such cluster are mounted.
const Name = "raft"

// The blessings: root blesses everybody else.
const (
	Root           = "raft-dev"
	ClientBlessing = Root + ":client"
	AdminBlessing  = ClientBlessing + ":ctl"
	MemberBlessing = Root + ":member"
)

// version is that of cluster.json.
const version = 1

// A Layout is the directory of one cluster.
type Layout struct {
	Dir     string   // made absolute
	Members []string // the id of member N stands at N-1; it is "host:port"
}

// clusterFile is the content of cluster.json.
type clusterFile struct {
	Version int      `json:"version"`
	Members []string `json:"members"`
}

// Open reads the layout of a directory in which raftd dev has run before. The
// error wraps fs.ErrNotExist where none has.
func Open(dir string) (Layout, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return Layout{}, err
	}
	l := Layout{Dir: dir}
	name := filepath.Join(l.config(), "cluster.json")
	text, err := os.ReadFile(name)
	if err != nil {
		return Layout{}, err
	}
	var file clusterFile
	if err := json.Unmarshal(text, &file); err != nil {
		return Layout{}, fmt.Errorf("%s: %w", name, err)
	}
	if file.Version != version || len(file.Members) == 0 {
		return Layout{}, fmt.Errorf("%s: version %d with %d members; this raftd reads version %d",
			name, file.Version, len(file.Members), version)
	}
	for _, id := range file.Members {
		if _, _, err := net.SplitHostPort(id); err != nil {
			return Layout{}, fmt.Errorf("%s: member %q: %w", name, id, err)
		}
	}
	l.Members = file.Members
	return l, nil
}

// OpenOrCreate opens the layout of a directory, and makes one for so many members
// when there is none.
func OpenOrCreate(dir string, members int) (Layout, error) {
	l, err := Open(dir)
	if !errors.Is(err, fs.ErrNotExist) {
		return l, err
	}
	if err := create(dir, members); err != nil {
		return Layout{}, fmt.Errorf("make a cluster in %s: %w", dir, err)
	}
	return Open(dir)
}

// config is the part that never changes.
func (l Layout) config() string { return filepath.Join(l.Dir, "config") }

// Credentials returns the directory of a principal: "client", "ctl" or
// "member-N".
func (l Layout) Credentials(who string) string { return filepath.Join(l.config(), "credentials", who) }

// MountTablePermissions returns the file that says who may do what at the mount
// table.
func (l Layout) MountTablePermissions() string { return filepath.Join(l.config(), "mounttable.json") }

// Member returns the directory of member n, counted from 1.
func (l Layout) Member(n int) string { return filepath.Join(l.Dir, MemberName(n)) }

// MemberName returns what member n, counted from 1, is called in names of
// directories.
func MemberName(n int) string { return fmt.Sprintf("member-%d", n) }

// SetNamespace records the mount table's name for raftctl.
func (l Layout) SetNamespace(root string) error {
	name := filepath.Join(l.Dir, "namespace")
	next := name + ".next"
	if err := os.WriteFile(next, []byte(root+"\n"), 0o600); err != nil {
		return err
	}
	return os.Rename(next, name)
}

// Namespace returns the mount table's name, as the last run recorded it.
func (l Layout) Namespace() (string, error) {
	text, err := os.ReadFile(filepath.Join(l.Dir, "namespace"))
	if err != nil {
		return "", fmt.Errorf("%w (does raftd dev run in this directory?)", err)
	}
	return strings.TrimSpace(string(text)), nil
}
