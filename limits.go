package raft

import (
	"time"

	"v.io/x/ref/lib/raft/core"
)

// Every bound and default of the library stands in this file.
const (
	// CommandMax is the largest command in bytes; Append returns ErrTooLarge above it.
	CommandMax = 4 << 20
	// QueueBytesMax bounds the commands that wait at one member to be ordered; Append returns
	// ErrOverloaded above it.
	QueueBytesMax = 64 << 20
	// QueueCountMax bounds their number.
	QueueCountMax = 1 << 16
	// UncommittedBytesMax bounds what a leader has ordered but not committed, so that a leader
	// without a quorum does not grow; Append returns ErrOverloaded above it.
	UncommittedBytesMax = 256 << 20
	// TailBytesMax bounds the part of the log that a member keeps in memory.
	TailBytesMax = 64 << 20
	// MessageBytesMax bounds the entries in one message between members. One entry above it still
	// travels, alone.
	MessageBytesMax = 1 << 20
	// FrameMax bounds the entries that a member accepts in one message. The connection bounds every
	// item, before allocating it, at 16 MiB.
	FrameMax = CommandMax + (64 << 10)
	// SnapshotPieceBytes is the size of a piece of an image on the wire. What a connection holds when it
	// breaks is sent again: a piece that is not whole, and the window of a stream, 256 KiB.
	SnapshotPieceBytes = 64 << 10
	// PeerQueueBytesMax bounds the messages that wait to be sent to one peer, in each of the two conversations
	// with it.
	PeerQueueBytesMax = 32 << 20

	// HeartbeatDefault is RaftConfig.Heartbeat's default.
	HeartbeatDefault = 50 * time.Millisecond
	// HeartbeatMin and HeartbeatMax bound RaftConfig.Heartbeat.
	HeartbeatMin = time.Millisecond
	HeartbeatMax = time.Minute
	// RankMax bounds RaftConfig.Rank.
	RankMax = core.RankMax
	// SnapshotEntriesDefault is RaftConfig.SnapshotThreshold's default.
	SnapshotEntriesDefault = 1 << 20
	// SnapshotBytesDefault is RaftConfig.SnapshotBytes's default.
	SnapshotBytesDefault = 256 << 20

	// ScrubRate is how many bytes of its log, and of its images, a member reads and checks in a second, in the
	// background, so that damage is found while others have copies.
	ScrubRate = 1 << 20

	// AppendBound is how long Append and ReadIndex go on trying when their ctx has no deadline.
	AppendBound = 30 * time.Second
	// StopBound is how long Stop waits for a call of the client's that does not return.
	StopBound = 5 * time.Second
	// DialBound is how long a connection to a peer may take, handshake included.
	DialBound = 5 * time.Second
	// ResumeBound is how long a peer may take to say from where on it wants an image: after a restart it
	// verifies what it has of it.
	ResumeBound = 2 * time.Minute
	// SendBound is how long a peer may refuse to read before its connection is given up.
	SendBound = 10 * time.Second
	// OutsiderIdle is how long a member keeps talking to one that is none of its set's, after the last
	// word for it. OutsidersMax is how many of them it talks to at a time.
	OutsiderIdle = time.Minute
	OutsidersMax = 64
	// ReauthorizeEvery is how often a stream of a peer is authorised again, so that an expired or
	// withdrawn blessing ends it.
	ReauthorizeEvery = time.Second
)
