package core

import "v.io/x/ref/lib/raft/entry"

// This file: leadership moves on purpose (thesis, section 3.10).
//
//	leader                                       target
//	takes no more proposals
//	brings the target up to date  --append-->    acknowledges
//	all is committed and acknowledged
//	gives up its lease            --transfer-->  campaigns at once, without a pre-vote; its request
//	                              <----vote----  overrides what members think of their leader
//	votes, and follows

// TransferID names a request for a transfer between replica and core; replica chooses it, fresh for
// each and beginning at a random number, since it comes back in an answer of another member.
type TransferID uint64

// TransferRequest asks that leadership moves.
type TransferRequest struct {
	ID TransferID
	// To is the voter that shall lead. "" is the best one: of those lately heard the one with the
	// lowest rank, and among equals the one whose log is furthest.
	To entry.MemberID
}

// TransferRefusal says why a transfer did not come about. The numbers travel in MsgTransferReply.
type TransferRefusal uint8

const (
	// TransferNoLeader: no leader is known that could be asked.
	TransferNoLeader TransferRefusal = iota + 1
	// TransferNotVoter: the member named is no voter of the configuration in force.
	TransferNotVoter
	// TransferUnheard: the member named, or every one that could take over, or a majority has not
	// been heard for an election time-out, or its connection is broken.
	TransferUnheard
	// TransferBusy: a transfer to another member is under way.
	TransferBusy
	// TransferTimeout: the target did not lead within an election time-out. The leader goes on, if it
	// still is one.
	TransferTimeout
	// TransferLost: another member leads now.
	TransferLost
)

// TransferResult answers a TransferRequest. Refusal 0 says that the member asked for leads.
type TransferResult struct {
	ID      TransferID
	Refusal TransferRefusal
}

// askedTransfer is a request of this member's own that waits for a new leader.
type askedTransfer struct {
	id TransferID
	// to is who shall lead, "" for anybody but leader, who led in term when it was asked.
	to, leader entry.MemberID
	term       entry.Term
	due        Instant
}

// handover is a leader's transfer under way.
type handover struct {
	to  entry.MemberID // "" for none
	due Instant
	// sent is true once the target was told to campaign.
	sent bool
	// askers are the members that want to hear of a failure.
	askers []asker
}

type asker struct {
	from  entry.MemberID
	round uint64
}

// askersMax bounds the members' requests that one handover remembers; each member asks seldom.
const askersMax = 256

// forced in MsgVote.Hint says that the leader itself told the candidate to stand: then the request
// overrides stickiness.
const forced = 1

// transferring reports whether this leader takes no proposals because it hands over.
func (c *Core) transferring() bool { return c.lead.handover.to != "" }

// startTransfers takes this member's own requests.
func (c *Core) startTransfers(all []TransferRequest, out *Effects) {
	for _, r := range all {
		asked := askedTransfer{
			id: r.ID, to: r.To, leader: c.leader, term: c.hard.Term, due: c.now + quorumMax*c.config.Heartbeat,
		}
		var why TransferRefusal
		switch {
		case c.leader == "":
			why = TransferNoLeader
		case c.leader == r.To: // it is so already
		case c.role == Leader:
			asked.to, why = c.handOver(r.To)
		default:
			// A lost request or answer shows as a time-out, a little after the leader's own.
			asked.due += askAgain * c.config.Heartbeat
			c.requestTransfer(r.To, uint64(r.ID), out)
		}
		if why != 0 {
			out.Transferred = append(out.Transferred, TransferResult{ID: r.ID, Refusal: why})
			continue
		}
		c.election.asked = append(c.election.asked, asked)
	}
}

// requestTransfer asks the leader; round 0 wants no answer.
func (c *Core) requestTransfer(to entry.MemberID, round uint64, out *Effects) {
	m := Message{Kind: MsgTransferRequest, To: c.leader, Term: c.hard.Term, Round: round, Target: to}
	c.send(m, c.afterHard(), out)
}

// wish is this member's own wish to lead. A single try may come to nothing for reasons that are over in a moment:
// an election under way is won by another member, the leader has not heard this one yet or hands over to a third,
// the request is lost with a new connection. So it is pursued until it is fulfilled, or given up after an election
// time-out.
type wish struct {
	// until is when it is given up, 0 while there is none.
	until Instant
	// again is when the next try is due. A leader that was not asked before, in the term asked, is asked at once.
	again Instant
	asked entry.Term
}

// pursueWish makes the next try to lead, when one is due: a leader that is there is asked to hand over, which
// costs no time without a leader; else the members are asked for pre-votes.
func (c *Core) pursueWish(out *Effects) {
	w := &c.election.wish
	heard := c.leader != "" && !c.election.suspect
	switch {
	case w.until == 0:
		return
	case c.role == Leader || c.now >= w.until || !c.voter(c.config.ID):
		*w = wish{}
		return
	case c.role != Follower && w.again != 0:
		return // It stands, and tries again by itself.
	case c.now < w.again && !(heard && w.asked != c.hard.Term):
		return
	}
	w.again = min(c.now+askAgain*c.config.Heartbeat, w.until)
	switch {
	case heard && c.mayCampaign(): // Else the leader would stop for one that cannot take over.
		w.asked = c.hard.Term
		c.requestTransfer(c.config.ID, 0, out)
	case !heard:
		c.startCampaign(out)
	}
}

