package sim

import (
	"context"
	"errors"
	"io"

	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/replica"
)

// This file: the stores and the machine of a member that only elects.

var errNoLog = errors.New("an election has neither entries nor images")

// voteLog is a log with room for a term and a vote, and nothing else.
type voteLog struct{ voting *voting }

// Recover implements replica.LogStore.
func (l voteLog) Recover() (entry.Recovered, error) {
	r := entry.Recovered{Hard: l.voting.elector.disk}
	return r, l.voting.elector.world.checks.Recovered(l.voting.who, &r)
}

// Store implements replica.LogStore.
func (l voteLog) Store(b *entry.Batch) error {
	if b.Hard == nil || len(b.Blocks) > 0 || b.TruncateFrom != 0 || b.Reset != nil {
		return errNoLog
	}
	checks := l.voting.elector.world.checks
	checks.Storing(l.voting.who, b)
	l.voting.elector.disk = *b.Hard
	return checks.Stored(l.voting.who, b)
}

// Read implements replica.LogStore.
func (voteLog) Read(_, _ entry.Index, _ int) (*entry.Block, error) { return nil, errNoLog }

// Compact implements replica.LogStore.
func (voteLog) Compact(entry.Index) error { return errNoLog }

// Close implements replica.LogStore.
func (voteLog) Close() error { return nil }

// noImages is an empty snapshot store.
type noImages struct{}

// Create implements replica.SnapshotStore.
func (noImages) Create(entry.SnapshotMeta) (replica.SnapshotSink, error) { return nil, errNoLog }

// Resume implements replica.SnapshotStore.
func (noImages) Resume(entry.SnapshotMeta) (replica.SnapshotSink, int64, error) {
	return nil, 0, errNoLog
}

// List implements replica.SnapshotStore.
func (noImages) List() ([]entry.SnapshotMeta, error) { return nil, nil }

// Open implements replica.SnapshotStore.
func (noImages) Open(string, int64) (io.ReadCloser, error) { return nil, errNoLog }

// Retain implements replica.SnapshotStore.
func (noImages) Retain(int) error { return nil }

// noMachine is a program without replicated state.
type noMachine struct{}

// Apply implements replica.Machine.
func (noMachine) Apply([]replica.Command, []any) {}

// Snapshot implements replica.Machine.
func (noMachine) Snapshot(context.Context, entry.Index, io.Writer) (func() error, error) {
	return nil, errNoLog
}

// Restore implements replica.Machine.
func (noMachine) Restore(context.Context, entry.Index, io.Reader) error { return errNoLog }
