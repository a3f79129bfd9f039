package mem_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/replica"
	"v.io/x/ref/lib/raft/transport/conformance"
	"v.io/x/ref/lib/raft/transport/mem"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestConformance(t *testing.T) {
	conformance.Run(t, func(ids ...entry.MemberID) (*conformance.Cluster, error) {
		network := mem.New(1)
		c := &conformance.Cluster{}
		for _, id := range ids {
			c.Transports = append(c.Transports, network.Join(replica.Peer{ID: id}))
		}
		return c, nil
	})
}

// counter counts what arrives.
type counter struct {
	mu       sync.Mutex
	received int
	lost     []entry.MemberID
}

// seen returns what has arrived and which losses were reported so far.
func (c *counter) seen() (received int, lost string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.received, fmt.Sprint(c.lost)
}

func (c *counter) Receive(_ replica.Peer, m []core.Message) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.received += len(m)
}

func (c *counter) Lost(to entry.MemberID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lost = append(c.lost, to)
}

// SnapshotSent implements replica.Receiver.
func (c *counter) SnapshotSent(_ entry.MemberID, _ entry.Index, _ error) {}
func (c *counter) ReceiveSnapshot(context.Context, replica.Peer, replica.IncomingSnapshot) error {
	return errors.New("none wanted")
}

func (c *counter) count() int {
	n, _ := c.seen()
	return n
}

// couple runs f on two members in a bubble.
func couple(t *testing.T, f func(n *mem.Network, a, b *mem.Transport, at, bt *counter)) {
	synctest.Test(t, func(t *testing.T) {
		n := mem.New(7)
		a, b := n.Join(replica.Peer{ID: "a"}), n.Join(replica.Peer{ID: "b"})
		var at, bt counter
		if err := errors.Join(a.Start(&at), b.Start(&bt)); err != nil {
			t.Fatal(err)
		}
		f(n, a, b, &at, &bt)
		if err := errors.Join(a.Close(), b.Close()); err != nil {
			t.Fatal(err)
		}
	})
}

func TestDelay(t *testing.T) {
	couple(t, func(n *mem.Network, a, _ *mem.Transport, _, bt *counter) {
		n.SetFaults(mem.Faults{Delay: time.Second})
		a.Send("b", make([]core.Message, 1))
		time.Sleep(999 * time.Millisecond)
		synctest.Wait()
		if bt.count() != 0 {
			t.Error("a message arrived before its delay")
		}
		time.Sleep(2 * time.Millisecond)
		synctest.Wait()
		if bt.count() != 1 {
			t.Error("a delayed message did not arrive")
		}
	})
}

func TestDrop(t *testing.T) {
	couple(t, func(n *mem.Network, a, _ *mem.Transport, _, bt *counter) {
		n.SetFaults(mem.Faults{Drop: 0.25})
		a.Send("b", make([]core.Message, 4000))
		synctest.Wait()
		if bt.count() < 2800 || bt.count() > 3200 {
			t.Errorf("%d of 4000 messages arrived with a quarter dropped", bt.count())
		}
	})
}

func TestQueueBound(t *testing.T) {
	couple(t, func(n *mem.Network, a, _ *mem.Transport, _, _ *counter) {
		if taken := a.Send("nobody", make([]core.Message, mem.QueueMax+5)); taken != mem.QueueMax {
			t.Errorf("Send took %d of %d messages, want %d", taken, mem.QueueMax+5, mem.QueueMax)
		}
	})
}

func TestCutIsOneWay(t *testing.T) {
	couple(t, func(n *mem.Network, a, b *mem.Transport, at, bt *counter) {
		n.Cut("a", "b")
		a.Send("b", make([]core.Message, 1))
		b.Send("a", make([]core.Message, 1))
		synctest.Wait()
		if at.count() != 1 || bt.count() != 0 {
			t.Errorf("after a cut from a to b: a received %d, b %d", at.count(), bt.count())
		}
		_, aLost := at.seen()
		if _, bLost := bt.seen(); aLost != "[b]" || bLost != "[]" {
			t.Errorf("lost reports: a %s, b %s", aLost, bLost)
		}
		n.Heal()
		a.Send("b", make([]core.Message, 1))
		synctest.Wait()
		if bt.count() != 1 {
			t.Error("nothing arrives after Heal")
		}
		n.Isolate("b")
		a.Send("b", make([]core.Message, 1))
		b.Send("a", make([]core.Message, 1))
		synctest.Wait()
		if at.count() != 1 || bt.count() != 1 {
			t.Error("an isolated member exchanged messages")
		}
	})
}

// Example sends one message between two members of a network in memory.
func Example() {
	network := mem.New(1)
	a, b := network.Join(replica.Peer{ID: "a"}), network.Join(replica.Peer{ID: "b"})
	done := make(chan struct{})
	receiver := &printer{done: done}
	if err := errors.Join(a.Start(receiver), b.Start(receiver)); err != nil {
		fmt.Println(err)
	}
	a.Send("b", []core.Message{{Kind: core.MsgVote, From: "a", To: "b", Term: 1}})
	<-done
	if err := errors.Join(a.Close(), b.Close()); err != nil {
		fmt.Println(err)
	}
	// Output: b hears a vote of term 1 from a
}

type printer struct {
	counter
	done chan struct{}
}

func (p *printer) Receive(from replica.Peer, m []core.Message) {
	fmt.Printf("%s hears a %v of term %d from %s\n", m[0].To, m[0].Kind, m[0].Term, from.ID)
	close(p.done)
}
