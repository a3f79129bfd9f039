package rpc

import (
	"slices"
	"sync"

	"v.io/v23/naming"
	"v.io/v23/rpc"
	"v.io/v23/security"
)

// serverState is what changes during a server's life.
type serverState struct {
	mu   sync.Mutex
	spec rpc.ListenSpec
	kind rpc.ServerState
	// dirty is closed at the next change.
	dirty chan struct{}
	shown security.Blessings
	names []string
	// listening holds the endpoints, without blessing names, of each address that is
	// listened on.
	listening map[listenAddr][]naming.Endpoint
	// failures holds the error of each address that is not.
	failures map[listenAddr]error
	proxies  map[string]error
}

// listenAddr is an element of rpc.ListenAddrs.
type listenAddr = struct{ Protocol, Address string }

func (st *serverState) init(spec rpc.ListenSpec) {
	st.spec = spec.Copy()
	st.kind = rpc.ServerInitializing
	st.dirty = make(chan struct{})
	st.listening = make(map[listenAddr][]naming.Endpoint)
	st.failures = make(map[listenAddr]error)
	st.proxies = make(map[string]error)
}

// change makes a change, with the lock held by it, and tells those who wait for one.
func (st *serverState) change(f func()) {
	st.mu.Lock()
	defer st.mu.Unlock()
	f()
	close(st.dirty)
	st.dirty = make(chan struct{})
}

func (st *serverState) set(kind rpc.ServerState) {
	st.change(func() { st.kind = kind })
}

func (st *serverState) setBlessings(b security.Blessings, names []string) {
	st.change(func() { st.shown, st.names = b, names })
}

func (st *serverState) blessings() security.Blessings {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.shown
}

func (st *serverState) blessingNames() []string {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.names
}

// listens records the outcome of listening on an address.
func (st *serverState) listens(addr listenAddr, eps []naming.Endpoint, err error) {
	st.change(func() {
		delete(st.listening, addr)
		delete(st.failures, addr)
		if err != nil {
			st.failures[addr] = err
		} else {
			st.listening[addr] = eps
		}
	})
}

// moves records other endpoints for an address that is listened on; it reports whether
// they are others.
func (st *serverState) moves(addr listenAddr, eps []naming.Endpoint) bool {
	st.mu.Lock()
	old, listening := st.listening[addr]
	st.mu.Unlock()
	if !listening || slices.Equal(old, eps) {
		return false
	}
	st.listens(addr, eps, nil)
	return true
}

// stopsListening forgets an address without recording a failure.
func (st *serverState) stopsListening(addr listenAddr) {
	st.change(func() {
		delete(st.listening, addr)
		delete(st.failures, addr)
	})
}

// open are the endpoints of all addresses, in the order of the ListenSpec.
func (st *serverState) open() []naming.Endpoint {
	st.mu.Lock()
	defer st.mu.Unlock()
	var eps []naming.Endpoint
	seen := make(map[listenAddr]bool)
	for _, addr := range st.spec.Addrs {
		if !seen[addr] {
			eps = append(eps, st.listening[addr]...)
		}
		seen[addr] = true
	}
	return eps
}

// status is the part of the server's status that is kept here.
func (st *serverState) status() rpc.ServerStatus {
	st.mu.Lock()
	defer st.mu.Unlock()
	status := rpc.ServerStatus{
		State: st.kind, Dirty: st.dirty,
		ListenErrors: make(map[struct{ Protocol, Address string }]error),
		ProxyErrors:  make(map[string]error),
	}
	for addr, err := range st.failures {
		status.ListenErrors[addr] = err
	}
	for proxy, err := range st.proxies {
		status.ProxyErrors[proxy] = err
	}
	return status
}
