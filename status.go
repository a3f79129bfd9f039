package raft

import "v.io/x/ref/lib/raft/replica"

// roleNames are the roles in words, for people.
var roleNames = map[int]string{
	RoleCandidate: "candidate", RoleFollower: "follower", RoleLeader: "leader", RoleStopped: "stopped",
}

// Status implements Raft.
func (r *raft) Status() (myID string, myRole int, leader string) {
	s := r.replica.Status()
	return r.ID(), role(s), string(s.Leader)
}

// Stats implements Raft.
func (r *raft) Stats() Stats {
	s := r.replica.Stats()
	out := Stats{
		ID:          r.ID(),
		Role:        role(s.Status),
		Leader:      string(s.Leader),
		Term:        Term(s.Term),
		Last:        Index(s.Last.Index),
		Commit:      Index(s.Commit),
		Durable:     Index(s.Durable),
		Applied:     Index(s.Applied),
		FsyncP50:    s.SyncP50,
		FsyncP99:    s.SyncP99,
		LastContact: s.SinceContact,
		QueueBytes:  int64(s.QueueBytes + s.InboxBytes),
		Refused:     refused(s.Refused),
		Health:      Health{Full: s.Full, Failure: s.Failure, Damage: damage(&s.Status)},
	}
	out.Damage.Former = uint64(r.identity.former)
	for _, m := range s.Configuration.Members {
		out.Members = append(out.Members, string(m.ID))
	}
	return out
}

// damage returns what the disk does not give back.
func damage(s *replica.Status) Damage {
	d := &s.Damage
	return Damage{
		Entries: d.Entries, First: Index(d.First), Repaired: d.Repaired, Images: d.Images, AwaitsImage: Index(s.Awaits),
		ScrubPasses: d.Scrub.Passes, ScrubNext: Index(d.Scrub.Next),
	}
}

// refused adds up the messages that were not listened to. A message of an older term is none of them:
// it was answered.
func refused(m replica.RefusedMessages) uint64 {
	return m.Impersonating + m.Foreign + m.Overflow + m.Core.Unknown + m.Core.Malformed + m.Core.Strangers +
		m.Core.Removed + m.Core.Replaced
}

// memberStatus is Status and Stats as a client asks for them over RPC.
func (r *raft) memberStatus() MemberStatus {
	s := r.Stats()
	out := MemberStatus{
		Id:      s.ID,
		Role:    roleNames[s.Role],
		Leader:  s.Leader,
		Term:    s.Term,
		Last:    s.Last,
		Commit:  s.Commit,
		Applied: s.Applied,
		Members: s.Members,
		Damaged: s.Damage.Entries,
		Healed:  s.Damage.Repaired,
		Images:  s.Damage.Images,
		Former:  s.Damage.Former,
	}
	if c := r.replica.Status().Configuration.Cluster; !c.IsZero() {
		out.Cluster = c.String()
	}
	if err := r.Ready(); err != nil {
		out.Ready = err.Error()
	}
	return out
}
