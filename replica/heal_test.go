package replica_test

import (
	"errors"
	"testing"

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
