package raft

import (
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"v.io/v23/naming"

	"v.io/x/ref/lib/raft/entry"
)

// The states of a link.
const (
	linkUp     = iota
	linkCut    // connections break, new ones are refused
	linkFrozen // connections stay and carry nothing; what was on its way arrives when the link is up again
)

// link is a TCP proxy on the way from one member to another. Each member dials the others through links
// of its own, so one direction can fail without the other.
type link struct {
	t        testing.TB
	listener net.Listener
	target   string
	running  sync.WaitGroup

	mu sync.Mutex
	// state is guarded by mu, as are changed, which is closed when it changes, rate and conns.
	state   int
	changed chan struct{}
	// rate is how many bytes go each way in a second, 0 for as many as can.
	rate  int
	conns map[net.Conn]bool
}

func newLink(t testing.TB, target string) *link {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &link{t: t, listener: listener, target: target, changed: make(chan struct{}), conns: map[net.Conn]bool{}}
	l.running.Go(l.accept)
	return l
}

func (l *link) address() string { return l.listener.Addr().String() }

// close ends the link.
func (l *link) close() {
	if err := l.listener.Close(); err != nil {
		l.t.Error(err)
	}
	l.set(linkCut)
	l.running.Wait()
}

// set changes the state of the link.
func (l *link) set(state int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.state = state
	close(l.changed)
	l.changed = make(chan struct{})
	if state == linkCut {
		for conn := range l.conns {
			l.drop(conn)
		}
	}
}

// drop closes a connection. The caller holds mu.
func (l *link) drop(conn net.Conn) {
	if !l.conns[conn] {
		return
	}
	delete(l.conns, conn)
	if err := conn.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		l.t.Error(err)
	}
}

func (l *link) accept() {
	for {
		near, err := l.listener.Accept()
		if err != nil {
			return // The test ends.
		}
		if far := l.connect(near); far != nil {
			l.running.Go(func() { l.pipe(near, far) })
			l.running.Go(func() { l.pipe(far, near) })
		}
	}
}

// connect dials the target for a new connection, nil when the link is cut or the target is not there.
func (l *link) connect(near net.Conn) net.Conn {
	far, err := net.DialTimeout("tcp", l.target, time.Second)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conns[near] = true
	if err == nil {
		l.conns[far] = true
	}
	if err != nil || l.state == linkCut {
		l.drop(near)
		if err == nil {
			l.drop(far)
		}
		return nil
	}
	return far
}

// pipe carries bytes one way until either end closes or the link is cut.
func (l *link) pipe(from, to net.Conn) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		l.thaw()
		l.pace(n)
		if n > 0 && err == nil {
			_, err = to.Write(buf[:n])
		}
		if err != nil {
			l.mu.Lock()
			l.drop(from)
			l.drop(to)
			l.mu.Unlock()
			return
		}
	}
}

// thaw waits while the link is frozen.
func (l *link) thaw() {
	for {
		l.mu.Lock()
		state, changed := l.state, l.changed
		l.mu.Unlock()
		if state != linkFrozen {
			return
		}
		<-changed
	}
}

// pace takes the time that n bytes need.
func (l *link) pace(n int) {
	l.mu.Lock()
	rate := l.rate
	l.mu.Unlock()
	if rate > 0 {
		<-time.After(time.Duration(n) * time.Second / time.Duration(rate))
	}
}

// slow sets the rate of a link.
func (l *link) slow(rate int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rate = rate
}

// wires are the links between the members of a cluster: links[i][j] carries what i says to j.
type wires struct{ links [][]*link }

// wire puts links between the members of a cluster that has not been started.
func (c *cluster) wire() *wires {
	w := &wires{}
	for i, m := range c.members {
		row := make([]*link, len(c.members))
		names := map[string]string{}
		for j, other := range c.members {
			if i != j {
				row[j] = newLink(c.t, other.ID())
				names[other.ID()] = row[j].address()
			}
		}
		w.links = append(w.links, row)
		m.Raft.(*raft).peers.name = func(id entry.MemberID) string {
			return naming.JoinAddressName(names[string(id)], "")
		}
	}
	c.t.Cleanup(func() {
		c.stopAll()
		w.each((*link).close)
	})
	return w
}

// each calls do for every link.
func (w *wires) each(do func(*link)) {
	for _, row := range w.links {
		for _, l := range row {
			if l != nil {
				do(l)
			}
		}
	}
}

// set changes every link.
func (w *wires) set(state int) { w.each(func(l *link) { l.set(state) }) }

// isolate changes the links of member i: those that it dials, those that it is dialled on, or both.
func (w *wires) isolate(i, state int, out, in bool) {
	for j := range w.links {
		if j == i {
			continue
		}
		if out {
			w.links[i][j].set(state)
		}
		if in {
			w.links[j][i].set(state)
		}
	}
}
