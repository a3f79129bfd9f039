package core

import (
	"bytes"
	"slices"
	"strings"

	"v.io/x/ref/lib/raft/entry"
)

// This file computes configurations from configurations. The plan of a change stands in the marks of
// the members, so each function here is a step that any leader can take, whoever took the one before:
//
//	     Change{Add d, Remove c}       caught up, sets differ by 2        committed
//	a b c ----------------> a b c(leaving) ------------> a b c(leaving) ---------> a b d
//	                        d(learner, promote)          d; outgoing a b c
//
// Where the sets of voters differ by at most one the joint configuration is left out (thesis,
// sections 4.1 and 4.3).

// mutable returns a copy of c whose lists may be changed.
func mutable(c *entry.Configuration) entry.Configuration {
	d := *c
	d.Members, d.Removed = slices.Clone(c.Members), slices.Clone(c.Removed)
	return d
}

func findMember(c *entry.Configuration, id entry.MemberID) (int, bool) {
	return slices.BinarySearchFunc(c.Members, id, func(m entry.Member, id entry.MemberID) int {
		return strings.Compare(string(m.ID), string(id))
	})
}

// isArrival reports whether m waits to be promoted.
func isArrival(m entry.Member) bool { return m.Learner && m.Promote }

func isLeaving(m entry.Member) bool { return m.Leaving }

// pending reports whether the configuration is a step of a change and not its end.
func pending(c *entry.Configuration) bool {
	return c.Joint() || slices.ContainsFunc(c.Members, isArrival) || slices.ContainsFunc(c.Members, isLeaving)
}

// planned returns the configuration with the change written into its marks. What needs to wait for
// nobody is done at once.
func planned(c *entry.Configuration, change *Change) entry.Configuration {
	next := mutable(c)
	for _, m := range change.Add {
		addMember(&next, m)
	}
	for _, id := range change.Remove {
		removeMember(&next, id)
	}
	if !slices.ContainsFunc(next.Members, isArrival) {
		next = completed(&next)
	}
	return next
}

// addMember brings one member on the way to what the change wants of it. A voter whose directory is
// another one than the recorded has to catch up again.
func addMember(c *entry.Configuration, want entry.Member) {
	c.Removed = slices.DeleteFunc(c.Removed, func(id entry.MemberID) bool { return id == want.ID })
	voter := wantsVote(&want)
	at, found := findMember(c, want.ID)
	if !found {
		m := entry.Member{ID: want.ID, Incarnation: want.Incarnation, Key: want.Key, Learner: true, Promote: voter}
		c.Members = slices.Insert(c.Members, at, m)
		return
	}
	m := &c.Members[at]
	m.Leaving = false
	if replaces(m, want.Incarnation) {
		replaceMember(m, want.Incarnation)
	}
	m.Learner = m.Learner || !voter
	m.Promote = m.Learner && voter
}

// replaces reports whether the incarnation is another one than the recorded.
func replaces(m *entry.Member, other entry.Incarnation) bool {
	return other != 0 && m.Incarnation != 0 && m.Incarnation != other
}

// replaceMember writes another directory into a member's line. A voter becomes a learner that waits
// to be promoted: what it votes and acknowledges counts for nothing until its log has caught up.
func replaceMember(m *entry.Member, other entry.Incarnation) {
	m.Incarnation = other
	if !m.Learner {
		m.Learner, m.Promote = true, !m.Leaving
	}
}

// removeMember marks one member as leaving. An arrival goes at once; without it, what was to leave
// in its stead stays: the change is cancelled.
func removeMember(c *entry.Configuration, id entry.MemberID) {
	at, found := findMember(c, id)
	if !found {
		return
	}
	if !isArrival(c.Members[at]) {
		c.Members[at].Leaving = true
		return
	}
	drop(c, func(m entry.Member) bool { return m.ID == id })
	for i := range c.Members {
		c.Members[i].Leaving = false
	}
}

// completed returns the configuration at the end of the change that its marks describe.
func completed(c *entry.Configuration) entry.Configuration {
	next := mutable(c)
	for i := range next.Members {
		m := &next.Members[i]
		m.Outgoing = false
		if isArrival(*m) {
			m.Learner, m.Promote = false, false
		}
	}
	drop(&next, isLeaving)
	return next
}

// drop removes members and remembers their ids.
func drop(c *entry.Configuration, which func(entry.Member) bool) {
	for _, m := range c.Members {
		if which(m) {
			c.Removed = append(c.Removed, m.ID)
		}
	}
	c.Members = slices.DeleteFunc(c.Members, which)
	if over := len(c.Removed) - entry.RemovedMax; over > 0 {
		c.Removed = slices.Delete(c.Removed, 0, over)
	}
}

// jointOf returns the configuration between c and next, in which the voters of both decide. Who is
// in c alone stays until its end.
func jointOf(c, next *entry.Configuration) entry.Configuration {
	between := mutable(next)
	voters := c.Voters()
	for _, m := range c.Members {
		at, found := findMember(&between, m.ID)
		if !found {
			m.Leaving, m.Promote = true, false
			between.Members = slices.Insert(between.Members, at, m)
		}
		_, between.Members[at].Outgoing = slices.BinarySearch(voters, m.ID)
	}
	between.Removed = slices.DeleteFunc(between.Removed, func(id entry.MemberID) bool {
		_, member := findMember(&between, id)
		return member
	})
	return between
}

// entered returns the configuration to append in order to come from c to next: next itself where
// every majority of its voters shares one with every majority of c's, else the joint one.
func entered(c, next *entry.Configuration) entry.Configuration {
	if difference(c.Voters(), next.Voters()) <= 1 {
		return *next
	}
	return jointOf(c, next)
}

// difference returns how many voters two sets do not share.
func difference(a, b []entry.MemberID) int {
	n := len(a) + len(b)
	for _, id := range a {
		if _, both := slices.BinarySearch(b, id); both {
			n -= 2
		}
	}
	return n
}

// sameConfiguration compares two configurations in every field.
func sameConfiguration(a, b *entry.Configuration) bool {
	return a.Cluster == b.Cluster && a.Level == b.Level && a.Lease == b.Lease && slices.Equal(a.Removed, b.Removed) &&
		slices.EqualFunc(a.Members, b.Members, sameMember)
}

func sameMember(a, b entry.Member) bool {
	return a.ID == b.ID && a.Incarnation == b.Incarnation && bytes.Equal(a.Key, b.Key) && a.Learner == b.Learner &&
		a.Promote == b.Promote && a.Leaving == b.Leaving && a.Outgoing == b.Outgoing
}
