package explore

import (
	"fmt"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
)

// lab holds everything that has a number, and remembers what each event does to each local state.
type lab struct {
	space   *Space
	ids     []entry.MemberID
	initial entry.Configuration
	entries table[*entry.Block]
	// configurations are those of entries, by their numbers.
	configurations map[uint32]*entry.Configuration
	nodes          table[*node]
	packets        table[*packet]
	truths         table[*truth]
	// outcomes are what the events did, known by node and event.
	outcomes []outcome
	known    map[uint64]uint32
	// learned is what an outcome adds to a history.
	learned map[[2]uint32]uint32
	scratch []byte
}

// packet is a message or a snapshot on its way.
type packet struct {
	to      int
	message core.Message
	// image is set for a snapshot; the message then only bears its addresses.
	image *image
}

// answer reports whether the packet answers a question of its term.
func (p *packet) answer() bool {
	switch p.message.Kind {
	case core.MsgPreVoteReply, core.MsgVoteReply, core.MsgAppendReply:
		return true
	}
	return false
}

// outcome is what one event did to one local state.
type outcome struct {
	number, to uint32
	sends      []uint32
	reads      []core.ReadPoint
	// fatal is why the member stopped, or could not start again.
	fatal error
	// beyond is true when the new state is outside the space.
	beyond bool
	// loud is true when the history may have changed.
	loud bool
}

// beat is the heartbeat of all members, in units of the model's clocks.
const beat core.Instant = 10

// dawn is when a member's clock starts: late enough that nothing is before its beginning.
const dawn core.Instant = 1 << 20

// seed is the one that each step begins with. Its first draws lie above the stickiness of votes.
const seed = 4

func newLab(space *Space) *lab {
	l := &lab{
		space: space, entries: newTable[*entry.Block](), nodes: newTable[*node](),
		packets: newTable[*packet](), truths: newTable[*truth](), known: map[uint64]uint32{},
		learned: map[[2]uint32]uint32{}, configurations: map[uint32]*entry.Configuration{},
	}
	l.initial.Cluster = entry.ClusterID{1}
	for i := range space.Members + space.Outsiders {
		id := entry.MemberID(rune('a' + i))
		l.ids = append(l.ids, id)
		if i < space.Members {
			l.initial.Members = append(l.initial.Members, entry.Member{ID: id})
		}
	}
	return l
}

// given is the configuration that a member has from outside the log: an outsider has none.
func (l *lab) given(member int) entry.Configuration {
	if member < l.space.Members {
		return l.initial
	}
	return entry.Configuration{}
}

func (l *lab) member(id entry.MemberID) int { return int(id[0] - 'a') }

func (l *lab) block(i item) *entry.Block { return l.entries.items[i.id] }

// item gives an entry its number.
func (l *lab) item(block *entry.Block) item {
	at := block.First()
	i := item{id: l.entries.put(block.Bytes(), block), term: block.Term(at)}
	if block.Kind(at) != entry.KindConfiguration {
		return i
	}
	if l.configurations[i.id] == nil {
		value, err := entry.DecodeConfiguration(block.Payload(at))
		if err != nil {
			// Only the frames that this package built itself come here.
			panic(fmt.Sprintf("explore: the configuration of entry %d: %v", at, err))
		}
		l.configurations[i.id] = &value
	}
	i.configuration = l.configurations[i.id]
	return i
}

// items gives each entry of a block its number.
func (l *lab) items(block *entry.Block) []item {
	var all []item
	for i := block.First(); i <= block.Last(); i++ {
		all = append(all, l.item(block.Slice(i, i)))
	}
	return all
}

// packet gives a message its number.
func (l *lab) packet(p packet) uint32 {
	p.to = l.member(p.message.To)
	bare := p.message
	bare.Body = nil
	k := key{fmt.Appendf(l.scratch[:0], "%+v", bare)}
	for _, block := range p.message.Body {
		k.items(l.items(block))
	}
	k.image(p.image)
	l.scratch = k.b
	return l.packets.put(k.b, &p)
}

// happen returns what the event does to the local state.
func (l *lab) happen(number uint32, e event) *outcome {
	at := uint64(number)<<32 | uint64(e.local())
	if known, ok := l.known[at]; ok {
		return &l.outcomes[known]
	}
	before := l.nodes.items[number]
	t := newTurn(l, before)
	t.play(e)
	o := t.result
	if o.fatal == nil {
		after := t.next
		after.see(l)
		o.beyond = after.status.Term > l.space.Terms || after.status.Last.Index > l.space.Entries
		o.loud = o.loud || after.run != before.run || after.status.Commit != before.status.Commit ||
			after.status.Role != before.status.Role || after.status.Term != before.status.Term
		l.scratch = after.appendKey(l.scratch[:0])
		o.to = l.nodes.put(l.scratch, after)
	}
	o.number = uint32(len(l.outcomes))
	l.known[at] = o.number
	l.outcomes = append(l.outcomes, o)
	return &l.outcomes[len(l.outcomes)-1]
}

// see brings the view up to date.
func (n *node) see(l *lab) {
	n.status = n.core.Status()
	for i, id := range l.ids {
		n.match[i] = n.core.Match(id)
	}
}
