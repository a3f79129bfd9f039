package raft

import (
	"v.io/v23/context"

	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/replica"
)

// persistence is everything that a member must remember. One directory holds it, and one member of
// one process at a time owns the directory.
//
// The three setters are durable when they return nil, refuse to change what is set, and may be called
// by several goroutines; the stores have contracts of their own.
type persistence interface {
	// Recorded returns what is known about the member.
	Recorded() record
	// SetMember names the directory's owner.
	SetMember(entry.MemberID) error
	// SetInitial records the set that the member is first started with.
	SetInitial([]entry.MemberID) error
	// SetCluster records the cluster's id.
	SetCluster(entry.ClusterID) error
	// Log remembers entries, term and vote.
	Log() replica.LogStore
	// Snapshots remembers images of the user's state.
	Snapshots() replica.SnapshotStore
	// Close releases the directory for another owner. The log is closed before it.
	Close() error
}

// opener opens or creates what a member remembers at a path.
type opener func(ctx *context.T, path string) (persistence, error)

// renewal is what a member that has lost its newest vote begins anew with.
type renewal struct {
	// aside is where the files of the former incarnation are kept.
	aside string
	// cause says what could not be read, nil when an earlier start had begun with it.
	cause error
}

// record is what a directory says about its member.
type record struct {
	// ID is the member's, "" in a directory that is new.
	ID entry.MemberID
	// Incarnation was drawn when the directory was created, or when its newest vote was lost.
	Incarnation entry.Incarnation
	// Former is the incarnation whose newest vote was lost, 0 for none. A member with one belongs to a cluster
	// that exists: it founds none, whatever it is started with.
	Former entry.Incarnation
	// Initial is the sorted set that the member was first started with, empty before the first
	// Start and for a member that joins.
	Initial []entry.MemberID
	// Cluster is the cluster's id, zero before the first entry was committed.
	Cluster entry.ClusterID
	// Renewal is not nil when this opening has put Incarnation in the place of Former.
	Renewal *renewal
}
