package replica

import (
	"sort"
	"sync"
	"sync/atomic"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
)

// The states of a proposal. The loop and its caller settle by compare-and-swap who decides.
const (
	// queued: nobody has ordered it yet, the caller may withdraw it.
	queued int32 = iota
	// taken: the loop has given it to core; only an answer or an unknown outcome can follow.
	taken
	// gone: the caller no longer waits; whoever sees it next lets go of it.
	gone
	// answered: result, position and err are set.
	answered
)

// proposal is one command and the caller that waits for it. Proposals are reused: a channel and an
// object per command would be the largest cost of a small command.
type proposal struct {
	payload []byte
	sum     uint32
	state   atomic.Int32
	// sequence is the command's number under this member's origin, set when it is taken.
	sequence uint64
	// index and term are where it was ordered, 0 while unknown.
	index, term atomic.Uint64
	// sent is when it was forwarded.
	sent     core.Instant
	result   any
	position entry.Position
	err      error
	done     chan struct{}
	pool     *sync.Pool
}

// newProposal takes a proposal from the replica's own pool: channels must not wander between
// replicas of different tests' bubbles.
func newProposal(pool *sync.Pool, payload []byte) *proposal {
	p, ok := pool.Get().(*proposal)
	if !ok {
		p = &proposal{done: make(chan struct{}, 1), pool: pool}
	}
	p.payload, p.sum = payload, entry.Checksum(payload)
	return p
}

func (p *proposal) free() {
	p.payload, p.result, p.err, p.position = nil, nil, nil, entry.Position{}
	p.sequence, p.sent = 0, 0
	p.index.Store(0)
	p.term.Store(0)
	p.state.Store(queued)
	p.pool.Put(p)
}

// frameSize returns the bytes that the command takes in the log.
func (p *proposal) frameSize() int { return entry.HeaderSize + len(p.payload) }

func (p *proposal) header(index entry.Index, term entry.Term, origin uint64) entry.Header {
	return entry.Header{
		Kind: entry.KindCommand, Index: index, Term: term, Origin: origin, Sequence: p.sequence,
		Size: uint32(len(p.payload)), PayloadSum: p.sum,
	}
}

// place takes note of where the command stands in the log.
func (p *proposal) place(index entry.Index, term entry.Term) {
	p.payload = nil
	p.index.Store(uint64(index))
	p.term.Store(uint64(term))
}

func (p *proposal) at() entry.Position {
	return entry.Position{Index: entry.Index(p.index.Load()), Term: entry.Term(p.term.Load())}
}

