package core

import (
	"slices"

	"v.io/x/ref/lib/raft/entry"
)

// Majority returns how many of n voters decide: more than half of them (paper, section 5.2). Any
// two majorities of the same voters share one.
func Majority(n int) int { return n/2 + 1 }

// electorate is who decides: a quorum is a majority of the voters, and while a joint configuration
// is in force a majority of each of its two sets (thesis, section 4.3). Any two quorums of
// configurations that may follow each other share a voter. Everything that is decided by voters is
// decided by [reached]: commits, votes, pre-votes, read rounds, the check of a leader's quorum.
//
// It is made anew whenever the configuration changes and never modified, so that counting costs no
// look at the configuration.
type electorate struct {
	// incoming are the voters, sorted; in a joint configuration those that will vote when it ends.
	incoming []voter
	// outgoing are those that voted before a joint configuration, empty unless it is joint.
	outgoing []voter
}

// voter is one voter, and where a leader keeps what it knows of it.
type voter struct {
	id entry.MemberID
	// seat is its place in leading.peers; negative when this member is no leader, or it is the
	// voter itself.
	seat int
}

// unseated is the seat of a voter that has none.
const unseated = -1

func newElectorate(c *entry.Configuration) electorate {
	return electorate{incoming: unseatedVoters(c.Incoming()), outgoing: unseatedVoters(c.Outgoing())}
}

func unseatedVoters(ids []entry.MemberID) []voter {
	all := make([]voter, len(ids))
	for i, id := range ids {
		all[i] = voter{id: id, seat: unseated}
	}
	return all
}

// seated returns the electorate with seats among peers, which are sorted.
func (e *electorate) seated(peers []progress) electorate {
	return electorate{incoming: seat(e.incoming, peers), outgoing: seat(e.outgoing, peers)}
}

func seat(voters []voter, peers []progress) []voter {
	all := slices.Clone(voters)
	for i := range all {
		if at, found := findPeer(peers, all[i].id); found {
			all[i].seat = at
		}
	}
	return all
}

// only reports whether id decides alone.
func (e *electorate) only(id entry.MemberID) bool {
	alone := func(set []voter) bool { return len(set) == 1 && set[0].id == id }
	return alone(e.incoming) && (len(e.outgoing) == 0 || alone(e.outgoing))
}

// reached returns the greatest value that a quorum has reached, 0 when there are no voters: of a
// joint electorate the smaller one of what its two majorities have reached.
func reached[T ~uint64 | ~int64](e *electorate, value func(voter) T) T {
	incoming := majorityReached(e.incoming, value)
	if len(e.outgoing) == 0 {
		return incoming
	}
	return min(incoming, majorityReached(e.outgoing, value))
}

// majorityReached returns the greatest value that a majority of one set has reached.
func majorityReached[T ~uint64 | ~int64](set []voter, value func(voter) T) T {
	if len(set) == 0 {
		return 0
	}
	var buffer [entry.MembersMax]T
	values := buffer[:0]
	for _, v := range set {
		values = append(values, value(v))
	}
	slices.Sort(values)
	return values[len(values)-Majority(len(values))]
}

// quorumReached returns the greatest value that a quorum has reached as far as this leader knows:
// own is this member's, of tells each other one's.
func quorumReached[T ~uint64 | ~int64](c *Core, own T, of func(*progress) T) T {
	if c.unnamed() {
		return unnamedReached(c, own, of)
	}
	return reached(&c.members.electorate, func(v voter) T {
		switch {
		case v.seat >= 0 && !c.lead.peers[v.seat].denied:
			return of(&c.lead.peers[v.seat])
		case v.id == c.config.ID:
			return own
		}
		return 0
	})
}
