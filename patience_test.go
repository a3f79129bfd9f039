package raft

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"v.io/v23/context"
	"v.io/v23/security"
	"v.io/v23/verror"

	"v.io/x/ref/lib/raft/core"
)

// stuckPeer is the sending half of a conversation with a peer that does not read: sending ends only
// with the conversation.
type stuckPeer struct{ ctx *context.T }

func (p stuckPeer) Send(Packet) error {
	<-p.ctx.Done()
	return p.ctx.Err()
}

func (p stuckPeer) Close() error { return nil }

func TestPeerThatDoesNotReadLosesItsConversation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root, stop := context.RootContext()
		defer stop()
		ctx, cancel := context.WithCancel(root)
		box := newOutbox(nil, "b")
		box.put([]core.Message{{Kind: core.MsgVote}})
		began := time.Now()
		err := box.deliver(ctx, cancel, &box.urgent, stuckPeer{ctx}, make(chan struct{}))
		if took := time.Since(began); took != SendBound || !errors.Is(err, context.Canceled) {
			t.Errorf("after %v: %v, want the end after %v", took, err, time.Duration(SendBound))
		}
	})
}

func TestIdleConversationIsNotGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.RootContext()
		box := newOutbox(nil, "b")
		ended := make(chan error, 1)
		go func() { ended <- box.deliver(ctx, cancel, &box.urgent, stuckPeer{ctx}, make(chan struct{})) }()
		time.Sleep(10 * SendBound)
		select {
		case err := <-ended:
			t.Errorf("with nothing to send the conversation ended: %v", err)
		default:
		}
		cancel()
		<-ended
	})
}

func TestExpiredPeerLosesItsOpenConversation(t *testing.T) {
	t.Parallel()
	s := serve(t)
	soon, err := security.NewExpiryCaveat(time.Now().Add(2 * time.Second))
	if err != nil {
		t.Fatal(err)
	}
	member := s.blessed("member:b", soon)
	s.learn("b", member)
	c, err := s.converse(member, false)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		for c.RecvStream().Advance() { // Nothing more is said: this waits for the end.
		}
		ended <- c.Finish()
	}()
	m := core.Message{Kind: core.MsgVote, Term: 7}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case err := <-ended:
			if !errors.Is(err, verror.ErrNoAccess) || !strings.Contains(err.Error(), "expired") {
				t.Errorf("the conversation ended with %v", err)
			}
			return
		case <-s.heard.messages:
		case <-tick.C:
			if c.SendStream().Send(newPacket(&m)) != nil {
				continue // The end is known at this side already; Finish says why.
			}
		}
	}
}
