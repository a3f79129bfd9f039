package replica_test

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/replica"
	"v.io/x/ref/lib/raft/replica/storetest"
)

// foundDamaged finds damage when it is recovered, and is no Healer.
type foundDamaged struct {
	replica.LogStore
	change func(*entry.Recovered)
}

func (l foundDamaged) Recover() (entry.Recovered, error) {
	rec, err := l.LogStore.Recover()
	l.change(&rec)
	return rec, err
}

// TestDamageWithoutHealer starts a member whose log is damaged, over a store that cannot repair: it is
// refused, with numbers and what to do.
func TestDamageWithoutHealer(t *testing.T) {
	for name, change := range map[string]func(*entry.Recovered){
		"entries": func(rec *entry.Recovered) { rec.Damaged = []entry.Damage{{First: 2, Last: 3, Known: true}} },
		"the end": func(rec *entry.Recovered) { rec.Held = entry.Position{Index: 9, Term: 2} },
	} {
		c := newCluster(t, 1, func(_ *member, config *replica.Config) { config.Log = foundDamaged{config.Log, change} })
		log, err := c.members[0].log.Open()
		if err != nil {
			t.Fatal(err)
		}
		if err := log.Store(&entry.Batch{Seq: 1, Hard: &entry.HardState{Term: 1},
			Blocks: []*entry.Block{storetest.Block(1, 5, 1)}}); err != nil {
			t.Fatal(err)
		}
		if _, err := c.members[0].open(); !errors.Is(err, entry.ErrCorrupt) {
			t.Errorf("%s: New returned %v, want an error that wraps ErrCorrupt", name, err)
		}
	}
}

// healed waits until a member's log can be read, and it is ready.
func (m *member) healed() {
	m.t.Helper()
	m.await("a log without damage", func(s replica.Status) bool { return s.Damage.Entries == 0 })
	m.await("readiness", func(replica.Status) bool { return m.Ready() == nil })
	m.await("a disk without damage", func(replica.Status) bool { return len(m.log.Damaged()) == 0 })
}

// filled starts a cluster of n, has it apply commands, and stops all members. The leader is the last: it cannot
// hand over any more, so that nobody has an entry of another term that the others lack.
func filled(t *testing.T, n, commands int, configure func(*member, *replica.Config)) *cluster {
	c := newCluster(t, n, configure).start()
	leader := c.leader()
	leader.proposeMany(commands, "command")
	c.converge()
	for _, m := range c.members {
		if m != leader {
			m.stop()
		}
	}
	leader.stop()
	return c
}

// TestHealsFromPeers damages entries of a stopped member: when it starts it is not ready before they are
// healed, exactly they are fetched, and it applies what all apply.
func TestHealsFromPeers(t *testing.T) {
	for _, known := range []bool{true, false} {
		t.Run(fmt.Sprint("known ", known), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := filled(t, 3, 100, nil)
				m := c.members[1]
				for _, d := range []entry.Damage{{First: 2, Last: 2}, {First: 10, Last: 25}, {First: 100, Last: 101}} {
					m.log.Damage(d.First, d.Last, known)
				}
				events := m.startHeard()
				time.Sleep(time.Second)
				if err := m.Ready(); err == nil || !strings.Contains(err.Error(), "19 entries of the log, from 2 on") {
					t.Errorf("with damage it says of its readiness: %v", err)
				}
				if s := m.Status(); s.Damage.Entries != 19 || s.Damage.First != 2 || !s.Damage.AtStart {
					t.Errorf("alone with damage: ready %v, %+v", m.Ready(), s.Damage)
				}
				if s := m.Status(); s.Applied >= 2 {
					t.Errorf("it applied %d entries, and cannot read entry 2", s.Applied)
				}
				c.members[0].start()
				c.members[2].start()
				m.healed()
				c.converge()
				if n := m.log.Repaired(); n != 19 {
					t.Errorf("%d entries were repaired, want 19", n)
				}
				if d := m.Status().Damage; d.Repaired != 19 || d.AtStart {
					t.Errorf("the figures are %+v", d)
				}
				wantDamageThenHealed(t, events, 2)
			})
		})
	}
}

