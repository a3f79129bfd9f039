package raft

import (
	"fmt"

	"v.io/v23/rpc"

	"v.io/x/ref/lib/raft/entry"
)

// mounts are the names of a member in the name space. It belongs to one goroutine.
type mounts struct {
	server rpc.Server
	// shared is RaftConfig.ServerName, under which clients find any member: only who is one has it, so
	// that they are not sent to one that waits to be added or was removed. "" for none.
	shared string
	// own is where the other members look for this one, "" when that is its address.
	own string
	// isShared is true while the member has the shared name.
	isShared bool
}

// ownName returns the name under which a member mounts itself because its id is that name.
func ownName(id entry.MemberID) string {
	if isAddress(id) {
		return ""
	}
	return string(id)
}

// start mounts the member under its own name.
func (m *mounts) start() error {
	if m.own == "" {
		return nil
	}
	if m.shared == m.own {
		m.shared = ""
	}
	return m.add(m.own)
}

// share mounts the member under the shared name, or takes it away.
func (m *mounts) share(wanted bool) error {
	if m.shared == "" || m.isShared == wanted {
		return nil
	}
	m.isShared = wanted
	if !wanted {
		m.server.RemoveName(m.shared)
		return nil
	}
	return m.add(m.shared)
}

func (m *mounts) add(name string) error {
	if err := m.server.AddName(name); err != nil {
		return fmt.Errorf("mounting under %q: %w", name, err)
	}
	return nil
}
