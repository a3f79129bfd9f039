package replica_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/replica"
)

// TestEvents follows a leader through an election, a transfer, an image, a stall and its stop.
func TestEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		logs := stalledLogs{}
		c := newCluster(t, 3, func(m *member, config *replica.Config) {
			logs.wrap(m, config)
			often(m, config)
		})
		first := c.members[0]
		first.start()
		events := first.Subscribe(1 << 12)
		c.members[1].start()
		c.members[2].start()
		c.leader()
		if err := first.Transfer(t.Context(), first.id); err != nil {
			t.Fatal(err)
		}
		c.proposeMany(30, "x")
		first.await("an image", hasSnapshot)
		if err := first.Transfer(t.Context(), ""); err != nil {
			t.Fatal(err)
		}
		c.converge()
		disk := &logs[first.id].stores
		disk.close()
		c.leader().propose("y")
		first.await("a stall", func(s replica.Status) bool { return s.Stalled })
		disk.open()
		first.await("its end", func(s replica.Status) bool { return !s.Stalled })
		first.stop()
		seen := map[replica.EventKind][]replica.Event{}
		role, term := core.Follower, uint64(0)
		for e := range events.Events() {
			seen[e.Kind] = append(seen[e.Kind], e)
			if e.Kind == replica.EventRole {
				if e.Was != role {
					t.Errorf("from %v to %v, after an event that told of %v", e.Was, e.Role, role)
				}
				role = e.Role
			}
			if uint64(e.Term) < term || e.Missed != 0 || e.At == 0 {
				t.Errorf("%+v after term %d", e, term)
			}
			term = uint64(e.Term)
		}
		for kind := replica.EventTerm; kind <= replica.EventSnapshotTaken; kind++ {
			if len(seen[kind]) == 0 {
				t.Errorf("no event of kind %v", kind)
			}
		}
		led := slices.ContainsFunc(seen[replica.EventRole], func(e replica.Event) bool { return e.Role == core.Leader })
		if stalls := seen[replica.EventStall]; !led || len(stalls) != 2 || !stalls[0].Stalled || stalls[1].Stalled {
			t.Errorf("led: %v; stalls %+v", led, stalls)
		}
	})
}

// TestEventsOfSnapshots tells the sender and the receiver of an image.
func TestEventsOfSnapshots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 3, often).start()
		c.proposeMany(5, "together")
		away := c.follower()
		away.stop()
		c.proposeMany(100, "without one")
		sender := c.leader().Subscribe(0)
		defer sender.Close()
		synctest.Wait() // what is on its way to the stopped member is lost
		away.start()
		receiver := away.Subscribe(0)
		defer receiver.Close()
		var sent, installed replica.Event
		for sent.Kind != replica.EventSnapshotSent {
			sent = <-sender.Events()
		}
		for installed.Kind != replica.EventSnapshotInstalled {
			installed = <-receiver.Events()
		}
		if sent.Err != nil || sent.Member != away.id || sent.Index == 0 || sent.Index != installed.Index {
			t.Errorf("sent %+v, installed %+v", sent, installed)
		}
		if s := away.Status(); s.Applied < installed.Index {
			t.Errorf("told of the image up to %d when %d is applied", installed.Index, s.Applied)
		}
	})
}

// TestSlowSubscriber lets one subscriber not read: the replica goes on, another one gets everything, and
// the slow one learns how much it missed.
func TestSlowSubscriber(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 3, nil).start()
		leader := c.leader()
		slow, quick := leader.Subscribe(1), leader.Subscribe(1<<10)
		for range 10 {
			if err := leader.Transfer(t.Context(), ""); err != nil {
				t.Fatal(err)
			}
			if err := leader.Transfer(t.Context(), leader.id); err != nil {
				t.Fatal(err)
			}
		}
		leader.propose("x")
		<-time.After(time.Millisecond)
		first := <-slow.Events()
		leader.Campaign() // leads already: nothing happens
		if err := leader.Transfer(t.Context(), ""); err != nil {
			t.Fatal(err)
		}
		second := <-slow.Events()
		n := 0
		for quickLen := len(quick.Events()); n < quickLen; n++ {
			if e := <-quick.Events(); e.Missed != 0 {
				t.Errorf("the quick one missed %d before %+v", e.Missed, e)
			}
		}
		if first.Missed != 0 || second.Missed == 0 || slow.Dropped() < second.Missed || int(second.Missed) > n {
			t.Errorf("the slow one missed %d and %d, dropped %d of %d", first.Missed, second.Missed, slow.Dropped(), n)
		}
		if leader.Stats().EventsDropped != slow.Dropped() {
			t.Errorf("%d dropped in all, %d by the slow one", leader.Stats().EventsDropped, slow.Dropped())
		}
		slow.Close()
		slow.Close()
		if _, open := <-slow.Events(); open {
			t.Log("an event that waited")
		}
		r := leader.Replica
		leader.stop()
		for range quick.Events() {
			n++
		}
		if _, open := <-r.Subscribe(0).Events(); open {
			t.Error("a stopped replica tells something")
		}
	})
}

func TestEventNames(t *testing.T) {
	for kind := replica.EventTerm; kind <= replica.EventFailed; kind++ {
		if name := kind.String(); name == "" || strings.HasPrefix(name, "event kind") {
			t.Errorf("kind %d is called %q", kind, kind)
		}
	}
	for _, kind := range []replica.EventKind{0, replica.EventFailed + 1} {
		if !strings.HasPrefix(kind.String(), "event kind ") {
			t.Errorf("kind %d is called %q", kind, kind)
		}
	}
}
