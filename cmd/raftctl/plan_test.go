package main

import (
	"errors"
	"strings"
	"testing"

	"v.io/x/ref/lib/raft/entry"
)

// found is what is found of a member of the cluster a, b, ... of n voters, whose log ends at last.
func found(id string, n int, last entry.Position, commit entry.Index) *facts {
	f := &facts{last: last, inForce: entry.Configuration{Cluster: entry.ClusterID{1}}}
	f.identity.Member, f.identity.Incarnation = entry.MemberID(id), 7
	f.recovered.Commit = commit
	for i := range n {
		f.inForce.Members = append(f.inForce.Members, entry.Member{ID: entry.MemberID(rune('a' + i))})
	}
	return f
}

func at(index entry.Index, term entry.Term) entry.Position {
	return entry.Position{Index: index, Term: term}
}

func (f *facts) with(change func(*facts)) *facts {
	change(f)
	return f
}

// voteless cannot read its newest vote; renewed has begun anew because of that, and holds nothing.
func voteless(f *facts) { f.voteless = true }

func renewed(f *facts) {
	f.identity.Incarnation, f.identity.Former, f.unfit = 8, 7, "it began anew and holds nothing"
	f.inForce = entry.Configuration{}
}

func unfit(f *facts) { f.unfit = "entries from 5 on are damaged" }

// planned is what is left of a cluster, and what the plan says, or why there is none.
type planned struct {
	name string
	all  []*facts
	want []string
	// unsafe is part of the refusal.
	unsafe string
}

// TestPlan lists what is left of clusters.
func TestPlan(t *testing.T) {
	for _, c := range []planned{
		{name: "one of three", all: []*facts{found("b", 3, at(20, 3), 18)},
			want: []string{"from b,", "the last 2 of them", "lost        a, c", "behind entry 20", "2 lost members",
				"of the 3"}},
		{name: "one of two", all: []*facts{found("b", 2, at(20, 3), 20)},
			want: []string{"all known to have been committed", "may lose    nothing"}},
		{name: "two of four", all: []*facts{found("a", 4, at(20, 3), 18), found("b", 4, at(9, 4), 9)},
			want: []string{"from b,", "may lose    nothing", "a ends at entry 20 of term 3"}},
		{name: "two of four, one damaged", want: []string{"from a,", "may lose    writes", "not used: entries from 5"},
			all: []*facts{found("a", 4, at(20, 3), 18), found("b", 4, at(25, 3), 9).with(unfit)}},
		{name: "two of five", all: []*facts{found("a", 5, at(20, 3), 18), found("c", 5, at(23, 3), 9)},
			want: []string{"from c,", "a ends at entry 20 of term 3, 3 entries before", "writes behind entry 23",
				"the last 5 of"}},
		{name: "the later term is newer", all: []*facts{found("a", 5, at(90, 3), 18), found("c", 5, at(23, 4), 9)},
			want: []string{"from c,"}},
		{name: "a majority lives", all: []*facts{found("a", 3, at(20, 3), 18), found("b", 3, at(20, 3), 18)},
			unsafe: "a majority of the voters"},
		{name: "a majority lives, though damaged", unsafe: "is repaired by the others",
			all: []*facts{found("a", 3, at(20, 3), 18), found("b", 3, at(20, 3), 18).with(unfit)}},
		{name: "all are damaged", all: []*facts{found("a", 3, at(20, 3), 18).with(unfit)}, unsafe: "raftd restore"},
		{name: "one directory twice", unsafe: "belong to member a",
			all: []*facts{found("a", 5, at(20, 3), 18), found("a", 5, at(19, 3), 18)}},
		{name: "two clusters", unsafe: "belongs to cluster",
			all: []*facts{found("a", 5, at(20, 3), 18), found("b", 5, at(9, 3), 1).with(func(f *facts) {
				f.inForce.Cluster = entry.ClusterID{2}
			})}},
		{name: "only a learner is left", want: []string{"from c,", "lost        a, b", "may lose    writes"},
			all: []*facts{found("c", 3, at(20, 3), 18).with(func(f *facts) { f.inForce.Members[2].Learner = true })}},
		{name: "half of a joint set", want: []string{"may lose    writes"},
			// a and b vote in the old set only, c, d and e in the new one only: a quorum of each decides.
			all: []*facts{found("c", 5, at(20, 3), 18).with(func(f *facts) {
				for i := range 2 {
					f.inForce.Members[i].Outgoing, f.inForce.Members[i].Leaving = true, true
				}
			})}},
		{name: "one whole set of a joint one", want: []string{"may lose    nothing"},
			all: []*facts{found("c", 4, at(20, 3), 18).with(func(f *facts) {
				f.inForce.Members[0].Outgoing, f.inForce.Members[0].Leaving = true, true
				f.inForce.Members[1].Outgoing, f.inForce.Members[1].Leaving = true, true
			})}},
	} {
		c.check(t)
	}
}

