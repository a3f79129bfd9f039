package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"

	"v.io/x/ref/lib/raft/entry"
)

// errUnsafe is wrapped by the reason for which nothing may be recovered.
var errUnsafe = errors.New("not recovered")

// plan is what recovery would do, and what may be lost by it.
type plan struct {
	source *facts
	// member is the only member of the new cluster.
	member entry.MemberID
	// lost are the voters of whom no directory was given, or one of no use. keeps says that everything
	// acknowledged is there.
	lost  []entry.MemberID
	keeps bool
	// committed is the greatest index that any of the directories knows to be committed.
	committed entry.Index
	// behind are the others, with how many entries each lacks.
	behind []string
}

// makePlan chooses the directory to go on from, or says why there is none.
func makePlan(all []*facts, member entry.MemberID) (*plan, error) {
	if err := checkTogether(all); err != nil {
		return nil, err
	}
	p := &plan{member: member}
	var unfit []string
	for _, f := range all {
		p.committed = max(p.committed, f.recovered.Commit)
		switch {
		case f.unfit != "":
			unfit = append(unfit, fmt.Sprintf("%s: %s", f.identity.Member, f.unfit))
		case p.source == nil || f.last.Compare(p.source.last) > 0:
			p.source = f
		}
	}
	if p.source == nil {
		return nil, fmt.Errorf("%w: there is no directory to go on from (%s); with a backup, use raftd restore",
			errUnsafe, strings.Join(unfit, "; "))
	}
	if p.member == "" {
		p.member = p.source.identity.Member
	}
	if err := p.weigh(all); err != nil {
		return nil, err
	}
	for _, f := range all {
		if f != p.source {
			p.behind = append(p.behind, describeOther(f, p.source))
		}
	}
	return p, nil
}

// checkTogether refuses directories that are not different members of one cluster.
func checkTogether(all []*facts) error {
	for i, f := range all {
		for _, g := range all[:i] {
			if f.identity.Member == g.identity.Member {
				return fmt.Errorf("%w: two of the directories belong to member %s: name the newer one, and keep the other "+
					"away", errUnsafe, f.identity.Member)
			}
			if !f.inForce.Cluster.IsZero() && !g.inForce.Cluster.IsZero() && f.inForce.Cluster != g.inForce.Cluster {
				return fmt.Errorf("%w: member %s belongs to cluster %s, member %s to %s", errUnsafe,
					f.identity.Member, f.inForce.Cluster, g.identity.Member, g.inForce.Cluster)
			}
		}
	}
	return nil
}

// weigh counts who lives, by the member set of the directory to go on from: if a majority does there is
// nothing to recover; and it says whether the lost ones can have held something alone.
func (p *plan) weigh(all []*facts) error {
	alive, votes, whole := map[entry.MemberID]bool{}, map[entry.MemberID]bool{}, map[entry.MemberID]bool{}
	for _, f := range all {
		alive[f.identity.Member] = f.unfit == "" || p.counts(f)
		votes[f.identity.Member] = p.counts(f)
		whole[f.identity.Member] = f.unfit == ""
	}
	count := func(ids []entry.MemberID, have map[entry.MemberID]bool) (n int) {
		for _, id := range ids {
			if have[id] {
				n++
			}
		}
		return n
	}
	majority := true
	for _, set := range [][]entry.MemberID{p.source.inForce.Incoming(), p.source.inForce.Outgoing()} {
		if len(set) == 0 {
			continue
		}
		quorum := len(set)/2 + 1
		majority = majority && count(set, votes) >= quorum
		// Every committed entry is on a quorum of each set: on one of these, if the others are no quorum.
		p.keeps = p.keeps || len(set)-count(set, whole) < quorum
	}
	for _, id := range p.source.inForce.Voters() {
		if !alive[id] {
			p.lost = append(p.lost, id)
		}
	}
	if majority {
		return fmt.Errorf("%w: a majority of the voters %q is here: start them, and they go on by themselves without losing "+
			"anything; a damaged one is repaired by the others", errUnsafe, p.source.inForce.Voters())
	}
	return nil
}

// counts reports whether the member, started on its directory, votes in the set of the one that is gone on from: the
// directory is the one that the set knows, and its newest vote can be read.
func (p *plan) counts(f *facts) bool {
	line, _ := p.source.inForce.Find(f.identity.Member)
	if line.Incarnation == 0 {
		return !f.voteless && f.identity.Former == 0
	}
	return !f.voteless && line.Incarnation == f.identity.Incarnation
}

// describeOther says how a directory stands to the one that is gone on from.
func describeOther(f, source *facts) string {
	text := fmt.Sprintf("%s ends at entry %d of term %d", f.identity.Member, f.last.Index, f.last.Term)
	if f.last.Index < source.last.Index {
		text += fmt.Sprintf(", %d entries before", source.last.Index-f.last.Index)
	}
	if f.unfit != "" {
		text += "; not used: " + f.unfit
	}
	return text
}

// String is the plan for people.
func (p *plan) String() string {
	var b strings.Builder
	s := p.source
	fmt.Fprintf(&b, "cluster     %s, voters %s\n", s.inForce.Cluster, join(s.inForce.Voters()))
	fmt.Fprintf(&b, "lost        %s\n", join(p.lost))
	fmt.Fprintf(&b, "goes on     from %s, whose log ends furthest: entry %d of term %d\n", s.identity.Member, s.last.Index,
		s.last.Term)
	for _, other := range p.behind {
		fmt.Fprintf(&b, "            %s\n", other)
	}
	fmt.Fprintf(&b, "makes       a new cluster, with a new id, of the only member %s; nobody of the old one can come "+
		"back into it\n", p.member)
	if n := s.last.Index - min(s.last.Index, p.committed); n > 0 {
		fmt.Fprintf(&b, "keeps       entries 1 to %d; the last %d of them are not known to have been committed: their "+
			"callers may have been told nothing, or that the outcome is unknown\n", s.last.Index, n)
	} else {
		fmt.Fprintf(&b, "keeps       entries 1 to %d, all known to have been committed\n", s.last.Index)
	}
	if p.keeps {
		fmt.Fprint(&b, "may lose    nothing that was acknowledged: the lost members are no majority, so each such write "+
			"is here\n")
	} else {
		fmt.Fprintf(&b, "may lose    writes behind entry %d that were acknowledged: the %d lost members are a majority of "+
			"the %d voters and can have had them alone; how many cannot be told from here\n", s.last.Index, len(p.lost),
			len(s.inForce.Voters()))
	}
	fmt.Fprintf(&b, "afterwards  never start %s again: together they would go on as the old cluster\n", join(p.lost))
	return b.String()
}

func join(ids []entry.MemberID) string {
	if len(ids) == 0 {
		return "none"
	}
	var all []string
	for _, id := range ids {
		all = append(all, string(id))
	}
	return strings.Join(all, ", ")
}

// fingerprint names the plan and everything it was made of: when anything changes, so does it.
func (p *plan) fingerprint(all []*facts) string {
	h := sha256.New()
	fmt.Fprintf(h, "raftctl recover 1\n%q\n%s", p.member, p)
	for _, f := range slices.SortedFunc(slices.Values(all), func(a, b *facts) int {
		return strings.Compare(string(a.identity.Member), string(b.identity.Member))
	}) {
		fmt.Fprintf(h, "%q %x %+v %+v %+v %q\n", f.identity.Member, f.identity.Incarnation, f.recovered, f.image, f.inForce,
			f.unfit)
	}
	return fmt.Sprintf("%x", h.Sum(nil)[:8])
}
