package core_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
)

// churn is a world whose set of members changes: what was asked, and what became of it.
type churn struct {
	next core.ChangeID
	// founders is how many members found the cluster.
	founders int
	// asked are the requests under way.
	asked map[core.ChangeID]core.Change
	// done, refused and wiped count; joints are the joint configurations that were committed.
	done, refused, wiped, joints, stuck int
	// committed is the newest committed configuration, of entry index.
	committed entry.Configuration
	index     entry.Index
}

// changed takes the answers. A change that is done is what the configuration at its index says.
func (c *churn) changed(m *machine, all []core.ChangeResult) {
	for _, r := range all {
		wanted, ok := c.asked[r.ID]
		if !ok {
			continue // asked twice, answered twice
		}
		if r.Refusal != 0 {
			c.refused++
			continue
		}
		delete(c.asked, r.ID)
		c.done++
		if r.Index > c.index {
			m.world.fail("change %d is done at %d, but the newest committed configuration is of %d", r.ID, r.Index, c.index)
		}
		for _, id := range wanted.Remove {
			if _, found := c.committed.Find(id); found && r.Index == c.index {
				m.world.fail("change %d is done and %s is a member", r.ID, id)
			}
		}
	}
}

// observe checks, when a configuration is committed, that the one before led to it: that every
// quorum of the one shares a voter with every quorum of the other (thesis, sections 4.1 and 4.3).
func (c *churn) observe(w *world, block *entry.Block, i entry.Index) {
	next, err := entry.DecodeConfiguration(block.Payload(i))
	if err != nil {
		w.fail("%v", err)
		return
	}
	before, now := &c.committed, &next
	apart := 0
	switch {
	case c.index == 0:
	case before.Joint():
		apart = unshared(before.Incoming(), now.Voters())
	case now.Joint():
		apart = unshared(before.Voters(), now.Outgoing())
		c.joints++
	default:
		apart = max(unshared(before.Voters(), now.Voters())-1, 0)
	}
	if apart > 0 {
		w.fail("configuration %q of %d follows %q of %d", tell(next), i, tell(c.committed), c.index)
	}
	c.committed, c.index = next, i
}

// unshared counts the ids that only one of two sets has.
func unshared(a, b []entry.MemberID) int {
	n := 0
	for _, id := range a {
		if !slices.Contains(b, id) {
			n++
		}
	}
	for _, id := range b {
		if !slices.Contains(a, id) {
			n++
		}
	}
	return n
}

// newChurning returns a world of total members, of whom the first n found the cluster.
func newChurning(n, total int, seed uint64, leases bool) *world {
	w := newWorld(n, seed, leases)
	for i := n; i < total; i++ {
		id := entry.MemberID(fmt.Sprintf("m%d", i+1))
		w.ids = append(w.ids, id)
		w.members[id] = &machine{world: w, id: id, clockwork: clockwork{rate: 1000}}
	}
	for i, id := range w.ids {
		w.members[id].incarnation = entry.Incarnation(100 * (i + 1))
	}
	w.churn.founders = n
	w.churn.asked = map[core.ChangeID]core.Change{}
	return w
}

// change asks a random member for a random change: one to three members in or out.
func (w *world) change() {
	m := w.members[w.ids[w.random.IntN(len(w.ids))]]
	if m.core == nil || m.resume > w.now {
		return
	}
	var change core.Change
	for _, i := range w.random.Perm(len(w.ids))[:1+w.random.IntN(3)] {
		id := w.ids[i]
		switch _, member := w.churn.committed.Find(id); {
		case !member:
			change.Add = append(change.Add, entry.Member{ID: id, Learner: w.chance(20)})
		case w.chance(70):
			change.Remove = append(change.Remove, id)
		default: // promoted, demoted, or as it is
			change.Add = append(change.Add, entry.Member{ID: id, Learner: w.chance(50)})
		}
	}
	w.churn.next++
	w.churn.asked[w.churn.next] = change
	m.step(core.Input{Changes: []core.ChangeRequest{{ID: w.churn.next, Change: change}}})
}

// wipe empties a member's directory, if that cannot lose what is committed: every member's directory is
// the recorded one, and most voters', without this one, hold it all. Nor may a majority of the founders
// be empty at once, who would not know that they had founded a cluster.
func (w *world) wipe(m *machine) {
	c := &w.churn
	if c.index == 0 || c.committed.Joint() {
		return
	}
	voters := c.committed.Voters()
	holders, empty := 0, 0
	for _, id := range w.ids {
		other := w.members[id]
		recorded, member := c.committed.Find(id)
		if member && recorded.Incarnation != other.incarnation {
			return
		}
		if len(other.initial.Members) > 0 && (len(other.disk.entries) == 0 || id == m.id) {
			empty++
		}
		if slices.Contains(voters, id) && id != m.id && w.holds(other) {
			holders++
		}
	}
	if !w.alive(m.id) || holders <= len(voters)/2 || empty > 0 && empty >= core.Majority(c.founders) {
		return
	}
	if m.core != nil {
		m.crash()
	}
	m.disk = disk{}
	m.memory, m.commit = nil, 0
	m.incarnation++
	c.wiped++
}

