package core

import (
	"fmt"

	"v.io/x/ref/lib/raft/entry"
)

// NoticeKind says what a notice tells.
type NoticeKind uint8

// What core notices. A Step tells each kind at most once, in this order: where the member stands at its
// end.
const (
	// NoticeTerm: the member is in another term.
	NoticeTerm NoticeKind = iota + 1
	// NoticeRole: it has another role.
	NoticeRole
	// NoticeLeader: another leader is known, or none any more.
	NoticeLeader
	// NoticeMembership: another configuration is in force, that of entry Index.
	NoticeMembership
	// NoticeSnapshot: a received snapshot up to entry Index has replaced the log.
	NoticeSnapshot
	// NoticeStall: the disk stands still for an election time-out, or moves again.
	NoticeStall
)

var noticeNames = [...]string{"", "term", "role", "leader", "membership", "snapshot", "stall"}

// String returns the kind's name.
func (k NoticeKind) String() string {
	if k > 0 && int(k) < len(noticeNames) {
		return noticeNames[k]
	}
	return fmt.Sprintf("notice kind %d", uint8(k))
}

// Notice tells that something changed which others than the algorithm may want to know.
type Notice struct {
	Kind NoticeKind
	// Term, Role and Leader are the member's after the Step, Was is the role before.
	Term   entry.Term
	Role   Role
	Was    Role
	Leader entry.MemberID
	// Index is the entry that holds the configuration, or the last one that the snapshot replaces.
	Index entry.Index
	// Stalled is true when the disk stands still.
	Stalled bool
}

// posture is what notices compare.
type posture struct {
	term    entry.Term
	role    Role
	leader  entry.MemberID
	stalled bool
}

func (c *Core) stand() posture {
	return posture{term: c.hard.Term, role: c.role, leader: c.leader, stalled: c.stalled()}
}

// tellNotices compares how the member stands with the beginning of the Step.
func (c *Core) tellNotices(out *Effects) {
	was, now := c.step.before, c.stand()
	tell := func(kind NoticeKind, index entry.Index) {
		out.Notices = append(out.Notices, Notice{
			Kind: kind, Term: now.term, Role: now.role, Was: was.role, Leader: now.leader, Index: index,
			Stalled: now.stalled,
		})
	}
	if now.term != was.term {
		tell(NoticeTerm, 0)
	}
	if now.role != was.role {
		tell(NoticeRole, 0)
	}
	if now.leader != was.leader {
		tell(NoticeLeader, 0)
	}
	if out.Configuration != nil {
		tell(NoticeMembership, out.Configuration.Index)
	}
	if c.step.installed != 0 {
		tell(NoticeSnapshot, c.step.installed)
	}
	if now.stalled != was.stalled {
		tell(NoticeStall, 0)
	}
}