// onTransferRequest takes another member's request. Success is not answered: the new leader is.
func (c *Core) onTransferRequest(m *Message, out *Effects) {
	why := TransferNoLeader
	if c.role == Leader {
		if m.Target == c.config.ID {
			return
		}
		_, why = c.handOver(m.Target)
	}
	if t := &c.lead.handover; why == 0 && m.Round != 0 && len(t.askers) < askersMax {
		t.askers = append(t.askers, asker{from: m.From, round: m.Round})
	}
	if why != 0 && m.Round != 0 {
		c.refuseTransfer(asker{from: m.From, round: m.Round}, why, out)
	}
}

func (c *Core) refuseTransfer(to asker, why TransferRefusal, out *Effects) {
	reply := Message{
		Kind: MsgTransferReply, To: to.from, Term: c.hard.Term, Round: to.round, Reject: true, Hint: uint64(why),
	}
	c.send(reply, c.afterHard(), out)
}

// onTransferReply takes the leader's refusal.
func (c *Core) onTransferReply(m *Message, out *Effects) {
	if m.From != c.leader || m.Hint == 0 || m.Hint > uint64(TransferLost) {
		return
	}
	c.answerTransfers(out, func(a *askedTransfer) (TransferRefusal, bool) {
		return TransferRefusal(m.Hint), uint64(a.id) == m.Round
	})
}

// handOver begins a transfer, or joins the one under way. It returns who shall lead.
func (c *Core) handOver(to entry.MemberID) (entry.MemberID, TransferRefusal) {
	t := &c.lead.handover
	switch {
	case t.to != "" && (to == "" || to == t.to):
		return t.to, 0
	case t.to != "":
		return "", TransferBusy
	case to != "" && !c.voter(to):
		return "", TransferNotVoter
	}
	target := c.peer(to)
	if to == "" {
		target = c.successor()
	}
	if target == nil || !c.reachable(target) || !c.quorumReachable(1) {
		return "", TransferUnheard
	}
	t.to, t.due = target.id, c.now+quorumMax*c.config.Heartbeat
	return t.to, 0
}

// successor returns the best voter that could take over, nil for none.
func (c *Core) successor() *progress {
	var best *progress
	for i := range c.lead.peers {
		p := &c.lead.peers[i]
		if !c.voter(p.id) || !c.reachable(p) || p.full {
			continue
		}
		if best == nil || p.rank < best.rank || p.rank == best.rank && p.match > best.match {
			best = p
		}
	}
	return best
}

// reachable reports whether a member was heard within the election time-out, on a connection that is
// not known to be broken.
func (c *Core) reachable(p *progress) bool {
	return !p.lost && c.now-p.heard < quorumMax*c.config.Heartbeat
}

// quorumReachable reports whether those reachable could elect, with own votes of this member.
func (c *Core) quorumReachable(own uint64) bool {
	return quorumReached(c, own, func(p *progress) uint64 {
		if c.reachable(p) {
			return 1
		}
		return 0
	}) == 1
}

// advanceHandover tells the target to campaign once its log holds everything: proposals have been
// refused since the beginning, so that is soon. Waiting for the commit of everything, too, costs at
// most another member's ack and leaves no caller without an answer.
func (c *Core) advanceHandover(out *Effects) {
	t := &c.lead.handover
	if t.to == "" {
		return
	}
	p := c.peer(t.to)
	if p == nil || !c.voter(t.to) || c.now >= t.due {
		c.giveUpTransfer(TransferTimeout, out)
		return
	}
	ready := p.match == c.log.last && c.commit == c.log.last
	if !ready || t.sent && !c.lead.broadcast {
		return
	}
	// Each heartbeat repeats it: the first may have been lost.
	t.sent, c.lead.ended = true, true
	c.send(Message{Kind: MsgTransfer, To: t.to, Term: c.hard.Term}, c.afterHard(), out)
}

// giveUpTransfer ends a handover that failed and tells everybody who asked for it. The leader takes
// proposals again.
func (c *Core) giveUpTransfer(why TransferRefusal, out *Effects) {
	for _, a := range c.lead.handover.askers {
		c.refuseTransfer(a, why, out)
	}
	c.lead.handover = handover{}
	c.answerTransfers(out, func(*askedTransfer) (TransferRefusal, bool) { return why, true })
}

// onTransfer stands for election at once: the leader asked for it, so neither a pre-vote nor a
// time-out is waited for.
func (c *Core) onTransfer(m *Message, out *Effects) {
	if c.role != Follower || m.From != c.leader || !c.mayCampaign() {
		return
	}
	c.leader = ""
	c.failReads(out)
	c.becomeCandidate(forced, out)
}

// settleTransfers answers the requests that a new leader or the time has decided.
func (c *Core) settleTransfers(out *Effects) {
	c.answerTransfers(out, func(a *askedTransfer) (TransferRefusal, bool) {
		later := c.leader != "" && c.hard.Term > a.term
		switch {
		case c.leader != "" && c.leader == a.to, later && a.to == "" && c.leader != a.leader:
			return 0, true
		case later:
			return TransferLost, true
		}
		return TransferTimeout, c.now >= a.due
	})
}

// answerTransfers answers the requests that verdict decides.
func (c *Core) answerTransfers(out *Effects, verdict func(*askedTransfer) (TransferRefusal, bool)) {
	kept := c.election.asked[:0]
	for i := range c.election.asked {
		a := c.election.asked[i]
		if why, decided := verdict(&a); decided {
			out.Transferred = append(out.Transferred, TransferResult{ID: a.id, Refusal: why})
		} else {
			kept = append(kept, a)
		}
	}
	c.election.asked = kept
}

// transferDue returns when the next of this member's own requests ends.
func (c *Core) transferDue() Instant {
	due := Forever
	for i := range c.election.asked {
		due = min(due, c.election.asked[i].due)
	}
	return due
}