// holds reports whether a member's disk has everything that is committed.
func (w *world) holds(m *machine) bool {
	n := len(w.truth.committed)
	return n > 0 && len(m.disk.entries) >= n && bytes.Equal(m.disk.entries[n-1].Bytes(), w.truth.committed[n-1].Bytes())
}

// alive reports whether a quorum of every configuration that a log holds from the committed one on has
// the recorded directories, without one of them perhaps.
func (w *world) alive(without entry.MemberID) bool {
	for _, id := range w.ids {
		for i, block := range w.members[id].disk.entries {
			at := entry.Index(i + 1)
			if at < w.churn.index || block.Kind(at) != entry.KindConfiguration {
				continue
			}
			c, err := entry.DecodeConfiguration(block.Payload(at))
			if err != nil || !w.majority(&c, c.Incoming(), without) || c.Joint() && !w.majority(&c, c.Outgoing(), without) {
				return false
			}
		}
	}
	return true
}

func (w *world) majority(c *entry.Configuration, set []entry.MemberID, without entry.MemberID) bool {
	n := 0
	for _, id := range set {
		recorded, _ := c.Find(id)
		if id != without && (recorded.Incarnation == 0 || recorded.Incarnation == w.members[id].incarnation) {
			n++
		}
	}
	return n >= core.Majority(len(set))
}

// settled reports what is missing until the members of the committed configuration agree and nothing
// is left to do.
func (w *world) settled() error {
	c := &w.churn
	leaders := 0
	last := entry.Index(len(w.truth.committed))
	for _, member := range c.committed.Members {
		m := w.members[member.ID]
		s := m.core.Status()
		if s.Role == core.Leader {
			leaders++
		}
		if s.Commit != last || s.Last.Index != last {
			return fmt.Errorf("%s: commit %d, last %d, want %d", m.id, s.Commit, s.Last.Index, last)
		}
		if member.Incarnation != m.incarnation {
			return fmt.Errorf("%s is recorded as %d and is %d", m.id, member.Incarnation, m.incarnation)
		}
		if member.Promote || member.Leaving || member.Outgoing {
			return fmt.Errorf("the configuration is %s", tell(c.committed))
		}
	}
	if leaders != 1 {
		return fmt.Errorf("%d leaders of %s", leaders, tell(c.committed))
	}
	return nil
}

// churned plays one seed: safety while anything may fail and the set changes, then liveness.
func churned(n int, seed uint64, troubles int, leases bool) (*world, error) {
	w := newChurning(n, 7, seed, leases)
	w.startAll()
	w.run(1000 * millisecond)
	for range troubles {
		w.run(w.between(0, 40*millisecond))
		switch k := w.random.IntN(20); {
		case k < 2:
			w.change()
		case k < 3:
			w.wipe(w.members[w.ids[w.random.IntN(len(w.ids))]])
		default:
			w.trouble()
		}
		if w.failure != nil {
			return w, w.failure
		}
	}
	w.calm()
	w.run(8000 * millisecond)
	for _, member := range w.churn.committed.Members {
		if w.failure == nil {
			w.members[member.ID].propose()
		}
	}
	w.run(2000 * millisecond)
	switch {
	case w.failure != nil:
	case w.alive(""):
		w.failure = w.settled()
	default:
		w.churn.stuck++ // a change began just before a member that it needs was wiped
	}
	return w, w.failure
}

// TestRandomChurn checks the properties of the paper's figure 3, configuration safety, and that a
// cluster goes on when trouble ends, over random histories in which members are added, removed,
// demoted and wiped, by one or by several, and leaders come and go in the middle of it.
func TestRandomChurn(t *testing.T) {
	for _, n := range []int{1, 2, 3, 5} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			var sum churn
			commits := 0
			for seed := range uint64(60) {
				w, err := churned(n, seed, 500, seed%2 == 1)
				if err != nil {
					t.Fatalf("members %d, seed %d: %v", n, seed, err)
				}
				commits += len(w.truth.committed)
				sum.done += w.churn.done
				sum.refused += w.churn.refused
				sum.wiped += w.churn.wiped
				sum.joints += w.churn.joints
				sum.stuck += w.churn.stuck
			}
			nothing := sum.done == 0 || sum.refused == 0 || sum.wiped == 0 || sum.joints == 0
			if commits == 0 || nothing || sum.stuck > 6 {
				t.Errorf("%d commits and %+v prove nothing", commits, sum)
			}
			t.Logf("%d commits, %d changes done, %d refused, %d directories wiped, %d joint configurations, "+
				"%d clusters without a quorum",
				commits, sum.done, sum.refused, sum.wiped, sum.joints, sum.stuck)
		})
	}
}
