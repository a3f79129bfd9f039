package core

import (
	"fmt"

	"v.io/x/ref/lib/raft/entry"
)

// MessageKind says what a message asks or answers. Kinds are a closed, append-only list: the
// numbers travel between members of different versions. An unknown kind is refused and counted.
type MessageKind uint8

// The messages, with the fields each one uses beside Kind, From, To and Term.
const (
	// MsgPreVote asks "would you vote for me in Term?" without changing anything (thesis 9.6).
	// Index and LogTerm name the candidate's last entry.
	MsgPreVote MessageKind = iota + 1
	// MsgPreVoteReply answers it; Reject says no. Term is the asked term when granted, else the
	// answering member's own.
	MsgPreVoteReply
	// MsgVote asks for a vote in Term (paper 5.2). Index and LogTerm name the candidate's last entry.
	// Hint 1 says that the leader told the candidate to stand.
	MsgVote
	// MsgVoteReply answers it; it leaves only once the vote is durable. Reject says no.
	MsgVoteReply
	// MsgAppend carries the entries after (Index, LogTerm), possibly none, and the leader's Commit
	// (paper 5.3). Round comes back with the ack and proves leadership for reads.
	MsgAppend
	// MsgAppendReply acknowledges entries up to Match as durable and, perhaps beyond it, up to Index
	// as received; or with Reject it says that the entry at Index did not match and where to try
	// next (Hint, HintTerm). It echoes Round. Without Reject, Hint is the sender's rank, and HintTerm 1
	// says that its log has no room for entries at present. Commit is up to where the sender's log can
	// have reached before it lost its end, 0 when it has not lost it.
	MsgAppendReply
	// MsgPropose forwards commands to the leader. Body holds frames whose index is a count from 1
	// and whose term is 1; the leader orders them anew. Term is the term in which the sender knew
	// the leader: in another term nothing is proposed. Round numbers the messages of the commands'
	// origin: each is handled at most once in its term.
	MsgPropose
	// MsgProposeReply tells the forwarding member that none of the commands of origin Hint with the
	// sequences Index to Match were proposed by its message; Round is the [Refusal]. Success is not answered: the
	// entry itself is. With Index > Match it only tells the Term.
	MsgProposeReply
	// MsgRead asks the leader for a read point; Round is the asking member's id for it.
	MsgRead
	// MsgReadReply answers it: Index is the read point, confirmed by a quorum after the question;
	// Reject says that the answering member cannot tell.
	MsgReadReply
	// MsgSnapshotReply tells the leader that the snapshot up to Index was installed, or with Reject
	// that it was not. It is made by replica from the transport's answer.
	MsgSnapshotReply
	// MsgTransfer tells the follower whose log holds everything to campaign at once (thesis 3.10,
	// there TimeoutNow). The MsgVote that it then sends has Hint 1 and is answered even by members
	// that hear their leader.
	MsgTransfer
	// MsgTransferRequest asks the leader to hand over to Target, or to the best voter when that is
	// empty. Round is the asking member's id for it, 0 when it wants no answer.
	MsgTransferRequest
	// MsgTransferReply tells the asking member that the transfer will not come about; Hint is the
	// [TransferRefusal]. Success is not answered: the new leader's messages are.
	MsgTransferReply
	// MsgChange asks the leader for a change of the configuration. Body is one frame whose payload
	// encodes it as a configuration: members to add, removed ids to remove. Round is the request's id.
	MsgChange
	// MsgChangeReply answers it under the same Round: the configuration at Index is the wanted one and
	// committed; or with Reject that it was refused, Hint being the [Refusal], Match and Commit its
	// numbers.
	MsgChangeReply
	// MsgImageRequest asks the leader for an image that covers at least the entries up to Index: the
	// sender's own was damaged, and its log goes on from there. It is for replica; core lets it pass.
	MsgImageRequest
	// MsgFetch asks any member for copies of the entries Index to Match, which the sender cannot read any
	// more. LogTerm is the term of the last of them: whose log has that entry has the same ones before it, too. Round is
	// the question's number. It and its answer are for replica; core never sees them.
	MsgFetch
	// MsgFetched answers it under the same Round: Entries and Body are the first of the copies, as many as
	// can be read and fit a message; or with Reject there are none before index Hint.
	MsgFetched
	messageKinds
)

var messageNames = [...]string{"", "pre-vote", "pre-vote reply", "vote", "vote reply", "append", "append reply",
	"propose", "propose reply", "read", "read reply", "snapshot reply", "transfer", "transfer request",
	"transfer reply", "change", "change reply", "image request", "fetch", "fetched"}

// Known reports whether this version understands k.
func (k MessageKind) Known() bool { return k >= MsgPreVote && k < messageKinds }

// String returns the kind's name, or its number when it is unknown.
func (k MessageKind) String() string {
	if k.Known() {
		return messageNames[k]
	}
	return fmt.Sprintf("message kind %d", uint8(k))
}

// Message is what members say to each other: one fixed struct for all kinds, so that it can be
// hashed, compared and sent without a codec for each.
type Message struct {
	Kind MessageKind
	From entry.MemberID
	To   entry.MemberID
	// Incarnation is the directory that From spoke from as its connection proved it, 0 when it has
	// none. It does not travel: the receiver's replica fills it in.
	Incarnation entry.Incarnation
	Term        entry.Term
	// Index and LogTerm name an entry: the one before the appended ones, or a candidate's last.
	Index   entry.Index
	LogTerm entry.Term
	// Commit is the leader's commit index.
	Commit entry.Index
	// Match is the last entry that the sender holds durably and knows to agree with the leader's. In
	// MsgAppend it is the last one that the receiver's directory Hint has acknowledged in this term, 0
	// for none.
	Match entry.Index
	// Round names a question so that its answer cannot be taken for another's.
	Round    uint64
	Reject   bool
	Hint     uint64
	HintTerm entry.Term
	// Target names a third member: who shall lead.
	Target entry.MemberID
	// Entries is the range of entries carried: Entries.Count of them from Entries.First on. Core
	// fills it for a message to send; replica fills Body from its tail before the message leaves.
	Entries Range
	// Body holds the frames of Entries, contiguous; on a received message it has been verified
	// against Entries. Core reads kinds, terms and sizes from it, never a payload.
	Body []*entry.Block
}

// Urgent reports whether a transport should let the message overtake those that carry entries: on a slow line
// 4 MiB of them take long, and who hears nothing meanwhile stands for election, or steps down. A transport that
// keeps all messages in order is correct, too. A MsgAppend without entries is urgent only where any log matches
// it; one that names the entry before the next one would be refused where it arrives before that entry.
func (m *Message) Urgent() bool {
	return m.Entries.Count == 0 && len(m.Body) == 0 && (m.Kind != MsgAppend || m.Index == 0)
}

// Range is a run of Count entries starting at First.
type Range struct {
	First entry.Index
	Count uint32
}

// Last returns the last index of the range, First-1 when it is empty.
func (r Range) Last() entry.Index { return r.First + entry.Index(r.Count) - 1 }
