package raft

import (
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"v.io/v23/context"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/replica"
)

// slowNetwork stands for a peer that takes its time: to connect, and then until it says its first word.
// After that it says nothing more and takes everything.
type slowNetwork struct{ connect, word time.Duration }

// wait waits for d or the end of ctx.
func wait(ctx *context.T, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (n slowNetwork) converse(ctx *context.T, to entry.MemberID, hello Hello,
	_ bool) (raftProtoConverseClientCall, error) {
	if err := wait(ctx, n.connect); err != nil {
		return nil, err
	}
	answer := Hello{Format: helloFormat, From: string(to), To: hello.From}
	return &slowConversation{slowCall[Hello]{ctx: ctx, word: n.word, value: answer}}, nil
}

func (n slowNetwork) install(ctx *context.T, _ entry.MemberID, _ Hello,
	_ SnapshotHead) (raftProtoInstallSnapshotClientCall, error) {
	if err := wait(ctx, n.connect); err != nil {
		return nil, err
	}
	return &slowInstall{slowCall[uint64]{ctx: ctx, word: n.word}}, nil
}

// slowCall is a call to a slow peer, whose one streamed result is a T.
type slowCall[T any] struct {
	ctx   *context.T
	word  time.Duration
	value T
	said  bool
}

func (c *slowCall[T]) Advance() bool {
	if c.said {
		<-c.ctx.Done()
		return false
	}
	c.said = true
	return wait(c.ctx, c.word) == nil
}

func (c *slowCall[T]) Value() T      { return c.value }
func (c *slowCall[T]) Err() error    { return c.ctx.Err() }
func (c *slowCall[T]) Finish() error { return c.ctx.Err() }
func (c *slowCall[T]) Close() error  { return nil }

type slowConversation struct{ slowCall[Hello] }

func (c *slowConversation) Send(Packet) error { return nil }

func (c *slowConversation) RecvStream() interface {
	Advance() bool
	Value() Hello
	Err() error
} {
	return c
}

func (c *slowConversation) SendStream() interface {
	Send(Packet) error
	Close() error
} {
	return c
}

type slowInstall struct{ slowCall[uint64] }

func (c *slowInstall) Send(SnapshotPiece) error { return nil }

func (c *slowInstall) RecvStream() interface {
	Advance() bool
	Value() uint64
	Err() error
} {
	return c
}

func (c *slowInstall) SendStream() interface {
	Send(SnapshotPiece) error
	Close() error
} {
	return c
}

// peersOver returns the transport of member a over n.
func peersOver(ctx *context.T, n network) *peers {
	log := slog.New(slog.DiscardHandler)
	p := newPeers(ctx, &identity{id: "a"}, newAuthority(nil, log), nil, log)
	p.network = n
	return p
}

// slowCases are how a peer may take its time, and when it is given up.
var slowCases = []struct {
	network slowNetwork
	// inTime is true when the peer said its first word before the bound.
	inTime bool
}{
	{slowNetwork{connect: DialBound - 1}, true},
	{slowNetwork{word: DialBound - 1}, true},
	{slowNetwork{connect: DialBound / 2, word: DialBound/2 - 1}, true},
	{slowNetwork{connect: DialBound + 1}, false},
	{slowNetwork{word: DialBound + 1}, false},
	{slowNetwork{connect: DialBound / 2, word: DialBound/2 + 1}, false},
	{slowNetwork{connect: time.Hour}, false},
	{slowNetwork{word: time.Hour}, false},
}

func TestPeerThatIsSlowToAnswerIsGivenUpAtTheBound(t *testing.T) {
	for _, c := range slowCases {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.RootContext()
			box := newOutbox(peersOver(ctx, c.network), "b")
			began := time.Now()
			ended := make(chan time.Duration, 1)
			go func() {
				if err := box.converse(ctx); err == nil {
					t.Errorf("%+v: the conversation ended without an error", c.network)
				}
				ended <- time.Since(began)
			}()
			time.Sleep(10 * DialBound)
			cancel()
			if took := <-ended; took != 10*DialBound && c.inTime || took != DialBound && !c.inTime {
				t.Errorf("%+v: the conversation ended after %v, bound %v", c.network, took, time.Duration(DialBound))
			}
		})
	}
}

func TestPeerThatIsSlowToTakeAnImageIsGivenUpAtTheBound(t *testing.T) {
	image := replica.OutgoingSnapshot{Meta: entry.SnapshotMeta{ID: "i", Size: 1},
		Open: func(int64) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("x")), nil }}
	for _, c := range []struct {
		network slowNetwork
		bound   time.Duration // 0 when it is in time
	}{
		{network: slowNetwork{connect: DialBound - 1}},
		{network: slowNetwork{word: ResumeBound - 1}},
		{network: slowNetwork{connect: DialBound - 1, word: ResumeBound - 1}},
		{slowNetwork{connect: DialBound + 1}, DialBound},
		{slowNetwork{word: ResumeBound + 1}, ResumeBound},
		{slowNetwork{connect: time.Hour}, DialBound},
		{slowNetwork{word: time.Hour}, ResumeBound},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.RootContext()
			defer cancel()
			began := time.Now()
			err := peersOver(ctx, c.network).sendSnapshot(t.Context(), "b", image)
			if took := time.Since(began); (err == nil) != (c.bound == 0) || c.bound != 0 && took != c.bound {
				t.Errorf("%+v: after %v %v, bound %v", c.network, took, err, c.bound)
			}
		})
	}
}

func TestCallerWhoseKeyIsNotFoundIsRefusedAtTheBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuarded(t)
		ctx, cancel := context.RootContext()
		defer cancel()
		s := newService(stubHost{}, &identity{id: "a"}, g.authority, slog.New(slog.DiscardHandler))
		s.open(&heard{messages: make(chan core.Message)})
		began := time.Now()
		hello := Hello{Format: helloFormat, From: "b", To: "a"}
		_, _, err := s.admit(ctx, g.from(t, g.blessed(t, "member:b")), hello)
		if took := time.Since(began); err == nil || took != DialBound {
			t.Errorf("after %v: %v, want a refusal after %v", took, err, time.Duration(DialBound))
		}
	})
}
