package sim

// Instant is a point in the simulated world's time, in nanoseconds from its beginning. The clocks of
// the members differ from it.
type Instant int64

// Units of virtual time.
const (
	Microsecond Instant = 1e3
	Millisecond Instant = 1e6
	Second      Instant = 1e9
)

// happening is something that happens at an instant.
type happening struct {
	at Instant
	// number orders what happens at the same instant: first planned, first done.
	number uint64
	do     func()
}

func (h *happening) before(o *happening) bool {
	return h.at < o.at || h.at == o.at && h.number < o.number
}

// agenda is a binary heap of what will happen.
type agenda struct {
	heap   []happening
	number uint64
}

func (a *agenda) add(at Instant, do func()) {
	a.number++
	a.heap = append(a.heap, happening{at: at, number: a.number, do: do})
	i := len(a.heap) - 1
	for i > 0 {
		up := (i - 1) / 2
		if !a.heap[i].before(&a.heap[up]) {
			break
		}
		a.heap[i], a.heap[up] = a.heap[up], a.heap[i]
		i = up
	}
}

// next removes and returns what happens next, and false when nothing will.
func (a *agenda) next() (happening, bool) {
	n := len(a.heap) - 1
	if n < 0 {
		return happening{}, false
	}
	first := a.heap[0]
	a.heap[0] = a.heap[n]
	a.heap[n] = happening{}
	a.heap = a.heap[:n]
	a.sink(0)
	return first, true
}

func (a *agenda) sink(i int) {
	for {
		least := i
		for _, child := range [2]int{2*i + 1, 2*i + 2} {
			if child < len(a.heap) && a.heap[child].before(&a.heap[least]) {
				least = child
			}
		}
		if least == i {
			return
		}
		a.heap[i], a.heap[least] = a.heap[least], a.heap[i]
		i = least
	}
}
