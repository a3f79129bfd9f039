package replica

import (
	"context"
	"io"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
)

// LogStore remembers one member's log, term and vote. It has no goroutine of its own: every call
// does its work and returns, so that a simulator may call it inline.
//
// Store, Compact and Close are called by one goroutine, one at a time. Read may overlap them.
type LogStore interface {
	// Recover returns what the log holds. It is called once, before any other method.
	Recover() (entry.Recovered, error)
	// Store makes the batch durable: when it returns nil, everything in it survives a crash of the
	// machine. Hard comes first, then truncation or reset, then the entries. After an error the
	// store is poisoned: every later Store fails, and nothing that failed may be assumed absent. The
	// exception is an error that wraps entry.ErrNoSpace, which only a [Healer] returns.
	Store(*entry.Batch) error
	// Read returns entries lo to hi, or fewer when they exceed maxBytes (but at least one), each
	// verified against its checksums. The result is immutable. The error wraps ErrCompacted when lo
	// is no longer in the log, and entry.ErrCorrupt when the disk's bytes are not what was written; but
	// intact entries before damaged ones are returned. Any other error says that the disk cannot be
	// read, or that the log does not have the entries.
	Read(lo, hi entry.Index, maxBytes int) (*entry.Block, error)
	// Compact allows the store to drop the entries up to through, which a durable snapshot covers.
	// It may drop fewer.
	Compact(through entry.Index) error
	// Close releases the files. It does not sync: what Store promised is durable already.
	Close() error
}

// Healer is what a LogStore may be beside: one that can go on with damaged entries and with a full file
// system. A store that is none refuses to recover from damage, and is poisoned by a lack of space.
//
// Repair is called by the goroutine that calls Store, never at the same time as it or Compact; Verify
// may overlap all three, as Read does; Room is called by the goroutine that calls Store.
type Healer interface {
	// Repair puts intact copies in place of damaged entries, durable when it returns nil. Each entry of
	// the block must be in the log under the same index and term, and equal in kind, size, origin,
	// sequence and payload checksum to a header that is known; an entry that is not damaged is left as
	// it is. A copy that is refused changes nothing, and the error wraps [ErrCopyRefused]. Any other
	// error poisons the store like one of Store, but entry.ErrNoSpace: then nothing was written.
	Repair(*entry.Block) error
	// Verify reads and checks the stored entries from index on, those of about maxBytes at most but at
	// least one, and returns where to go on, or 0 when that was the end of the log. An index outside the
	// log starts at its beginning. damaged is what it found, ascending; damage is no error. An err that
	// is not nil says that the disk could not be read at all.
	Verify(from entry.Index, maxBytes int) (next entry.Index, damaged []entry.Damage, err error)
	// Room reports whether the log has place for entries. While it says false, only batches without
	// entries (hard states, truncations, resets) and repairs are taken, for which a reserve is kept;
	// others fail with entry.ErrNoSpace. Asked with try it asks the file system for more, once; without
	// it answers from memory.
	Room(try bool) bool
}

// ErrCopyRefused is [entry.ErrCopyRefused]: the copies given to a Repair are not those of the damaged entries.
var ErrCopyRefused = entry.ErrCopyRefused

// ErrCompacted is [entry.ErrCompacted]: the first entry of a Read is no longer in the log.
var ErrCompacted = entry.ErrCompacted

// SnapshotStore remembers images of the user's state. Its methods may be called by several
// goroutines at once.
type SnapshotStore interface {
	// Create starts an image that was captured at meta.Index. Nothing is visible before Commit.
	Create(entry.SnapshotMeta) (SnapshotSink, error)
	// Resume continues an image whose transfer broke: it returns the sink and how many bytes it
	// already holds durably. Starting anew, at 0, is always a fair answer.
	Resume(entry.SnapshotMeta) (sink SnapshotSink, at int64, err error)
	// List returns the complete snapshots, newest first.
	List() ([]entry.SnapshotMeta, error)
	// Open reads the image from byte from on. Closing the reader releases the file; the snapshot is
	// not deleted while it is open. Reading verifies checksums: a damaged image is an error, never
	// wrong bytes.
	Open(id string, from int64) (io.ReadCloser, error)
	// Retain deletes all complete snapshots but the newest keep ones.
	Retain(keep int) error
}