// TestPlanWithoutVotes: who has lost its newest vote, or has begun anew because of that, is of no majority.
func TestPlanWithoutVotes(t *testing.T) {
	for _, c := range []planned{
		{name: "a majority that cannot vote", want: []string{"from b,", "may lose    nothing", "lost        none"},
			all: []*facts{found("a", 3, at(20, 3), 18).with(voteless), found("b", 3, at(21, 3), 18).with(voteless),
				found("c", 3, at(20, 3), 18)}},
		{name: "a majority that began anew", want: []string{"from a,", "may lose    writes", "lost        b, c"},
			all: []*facts{found("a", 3, at(20, 3), 18), found("b", 3, at(0, 0), 0).with(renewed)}},
		{name: "a majority with one that cannot vote", unsafe: "a majority of the voters",
			all: []*facts{found("a", 3, at(20, 3), 18).with(voteless), found("b", 3, at(21, 3), 18),
				found("c", 3, at(20, 3), 18)}},
	} {
		c.check(t)
	}
}

func (c *planned) check(t *testing.T) {
	t.Helper()
	p, err := makePlan(c.all, "")
	if c.unsafe != "" {
		if !errors.Is(err, errUnsafe) || !strings.Contains(err.Error(), c.unsafe) {
			t.Errorf("%s: %v, want a refusal with %q", c.name, err, c.unsafe)
		}
		return
	}
	if err != nil {
		t.Errorf("%s: %v", c.name, err)
		return
	}
	for _, want := range c.want {
		if !strings.Contains(p.String(), want) {
			t.Errorf("%s: the plan does not say %q:\n%s", c.name, want, p)
		}
	}
}

// TestFingerprint: it changes with everything that the plan depends on, and with nothing else.
func TestFingerprint(t *testing.T) {
	of := func(id entry.MemberID, all ...*facts) string {
		p, err := makePlan(all, id)
		if err != nil {
			t.Fatal(err)
		}
		return p.fingerprint(all)
	}
	one, two := found("a", 5, at(20, 3), 18), found("b", 5, at(9, 3), 1)
	base := of("", one, two)
	if of("", two, one) != base {
		t.Error("it depends on the order")
	}
	for name, other := range map[string]string{
		"id":      of("x", one, two),
		"fewer":   of("", one),
		"commit":  of("", found("a", 5, at(20, 3), 19), two),
		"last":    of("", found("a", 5, at(21, 3), 18), two),
		"other":   of("", one, found("b", 5, at(10, 3), 1)),
		"vote":    of("", one, found("b", 5, at(9, 3), 1).with(func(f *facts) { f.recovered.Hard.Vote = "c" })),
		"new dir": of("", one, found("b", 5, at(9, 3), 1).with(func(f *facts) { f.identity.Incarnation++ })),
	} {
		if other == base {
			t.Errorf("it does not change with: %s", name)
		}
	}
}
