package raft

import (
	"errors"
	"strings"
	"testing"

	"v.io/v23/naming"
	"v.io/x/ref/test"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/replica"
)

// slowLine is the rate of a line, in bytes per second, on which a command of 4 MiB is under way for longer than an
// election time-out of HeartbeatDefault.
const slowLine = 4 << 20

// TestLargeCommandsOnSlowLines: commands of 4 MiB, given to every member, are committed, because nobody takes the
// time that they need for silence: else one election follows the other, and each leader begins to send anew.
func TestLargeCommandsOnSlowLines(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, func(_ int, config *RaftConfig) { config.Heartbeat = HeartbeatDefault })
	w := c.wire()
	c.start()
	c.elect()
	c.append(0, "before")
	w.each(func(l *link) { l.slow(slowLine) })
	leader := c.leader()
	want := []string{"before"}
	for i := range c.members {
		large := strings.Repeat(string(rune('a'+i)), CommandMax)
		c.append((leader+i)%3, large)
		want = append(want, large)
	}
	c.agree(want)
}

// TestUrgentMessagesPassEntries: on one connection, in the order in which they arrive.
func TestUrgentMessagesPassEntries(t *testing.T) {
	ctx, shutdown := test.V23Init()
	defer shutdown()
	cluster, names, err := stubCluster(ctx, "a", "b")
	if err != nil {
		t.Fatal(err)
	}
	address, _ := naming.SplitAddressName(names["b"])
	line := newLink(t, address)
	defer line.close()
	names["b"] = naming.JoinAddressName(line.address(), "")
	b := &heard{messages: make(chan core.Message, 16)}
	for i, r := range []replica.Receiver{&heard{}, b} {
		if err := cluster.Transports[i].Start(r); err != nil {
			t.Fatal(err)
		}
	}
	defer func() {
		if err := errors.Join(cluster.Transports[0].Close(), cluster.Transports[1].Close(), cluster.Close()); err != nil {
			t.Error(err)
		}
	}()
	send := func(m ...core.Message) { cluster.Transports[0].Send("b", m) }
	eventually(t, "a message arrives", func() bool {
		send(core.Message{Kind: core.MsgVote, Term: 1})
		return len(b.messages) > 0
	})
	for len(b.messages) > 0 {
		<-b.messages
	}
	line.slow(slowLine)
	large := blockOf(1, 1, strings.Repeat("x", CommandMax))
	send(core.Message{Kind: core.MsgAppend, Term: 2, Entries: core.Range{First: 1, Count: 1}, Body: []*entry.Block{large}},
		core.Message{Kind: core.MsgAppend, Term: 3, Index: 1, LogTerm: 1, Entries: core.Range{First: 2}},
		core.Message{Kind: core.MsgAppend, Term: 4, Entries: core.Range{First: 1}},
		core.Message{Kind: core.MsgAppendReply, Term: 5})
	for _, want := range []entry.Term{4, 5, 2, 3} {
		m := <-b.messages
		for m.Kind == core.MsgVote {
			m = <-b.messages
		}
		if m.Term != want {
			t.Errorf("heard %v of number %d, want number %d", m.Kind, m.Term, want)
		}
		if want == 5 {
			line.slow(0)
		}
	}
}
