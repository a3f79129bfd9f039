package sim

import (
	"slices"
	"testing"

	"v.io/x/ref/lib/raft/entry"
)

// until lets the world go on, whatever its checkers say.
func (w *world) until(at Instant) {
	for w.now < at {
		next, more := w.agenda.next()
		if !more {
			return
		}
		w.now = next.at
		next.do()
	}
}

// TestWipedMajority says what becomes of a cluster of three of which two machines lose their directories and
// are started with nothing, and why the atlas never does it. What was committed with their help may be lost,
// so nothing good can come of it: an operator has to decide (raftctl recover). What must not happen is that
// the survivor's log is overwritten.
//
// As long as the two hear the survivor they found nothing: they have an empty log and meet a settled cluster.
// Without a list of members they never do. But with a list of which they are the majority, and cut off from
// the survivor, nothing tells them from machines that are new: they found another cluster. It has another id,
// and the survivor listens to none of it.
func TestWipedMajority(t *testing.T) {
	for _, row := range []struct {
		name          string
		listed, apart bool
		founded       bool
	}{
		{"with a list, and they hear the survivor", true, false, false},
		{"without a list, cut off", false, true, false},
		{"with a list, cut off", true, true, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			plan := NewPlan(6)
			plan.Setting.Members, plan.Setting.Spares, plan.Faults = 3, 0, nil
			w := newWorld(&plan, Options{})
			w.until(10 * Second)
			if w.violation != nil || w.acknowledged < 10 {
				t.Fatalf("%v, and %d writes", w.violation, w.acknowledged)
			}
			survivor := w.members[2]
			before := survivor.process.status
			terms := survivor.logTerms(before.Commit)
			for _, m := range w.members[:2] {
				m.die(true)
				if row.apart {
					w.network.cut(m.number, 2)
					w.network.cut(2, m.number)
				}
				m.wipe()
				m.spare = !row.listed
			}
			for _, m := range w.members[:2] {
				m.start()
			}
			w.until(30 * Second)
			for _, m := range w.members[:2] {
				w.network.join(m.number, 2)
				w.network.join(2, m.number)
			}
			w.until(59 * Second)
			first := w.members[0].process.status
			if founded := first.Commit > 0; founded != row.founded {
				t.Errorf("%s has committed %d entries of a new cluster: %v", w.members[0].id, first.Commit, w.violation)
			}
			if (w.violation != nil) != row.founded {
				t.Errorf("the checkers say: %v", w.violation)
			}
			after := survivor.process.status
			if after.Commit < before.Commit || !slices.Equal(survivor.logTerms(before.Commit), terms) ||
				after.Configuration.Cluster != before.Configuration.Cluster {
				t.Errorf("the survivor had committed %d entries of cluster %x, and has %d of %x", before.Commit,
					before.Configuration.Cluster, after.Commit, after.Configuration.Cluster)
			}
			foreign := survivor.process.driven.Replica().Stats().Refused.Foreign
			if row.founded && (foreign == 0 || first.Configuration.Cluster == before.Configuration.Cluster) {
				t.Errorf("the new cluster is %x, and the survivor of %x refused %d of its messages",
					first.Configuration.Cluster, before.Configuration.Cluster, foreign)
			}
		})
	}
}

// logTerms returns the terms of the entries up to last that a member's log holds.
func (m *member) logTerms(last entry.Index) []entry.Term {
	var all []entry.Term
	for i := entry.Index(1); i <= last; i++ {
		term, _ := m.process.driven.TermAt(i)
		all = append(all, term)
	}
	return all
}
