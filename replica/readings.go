package replica

import (
	"sort"
	"sync/atomic"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
)

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

// beyond ends the reads that wait for entries above index, which will not come.
func (s *readings) beyond(index entry.Index, err error) {
	n := sort.Search(len(s.pointed), func(i int) bool { return s.pointed[i].index > index })
	for _, r := range s.pointed[n:] {
		s.answer(r, 0, err)
	}
	clear(s.pointed[n:])
	s.pointed = s.pointed[:n]
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
