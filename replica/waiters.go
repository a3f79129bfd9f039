package replica

import (
	"sort"

	"v.io/x/ref/lib/raft/entry"
)

// waiting are the proposals that were framed and have no answer. They are found by their sequence:
// whichever copy of a command is applied first answers its caller.
type waiting struct {
	// slots[head:] are in the order of their sequences; before head all are empty. Invariant: the
	// sequences strictly increase.
	slots []slot
	head  int
	// live is how many slots are not empty.
	live int
	// parked is how many of them are parked.
	parked int
	// held are those without a place: they count against the bounds of the queue.
	held load
	// shaken is true while there may be some that have lost a leader.
	shaken bool
	// answers are the proposals that this turn has answered.
	answers []*proposal
}

// slot keeps the sequence of a proposal that has been answered, so that the others can be found.
type slot struct {
	sequence uint64
	p        *proposal // nil once answered
}

// load is a number of commands and the bytes of their frames.
type load struct{ count, bytes int }

// uneasy reports whether some may wait in vain.
func (w *waiting) uneasy() bool { return w.held.count > 0 || w.shaken }

// answer sets what a taken proposal's caller will be told once the turn has been carried out.
func (w *waiting) answer(p *proposal, result any, err error) {
	p.reply = reply{result: result, err: err, position: p.at}
	w.answers = append(w.answers, p)
}

// unknown ends a taken proposal whose outcome cannot be told.
func (w *waiting) unknown(p *proposal, cause error) {
	w.answer(p, nil, &OutcomeUnknownError{Position: p.at, Cause: cause})
}

// giveUp ends a proposal that will not be proposed again.
func (w *waiting) giveUp(p *proposal, cause error) {
	w.remove(p)
	if p.certain() {
		w.answer(p, nil, cause)
		return
	}
	w.unknown(p, cause)
}

// settle tells the callers. It comes last in a turn: what a caller learns is in the status by then,
// and no message waits for the waking of callers.
func (w *waiting) settle() {
	for _, p := range w.answers {
		p.settle()
	}
	clear(w.answers)
	w.answers = w.answers[:0]
}

// add takes a proposal that has just been given the next sequence.
func (w *waiting) add(p *proposal) {
	if len(w.slots) == cap(w.slots) && w.live <= len(w.slots)/2 {
		w.compact()
	}
	w.slots = append(w.slots, slot{p.sequence, p})
	w.live++
	w.count(p, 1)
}

// compact lets go of the empty slots.
func (w *waiting) compact() {
	n := 0
	for _, s := range w.slots[w.head:] {
		if s.p != nil {
			w.slots[n] = s
			n++
		}
	}
	clear(w.slots[n:])
	w.slots, w.head = w.slots[:n], 0
}

// find returns the slot of a sequence, or -1.
func (w *waiting) find(sequence uint64) int {
	if w.live == 0 {
		return -1
	}
	// Commands are mostly applied in the order in which they were proposed.
	if w.slots[w.head].sequence == sequence {
		return w.head
	}
	rest := w.slots[w.head:]
	i := sort.Search(len(rest), func(i int) bool { return rest[i].sequence >= sequence })
	if i == len(rest) || rest[i].sequence != sequence {
		return -1
	}
	return w.head + i
}

// get returns the proposal with a sequence, or nil.
func (w *waiting) get(sequence uint64) *proposal {
	if i := w.find(sequence); i >= 0 {
		return w.slots[i].p
	}
	return nil
}

// remove lets go of a proposal.
func (w *waiting) remove(p *proposal) {
	i := w.find(p.sequence)
	if i < 0 || w.slots[i].p != p {
		return
	}
	w.slots[i].p = nil
	w.live--
	w.count(p, -1)
	if w.live == 0 {
		w.slots, w.head = w.slots[:0], 0
	}
	for w.head < len(w.slots) && w.slots[w.head].p == nil {
		w.head++
	}
}

// count keeps the sums.
func (w *waiting) count(p *proposal, sign int) {
	switch p.trace.standing {
	case parked:
		w.parked += sign
	case forwarded:
	default:
		return
	}
	w.held.count += sign
	w.held.bytes += sign * p.frameSize()
}

// move changes where a waiting proposal is.
func (w *waiting) move(p *proposal, to standing) {
	w.count(p, -1)
	p.trace.standing = to
	w.count(p, 1)
}

// each calls do for the waiting proposals in order. do may remove the one that it is given.
func (w *waiting) each(do func(*proposal)) {
	for i := w.head; i < len(w.slots); i++ {
		if p := w.slots[i].p; p != nil {
			do(p)
		}
	}
}

// within calls do for those whose sequence lies in a range.
func (w *waiting) within(first, last uint64, do func(*proposal)) {
	rest := w.slots[w.head:]
	at := w.head + sort.Search(len(rest), func(i int) bool { return rest[i].sequence >= first })
	for i := at; i < len(w.slots) && w.slots[i].sequence <= last; i++ {
		if p := w.slots[i].p; p != nil {
			do(p)
		}
	}
}

// place takes note of where a command stands in the log; payload is its part of the block there.
func (w *waiting) place(p *proposal, at entry.Position, payload []byte) {
	w.move(p, placed)
	p.at, p.payload = at, payload
}
