package raft

import (
	stdcontext "context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"v.io/v23/context"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/replica"
)

func TestFrameMaxIsTheLargestBodyOfAPacket(t *testing.T) {
	for size, good := range map[int]bool{FrameMax: true, FrameMax + 1: false} {
		block := blockOf(1, 1, strings.Repeat("x", size-entry.HeaderSize))
		p := newPacket(&core.Message{Kind: core.MsgAppend, Entries: core.Range{First: 1, Count: 1},
			Body: []*entry.Block{block}})
		if _, err := p.message("a", "b"); (err == nil) != good {
			t.Errorf("a body of %d bytes: %v", size, err)
		}
	}
	if entry.HeaderSize+CommandMax > FrameMax {
		t.Error("the largest command does not fit in a packet")
	}
}

func TestPeerQueueTakesItsBoundAndNoMore(t *testing.T) {
	box := newOutbox(nil, "b")
	body := strings.Repeat("x", 1<<20)
	m := core.Message{Kind: core.MsgAppend, Body: []*entry.Block{blockOf(1, 1, body)}}
	fits := PeerQueueBytesMax / messageSize(&m)
	all := make([]core.Message, fits+3)
	for i := range all {
		all[i] = m
	}
	if taken := box.put(all); taken != fits {
		t.Errorf("an empty queue took %d messages of a megabyte, want %d", taken, fits)
	}
	if taken := box.put(all[:1]); taken != 0 {
		t.Error("a full queue took another message")
	}
	if got := len(box.take(&box.ordered, nil)); got != fits {
		t.Errorf("the queue held %d", got)
	}
	if taken := box.put(all[:1]); taken != 1 {
		t.Error("an emptied queue takes nothing")
	}
}

func TestPeerQueueTakesOneMessageHoweverLarge(t *testing.T) {
	box := newOutbox(nil, "b")
	var blocks []*entry.Block
	for range 9 {
		blocks = append(blocks, blockOf(1, 1, strings.Repeat("x", CommandMax)))
	}
	m := core.Message{Kind: core.MsgAppend, Body: blocks}
	if size := messageSize(&m); size <= PeerQueueBytesMax {
		t.Fatalf("the message has %d bytes, this tests nothing", size)
	}
	if box.put([]core.Message{m}) != 1 || box.put([]core.Message{m}) != 0 {
		t.Error("want one message taken and no second")
	}
}

// pieces records the sizes of what sendPieces sends.
type pieces struct {
	sizes  []int
	last   []bool
	closed bool
}

func (p *pieces) Send(item SnapshotPiece) error {
	p.sizes, p.last = append(p.sizes, len(item.Data)), append(p.last, item.Last)
	return nil
}

func (p *pieces) Close() error {
	p.closed = true
	return nil
}

func TestImagesAreSentInPiecesAndMarkTheirEnd(t *testing.T) {
	for size, want := range map[int]string{
		0:                      "[0] [true]",
		1:                      "[1] [true]",
		SnapshotPieceBytes - 1: "[65535] [true]",
		SnapshotPieceBytes:     "[65536 0] [false true]",
		SnapshotPieceBytes + 1: "[65536 1] [false true]",
	} {
		var p pieces
		guard := newIdleTimer()
		err := sendPieces(&p, strings.NewReader(strings.Repeat("x", size)), guard)
		guard.Stop()
		if got := fmt.Sprint(p.sizes, p.last); err != nil || got != want || !p.closed {
			t.Errorf("%d bytes went as %s, %v, want %s", size, got, err, want)
		}
	}
}

func TestImageOffsetOutsideTheImageIsRefused(t *testing.T) {
	s := replica.OutgoingSnapshot{Meta: entry.SnapshotMeta{Size: 4}, Open: func(from int64) (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader("abcd"[from:])), nil
	}}
	for from, good := range map[uint64]bool{0: true, 4: true, 5: false, 1 << 63: false} {
		var p pieces
		guard := newIdleTimer()
		if err := copyImage(&p, s, from, guard); (err == nil) != good {
			t.Errorf("from %d: %v", from, err)
		}
		guard.Stop()
	}
}

func TestEveryRefusalOfTheReplicaHasItsPublicError(t *testing.T) {
	c := newCluster(t, 1, nil)
	r := c.members[0].Raft.(*raft)
	ended, cancel := context.WithCancel(c.ctx)
	cancel()
	for _, row := range []struct {
		err    error
		ctx    *context.T
		public error
	}{
		{replica.ErrNotStarted, c.ctx, ErrNotRunning},
		{replica.ErrStopped, c.ctx, ErrNotRunning},
		{fmt.Errorf("at the leader: %w", replica.ErrOverloaded), c.ctx, ErrOverloaded},
		{replica.ErrRemoved, c.ctx, ErrRemoved},
		{&replica.OutcomeUnknownError{Cause: replica.ErrResultLost}, c.ctx, ErrOutcomeUnknown},
		{fmt.Errorf("%w: %w", replica.ErrNotProposed, stdcontext.Canceled), ended, ErrNotProposed},
		{fmt.Errorf("%w: %w", replica.ErrNotProposed, stdcontext.Canceled), ended, stdcontext.Canceled},
		{&replica.OutcomeUnknownError{Cause: stdcontext.Canceled}, ended, ErrOutcomeUnknown},
		{&replica.OutcomeUnknownError{Cause: stdcontext.Canceled}, ended, stdcontext.Canceled},
		{&replica.OutcomeUnknownError{Cause: replica.ErrNotLeader}, c.ctx, ErrOutcomeUnknown},
	} {
		if got := r.translate(row.ctx, row.err); !errors.Is(got, row.public) {
			t.Errorf("%v becomes %v, want %v", row.err, got, row.public)
		}
	}
	if retriable(&replica.OutcomeUnknownError{Cause: replica.ErrNotLeader}) {
		t.Error("an unknown outcome would be tried again: the command could be applied twice")
	}
	if !retriable(replica.ErrNotLeader) || !retriable(fmt.Errorf("x: %w", replica.ErrNoLeader)) {
		t.Error("a command that was certainly not proposed would not be tried again")
	}
}

func TestReplicaIsToldTheBoundsOfThisFile(t *testing.T) {
	c := newCluster(t, 1, nil)
	got := c.members[0].Raft.(*raft).replicaConfig(&journal{}).Limits
	want := replica.Limits{Command: CommandMax, QueueBytes: QueueBytesMax, QueueCount: QueueCountMax,
		Uncommitted: UncommittedBytesMax, Tail: TailBytesMax, Message: MessageBytesMax, StopWait: StopBound,
		Patience: AppendBound, ReadLimits: replica.ReadLimits{ScrubRate: ScrubRate}}
	if got != want {
		t.Errorf("limits are %+v, want %+v", got, want)
	}
}

// newIdleTimer returns a timer that a test only passes on.
func newIdleTimer() *time.Timer { return time.NewTimer(time.Hour) }