// wantDamageThenHealed reads events until one tells, once, of damage from index first on, and then one that it
// is healed.
func wantDamageThenHealed(t *testing.T, events *replica.Subscription, first entry.Index) {
	t.Helper()
	events.Close()
	var told []replica.EventKind
	for e := range events.Events() {
		switch e.Kind {
		case replica.EventDamage:
			if told = append(told, e.Kind); e.Index != first || !errors.Is(e.Err, entry.ErrCorrupt) {
				t.Errorf("the event is %+v, want damage from %d on", e, first)
			}
		case replica.EventHealed:
			told = append(told, e.Kind)
		}
	}
	if !slices.Equal(told, []replica.EventKind{replica.EventDamage, replica.EventHealed}) {
		t.Errorf("told was %v", told)
	}
}

// TestHealsWithoutLeader has one peer only, of five members: nobody can lead, and the entries are healed.
func TestHealsWithoutLeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := filled(t, 5, 50, nil)
		m := c.members[1]
		m.log.Damage(3, 30, true)
		m.start()
		events := m.Subscribe(0)
		c.members[4].start()
		m.await("its log", func(s replica.Status) bool { return s.Damage.Entries == 0 })
		if s := m.Status(); s.Leader != "" || m.log.Repaired() != 28 {
			t.Errorf("status %+v, %d repaired", s, m.log.Repaired())
		}
		for e := range events.Events() {
			if e.Kind == replica.EventHealed {
				break
			}
		}
	})
}

// TestHealsFromSeveral damages two members at different places, and one entry at both: each gets from the
// others what they can read, and nobody is asked in vain for ever.
func TestHealsFromSeveral(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := filled(t, 3, 60, nil)
		c.members[0].log.Damage(2, 40, true)
		c.members[1].log.Damage(30, 60, true)
		c.members[2].log.Damage(10, 12, true)
		c.start()
		for _, m := range c.members {
			m.healed()
		}
		c.leader().propose("after")
		c.converge()
	})
}

// lines is what a member logs.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

// Write implements io.Writer.
func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// TestDamageOnAMajority damages the same entry at two of three, while the third is down: they wait, say so,
// lose nothing, and heal when it comes.
func TestDamageOnAMajority(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		said := map[entry.MemberID]*lines{}
		c := filled(t, 3, 20, func(m *member, config *replica.Config) {
			said[m.id] = new(lines)
			config.Logger = slog.New(slog.NewTextHandler(said[m.id], nil))
		})
		c.members[0].log.Damage(5, 5, true)
		c.members[1].log.Damage(5, 5, true)
		c.members[0].start()
		c.members[1].start()
		time.Sleep(time.Minute)
		for _, m := range c.members[:2] {
			line := fmt.Sprintf(`msg="no member has copies of damaged entries" member=%s damaged=1 first=5 asked=2`, m.id)
			if text := said[m.id].String(); strings.Count(text, line) != 1 {
				t.Errorf("%s does not say once %q:\n%s", m.id, line, text)
			}
			if s := m.Status(); m.Ready() == nil || s.Applied >= 5 || s.Damage.Entries != 1 || !s.Running {
				t.Errorf("%s: ready %v, %+v", m.id, m.Ready(), s)
			}
		}
		c.members[2].start()
		c.members[0].healed()
		c.members[1].healed()
		c.converge()
		if n := len(c.members[0].machine.all()); n != 20 {
			t.Errorf("%d commands were applied, want 20", n)
		}
	})
}

// TestHealsAsLeader lets a member with damage lead, while another one needs what it cannot read: it gets it
// from the third, and the one that lags gets all.
func TestHealsAsLeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 3, func(m *member, config *replica.Config) {
			if m.id != "member-1" {
				config.Election.Rank = 5
			}
		}).start()
		c.leader()
		lags := c.members[2]
		lags.stop()
		c.members[0].proposeMany(80, "command")
		c.converge()
		c.stop()
		leader := c.members[0]
		leader.log.Damage(5, 70, true)
		c.start()
		c.leader().propose("goes on")
		leader.healed()
		c.converge()
		if leader.log.Repaired() != 66 || len(lags.machine.all()) != 81 {
			t.Errorf("%d repaired, %d applied at the one that lagged", leader.log.Repaired(), len(lags.machine.all()))
		}
	})
}

