package raft_test

import (
	"errors"
	"io"
	"testing"
	"time"

	"v.io/v23/context"
	"v.io/v23/security/access"
	"v.io/v23/vdl"
	"v.io/v23/verror"
	"v.io/v23/vom"

	"v.io/x/ref/lib/raft"
)

// The API of the seed: each identifier with its documented type. This compiles or it does not.
var (
	_ int  = raft.RoleCandidate
	_ int  = raft.RoleFollower
	_ int  = raft.RoleLeader
	_ int  = raft.RoleStopped
	_ byte = raft.ClientEntry
	_ byte = raft.RaftEntry

	_ verror.IDAction = raft.ErrNotLeader
	_ verror.IDAction = raft.ErrOutOfSequence

	_ func(*context.T, string) error                        = raft.ErrorfNotLeader
	_ func(*context.T, string, raft.Term, raft.Index) error = raft.ErrorfOutOfSequence
	_ func(*context.T, string) error                        = raft.MessageNotLeader
	_ func(*context.T, string, raft.Term, raft.Index) error = raft.MessageOutOfSequence

	_ func(error) (string, string, error)                        = raft.ParamsErrNotLeader
	_ func(error) (string, string, raft.Term, raft.Index, error) = raft.ParamsErrOutOfSequence

	_ func(*context.T, *raft.RaftConfig, raft.RaftClient) (raft.Raft, error) = raft.NewRaft
)

// seedRaft and seedClient are the seed's interfaces: ours may have more methods, but none less.
type seedRaft interface {
	AddMember(ctx *context.T, id string) error
	ID() string
	Start()
	Stop()
	Append(ctx *context.T, cmd []byte) (applyError, raftError error)
	Status() (myID string, role int, leader string)
	StartElection()
}

type seedClient interface {
	Apply(cmd []byte, index raft.Index) error
	SaveToSnapshot(ctx *context.T, wr io.Writer, response chan<- error) error
	RestoreFromSnapshot(ctx *context.T, index raft.Index, rd io.Reader) error
}

var (
	_ seedRaft        = raft.Raft(nil)
	_ seedClient      = raft.RaftClient(nil)
	_ raft.RaftClient = seedClient(nil) // A program written for the seed is a client as it is.
)

// vdlValue is what the generated methods of a VDL type make it.
type vdlValue interface {
	VDLIsZero() bool
	VDLWrite(enc vdl.Encoder) error
}

var (
	_ vdlValue   = raft.Term(0)
	_ vdlValue   = raft.Index(0)
	_ vdlValue   = raft.LogEntry{}
	_ vdl.Reader = (*raft.Term)(nil)
	_ vdl.Reader = (*raft.Index)(nil)
	_ vdl.Reader = (*raft.LogEntry)(nil)

	_ interface {
		VDLReflect(struct {
			Name string `vdl:"v.io/x/ref/lib/raft.Term"`
		})
	} = raft.Term(0)
	_ interface {
		VDLReflect(struct {
			Name string `vdl:"v.io/x/ref/lib/raft.Index"`
		})
	} = raft.Index(0)
	_ interface {
		VDLReflect(struct {
			Name string `vdl:"v.io/x/ref/lib/raft.LogEntry"`
		})
	} = raft.LogEntry{}
)

// Struct literals with every documented field.
var (
	_ = raft.RaftConfig{LogDir: "", HostPort: "", ServerName: "", Heartbeat: time.Duration(0),
		SnapshotThreshold: int64(0), ACL: access.AccessList{}}
	_ = raft.Entry{
		LogEntry:     raft.LogEntry{Term: raft.Term(0), Index: raft.Index(0), Cmd: []byte(nil), Type: byte(0)},
		ControlEntry: raft.ControlEntry{InUse: false, CurrentTerm: raft.Term(0), VotedFor: ""},
	}
)

func TestRolesAndKindsHaveTheSeedsValues(t *testing.T) {
	if raft.RoleCandidate != 0 || raft.RoleFollower != 1 || raft.RoleLeader != 2 || raft.RoleStopped != 3 {
		t.Error("the roles are not 0 to 3 in the order candidate, follower, leader, stopped")
	}
	if raft.ClientEntry != 0 || raft.RaftEntry != 1 {
		t.Error("the kinds of entry are not 0 and 1")
	}
}

func TestSeedErrorsHaveTheirIDsAndParameters(t *testing.T) {
	if raft.ErrNotLeader.ID != "v.io/x/ref/lib/raft.NotLeader" || raft.ErrNotLeader.Action != verror.NoRetry {
		t.Errorf("ErrNotLeader is %+v", raft.ErrNotLeader)
	}
	if raft.ErrOutOfSequence.ID != "v.io/x/ref/lib/raft.OutOfSequence" || raft.ErrOutOfSequence.Action != verror.NoRetry {
		t.Errorf("ErrOutOfSequence is %+v", raft.ErrOutOfSequence)
	}
	if err := raft.ErrorfNotLeader(nil, "plain"); !errors.Is(err, raft.ErrNotLeader) {
		t.Errorf("ErrorfNotLeader returns %v", err)
	}
	err := raft.ErrorfOutOfSequence(nil, "after (%d, %d)", 3, 7)
	_, _, term, index, perr := raft.ParamsErrOutOfSequence(err)
	if term != 3 || index != 7 || perr != nil {
		t.Errorf("parameters are %d, %d, %v", term, index, perr)
	}
}

func TestLogEntryTravelsByVOM(t *testing.T) {
	sent := raft.LogEntry{Term: 3, Index: 7, Cmd: []byte("x"), Type: raft.RaftEntry}
	b, err := vom.Encode(sent)
	if err != nil {
		t.Fatal(err)
	}
	var got raft.LogEntry
	if err := vom.Decode(b, &got); err != nil || got.Term != 3 || got.Index != 7 || string(got.Cmd) != "x" ||
		got.Type != raft.RaftEntry {
		t.Errorf("got %+v, %v", got, err)
	}
	if got.VDLIsZero() || !(raft.LogEntry{}).VDLIsZero() {
		t.Error("VDLIsZero is wrong")
	}
}
