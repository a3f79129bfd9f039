package raft

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"v.io/v23/context"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
)

// started starts the transport of member a over n, in a bubble.
func started(t *testing.T, n network) *peers {
	t.Helper()
	ctx, cancel := context.RootContext()
	p := peersOver(ctx, n)
	p.service = newService(stubHost{}, p.identity, p.auth, slog.New(slog.DiscardHandler))
	if err := p.Start(&heard{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// talksTo reports whether a transport has a sender for id.
func (p *peers) talksTo(id entry.MemberID) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.outboxes[id] != nil
}

func TestOutsiderIsTalkedToUntilThereIsNothingToSay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := started(t, slowNetwork{})
		p.assign([]entry.MemberID{"a", "b", "c"})
		if p.talksTo("a") {
			t.Error("the member talks to itself")
		}
		p.assign([]entry.MemberID{"a", "b"}) // c is removed.
		if err := p.meet("d"); err != nil {
			t.Fatal(err)
		}
		if err := p.auth.learn(nil, "d", []byte("key")); err != nil {
			t.Fatal(err)
		}
		for range 5 {
			time.Sleep(OutsiderIdle / 2)
			if p.Send("c", []core.Message{{Kind: core.MsgAppend}}) != 1 {
				t.Fatal("a message for a removed member was not taken")
			}
		}
		synctest.Wait()
		if p.talksTo("d") || !p.talksTo("c") || !p.talksTo("b") {
			t.Errorf("talks to the idle outsider %v, to the busy one %v, to the member %v",
				p.talksTo("d"), p.talksTo("c"), p.talksTo("b"))
		}
		if key, _ := p.auth.keyFor("d"); key != nil {
			t.Error("the key of a forgotten outsider is still known")
		}
		time.Sleep(2*OutsiderIdle + 1)
		synctest.Wait()
		if p.talksTo("c") || !p.talksTo("b") {
			t.Errorf("two minutes later: talks to the removed one %v, to the member %v", p.talksTo("c"), p.talksTo("b"))
		}
	})
}

func TestOutsidersAreNoMoreThanTheirBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := started(t, slowNetwork{connect: time.Hour})
		p.assign([]entry.MemberID{"a", "b", "c"})
		for i := range OutsidersMax {
			if err := p.meet(entry.MemberID(fmt.Sprint("outsider", i))); err != nil {
				t.Fatalf("outsider %d: %v", i, err)
			}
		}
		if err := p.meet("one more"); err == nil || p.talksTo("one more") {
			t.Errorf("outsider %d: %v", OutsidersMax+1, err)
		}
		for _, id := range []entry.MemberID{"b", "outsider0"} {
			if err := p.meet(id); err != nil {
				t.Errorf("%s, who is talked to: %v", id, err)
			}
		}
	})
}

func TestWhoIsHeard(t *testing.T) {
	c := startCluster(t, 1, nil)
	c.append(0, "x") // The set is in force.
	r := c.members[0].Raft.(*raft)
	ours := r.replica.Status().Configuration.Cluster
	for _, row := range []struct {
		id      entry.MemberID
		cluster entry.ClusterID
		why     string
	}{
		{r.identity.id, ours, "this member itself"},
		{"127.0.0.1:1", entry.ClusterID{}, "none of the set's"},
		{"127.0.0.1:1", ours, ""},
	} {
		err := r.hears(row.id, row.cluster)
		if (err == nil) != (row.why == "") || err != nil && !strings.Contains(err.Error(), row.why) {
			t.Errorf("%s of cluster %s: %v, want %q", row.id, row.cluster, err, row.why)
		}
	}
	if !r.peers.talksTo("127.0.0.1:1") {
		t.Error("nobody looks for the key of an outsider that may be heard")
	}
}
