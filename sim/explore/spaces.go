package explore

import (
	"slices"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
)

// Spaces returns the spaces of the check: those that are visited whole with each change, or with long
// those of the long run, which go further in the same directions. Each one stresses a few kinds of
// events; all of them together in one space would not reach a second leader.
func Spaces(long bool) []Space {
	if long {
		return slices.Concat(longElections(), longReplication(), longMembership())
	}
	return slices.Concat(elections(), replication(), membership())
}

func elections() []Space {
	return []Space{
		{
			Name: "election", About: "elections from nothing, with disks that take their time",
			Members: 3, Terms: 2, Entries: 2, Messages: 2, Times: Times{Deadline: 2},
		}, {
			Name: "even", About: "two members, where half is no majority; one crashes",
			Members: 2, Terms: 3, Entries: 3, Messages: 2, Times: Times{Deadline: 3, Crash: 1},
		}, {
			Name: "voting", About: "a member crashes while a vote is under way to its disk",
			Members: 3, Terms: 2, Entries: 1, Messages: 1, Candidates: 2, Times: Times{Deadline: 2, Crash: 1},
		}, {
			Name: "again", About: "a vote is asked for twice while it is under way to a disk, which crashes",
			Members: 2, Terms: 2, Entries: 2, Messages: 2, Times: Times{Deadline: 2, Crash: 1, Copy: 1},
		}, {
			Name: "time", About: "members are not scheduled, connections break, votes are no longer refused",
			Members: 3, Terms: 2, Entries: 2, Messages: 2, Led: true, Instant: true,
			Times: Times{Deadline: 1, Lull: 1, Sleep: 1, Break: 1},
		}, {
			Name: "transfer", About: "leadership moves on purpose while an entry is replicated",
			Members: 3, Terms: 2, Entries: 3, Messages: 2, Led: true, Instant: true, Times: Times{Transfer: 1, Command: 1},
		},
	}
}

func replication() []Space {
	return []Space{
		{
			Name: "crash", About: "a member crashes while an entry is replicated; any part of a batch survives",
			Members: 3, Terms: 2, Entries: 3, Messages: 2, Led: true, Times: Times{Command: 1, Crash: 1, Heartbeat: 1},
		}, {
			Name: "succession", About: "a second leader takes over while an entry is replicated",
			Members: 3, Terms: 2, Entries: 3, Messages: 1, Led: true, Candidates: 2,
			Times: Times{Deadline: 1, Lull: 1, Command: 1, Heartbeat: 1},
		}, {
			Name: "rivals", About: "one of two leaders whose entries contradict each other stands again",
			Members: 3, Terms: 3, Entries: 3, Messages: 1, Rivals: true, Candidates: 1,
			Times: Times{Deadline: 2, Lull: 1, Sleep: 1, Heartbeat: 1},
		}, {
			Name: "news", About: "the second of two such leaders tells the first what is committed",
			Members: 3, Terms: 2, Entries: 3, Messages: 2, Rivals: true, Times: Times{Read: 1, Heartbeat: 1},
		}, {
			Name: "figure8", About: "figure 8: leaders of three terms leave their entries behind, one in each message",
			Members: 3, Terms: 4, Entries: 3, Messages: 1, Rivals: true, Instant: true, Single: true, Candidates: 2,
			Times: Times{Deadline: 3, Lull: 1, Sleep: 1, Heartbeat: 1},
		}, {
			Name: "reads", About: "a read is asked while another leader takes over",
			Members: 3, Terms: 2, Entries: 2, Messages: 2, Led: true, Instant: true, Times: Times{Deadline: 2, Read: 1},
		}, {
			Name: "old", About: "a new leader finds what an older one committed, and is asked for a read",
			Members: 3, Terms: 2, Entries: 3, Messages: 1, Led: true, Instant: true, Candidates: 2,
			Times: Times{Deadline: 1, Lull: 1, Command: 1, Read: 1},
		}, {
			Name: "answers", About: "a follower asks twice, and an answer arrives twice",
			Members: 3, Terms: 1, Entries: 2, Messages: 1, Led: true, Instant: true,
			Times: Times{Read: 2, Copy: 1, Command: 1},
		}, {
			Name: "copies", About: "commands are forwarded, and messages arrive twice",
			Members: 3, Terms: 1, Entries: 3, Messages: 2, Led: true, Instant: true, Times: Times{Command: 2, Copy: 1},
		}, {
			Name: "snapshots", About: "the leader compacts its log while a member lags and one crashes",
			Members: 3, Terms: 1, Entries: 2, Messages: 1, Led: true,
			Times: Times{Command: 1, Snapshot: 1, Crash: 1, Heartbeat: 1},
		}, {
			Name: "lost", About: "a member loses the end of its log, which it acknowledged, while another one takes over",
			Members: 3, Terms: 2, Entries: 3, Messages: 1, Led: true, Instant: true, Candidates: 2,
			Times: Times{Deadline: 1, Command: 1, Heartbeat: 1, Loss: 1},
		},
	}
}

func membership() []Space {
	d := []entry.Member{{ID: "d"}}
	a, c := []entry.MemberID{"a"}, []entry.MemberID{"c"}
	return []Space{
		{
			Name: "adding", About: "a member is added, caught up and promoted, while another one takes over",
			Members: 3, Outsiders: 1, Terms: 2, Entries: 4, Messages: 1, Led: true, Instant: true, Candidates: 2,
			Changes: []core.Change{{Add: d}}, Times: Times{Change: 1, Lull: 1, Deadline: 1, Heartbeat: 2},
		}, {
			Name: "removing", About: "a member or the leader is removed while another one takes over",
			Members: 3, Terms: 2, Entries: 4, Messages: 2, Led: true, Candidates: 2,
			Changes: []core.Change{{Remove: c}, {Remove: a}}, Times: Times{Change: 1, Lull: 1, Deadline: 1},
		}, {
			Name: "joint", About: "a member replaces another one by way of a joint configuration",
			Members: 3, Outsiders: 1, Terms: 2, Entries: 5, Messages: 1, Led: true, Instant: true, Candidates: 2,
			Changes: []core.Change{{Add: d, Remove: c}}, Times: Times{Change: 1, Heartbeat: 1, Deadline: 1, Lull: 1},
		}, {
			Name: "contest", About: "two leaders change the configuration, each one that the other does not know",
			Members: 3, Terms: 3, Entries: 4, Messages: 1, Rivals: true, Instant: true,
			Changes: []core.Change{{Remove: c}, {Remove: a}}, Times: Times{Change: 2, Lull: 1, Deadline: 1, Heartbeat: 1},
		},
	}
}

// The long run widens those spaces of which it can still visit every state, some 20 million together; the
// others it visits as they are.

func longElections() []Space {
	all := elections()
	all[0].Messages = 3
	all[1].Terms, all[1].Entries, all[1].Messages, all[1].Times[Deadline] = 4, 4, 3, 4
	all[2].Messages, all[2].Candidates, all[2].Entries = 2, 3, 2
	all[3].Terms, all[3].Times[Deadline] = 3, 3
	all[4].Terms, all[4].Entries, all[4].Times[Deadline], all[4].Candidates = 3, 3, 2, 2
	return all
}

func longReplication() []Space {
	all := replication()
	all[5].Times[Command], all[5].Entries, all[5].Candidates = 1, 3, 2
	return all
}

func longMembership() []Space {
	all := membership()
	all[1].Messages, all[1].Times[Crash] = 3, 1
	return all
}
