package explore

import (
	"fmt"
	"strings"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
)

// kind says what happens in one step.
type kind uint8

const (
	arrives kind = iota + 1
	arrivesAndStays
	vanishes
	synced
	crashes
	expires
	lulls
	sleeps
	proposed
	asked
	snapshot
	breaks
	transfers
	changes
	loses
	loaded
)

// event is one step of the cluster: what happens to which member. arg is a packet, the number of
// writes or entries that survive, of a command or a read, or another member.
type event struct {
	kind   kind
	member int
	arg    uint32
}

// argMax bounds the packets of a space.
const argMax = 1<<24 - 1

// word writes an event as one number.
func (e event) word() uint32 { return uint32(e.kind)<<27 | uint32(e.member)<<24 | e.arg }

func eventOf(word uint32) event {
	return event{kind: kind(word >> 27), member: int(word >> 24 & 7), arg: word & argMax}
}

// local is the number of what the member notices of the event: not whether the message stays.
func (e event) local() uint32 {
	if e.kind == arrivesAndStays {
		e.kind = arrives
	}
	return e.word()
}

// state is a state of the cluster.
type state struct {
	nodes   []uint32
	truth   uint32
	left    Times
	packets []uint32 // sorted, distinct
}

// words writes a state as numbers: nodes, truth, what is left, packets.
func (s *state) words(dst []uint32) []uint32 {
	dst = append(append(dst, s.nodes...), s.truth)
	for i := 0; i < len(s.left); i += 4 {
		var w uint32
		for k := i; k < min(i+4, len(s.left)); k++ {
			w = w<<8 | uint32(s.left[k])
		}
		dst = append(dst, w)
	}
	return append(dst, s.packets...)
}

const leftWords = (int(choices) + 3) / 4

// read is the inverse of words; the state shares the memory of the words.
func (s *state) read(words []uint32, members int) {
	s.nodes, s.truth, s.packets = words[:members], words[members], words[members+1+leftWords:]
	for i := len(s.left) - 1; i >= 0; i-- {
		in := min(len(s.left)-i/4*4, 4)
		s.left[i] = uint8(words[members+1+i/4] >> (8 * (in - 1 - i%4)))
	}
}

// describe says what happens, for people.
func (l *lab) describe(s *state, e event) string {
	id := l.ids[e.member]
	n := l.nodes.items[s.nodes[e.member]]
	switch e.kind {
	case arrives:
		return fmt.Sprintf("%s receives %s", id, l.describePacket(e.arg))
	case arrivesAndStays:
		return fmt.Sprintf("%s receives %s, of which another copy is under way", id, l.describePacket(e.arg))
	case vanishes:
		return fmt.Sprintf("lost: %s", l.describePacket(e.arg))
	case synced:
		return fmt.Sprintf("%s: its oldest write is durable (%s)", id, describeWrites(n.writes))
	case crashes:
		return fmt.Sprintf("%s crashes and restarts; of its writes under way survive %d of %d parts (%s)",
			id, e.arg, len(n.writes), describeWrites(n.writes))
	case loses:
		return fmt.Sprintf("%s crashes and restarts; of the %d entries of its log only %d can be read",
			id, len(n.disk.log), e.arg)
	case expires:
		return fmt.Sprintf("%s: its deadline as a %v expires", id, n.status.Role)
	case lulls:
		return fmt.Sprintf("%s: no message for the minimum election time-out", id)
	case sleeps:
		return fmt.Sprintf("%s: was not scheduled for 100 heartbeats", id)
	case proposed:
		return fmt.Sprintf("%s: a client proposes command %d", id, e.arg)
	case asked:
		return fmt.Sprintf("%s: a client asks for read %d", id, e.arg)
	case snapshot:
		return fmt.Sprintf("%s takes a snapshot and compacts its log", id)
	case breaks:
		return fmt.Sprintf("%s loses its connection to %s", id, l.ids[e.arg])
	case transfers:
		return fmt.Sprintf("%s is asked that %s shall lead", id, l.ids[e.arg])
	case changes:
		return fmt.Sprintf("%s is asked for %s", id, describeChange(&l.space.Changes[e.arg]))
	case loaded:
		return fmt.Sprintf("%s has read entries from its disk", id)
	}
	return fmt.Sprintf("event %d", e.kind)
}

