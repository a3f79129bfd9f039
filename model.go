package raft

import (
	"io"
	"log/slog"
	"time"

	"v.io/v23/context"
	"v.io/v23/security/access"
)

// The roles that Status reports.
const (
	RoleCandidate = iota // Requesting to be voted leader.
	RoleFollower         // Following a leader, or waiting for one.
	RoleLeader           // Ordering commands.
	RoleStopped          // Not started yet, stopped, or failed; see Stats for which.
)

// The kinds of entry, as LogEntry.Type has them.
const (
	ClientEntry = byte(0) // A command, given to RaftClient.Apply.
	RaftEntry   = byte(1) // The library's own; it takes an index but is never applied.
)

// RaftClient is the user's program: a deterministic state machine. The library calls its methods
// one at a time, from one goroutine.
type RaftClient interface {
	// Apply applies a committed command. Commands come in the same order and with the same index at
	// every member, each once since the last RestoreFromSnapshot or start. Indexes rise; they have
	// gaps where the library keeps entries of its own.
	//
	// After a restart the client is first given the newest snapshot and then every later command
	// again, so a client that keeps its own durable state must remember the last index it has seen
	// in order to skip replays.
	//
	// cmd may be kept for ever and must not be modified: the log shares it. The error is not the
	// library's business: it is returned by the Append that proposed the command, if that waits at
	// this member. A panic stops this member with an error in Stats, not the process.
	Apply(cmd []byte, index Index) error

	// SaveToSnapshot writes the state after the last applied command to wr. No command is applied
	// until SaveToSnapshot returns; after that, writing may go on beside Apply (from a copy of the
	// state) until response is closed, which ends the snapshot. An error that is returned, or sent
	// on response, discards the image; a nil that is sent means nothing. The library receives from
	// response from before the call until it is closed, so sending never blocks for long.
	//
	// ctx ends when the member stops. A client that never closes response keeps the member from
	// taking another snapshot: that is logged, and the image is dropped when the member stops.
	//
	// A client that keeps its state durable itself may close response without writing anything: an
	// empty snapshot is legal. It lets the log be cut, but it cannot bring up a member whose
	// directory was wiped.
	SaveToSnapshot(ctx *context.T, wr io.Writer, response chan<- error) error

	// RestoreFromSnapshot replaces the state by the image in rd, which was written by some member's
	// SaveToSnapshot; index is the last command in it. No command is applied until it returns.
	// After an error the state is unknown, so the member stops, with the error in Stats.
	RestoreFromSnapshot(ctx *context.T, index Index, rd io.Reader) error
}