// ImageKeeper is what a SnapshotStore may be beside: one that can go on without a damaged image. A member
// whose store is none does not start when its newest image is damaged.
type ImageKeeper interface {
	// SetAside takes an image out of the store, durably, because reading it ended in cause, which wraps
	// entry.ErrCorrupt: it is neither listed nor opened again. Its bytes are kept under another name. One that
	// is not in the store, or no more, is no error.
	SetAside(id string, cause error) error
	// Aside returns the images that were set aside, also by an earlier process, newest first.
	Aside() []entry.AsideSnapshot
}

// SnapshotSink is [entry.SnapshotSink]: it receives one image.
type SnapshotSink = entry.SnapshotSink

// Peer is what a transport has proved about the sender of a message.
type Peer struct {
	ID          entry.MemberID
	Cluster     entry.ClusterID // zero while the peer knows none
	Incarnation entry.Incarnation
	// Former is the incarnation that the peer says to have had before it lost its newest vote, 0 for none.
	Former entry.Incarnation
	Key    []byte // PKIX DER of the public key that the connection proved
	// Level is the newest level of formats and features that the peer says to know (see core.Level), 0
	// when it says none.
	Level uint32
}

// Transport carries messages, one way. Loss, delay, duplication and reordering are allowed;
// altering is not.
type Transport interface {
	// Start begins to receive. It is called once.
	Start(Receiver) error
	// Send hands over messages for one member and never blocks. It returns how many it took, from
	// the front; the others are lost, as any message may be. The transport may keep the blocks but
	// not the slice. "" is everybody, and comes only where Config.Election.Size says so. Messages
	// that are Urgent should not wait behind those with entries.
	Send(to entry.MemberID, m []core.Message) (taken int)
	// SendSnapshot sends an image, and ends in exactly one Receiver.SnapshotSent. It returns at
	// once, closes image in any case, paces itself so that messages are not delayed, and stops when
	// ctx ends.
	SendSnapshot(ctx context.Context, to entry.MemberID, s OutgoingSnapshot)
	// Close stops everything and returns when no goroutine of the transport is left.
	Close() error
}

// OutgoingSnapshot is an image to send: the leader's term, its description and where to read it.
type OutgoingSnapshot struct {
	Term entry.Term
	Meta entry.SnapshotMeta
	// Open returns the image from a byte offset on, which the receiver chooses.
	Open func(from int64) (io.ReadCloser, error)
}

// IncomingSnapshot is an image being received. Image ends with io.EOF only when all of it arrived.
type IncomingSnapshot struct {
	Term entry.Term
	Meta entry.SnapshotMeta
	// From asks for the offset to send from, and starts the stream.
	From func(at int64) (io.Reader, error)
}

// Receiver is what a replica gives to its transport. All methods may be called by several
// goroutines; Receive never blocks.
type Receiver interface {
	// Receive takes messages whose From is the peer that the connection proved. Those it has no
	// room for are dropped and counted.
	Receive(from Peer, m []core.Message)
	// Lost says that the connection to a member broke: what was sent on it may be lost.
	Lost(to entry.MemberID)
	// SnapshotSent ends a SendSnapshot; err is nil when the member has installed the image.
	SnapshotSent(to entry.MemberID, index entry.Index, err error)
	// ReceiveSnapshot receives and installs an image; it blocks until that is done, and returns nil
	// only when it is durable.
	ReceiveSnapshot(ctx context.Context, from Peer, s IncomingSnapshot) error
}

// Command is an entry handed to the user's program.
type Command struct {
	Index entry.Index
	Term  entry.Term
	// Payload may be kept for ever and must not be modified: the log's tail shares it.
	Payload []byte
}

// Machine is the user's program behind a door. All methods are called by one goroutine, the apply
// goroutine, one at a time.
type Machine interface {
	// Apply applies commands in order and puts what each returned into results, which has the same
	// length. A result means something only to the door.
	Apply(cmds []Command, results []any)
	// Snapshot captures the state: no Apply runs until it returns. The image may be written to w
	// then or until finish returns, beside later Applies; finish is called by another goroutine.
	// An error of either discards the image. ctx ends when the replica stops.
	Snapshot(ctx context.Context, at entry.Index, w io.Writer) (finish func() error, err error)
	// Restore replaces the state by the image of everything up to entry at. After an error the
	// state is undefined and the replica stops.
	Restore(ctx context.Context, at entry.Index, r io.Reader) error
}
