package conn

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"v.io/v23/context"
	"v.io/v23/naming"
	"v.io/v23/security"
)

// presentInterval is how often a reused connection is checked for whether the
// principal would still present the blessings that it did.
const presentInterval = time.Second

// Pool keeps the connections that one principal has dialled, one per address.
type Pool struct {
	wg sync.WaitGroup

	mu    sync.Mutex
	slots map[poolKey]*poolSlot
	// closed is set by Close; no more connections are dialled then.
	closed bool
}

type poolKey struct{ network, address string }

// poolSlot is the place of one address.
type poolSlot struct {
	// conn is the connection, nil if there is none.
	conn *Conn
	// dialing is closed when the dial in progress has ended; nil without one.
	dialing chan struct{}
	// err is the outcome of the dial that ended last, for those who waited for it.
	err error
}

// NewPool returns an empty pool.
func NewPool() *Pool { return &Pool{slots: make(map[poolKey]*poolSlot)} }

// ErrNotCached is returned when only a connection that exists was wanted.
var ErrNotCached = errors.New("there is no connection yet")

// ErrPoolClosed is returned by Get after Close.
var ErrPoolClosed = errors.New("the client is closed")

// Get returns a connection to the endpoint that takes calls: the one there is, if
// o.Trust still trusts it, or else a new one. Callers who want the same address
// wait for one dial. With cachedOnly, nothing is dialled.
func (p *Pool) Get(ctx *context.T, ep naming.Endpoint, o DialOptions, cachedOnly bool) (*Conn, error) {
	network, err := Network(ep.Protocol)
	if err != nil {
		return nil, err
	}
	key := poolKey{network, ep.Address}
	for {
		c, slot, err := p.look(key, cachedOnly)
		if err != nil {
			return nil, err
		}
		switch {
		case c != nil:
			if good, err := reuse(c, o); good || err != nil {
				return c, err
			}
		case slot == nil:
			return p.dial(ctx, key, ep, o)
		default:
			if again, err := wait(ctx, slot); !again {
				return nil, err
			}
		}
	}
}

// dialWait is a snapshot of a slot whose dial is in progress.
type dialWait struct {
	done <-chan struct{}
	slot *poolSlot
	pool *Pool
}

// look returns the usable connection of an address, or the dial in progress to wait
// for; when both are nil, the caller must dial and the slot is marked so.
func (p *Pool) look(key poolKey, cachedOnly bool) (*Conn, *dialWait, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, nil, ErrPoolClosed
	}
	slot := p.slots[key]
	if slot == nil {
		slot = &poolSlot{}
	}
	switch {
	case slot.conn != nil && slot.conn.Usable():
		return slot.conn, nil, nil
	case cachedOnly:
		return nil, nil, ErrNotCached
	case slot.dialing != nil:
		return nil, &dialWait{slot.dialing, slot, p}, nil
	}
	slot.dialing = make(chan struct{})
	p.slots[key] = slot
	return nil, nil, nil
}

// reuse checks that a connection still is what the caller would get by dialling.
// A connection that shows outdated blessings is retired and reported as not good.
func reuse(c *Conn, o DialOptions) (good bool, err error) {
	if err := o.Trust(c.RemoteBlessings); err != nil {
		return false, fmt.Errorf("%w: %w", ErrUntrusted, err)
	}
	c.ShortenChannelTimeout(o.ChannelTimeout)
	now, last := monotonic(), c.presented.Load()
	if now-last < int64(presentInterval) || !c.presented.CompareAndSwap(last, now) {
		return true, nil
	}
	known := c.RemoteBlessings
	if c.blind {
		known = security.Blessings{}
	}
	local, err := o.Present(known)
	if err != nil {
		return false, err
	}
	if local.Equivalent(c.LocalBlessings) {
		return true, nil
	}
	c.Retire()
	return false, nil
}

// wait waits for somebody else's dial. It reports again when the outcome is not
// one that the caller's own dial would have: there is a connection now, or it was
// the other caller's context or trust that ended the dial.
func wait(ctx *context.T, w *dialWait) (again bool, err error) {
	select {
	case <-w.done:
	case <-ctx.Done():
		return false, ctx.Err()
	}
	w.pool.mu.Lock()
	err = w.slot.err
	w.pool.mu.Unlock()
	switch {
	case err == nil,
		errors.Is(err, ErrUntrusted),
		errors.Is(err, context.Canceled),
		errors.Is(err, context.DeadlineExceeded):
		return true, nil
	default:
		return false, err
	}
}

// dial dials and tells those who wait.
func (p *Pool) dial(ctx *context.T, key poolKey, ep naming.Endpoint, o DialOptions) (*Conn, error) {
	c, err := Dial(ctx, ep, o)
	p.mu.Lock()
	slot := p.slots[key]
	close(slot.dialing)
	slot.dialing, slot.err, slot.conn = nil, err, c
	switch {
	case err != nil:
		delete(p.slots, key)
	case p.closed:
		c.Close()
		err = ErrPoolClosed
		p.wg.Go(func() { p.forget(key, c) })
	default:
		p.wg.Go(func() { p.forget(key, c) })
	}
	p.mu.Unlock()
	if err != nil {
		return nil, err
	}
	return c, nil
}

// forget removes a connection at its end.
func (p *Pool) forget(key poolKey, c *Conn) {
	<-c.Dying()
	p.mu.Lock()
	if slot := p.slots[key]; slot != nil && slot.conn == c {
		slot.conn = nil
		if slot.dialing == nil {
			delete(p.slots, key)
		}
	}
	p.mu.Unlock()
	<-c.Closed()
}

// Close closes all connections and waits for their ends.
func (p *Pool) Close() {
	p.mu.Lock()
	p.closed = true
	for _, slot := range p.slots {
		if slot.conn != nil {
			slot.conn.Close()
		}
	}
	p.mu.Unlock()
	p.wg.Wait()
}
