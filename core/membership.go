package core

import (
	"bytes"
	"cmp"
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
	// former is Start.Former.
	former entry.Incarnation
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

// mayStand reports whether a member may stand for election, from a directory: where it is a voter of
// the newest configuration, or of one before that until the newer are committed. Its log may be the only
// one that holds the configuration without it, and then nobody else can be elected (thesis, section
// 4.2.2). The votes are counted by the newest.
func (m *membership) mayStand(id entry.MemberID, from entry.Incarnation, commit entry.Index) bool {
	for i := len(m.all) - 1; i >= 0; i-- {
		at := &m.all[i]
		if own, found := at.Value.Find(id); found && voted(&at.Value, &own) {
			recorded := own.Incarnation
			if recorded == 0 {
				recorded = m.former
			}
			return !foreign(recorded, from)
		}
		if at.Index <= commit {
			break
		}
	}
	return false
}

// voted reports whether a member of the configuration is a voter of it, in either set.
func voted(c *entry.Configuration, m *entry.Member) bool {
	return m.Outgoing || !m.Learner && !(m.Leaving && c.Joint())
}

// removed reports whether id was a member once.
func (m *membership) removed(id entry.MemberID) bool {
	return slices.Contains(m.current().Value.Removed, id)
}

func (m *membership) append(at ConfigurationAt) {
	m.all = append(m.all, at)
	m.refresh()
}

// learn puts a configuration of the log in its place, unless it is there.
func (m *membership) learn(at *ConfigurationAt) {
	place, found := slices.BinarySearchFunc(m.all, at.Index, func(x ConfigurationAt, i entry.Index) int {
		return cmp.Compare(x.Index, i)
	})
	if !found && place > 0 {
		m.all = slices.Insert(m.all, place, *at)
		m.refresh()
	}
}

// knowsAt reports whether a configuration is, for all that is known, the one in force at an index.
func (m *membership) knowsAt(index entry.Index, value *entry.Configuration) bool {
	n := len(m.all) - 1
	for n > 0 && m.all[n].Index > index {
		n--
	}
	return bytes.Equal(entry.AppendConfiguration(nil, m.all[n].Value), entry.AppendConfiguration(nil, *value))
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
