package core

import (
	"slices"

	"v.io/x/ref/lib/raft/entry"
)

// ConfigurationAt is a configuration and the log entry that holds it; index 0 for one that was given
// from outside the log.
type ConfigurationAt struct {
	Index entry.Index
	Value entry.Configuration
}

// membership knows the configurations of the log. The newest one is in force, committed or not
// (thesis, section 4.1); the older ones come back into force when the newer are truncated.
type membership struct {
	// all are the configurations that may be in force. Invariant: the indexes strictly increase,
	// there is at least one, and all but the first are in the log.
	all []ConfigurationAt
	// voters are those of the newest, in either set, sorted; electorate is how they decide.
	voters     []entry.MemberID
	electorate electorate
	// joint and pending say so of the newest: pending is one that a change is not done with.
	joint, pending bool
	// met are the peers that this member has met, members or not.
	met acquaintances
	// changed is true when another configuration came into force in the present Step.
	changed bool
}

func newMembership(all []ConfigurationAt) membership {
	m := membership{all: all}
	m.refresh()
	return m
}

// restart replaces everything that is known of the log's configurations.
func (m *membership) restart(all []ConfigurationAt) {
	m.all = all
	m.refresh()
}

func (m *membership) refresh() {
	current := &m.current().Value
	m.voters, m.electorate = current.Voters(), newElectorate(current)
	m.joint, m.pending = current.Joint(), pending(current)
	m.changed = true
}

func (m *membership) current() *ConfigurationAt { return &m.all[len(m.all)-1] }

func (m *membership) isVoter(id entry.MemberID) bool {
	_, found := slices.BinarySearch(m.voters, id)
	return found
}

// knows reports whether id may say anything to this member. A member without a configuration listens
// to everyone that the transport lets through: it waits to be told who its peers are.
func (m *membership) knows(id entry.MemberID) bool {
	return len(m.current().Value.Members) == 0 || m.names(id)
}

// names reports whether id is a member.
func (m *membership) names(id entry.MemberID) bool {
	_, found := findMember(&m.current().Value, id)
	return found
}

// removed reports whether id was a member once.
func (m *membership) removed(id entry.MemberID) bool {
	return slices.Contains(m.current().Value.Removed, id)
}

func (m *membership) append(at ConfigurationAt) {
	m.all = append(m.all, at)
	m.refresh()
}

// truncate takes back the configurations from index from on.
func (m *membership) truncate(from entry.Index) {
	n := len(m.all)
	for n > 1 && m.all[n-1].Index >= from {
		n--
	}
	if n < len(m.all) {
		m.all = m.all[:n]
		m.refresh()
	}
}

// compact forgets the configurations that were replaced by one up to index.
func (m *membership) compact(index entry.Index) {
	for len(m.all) > 1 && m.all[1].Index <= index {
		m.all = slices.Clone(m.all[1:])
	}
}