// Raft is one member of a set that keeps one log. All methods may be called by any goroutine.
type Raft interface {
	// AddMember makes id a member that votes. An id is "host:port", "/host:port", an endpoint name, or
	// any other name under which the member mounts itself (see RaftConfig.ID).
	//
	// Before Start it names the initial set: every member must be given the same ids, in any order,
	// itself included or not. The set is recorded in LogDir at the first Start; from then on the
	// recorded one is in force, and a different one is logged.
	//
	// After Start it changes the set through the log (thesis, chapter 4): the new member, which was
	// started with RaftConfig.Join, first only receives the log, and votes once it has caught up.
	// AddMember returns when that is committed; any member may be asked. It does nothing when id votes
	// already. One change is made at a time. The errors are ErrChangeRefused, which says why with
	// numbers; ErrChangeGoesOn when ctx ended first (errors.Is finds its error): what was begun goes on
	// under any leader, and asking again joins it; ErrRemoved when the member asked is none of the set's;
	// and ErrNotRunning. Without a leader it waits: give ctx a deadline.
	AddMember(ctx *context.T, id string) error

	// AddLearner makes id a member that receives the log and does not vote, for as long as nobody calls
	// AddMember for it: a copy far away, or a spare. Otherwise it is as AddMember after Start; before
	// Start it returns ErrNotRunning.
	AddLearner(ctx *context.T, id string) error

	// RemoveMember removes a member, voter or not, and returns when that is committed, as AddMember
	// after Start does. A leader that is removed leads until then and hands over. A member that still
	// catches up is removed too, which cancels its AddMember. A removed id is not listened to any more;
	// it may be added again later. What would leave fewer living voters than a majority is refused.
	RemoveMember(ctx *context.T, id string) error

	// Members returns the member set in force as this member knows it, sorted by id; nil while it knows
	// none.
	Members() []MemberInfo

	// TransferLeadership moves leadership to the voter with this id or, with "", to the one that is best
	// suited, and returns when this member hears that it leads; at once if it leads already. Any member
	// may be asked. Appends under way wait, and are not failed. The error is ErrNotTransferred, which
	// says why (errors.Is finds ctx's error when that ended first, and then leadership may still move),
	// or ErrNotRunning.
	TransferLeadership(ctx *context.T, id string) error

	// ID returns the id of this member.
	ID() string

	// Start begins to talk to the other members. It may be called once.
	Start()

	// Stop ends the member: it returns when every goroutine of the library has ended, or, when Apply
	// or a snapshot call of the client does not return, after StopBound at the latest. Every waiting
	// call returns. A stopped member cannot be started again.
	Stop()

	// Append proposes cmd, through whichever member leads, and returns once this member has applied
	// it: applyError is what Apply returned, raftError is nil. A command is applied at most once,
	// whatever happens: when the leader changes, the member proposes it again to the next one, and
	// all members skip a second copy. Append goes on until ctx ends or, when ctx has no deadline,
	// for AppendBound without a leader. cmd is copied before Append returns.
	//
	// A raftError says what is known:
	//
	//	error               when                                          was it proposed?
	//	ErrNotRunning       before Start, after Stop, after a failure      no
	//	ErrTooLarge         cmd is larger than CommandMax                  no
	//	ErrOverloaded       the member's queue is at its bound             no
	//	ErrNoSpace          its disk, or the leader's, has no room         no
	//	ErrNoLeader         no leader until ctx or AppendBound ended       no
	//	ErrNotProposed      ctx ended while the command was still here     no
	//	ErrRemoved          the member is not part of the set              no
	//	ErrOutcomeUnknown   ctx or AppendBound ended, a snapshot took      perhaps: it may be applied
	//	                    the entry's place, the member was removed,     later, once, or never
	//	                    or Stop was called
	//
	// When ctx ended, errors.Is finds ctx's error in the last four too.
	Append(ctx *context.T, cmd []byte) (applyError, raftError error)

	// ReadIndex returns an index that this member has applied and that covers every Append completed
	// anywhere before the call: leadership is confirmed by a quorum after the call. A client that
	// reads its own state after ReadIndex returns reads linearizably. Errors are those of Append
	// but for ErrOutcomeUnknown: a read changes nothing and is simply not answered.
	ReadIndex(ctx *context.T) (Index, error)

	// Barrier returns when this member has applied everything that was proposed here, and everything that
	// was committed anywhere, before the call, and an index behind all of it. It goes through the log, as
	// an entry of the library's own; ReadIndex gives the same for what was committed and writes nothing.
	// Errors are those of Append; a barrier changes nothing, so asking again is harmless.
	Barrier(ctx *context.T) (Index, error)

	// Snapshot takes a snapshot of this member's state now, whatever the thresholds say, and returns the
	// last index in it once it is durable: it covers every command applied here before the call. The
	// error is the client's, ErrNotRunning, ErrOverloaded, or ctx's; after the last the snapshot goes on.
	Snapshot(ctx *context.T) (Index, error)

	// Subscribe returns a stream of what happens to this member from now on: terms, roles, leaders, member
	// sets, snapshots, stalls of its disk. size is how many events may wait to be read, 64 when it is 0, at
	// most 65536; the member never waits for a subscriber, but drops what does not fit, and the next event
	// says how many were lost. Close the subscription when it is not needed any more.
	Subscribe(size int) *Subscription

	// Status returns this member's id, its role, and the id of the leader, "" while none is known.
	Status() (myID string, role int, leader string)

	// Stats returns a snapshot of the member's counters and positions.
	Stats() Stats

	// Ready returns nil while this member can serve: it is running, knows a leader, and has applied
	// what was committed when it last heard. Else the error says what is missing. A probe that
	// routes traffic asks this.
	Ready() error

	// Live returns nil unless the member has failed for good, with the reason. A probe that restarts
	// processes asks this; the lack of a leader or a quorum is not a reason to restart.
	Live() error

	// StartElection says that this member shall lead, and returns at once. A leader that it hears is
	// asked to hand over, which loses no command; without one it campaigns, and asks for pre-votes
	// first, so it cannot harm a set that would not elect it. It goes on trying until this member leads,
	// for 12 heartbeats at most; an Event of kind EventRole tells. TransferLeadership to this member's own
	// id is the call that waits, and says why it did not come about.
	StartElection()
}