// extended adds entries of the log's newest term to a stopped member's log, as a leader would have that
// ended before it sent them.
func (m *member) extended(n int) (first, last entry.Index) {
	m.t.Helper()
	log, err := m.log.Open()
	if err != nil {
		m.t.Fatal(err)
	}
	rec, err := log.Recover()
	if err != nil {
		m.t.Fatal(err)
	}
	first, last = rec.Last+1, rec.Last+entry.Index(n)
	block := storetest.Block(first, last, rec.Terms[len(rec.Terms)-1].Term)
	if err := log.Store(&entry.Batch{Seq: 1, Blocks: []*entry.Block{block}, Commit: rec.Commit}); err != nil {
		m.t.Fatal(err)
	}
	return first, last
}

// TestLeaderWithWhatNobodyHas gives a member entries that nobody else has, and damages them: it wins the
// election, since its log is the longest, can neither send nor commit them, and gives way to a member that
// has not got them, whose log removes them.
func TestLeaderWithWhatNobodyHas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := filled(t, 3, 20, func(m *member, config *replica.Config) {
			if m.id != "member-1" {
				config.Election.Rank = 5
			}
		})
		odd := c.members[0]
		first, last := odd.extended(3)
		odd.log.Damage(first, last, true)
		c.start()
		odd.await("leadership", func(s replica.Status) bool { return s.Role == core.Leader })
		odd.await("its end", func(s replica.Status) bool { return s.Role != core.Leader })
		other := c.leader()
		if other == odd {
			t.Fatal("the member with unreadable entries leads again")
		}
		other.propose("after")
		odd.healed()
		c.converge()
		if odd.log.Repaired() != 0 {
			t.Errorf("%d entries that nobody has were repaired", odd.log.Repaired())
		}
	})
}

// TestDamagedEntriesCount: a member votes, and stands, by entries that it cannot read: they are not absent.
// Here it is the only one that has an entry which is committed, beside one that is gone for ever.
func TestDamagedEntriesCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 3, nil).start()
		leader := c.leader()
		behind := c.follower()
		behind.stop()
		leader.proposeMany(10, "committed by two")
		c.converge()
		c.stop()
		for _, m := range c.members {
			if m != leader && m != behind {
				m.log.Damage(8, 12, true)
				m.start()
			}
		}
		behind.start()
		time.Sleep(time.Minute)
		if s := behind.Status(); s.Role == core.Leader || s.Commit > 7 {
			t.Errorf("a member without the committed entries: %+v", s)
		}
		leader.start()
		for _, m := range c.members {
			m.healed()
		}
		c.converge()
		if n := len(behind.machine.all()); n != 10 {
			t.Errorf("%d commands were applied, want 10", n)
		}
	})
}

// TestHealsConfiguration damages the entries that say who the members are: until they are healed the member
// asks those whom it was given, and stands for no election.
func TestHealsConfiguration(t *testing.T) {
	for _, known := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			c := filled(t, 3, 20, nil)
			m := c.members[0]
			m.log.Damage(1, 1, known)
			m.start()
			time.Sleep(time.Minute)
			if s := m.Status(); s.Role != core.Follower || s.Configuration.Cluster != (entry.ClusterID{}) {
				t.Errorf("a member that cannot read its configuration: %+v", s)
			}
			c.members[1].start()
			m.await("its configuration", func(s replica.Status) bool { return s.Configuration.Cluster != entry.ClusterID{} })
			m.healed()
			c.members[2].start()
			c.leader().propose("after")
			c.converge()
		})
	}
}

