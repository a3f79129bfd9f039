package conn

import "sync"

// budget bounds the bytes that a peer may make this side hold for messages that have not
// arrived whole. Whoever asks first is served first, so that large messages get
// their turn.
type budget struct {
	mu   sync.Mutex
	left int
	// waiting are the requests that did not fit, in order of arrival.
	waiting []*budgetRequest
}

type budgetRequest struct {
	n       int
	granted chan struct{}
}

// acquire takes n bytes, waiting until stop is closed. It reports whether it got them.
// n must not exceed the whole budget.
func (b *budget) acquire(n int, stop <-chan struct{}) bool {
	b.mu.Lock()
	if len(b.waiting) == 0 && n <= b.left {
		b.left -= n
		b.mu.Unlock()
		return true
	}
	r := &budgetRequest{n, make(chan struct{})}
	b.waiting = append(b.waiting, r)
	b.mu.Unlock()
	select {
	case <-r.granted:
		return true
	case <-stop:
		return b.giveUp(r)
	}
}

// giveUp withdraws a request, unless it was granted just then.
func (b *budget) giveUp(r *budgetRequest) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, w := range b.waiting {
		if w == r {
			b.waiting = append(b.waiting[:i], b.waiting[i+1:]...)
			b.grant()
			return false
		}
	}
	return true
}

func (b *budget) release(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.left += n
	b.grant()
}

// grant serves the requests at the front that fit. The lock is held.
func (b *budget) grant() {
	for len(b.waiting) > 0 && b.waiting[0].n <= b.left {
		b.left -= b.waiting[0].n
		close(b.waiting[0].granted)
		b.waiting = b.waiting[1:]
	}
}