// answer sets what a taken proposal's caller will be told once the turn has been carried out.
func (w *waiting) answer(p *proposal, result any, err error) {
	p.result, p.err, p.position = result, err, p.at()
	w.answers = append(w.answers, p)
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

func (p *proposal) settle() {
	if p.state.CompareAndSwap(taken, answered) {
		p.done <- struct{}{}
		return
	}
	p.free()
}

// refuse ends a proposal that is still queued.
func (p *proposal) refuse(err error) {
	p.state.CompareAndSwap(queued, taken)
	p.err = err
	p.settle()
}

// unknown ends a taken proposal whose outcome cannot be told.
func (w *waiting) unknown(p *proposal, cause error) {
	w.answer(p, nil, &OutcomeUnknownError{Position: p.at(), Cause: cause})
}

// waiting are the proposals between ordering and answer.
type waiting struct {
	// placed have a place in the log. Invariant: their indexes strictly increase.
	placed fifo
	// forwarded were sent to the leader of the present term and have not been seen in the log.
	// Invariant: their sequences strictly increase; a nil has been answered or placed.
	forwarded []*proposal
	// open is how many of forwarded are not nil.
	open int
	// answers are the proposals that this turn has answered.
	answers []*proposal
}

// fifo is a queue of proposals that keeps its memory.
type fifo struct {
	all  []*proposal
	head int
}

func (q *fifo) len() int { return len(q.all) - q.head }

func (q *fifo) push(p *proposal) {
	if len(q.all) == cap(q.all) && q.head > len(q.all)/2 {
		n := copy(q.all, q.all[q.head:])
		clear(q.all[n:])
		q.all, q.head = q.all[:n], 0
	}
	q.all = append(q.all, p)
}

func (q *fifo) peek() *proposal { return q.all[q.head] }

func (q *fifo) pop() *proposal {
	p := q.all[q.head]
	q.all[q.head] = nil
	q.head++
	if q.head == len(q.all) {
		q.all, q.head = q.all[:0], 0
	}
	return p
}

// forward takes note of a proposal that is sent to the leader.
func (w *waiting) forward(p *proposal) {
	w.forwarded = append(w.forwarded, p)
	w.open++
}

// takeForwarded removes and returns the forwarded proposal with this sequence, or nil.
func (w *waiting) takeForwarded(sequence uint64) *proposal {
	i := sort.Search(len(w.forwarded), func(i int) bool {
		// A nil has no number; the next one that is left decides.
		for ; i < len(w.forwarded) && w.forwarded[i] == nil; i++ {
		}
		return i == len(w.forwarded) || w.forwarded[i].sequence >= sequence
	})
	for ; i < len(w.forwarded) && w.forwarded[i] == nil; i++ {
	}
	if i == len(w.forwarded) || w.forwarded[i].sequence != sequence {
		return nil
	}
	p := w.forwarded[i]
	w.forwarded[i] = nil
	w.open--
	w.trim()
	return p
}

// trim lets go of the answered ones at the front.
func (w *waiting) trim() {
	n := 0
	for n < len(w.forwarded) && w.forwarded[n] == nil {
		n++
	}
	if n == len(w.forwarded) {
		w.forwarded = w.forwarded[:0]
		return
	}
	w.forwarded = w.forwarded[n:]
}

// oldest returns the forwarded proposal that waits longest, or nil.
func (w *waiting) oldest() *proposal {
	if w.open == 0 {
		return nil
	}
	return w.forwarded[0]
}

// failForwarded ends all forwarded proposals as unknown.
func (w *waiting) failForwarded(cause error) {
	for _, p := range w.forwarded {
		if p != nil {
			w.unknown(p, cause)
		}
	}
	clear(w.forwarded)
	w.forwarded, w.open = w.forwarded[:0], 0
}

// failPlaced ends as unknown the placed proposals after index kept, and those before when all is
// set.
func (w *waiting) failPlaced(kept entry.Index, cause error) {
	var stay []*proposal
	for w.placed.len() > 0 {
		p := w.placed.pop()
		if p.at().Index <= kept {
			stay = append(stay, p)
			continue
		}
		w.unknown(p, cause)
	}
	for _, p := range stay {
		w.placed.push(p)
	}
}

// read is one caller that waits for a read point and for its local apply.
type read struct {
	id    core.ReadID
	state atomic.Int32
	index entry.Index
	err   error
	done  chan struct{}
}

// answer sets what a read's caller will be told once the turn has been carried out.
func (s *readings) answer(r *read, index entry.Index, err error) {
	r.index, r.err = index, err
	s.answers = append(s.answers, r)
}

// settle tells the callers.
func (s *readings) settle() {
	for _, r := range s.answers {
		r.settle()
	}
	clear(s.answers)
	s.answers = s.answers[:0]
}

func (r *read) settle() {
	if r.state.CompareAndSwap(queued, answered) {
		close(r.done)
	}
}

// readings are the reads between question and answer.
type readings struct {
	next core.ReadID
	// asked are those that core has not answered.
	asked map[core.ReadID]*read
	// pointed wait for the local apply of their index. Invariant: sorted by index.
	pointed []*read
	// answers are the reads that this turn has answered.
	answers []*read
}

// ask registers a read and returns its number.
func (s *readings) ask(r *read) core.ReadID {
	s.next++
	r.id = s.next
	s.asked[r.id] = r
	return r.id
}

// point takes core's answer.
func (s *readings) point(p core.ReadPoint, applied entry.Index, failed error) {
	r := s.asked[p.Read]
	delete(s.asked, p.Read)
	switch {
	case r == nil:
	case p.Failed:
		s.answer(r, 0, failed)
	case p.Index <= applied:
		s.answer(r, p.Index, nil)
	default:
		r.index = p.Index
		i := sort.Search(len(s.pointed), func(i int) bool { return s.pointed[i].index > p.Index })
		s.pointed = append(s.pointed, nil)
		copy(s.pointed[i+1:], s.pointed[i:])
		s.pointed[i] = r
	}
}

// applied answers the reads that waited for entries up to index.
func (s *readings) applied(index entry.Index) {
	n := 0
	for n < len(s.pointed) && s.pointed[n].index <= index {
		s.answer(s.pointed[n], s.pointed[n].index, nil)
		n++
	}
	rest := copy(s.pointed, s.pointed[n:])
	clear(s.pointed[rest:])
	s.pointed = s.pointed[:rest]
}

// fail ends all reads.
func (s *readings) fail(err error) {
	for id, r := range s.asked {
		delete(s.asked, id)
		s.answer(r, 0, err)
	}
	for _, r := range s.pointed {
		s.answer(r, 0, err)
	}
	s.pointed = nil
}
