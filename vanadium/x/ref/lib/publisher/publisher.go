// Package publisher keeps a server mounted under its names: every name is mounted for every endpoint of the server,
// again and again before the mount expires, and unmounted in the end.
package publisher

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"v.io/v23/context"
	"v.io/v23/namespace"
	"v.io/v23/rpc"
)

const (
	// slack is how much longer than the period a mount lives, so that a mount table that is slow for a moment does not
	// lose the name.
	slack = 20 * time.Second
	// firstRetry is how long after a failed mount the next one follows. The time doubles up to the period.
	firstRetry = 250 * time.Millisecond
	// attemptTimeout bounds one mount or unmount.
	attemptTimeout = 30 * time.Second
	// lastTimeout bounds the unmounts at the end, which somebody may be waiting for.
	lastTimeout = 5 * time.Second
)

// T publishes a server. Its methods may be called by several goroutines at once, and do not wait for mount tables.
type T interface {
	// AddName mounts the server under the name, as a mount table or a leaf if the others are true.
	AddName(name string, servesMountTable, isLeaf bool)
	// RemoveName unmounts it from the name.
	RemoveName(name string)
	// AddServer adds an endpoint of the server.
	AddServer(server string)
	// RemoveServer removes an endpoint.
	RemoveServer(server string)
	// Status returns the state of every name at every endpoint, sorted, and a channel that is closed when it changes.
	Status() ([]rpc.PublisherEntry, <-chan struct{})
	// Stop begins to unmount everything. Names and servers added later are ignored.
	Stop()
	// Closed returns a channel that is closed when everything is unmounted, or given up, after Stop or the end of the
	// publisher's context.
	Closed() <-chan struct{}
}

// key identifies a mount.
type key struct{ name, server string }

// attributes go with a name.
type attributes struct{ servesMountTable, isLeaf bool }

// publisher implements T. Each mount is kept up by a goroutine of its own.
type publisher struct {
	ctx    *context.T // of all calls
	ns     namespace.T
	period time.Duration
	closed chan struct{}

	mu      sync.Mutex // guards what follows
	stopped bool
	names   map[string]attributes
	servers map[string]bool
	mounts  map[key]*mount
	running int           // goroutines
	dirty   chan struct{} // closed and replaced when the status changes
}

// New returns a publisher that mounts in ns every period, with calls that end with ctx. It stops when ctx ends, and
// then can unmount nothing.
func New(ctx *context.T, ns namespace.T, period time.Duration) T {
	p := &publisher{
		ctx:     ctx,
		ns:      ns,
		period:  period,
		closed:  make(chan struct{}),
		names:   make(map[string]attributes),
		servers: make(map[string]bool),
		mounts:  make(map[key]*mount),
		running: 1, // which stands for the time before Stop
		dirty:   make(chan struct{}),
	}
	go func() {
		select {
		case <-ctx.Done():
			p.Stop()
		case <-p.closed:
		}
	}()
	return p
}

// AddName implements T.
func (p *publisher) AddName(name string, servesMountTable, isLeaf bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	attrs := attributes{servesMountTable, isLeaf}
	if old, known := p.names[name]; p.stopped || known && old == attrs {
		return
	}
	p.names[name] = attrs
	for server := range p.servers {
		p.stop(key{name, server})
		p.start(key{name, server}, attrs)
	}
}

// RemoveName implements T.
func (p *publisher) RemoveName(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.names, name)
	for server := range p.servers {
		p.stop(key{name, server})
	}
}

// AddServer implements T.
func (p *publisher) AddServer(server string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped || p.servers[server] {
		return
	}
	p.servers[server] = true
	for name, attrs := range p.names {
		p.start(key{name, server}, attrs)
	}
}

// RemoveServer implements T.
func (p *publisher) RemoveServer(server string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.servers, server)
	for name := range p.names {
		p.stop(key{name, server})
	}
}

// Status implements T.
func (p *publisher) Status() ([]rpc.PublisherEntry, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	entries := make([]rpc.PublisherEntry, 0, len(p.mounts))
	for _, m := range p.mounts {
		entries = append(entries, m.status)
	}
	slices.SortFunc(entries, func(a, b rpc.PublisherEntry) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Server, b.Server))
	})
	return entries, p.dirty
}

// Stop implements T.
func (p *publisher) Stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped {
		return
	}
	p.stopped = true
	for k := range p.mounts {
		p.stop(k)
	}
	p.finished()
}

// Closed implements T.
func (p *publisher) Closed() <-chan struct{} { return p.closed }

// finished notes the end of a goroutine. The lock is held.
func (p *publisher) finished() {
	if p.running--; p.running == 0 {
		close(p.closed)
	}
}

// changed tells those who wait for the status to change. The lock is held.
func (p *publisher) changed() {
	close(p.dirty)
	p.dirty = make(chan struct{})
}
