package replica_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"testing"
	"testing/synctest"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/replica"
)

// The files doors_*_test.go show that each door of the library fits the seams of this package
// without a loop of its own: one adapter per door, each of which carries a working cluster here.
//
//	root   errors as results                    TestDoorResults
//	fsm    log and stable store of the user's   doors_fsm_test.go
//	kv     one-way HTTP posts                   doors_http_test.go
//	graft  a broadcast bus, election only       doors_graft_test.go
//	node   request and response                 doors_rpc_test.go

// answers is a machine whose results have the types of the different doors.
type answers struct{ sink }

var errRefused = errors.New("the program refuses")

func (answers) Apply(cmds []replica.Command, results []any) {
	for i, c := range cmds {
		switch string(c.Payload) {
		case "error":
			results[i] = errRefused
		case "bool":
			results[i] = true
		case "value":
			results[i] = map[string]int{"answer": 42}
		}
	}
}

// TestDoorResults checks that what Apply returns reaches the caller as it is, whatever its type.
func TestDoorResults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 3, func(_ *member, config *replica.Config) { config.Machine = answers{} }).start()
		for _, m := range []*member{c.leader(), c.follower()} {
			for command, want := range map[string]any{
				"error": errRefused, "bool": true, "value": map[string]int{"answer": 42}, "nothing": nil,
			} {
				got, _, err := m.Propose(t.Context(), []byte(command))
				if err != nil || !reflect.DeepEqual(got, want) {
					t.Errorf("%q gave %v (%v), want %v", command, got, err, want)
				}
			}
		}
	})
}

// wire is a message as the adapters send it: its fields, and its entries as frames.
type wire struct {
	Message core.Message
	Frames  []byte
}

func encodeWire(messages []core.Message) ([]byte, error) {
	all := make([]wire, len(messages))
	for i, m := range messages {
		for _, block := range m.Body {
			all[i].Frames = append(all[i].Frames, block.Bytes()...)
		}
		m.Body = nil
		all[i].Message = m
	}
	return json.Marshal(all)
}

// decodeWire verifies every frame: what it returns may go to a replica.
func decodeWire(b []byte) ([]core.Message, error) {
	var all []wire
	if err := json.Unmarshal(b, &all); err != nil {
		return nil, err
	}
	messages := make([]core.Message, len(all))
	for i, w := range all {
		messages[i] = w.Message
		if len(w.Frames) == 0 {
			continue
		}
		block, err := entry.Parse(w.Frames)
		if err != nil {
			return nil, err
		}
		messages[i].Body = []*entry.Block{block}
	}
	return messages, nil
}

// noSnapshots is the snapshot store of a door that has no state to keep.
type noSnapshots struct{}

var errNoSnapshots = errors.New("this door keeps no snapshots")

func (noSnapshots) Create(entry.SnapshotMeta) (replica.SnapshotSink, error) {
	return nil, errNoSnapshots
}

func (noSnapshots) Resume(entry.SnapshotMeta) (replica.SnapshotSink, int64, error) {
	return nil, 0, errNoSnapshots
}

func (noSnapshots) List() ([]entry.SnapshotMeta, error) { return nil, nil }

func (noSnapshots) Open(string, int64) (io.ReadCloser, error) { return nil, errNoSnapshots }

func (noSnapshots) Retain(int) error { return nil }

// refuseSnapshot ends a transfer for a transport that cannot carry images.
func refuseSnapshot(r replica.Receiver, to entry.MemberID, s replica.OutgoingSnapshot) {
	r.SnapshotSent(to, s.Meta.Index, errNoSnapshots)
}

// exerciseDoor replicates through every member of a cluster and lets its leader change.
func exerciseDoor(t *testing.T, c *cluster) {
	t.Helper()
	c.start().leader()
	for i := range 12 {
		c.members[i%3].propose(fmt.Sprint("before ", i))
	}
	old := c.leader()
	old.stop()
	c.proposeMany(5, "without the old leader")
	old.start()
	c.proposeMany(5, "with all")
	c.converge()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if _, err := c.follower().ReadIndex(ctx); err != nil {
		t.Errorf("a read through a follower: %v", err)
	}
}