func describeChange(c *core.Change) string {
	var parts []string
	for _, m := range c.Add {
		parts = append(parts, "+"+string(m.ID))
	}
	for _, id := range c.Remove {
		parts = append(parts, "-"+string(id))
	}
	return "the change " + strings.Join(parts, " ")
}

// describeConfiguration lists the voters, in a joint configuration those of both sets.
func describeConfiguration(c *entry.Configuration) string {
	if c.Joint() {
		return fmt.Sprintf("%v%v", c.Outgoing(), c.Incoming())
	}
	return fmt.Sprintf("%v", c.Incoming())
}

// describeWrites says what is under way to a disk.
func describeWrites(all []write) string {
	var parts []string
	for i := range all {
		switch w := &all[i]; {
		case w.hard != nil:
			parts = append(parts, fmt.Sprintf("term %d vote %q", w.hard.Term, w.hard.Vote))
		case w.truncate != 0:
			parts = append(parts, fmt.Sprintf("truncate from %d", w.truncate))
		case w.reset != nil:
			parts = append(parts, fmt.Sprintf("reset to %d", w.reset.meta.Index))
		case w.entry != nil:
			parts = append(parts, fmt.Sprintf("entry of term %d", w.entry.term))
		default:
			parts = append(parts, fmt.Sprintf("end of batch %d", w.seq))
		}
	}
	return strings.Join(parts, ", ")
}

// describePacket says what a message says.
func (l *lab) describePacket(number uint32) string {
	p := l.packets.items[number]
	m := &p.message
	var b strings.Builder
	fmt.Fprintf(&b, "%s→%s ", m.From, m.To)
	if p.image != nil {
		fmt.Fprintf(&b, "snapshot of 1..%d", p.image.meta.Index)
		return b.String()
	}
	fmt.Fprintf(&b, "%v", m.Kind)
	if m.Reject {
		b.WriteString(" (no)")
	}
	fmt.Fprintf(&b, " term %d", m.Term)
	switch m.Kind {
	case core.MsgPreVote, core.MsgVote:
		fmt.Fprintf(&b, ", log ends (%d, term %d)", m.Index, m.LogTerm)
	case core.MsgAppend:
		fmt.Fprintf(&b, ", after (%d, term %d) entries %v, commit %d, round %d",
			m.Index, m.LogTerm, terms(m.Body), m.Commit, m.Round)
	case core.MsgAppendReply:
		fmt.Fprintf(&b, ", index %d, match %d, round %d", m.Index, m.Match, m.Round)
	case core.MsgReadReply, core.MsgSnapshotReply:
		fmt.Fprintf(&b, ", index %d", m.Index)
	}
	return b.String()
}

// terms are those of a message's entries: the way in which the paper's figures draw logs.
func terms(blocks []*entry.Block) []entry.Term {
	all := []entry.Term{}
	for _, b := range blocks {
		for i := b.First(); i <= b.Last(); i++ {
			all = append(all, b.Term(i))
		}
	}
	return all
}

// describeNode draws a member: role, term, vote, log by terms.
func (l *lab) describeNode(n *node) string {
	var b strings.Builder
	s := &n.status
	fmt.Fprintf(&b, "%s is %v of term %d", l.ids[n.member], s.Role, s.Term)
	if s.Vote != "" {
		fmt.Fprintf(&b, ", voted for %s", s.Vote)
	}
	b.WriteString(", log")
	for i, item := range n.log {
		if at := entry.Index(i + 1); at == n.disk.base.Index+1 && i > 0 {
			b.WriteString(" |")
		}
		fmt.Fprintf(&b, " %d", item.term)
		if item.configuration != nil && i > 0 {
			b.WriteString(describeConfiguration(item.configuration))
		}
	}
	fmt.Fprintf(&b, ", durable %d, commit %d", s.Durable, s.Commit)
	if held := n.disk.held; held.Index != 0 {
		fmt.Fprintf(&b, ", and it held up to (%d, term %d)", held.Index, held.Term)
	}
	return b.String()
}