// TestScrubFindsDamage damages entries of a running follower, which nobody reads: the scrub finds them, and
// copies come from a peer, or from the member's own memory.
func TestScrubFindsDamage(t *testing.T) {
	for _, tail := range []int{1, 1 << 20} {
		t.Run(fmt.Sprint("tail ", tail), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCluster(t, 3, func(_ *member, config *replica.Config) { config.Limits.Tail = tail }).start()
				c.leader().proposeMany(50, "command")
				c.converge()
				m := c.follower()
				events := m.Subscribe(1000)
				m.log.Damage(10, 20, true)
				for e := range events.Events() {
					if e.Kind == replica.EventDamage {
						if e.Index != 10 || !errors.Is(e.Err, entry.ErrCorrupt) {
							t.Errorf("the event is %+v", e)
						}
						break
					}
				}
				m.healed()
				if m.log.Repaired() != 11 {
					t.Errorf("%d entries were repaired, want 11", m.log.Repaired())
				}
			})
		})
	}
}

// TestHealsFromMemory: a member that has nobody to ask takes the copies from what it still has in memory.
func TestHealsFromMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 1, nil).start()
		m := c.leader()
		m.proposeMany(50, "command")
		m.log.Damage(10, 20, true)
		m.await("healing", func(s replica.Status) bool { return s.Damage.Repaired == 11 })
		m.healed()
	})
}

// TestScrubIsToldOf follows a pass of the scrub over a log of several pieces: where it is, and how many passes
// came to the end.
func TestScrubIsToldOf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 1, nil).start()
		m := c.leader()
		for range 4 {
			m.propose(strings.Repeat("x", 200<<10))
		}
		var seen []entry.Index
		m.await("three passes", func(s replica.Status) bool {
			if n := len(seen); n == 0 || seen[n-1] != s.Damage.Scrub.Next {
				seen = append(seen, s.Damage.Scrub.Next)
			}
			return s.Damage.Scrub.Passes == 3
		})
		if last := slices.Max(seen); last == 0 || last > m.Status().Last.Index || !slices.Contains(seen, 0) {
			t.Errorf("the passes went on from %v of %d entries", seen, m.Status().Last.Index)
		}
	})
}

// TestLoadFindsDamage lets a leader find damage when it reads old entries for a member that lags: that one
// waits for them, gets them healed, and no image is sent.
func TestLoadFindsDamage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 3, func(_ *member, config *replica.Config) {
			config.Limits.Tail, config.Limits.ScrubRate = 1, -1
		}).start()
		leader := c.leader()
		lags := c.follower()
		lags.stop()
		leader.proposeMany(50, "command")
		time.Sleep(time.Second)
		leader.log.Damage(20, 30, true)
		lags.start()
		c.converge()
		if n := leader.log.Repaired(); n != 11 || lags.Status().Snapshot.Index != 0 {
			t.Errorf("%d entries were repaired, want 11", n)
		}
	})
}

// TestServeFindsDamage asks a peer for an entry of which its own copy is damaged, too: it says so, heals
// itself from the third, and both are well.
func TestServeFindsDamage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := filled(t, 3, 50, func(_ *member, config *replica.Config) { config.Limits.ScrubRate = -1 })
		c.start()
		c.leader()
		c.members[1].log.Damage(10, 12, true)
		m := c.members[0]
		m.stop()
		m.log.Damage(5, 20, true)
		m.start()
		m.healed()
		time.Sleep(time.Second)
		for _, m := range c.members {
			if all := m.log.Damaged(); len(all) > 0 {
				t.Errorf("%s still has %v", m.id, all)
			}
		}
	})
}

// TestHealsByImage damages entries that all others have compacted: the leader is asked for an image, which
// takes their place. A member that leads itself gives way for that.
func TestHealsByImage(t *testing.T) {
	for _, leads := range []bool{false, true} {
		t.Run(fmt.Sprint("leads ", leads), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { healByImage(t, leads) })
		})
	}
}

