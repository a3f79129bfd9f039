package core

import (
	"fmt"

	"v.io/x/ref/lib/raft/entry"
)

// Instant is a point in time in nanoseconds, on a monotonic clock that goes on while the machine
// is suspended. Only differences mean anything. Core never asks for the time: it is told.
type Instant int64

// Role is what a member currently is.
type Role uint8

// The roles of the paper's figure 4. A pre-candidate is a candidate that has not raised its term.
const (
	Follower Role = iota
	PreCandidate
	Candidate
	Leader
)

// String returns the role's name.
func (r Role) String() string {
	switch r {
	case Follower:
		return "follower"
	case PreCandidate:
		return "pre-candidate"
	case Candidate:
		return "candidate"
	case Leader:
		return "leader"
	}
	return fmt.Sprintf("role %d", uint8(r))
}

// ProposalID names a proposal between replica and core; replica chooses it.
type ProposalID uint64

// ReadID names a read between replica and core; replica chooses it, fresh for each read.
type ReadID uint64

// Proposal asks for one entry. Core never sees the payload.
type Proposal struct {
	ID   ProposalID
	Kind entry.Kind
	// Size is the whole frame's length in bytes.
	Size uint32
}

// Input is all that happened since the last turn. The slices are the caller's, reused between
// turns; core keeps nothing of them but the blocks of messages.
type Input struct {
	// Now is the present. Invariant: it never decreases from one Input to the next.
	Now Instant
	// Received are messages whose sender has been proven and whose Body has been verified.
	Received []Message
	// Proposals are local commands, in order.
	Proposals []Proposal
	// Stored says that every batch up to this number is durable.
	Stored uint64
	// Space is how the log stands for room.
	Space
	// Loaded are entries read from segments for a member that lags.
	Loaded []Loaded
	// Reads are local questions for a read point.
	Reads []ReadID
	// Changes are local requests for a change of the configuration.
	Changes []ChangeRequest
	// Peers are those whose connection was proven since the last turn, or proved something else than
	// before; members or not.
	Peers []Peer
	// Installed is a snapshot that replica has received whole, made durable and restored into the
	// machine, nil for none.
	Installed *entry.SnapshotMeta
	// Compacted is the entry up to which a durable local snapshot allows the log to be dropped, 0 for
	// none.
	Compacted entry.Index
	// Lost are members to which the transport has lost its connection: their windows restart, and a
	// lost leader is suspected.
	Lost []entry.MemberID
	// Campaign says that this member shall lead: a leader that it hears is asked to hand over, else
	// it asks for pre-votes now; and so again until it leads, for an election time-out at most.
	Campaign bool
	// Answers end questions.
	Answers []Answer
	// Transfers ask that leadership moves. Each is answered in Effects.Transferred, in a later Step
	// perhaps, but within five quarters of an election time-out.
	Transfers []TransferRequest
}

// Space is how the log stands for room and readable entries. The zero value is a log that has both.
type Space struct {
	// NoRoom says that the log has no place for entries at present: none may be handed out for writing.
	NoRoom bool
	// Unwritten says that the entries handed out and not yet durable were not written and will not be;
	// their batches are written without them. A leader is never told: it keeps its log.
	Unwritten bool
	// Impaired says that the log holds entries that cannot be read, and that this member should not lead
	// for that: they are not applied and could not be had from others for an election time-out, or one
	// of them may be a configuration.
	Impaired bool
	// Learned are configurations of entries that could not be read when the member started and now can.
	// A leader is given none.
	Learned []ConfigurationAt
}

// Loaded answers a [Load]. Entries.Count 0 says that the entry Entries.First has been compacted
// away, so that the member needs a snapshot.
type Loaded struct {
	To      entry.MemberID
	Entries Range
	Body    []*entry.Block
}

// Outgoing is a message and when it may leave. This one field is both "the leader sends while its
// own fsync runs" and "no ack and no vote before the sync": replica decides nothing.
type Outgoing struct {
	Message
	// After is the number of the batch that must be durable first; 0 means now.
	After uint64
}

// Appended is one entry that core has ordered and replica must frame.
type Appended struct {
	Index entry.Index
	Term  entry.Term
	Kind  entry.Kind
	// Proposal is the local proposal's id, or 0 for an entry of core's own.
	Proposal ProposalID
	// Forwarded, when not nil, is the block whose entry At holds the payload of a command that
	// another member forwarded, with its origin and sequence.
	Forwarded *entry.Block
	At        entry.Index
	// Configuration is the payload of a configuration entry of core's own.
	Configuration *entry.Configuration
}

