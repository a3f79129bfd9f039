// Package storetest is the conformance suite of what a replica remembers with: one list of checks
// for [replica.LogStore], one for those that are a [replica.Healer] beside, which also needs a hand
// on the disk, and one for [replica.SnapshotStore]. Every implementation runs them, also
// those of users:
//
//	func TestLog(t *testing.T) {
//		storetest.RunLog(t, func() (storetest.OpenLog, error) { ... })
//	}
//
// A check returns an error instead of failing a test, so that the suite itself is tested on
// implementations with a planted fault, each of which some check must reject. The package also has
// the two in-memory stores that tests of other packages stand on.
package storetest

import (
	"fmt"
	"testing"

	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/replica"
)

// OpenLog opens a log in a place that stays the same: after Close, opening again is a restart.
type OpenLog func() (replica.LogStore, error)

// OpenSnapshots opens a snapshot store in a place that stays the same.
type OpenSnapshots func() (replica.SnapshotStore, error)

// LogCheck is one property of a log store. Run gets a new empty place.
type LogCheck struct {
	Name string
	Run  func(OpenLog) error
}

// SnapshotCheck is one property of a snapshot store. Run gets a new empty place.
type SnapshotCheck struct {
	Name string
	Run  func(OpenSnapshots) error
}

// RunLog runs every check of a log store, each in a place of its own.
func RunLog(t *testing.T, place func() (OpenLog, error)) {
	t.Helper()
	for _, check := range LogChecks() {
		t.Run(check.Name, func(t *testing.T) {
			open, err := place()
			if err != nil {
				t.Fatal(err)
			}
			if err := check.Run(open); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// RunSnapshots runs every check of a snapshot store, each in a place of its own.
func RunSnapshots(t *testing.T, place func() (OpenSnapshots, error)) {
	t.Helper()
	for _, check := range SnapshotChecks() {
		t.Run(check.Name, func(t *testing.T) {
			open, err := place()
			if err != nil {
				t.Fatal(err)
			}
			if err := check.Run(open); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// Block returns entries first to last of one term, with payloads that name them. Entry kinds
// alternate between commands and no-ops.
func Block(first, last entry.Index, term entry.Term) *entry.Block {
	return BlockOf(first, last, term, 0)
}

// BlockOf is [Block] with payloads of at least size bytes.
func BlockOf(first, last entry.Index, term entry.Term, size int) *entry.Block {
	var b entry.Builder
	for i := first; i <= last; i++ {
		payload := fmt.Appendf(nil, "entry %d of term %d", i, term)
		for len(payload) < size {
			payload = append(payload, byte(i), byte(term))
		}
		kind := entry.KindCommand
		if i%3 == 0 {
			kind = entry.KindNoOp
		}
		b.Add(entry.Header{
			Kind: kind, Index: i, Term: term, Origin: 7, Sequence: uint64(i),
			Size: uint32(len(payload)), PayloadSum: entry.Checksum(payload),
		}, payload)
	}
	return b.Block()
}

// ConfigurationBlock returns one configuration entry.
func ConfigurationBlock(index entry.Index, term entry.Term, c entry.Configuration) *entry.Block {
	var b entry.Builder
	payload := entry.AppendConfiguration(nil, c)
	b.Add(entry.Header{
		Kind: entry.KindConfiguration, Index: index, Term: term,
		Size: uint32(len(payload)), PayloadSum: entry.Checksum(payload),
	}, payload)
	return b.Block()
}