// RaftConfig is passed to NewRaft. The zero value of each field but LogDir and HostPort is a
// working default.
type RaftConfig struct {
	LogDir            string            // Directory for log and snapshot files; created if missing.
	HostPort          string            // Where to listen for RPCs, "host:port"; port 0 picks one.
	ServerName        string            // Name to mount the service under, shared by the members; "" for none.
	Heartbeat         time.Duration     // Time between heartbeats; 0 means HeartbeatDefault.
	SnapshotThreshold int64             // Log entries between snapshots; 0 means SnapshotEntriesDefault.
	ACL               access.AccessList // Who may call client methods, beside the member's own principal.

	// PeerACL says who may call the methods of members (vote, replicate, snapshot), beside the
	// member's own principal; nil means ACL. A peer must in any case prove its member id.
	PeerACL *access.AccessList
	// AdminACL says who may change the member set and move leadership, beside the member's own
	// principal; nil means those who may be peers.
	AdminACL *access.AccessList
	// OpenAccess allows "..." in ACL: anybody, even without a name, may append and read. It never
	// applies to PeerACL and AdminACL.
	OpenAccess bool
	// ID is this member's id for ever; "" means the address first bound to. It is recorded in LogDir
	// and must not change.
	ID string
	// Join starts without an initial set: the member never campaigns and waits to be added.
	Join bool
	// SnapshotBytes is the number of log bytes between snapshots, whichever threshold comes first;
	// 0 means SnapshotBytesDefault.
	SnapshotBytes int64
	// LeaseReads lets a leader answer ReadIndex without asking a quorum, as long as one has answered a
	// heartbeat within the last 4.5 (thesis, section 6.4.1): about as fast as reading the program's own
	// state. It rests on clocks whose rates differ by less than a third, on virtual machines too; where
	// that is doubtful, leave it off. It is decided when the cluster is founded, for good, and every
	// member must have the same, with the same Heartbeat: members that differ refuse each other.
	LeaseReads bool
	// Rank says who should lead, 0 before all others, at most RankMax: members of a higher rank wait
	// longer before they campaign, and a leader that stops hands over to the lowest rank that is caught
	// up. It is a wish, not a rule: whoever wins an election leads.
	Rank uint64
	// Logger receives what the library has to say; nil means the logger of NewRaft's ctx.
	Logger *slog.Logger
}

// Stats is a consistent picture of a member at one moment.
type Stats struct {
	ID      string
	Role    int
	Leader  string // "" while unknown
	Term    Term
	Last    Index // last entry in the log
	Commit  Index // last entry known to be committed
	Durable Index // last entry durable here
	Applied Index // last entry applied here

	// QueueBytes are the commands and messages that wait at this member to be looked at.
	QueueBytes int64
	// Refused counts messages from peers that this member did not listen to.
	Refused uint64
	// FsyncP50 and FsyncP99 are quantiles of the last log writes.
	FsyncP50, FsyncP99 time.Duration
	// LastContact is how long ago the leader (on a follower) or a quorum (on the leader) was heard;
	// negative while it never was.
	LastContact time.Duration
	// Members is the member set in force, sorted.
	Members []string
	Health
}

// Health is how a member's disk and program are.
type Health struct {
	// Full is true while the disk has no room for commands: the member votes, and takes none.
	Full bool
	// Failure is why the member stopped by itself, nil while it has not.
	Failure error
	Damage  Damage
}

// Damage is what a member's disk does not give back as it was written, and what was done about it. Counters
// start at 0 with NewRaft.
type Damage struct {
	// Entries is how many log entries cannot be read at present, First the first of them; 0 for none.
	Entries uint64
	First   Index
	// Repaired counts the entries that were replaced by copies of other members.
	Repaired uint64
	// Images counts the member's own images that were found damaged, and set aside. AwaitsImage is up to where
	// at least an image must reach that the leader is asked for in place of one; 0 for none.
	Images      uint64
	AwaitsImage Index
	// ScrubPasses is how often the background check has read the whole log, ScrubNext the entry that it goes on
	// from, 0 between two passes. Both stay 0 with it turned off.
	ScrubPasses uint64
	ScrubNext   Index
	// Former is the incarnation that the directory had before its newest vote could not be read, 0 when that
	// never happened: since then the member goes on under another one, and the files of this one lie in the
	// directory lost-<incarnation> of LogDir.
	Former uint64
}

// ControlEntry records a change of the current term, or of the vote given in it.
type ControlEntry struct {
	InUse       bool
	CurrentTerm Term
	VotedFor    string
}

// Entry is one record of a member's files: a log entry, or a control entry when InUse is set.
type Entry struct {
	LogEntry
	ControlEntry
}
