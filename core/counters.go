package core

// Counters count what Step was given and did not listen to. They only grow.
type Counters struct {
	// Unknown: the kind of the message is not one of this version.
	Unknown uint64
	// Malformed: an impossible number, or a body that is not what the message says.
	Malformed uint64
	// Strangers: the sender is not a member of the configuration, and said what only one may say.
	Strangers uint64
	// Removed: as Strangers, from one that was a member once.
	Removed uint64
	// Replaced: a vote or an ack of another directory than the recorded one.
	Replaced uint64
	// Crowded: more ids speak than Config.Size says that there are members; the answer did not count.
	Crowded uint64
	// Stale: the message belongs to an older term.
	Stale uint64
	// Forgotten: a member denied entries that it had acknowledged.
	Forgotten uint64
	// Lost: a member said that it has lost the end of its log, or an ack from before that came late.
	Lost uint64
	// Sticky: a vote was refused because a leader was heard within the minimum election time-out.
	Sticky uint64
}