// Write is what must be made durable: the log batch without its bytes. Replica frames Appended
// into one block, adds Received as it came, and hands the [entry.Batch] to the store.
type Write struct {
	// Seq is the batch's number, 0 when there is nothing to write.
	Seq          uint64
	Hard         *entry.HardState
	TruncateFrom entry.Index
	Reset        *entry.Position
	Appended     []Appended
	Received     []*entry.Block
	Commit       entry.Index
}

// Refusal says why a proposal was certainly not taken. The numbers travel in MsgProposeReply.
type Refusal uint8

const (
	// RefusedNotLeader: this member is not the leader; Effects.Leader may say who is.
	RefusedNotLeader Refusal = iota + 1
	// RefusedOverloaded: the leader's uncommitted bytes are at their bound.
	RefusedOverloaded
	// RefusedTransferring: the leader hands over and takes nothing more.
	RefusedTransferring
	// RefusedNoSpace: this member's log, or the leader's, has no room.
	RefusedNoSpace
)

// Refused is a proposal that did not happen and never will.
type Refused struct {
	Proposal ProposalID
	Why      Refusal
}

// RefusedForward says that none of the commands First to Last of one origin, forwarded earlier,
// were proposed.
type RefusedForward struct {
	Origin      uint64
	First, Last uint64
	Why         Refusal
}

// Forward asks replica to frame proposals into MsgPropose messages for the leader of Term.
type Forward struct {
	To        entry.MemberID
	Term      entry.Term
	Proposals []ProposalID
}

// ReadPoint answers a read: once entry Index is applied locally, the state is at least as new as
// any write that had completed when the read was asked. Failed says that the question could not be
// answered (no leader, or leadership lost): nothing was read.
type ReadPoint struct {
	Read   ReadID
	Index  entry.Index
	Failed bool
}

// Load asks for entries that are older than the tail kept in memory.
type Load struct {
	To       entry.MemberID
	Entries  Range
	MaxBytes int
}

// SnapshotOrder asks replica to send its newest snapshot to a member whose next entry is gone.
type SnapshotOrder struct{ To entry.MemberID }

// Status is the part of the state that others may read, whole after each Step.
type Status struct {
	Role   Role
	Term   entry.Term
	Leader entry.MemberID // "" while unknown
	Vote   entry.MemberID
	Last   entry.Position
	Commit entry.Index
	// Durable is the last entry that is durable locally.
	Durable entry.Index
	// LastContact is when a quorum (on a leader) or the leader (on a follower) was last heard.
	LastContact Instant
	// Stalled is true while no write has ended for an election time-out although one is under way.
	Stalled bool
	// Held is what the log can have held before it lost its end, zero when it did not, or has come up to
	// it again. Until then the member does not stand for election.
	Held entry.Position
	// Transferring is whom this leader hands over to, "" for nobody. It refuses proposals meanwhile.
	Transferring entry.MemberID
}

// Remarks are what a Step says to others than stores and members.
type Remarks struct {
	// Questions are about candidates, for the program to answer.
	Questions []Question
	// Notices tell what changed with this Step, for whoever watches.
	Notices []Notice
}

// Effects is everything that one Step wants done. The slices are reused by the next Step with the
// same Effects; replica copies what it keeps. When Fatal is set nothing else may be done.
type Effects struct {
	Write Write
	Send  []Outgoing
	// Commit is the greatest index known to be committed. Replica applies entries up to it that are
	// also durable locally.
	Commit entry.Index
	// TailFirst is the oldest entry that replica must keep in memory; older ones are read from
	// segments by Load.
	TailFirst entry.Index
	Refused   []Refused
	// RefusedForwards are answers about commands that this member forwarded. When the term changed
	// with the same Step, the outcome of all of them is unknown nevertheless.
	RefusedForwards []RefusedForward
	// Forward has the proposals that the leader must order.
	Forward   Forward
	Reads     []ReadPoint
	Loads     []Load
	Snapshots []SnapshotOrder
	// Remarks are for the program around.
	Remarks
	// Transferred are answers to Input.Transfers.
	Transferred []TransferResult
	// Changed answers local requests for a change.
	Changed []ChangeResult
	// Configuration is set when another configuration came into force with this Step.
	Configuration *ConfigurationAt
	// Fatal stops the member, which then takes no further input: an entry of an unknown kind, or a
	// committed entry contradicted. The text says what was seen.
	Fatal error
}
