package explore

// Spaces returns the spaces of the check: those that are visited whole with each change, or with long
// those of the long run, which go further in the same directions. Each one stresses a few kinds of
// events; all of them together in one space would not reach a second leader.
func Spaces(long bool) []Space {
	if long {
		return longSpaces()
	}
	return []Space{
		{
			Name: "election", About: "elections from nothing, with disks that take their time",
			Members: 3, Terms: 2, Entries: 2, Messages: 2, Times: Times{Deadline: 2},
		}, {
			Name: "even", About: "two members, where half is no majority; one crashes",
			Members: 2, Terms: 3, Entries: 3, Messages: 2, Times: Times{Deadline: 3, Crash: 1},
		}, {
			Name: "crash", About: "a member crashes while an entry is replicated; any part of a batch survives",
			Members: 3, Terms: 2, Entries: 3, Messages: 2, Led: true, Times: Times{Command: 1, Crash: 1, Heartbeat: 1},
		}, {
			Name: "voting", About: "a member crashes while a vote is under way to its disk",
			Members: 3, Terms: 2, Entries: 1, Messages: 2, Candidates: 2, Times: Times{Deadline: 2, Crash: 1},
		}, {
			Name: "succession", About: "a second leader takes over while an entry is replicated",
			Members: 3, Terms: 2, Entries: 3, Messages: 2, Led: true, Times: Times{Deadline: 2, Command: 1},
		}, {
			Name: "reads", About: "a read is asked while another leader takes over",
			Members: 3, Terms: 2, Entries: 2, Messages: 2, Led: true, Instant: true, Times: Times{Deadline: 2, Read: 1},
		}, {
			Name: "copies", About: "commands are forwarded, and messages arrive twice",
			Members: 3, Terms: 1, Entries: 3, Messages: 2, Led: true, Instant: true, Times: Times{Command: 2, Copy: 1},
		}, {
			Name: "snapshots", About: "the leader compacts its log while a member lags and one crashes",
			Members: 3, Terms: 1, Entries: 2, Messages: 2, Led: true,
			Times: Times{Command: 1, Snapshot: 1, Crash: 1, Heartbeat: 1},
		}, {
			Name: "time", About: "members are not scheduled, connections break, votes are no longer refused",
			Members: 3, Terms: 2, Entries: 2, Messages: 2, Led: true, Instant: true,
			Times: Times{Deadline: 1, Lull: 1, Sleep: 1, Break: 1},
		},
	}
}

func longSpaces() []Space {
	return []Space{
		{
			Name: "election", About: "elections from nothing, with disks that take their time",
			Members: 3, Terms: 2, Entries: 2, Messages: 3, Times: Times{Deadline: 2, Copy: 1},
		}, {
			Name: "even", About: "two members, where half is no majority; one crashes",
			Members: 2, Terms: 4, Entries: 4, Messages: 3, Times: Times{Deadline: 4, Crash: 1},
		}, {
			Name: "crash", About: "a member crashes while entries are replicated; any part of a batch survives",
			Members: 3, Terms: 2, Entries: 3, Messages: 3, Led: true, Times: Times{Command: 2, Crash: 1},
		}, {
			Name: "voting", About: "a member crashes while a vote is under way to its disk",
			Members: 3, Terms: 2, Entries: 2, Messages: 3, Times: Times{Deadline: 2, Crash: 1},
		}, {
			Name: "succession", About: "figure 8: leaders of three terms leave their entries behind",
			Members: 3, Terms: 3, Entries: 4, Messages: 2, Led: true, Instant: true,
			Times: Times{Deadline: 3, Command: 1, Crash: 1},
		}, {
			Name: "reads", About: "a read is asked while another leader takes over and commits",
			Members: 3, Terms: 2, Entries: 3, Messages: 2, Led: true, Instant: true,
			Times: Times{Deadline: 2, Read: 1, Command: 1},
		}, {
			Name: "copies", About: "commands are forwarded, and messages arrive twice",
			Members: 3, Terms: 1, Entries: 3, Messages: 3, Led: true, Times: Times{Command: 2, Copy: 1},
		}, {
			Name: "snapshots", About: "a leader compacts its log while a member lags and one crashes",
			Members: 3, Terms: 2, Entries: 4, Messages: 2, Led: true, Times: Times{Command: 2, Snapshot: 1, Crash: 1},
		}, {
			Name: "time", About: "members are not scheduled, connections break, votes are no longer refused",
			Members: 3, Terms: 3, Entries: 3, Messages: 2, Led: true,
			Times: Times{Deadline: 2, Lull: 1, Sleep: 1, Break: 1},
		},
	}
}
