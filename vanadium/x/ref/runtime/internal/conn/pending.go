package conn

import (
	"container/list"
	"net"
)

// pendingList keeps sockets in the order of their arrival.
type pendingList struct{ list list.List }

// pendingEntry is a socket's place in the list.
type pendingEntry = list.Element

func (p *pendingList) push(socket net.Conn) *pendingEntry { return p.list.PushBack(socket) }

func (p *pendingList) len() int { return p.list.Len() }

// remove takes an entry out; it reports false when it was out already.
func (p *pendingList) remove(e *pendingEntry) bool {
	before := p.list.Len()
	p.list.Remove(e)
	return p.list.Len() < before
}

// popOldest takes out the socket that came first.
func (p *pendingList) popOldest() net.Conn {
	return p.list.Remove(p.list.Front()).(net.Conn)
}

// all are the sockets in the list.
func (p *pendingList) all() []net.Conn {
	var sockets []net.Conn
	for e := p.list.Front(); e != nil; e = e.Next() {
		sockets = append(sockets, e.Value.(net.Conn))
	}
	return sockets
}