func healByImage(t *testing.T, leads bool) {
	c := filled(t, 3, 100, func(m *member, config *replica.Config) {
		config.Snapshot = replica.SnapshotPolicy{Entries: 20, Trailing: -1}
		if m.id == "member-1" {
			config.Snapshot.Entries = -1
		} else if leads {
			config.Election.Rank = 5
		}
	})
	m := c.members[0]
	m.log.Damage(50, 50, true)
	if !leads {
		c.members[1].start()
		c.members[2].start()
		c.leader().propose("one more")
	}
	for _, m := range c.members {
		if m.Replica == nil {
			m.start()
		}
	}
	if leads {
		m.await("leadership", func(s replica.Status) bool { return s.Role == core.Leader })
	}
	m.healed()
	c.converge()
	if len(m.machine.restored) == 0 {
		t.Error("the member got no image")
	}
}

// TestOwnImageCoversDamage: a member that is alone has nobody to ask; what its own image covers it needs
// not, and for the rest it waits.
func TestOwnImageCoversDamage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := filled(t, 1, 100, func(_ *member, config *replica.Config) {
			config.Snapshot = replica.SnapshotPolicy{Entries: 60, Trailing: 40}
		})
		m := c.members[0]
		m.log.Damage(45, 46, true)
		m.start()
		m.healed()
		m.propose("after")
		m.stop()
		m.log.Damage(101, 101, true)
		m.start()
		time.Sleep(time.Minute)
		if s := m.Status(); m.Ready() == nil || !s.Running || s.Applied >= 101 {
			t.Errorf("without anybody who has entry 101: ready %v, %+v", m.Ready(), s)
		}
	})
}

// TestImageCoversAppliedDamage: what cannot be read any more and was applied is in the machine. When nobody has
// copies, a member takes an image of that, whether it is alone, or leads and must serve one that lags: no image
// would come before the next threshold else. (Found by the simulator, seed 1132042.)
func TestImageCoversAppliedDamage(t *testing.T) {
	for _, n := range []int{1, 3} {
		t.Run(fmt.Sprint(n, " members"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCluster(t, n, func(_ *member, config *replica.Config) {
					config.Limits.Tail = 1
					config.Snapshot = replica.SnapshotPolicy{Entries: -1, Bytes: -1, Trailing: -1}
				}).start()
				leader := c.leader()
				var lags *member
				for _, m := range c.members {
					if m != leader && lags == nil {
						lags = m
						lags.stop()
					}
				}
				leader.proposeMany(50, "command")
				for _, m := range c.members {
					if m != leader && m != lags { // It has an image in place of its log.
						m.await("the commands", func(s replica.Status) bool { return s.Applied == leader.Status().Applied })
						if meta, err := m.Snapshot(t.Context()); err != nil || meta.Index < 20 {
							t.Fatalf("a snapshot: %+v, %v", meta, err)
						}
					}
				}
				leader.log.Damage(10, 20, true)
				if lags != nil {
					lags.start()
				}
				s := leader.await("an image", func(s replica.Status) bool { return s.Snapshot.Index >= 20 })
				if s.Role != core.Leader || s.Damage.Repaired != 0 {
					t.Errorf("with an image: %+v", s)
				}
				leader.healed()
				c.converge()
			})
		})
	}
}

// TestLostEndHeals: a member whose log lost its end says why it is not ready, and gets it from the leader.
func TestLostEndHeals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := filled(t, 3, 50, nil)
		m := c.members[0]
		m.log.Lose(30)
		m.start()
		time.Sleep(time.Minute)
		if err := m.Ready(); err == nil || !strings.Contains(err.Error(), "lost its end") {
			t.Errorf("with a lost end it says of its readiness: %v", err)
		}
		if s := m.Status(); s.Held.Index == 0 || s.Role != core.Follower || s.Last.Index != 29 {
			t.Errorf("alone: ready %v, %+v", m.Ready(), s)
		}
		c.members[1].start()
		c.members[2].start()
		m.await("what it lost", func(s replica.Status) bool { return s.Held.Index == 0 && m.Ready() == nil })
		c.converge()
		if n := slices.Max([]int{0, len(m.machine.all())}); n != 50 {
			t.Errorf("%d commands were applied, want 50", n)
		}
	})
}
