package rpc

import (
	stdcontext "context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"v.io/v23/naming"

	"v.io/x/ref/runtime/internal/conn"
)

// relistenInterval is the pause after a failure to listen.
const relistenInterval = time.Second

// errProxy is the status of a proxy that was asked for.
var errProxy = errors.New("listening through a proxy is not supported")

// startListening tries each address of the ListenSpec once, so that the caller sees
// the outcome in the status, and then keeps the goroutines that accept.
func (s *server) startListening() {
	spec := &s.state.spec
	if spec.Proxy != "" {
		s.state.change(func() { s.state.proxies[spec.Proxy] = errProxy })
		s.ctx.Errorf("%v: %v", spec.Proxy, errProxy)
	}
	seen := make(map[listenAddr]bool)
	for _, one := range spec.Addrs {
		addr := listenAddr(one)
		if seen[addr] {
			continue
		}
		seen[addr] = true
		ln := s.listen(addr)
		s.wg.Go(func() { s.keepListening(addr, ln) })
	}
	s.republish()
}

// keepListening accepts on an address until the server stops. It listens again after
// failures.
func (s *server) keepListening(addr listenAddr, ln net.Listener) {
	for {
		if ln != nil {
			s.acceptOn(addr, ln)
		}
		timer := time.NewTimer(relistenInterval)
		select {
		case <-s.ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
		if ln = s.listen(addr); ln != nil {
			s.republish()
		}
	}
}

// acceptOn accepts until the listener fails or the server stops. When it returns the listener is closed: who
// has stopped a server may listen on its address again.
func (s *server) acceptOn(addr listenAddr, ln net.Listener) {
	closed := make(chan struct{})
	stop := stdcontext.AfterFunc(s.ctx, func() {
		defer close(closed)
		if err := ln.Close(); err != nil {
			s.ctx.Errorf("closing the listener on %v: %v", ln.Addr(), err)
		}
	})
	ended := make(chan struct{})
	s.wg.Go(func() { s.followAddresses(addr, ln, ended) })
	err := s.acceptor.Serve(ln)
	close(ended)
	if !stop() {
		<-closed // Accept may fail as soon as Close begins.
		s.state.stopsListening(addr)
		return
	}
	err = errors.Join(err, ln.Close())
	s.ctx.Errorf("listening on %v ended: %v", ln.Addr(), err)
	s.state.listens(addr, nil, err)
	s.republish()
}

// followAddresses looks from time to time whether a listener can be reached at other
// addresses than before, since the host may have moved to another network.
func (s *server) followAddresses(addr listenAddr, ln net.Listener, ended <-chan struct{}) {
	if s.refresh <= 0 {
		return
	}
	ticker := time.NewTicker(s.refresh)
	defer ticker.Stop()
	for {
		select {
		case <-ended:
			return
		case <-ticker.C:
		}
		eps, err := s.reachable(addr.Protocol, ln.Addr())
		if err != nil {
			s.acceptor.Refuse("keeping the endpoints of %v: %v", ln.Addr(), err)
			continue
		}
		if s.state.moves(addr, eps) {
			s.republish()
		}
	}
}

// listen listens on an address once and records the outcome.
func (s *server) listen(addr listenAddr) net.Listener {
	ln, eps, err := s.tryListen(addr)
	if err != nil {
		s.acceptor.Refuse("cannot listen on %v %v: %v; trying again every %v",
			addr.Protocol, addr.Address, err, relistenInterval)
	}
	s.state.listens(addr, eps, err)
	return ln
}

func (s *server) tryListen(addr listenAddr) (net.Listener, []naming.Endpoint, error) {
	network, err := conn.Network(addr.Protocol)
	if err != nil {
		return nil, nil, err
	}
	config := net.ListenConfig{}
	ln, err := config.Listen(s.ctx, network, addr.Address)
	if err != nil {
		return nil, nil, err
	}
	eps, err := s.reachable(addr.Protocol, ln.Addr())
	if err != nil {
		return nil, nil, errors.Join(err, ln.Close())
	}
	return ln, eps, nil
}

// reachable are the endpoints of a listener's address: of the address itself, or
// those of the host's interfaces that the ListenSpec's chooser takes, when it
// listens on all of them.
func (s *server) reachable(protocol string, addr net.Addr) ([]naming.Endpoint, error) {
	if protocol == "" {
		protocol = "tcp"
	}
	host, port, err := net.SplitHostPort(addr.String())
	if err != nil {
		return nil, fmt.Errorf("address of the listener: %w", err)
	}
	if ip := net.ParseIP(host); ip != nil && !ip.IsUnspecified() {
		return []naming.Endpoint{s.endpoint(protocol, addr.String())}, nil
	}
	hosts, err := interfaceAddresses(strings.HasSuffix(protocol, "4"))
	if err != nil {
		return nil, err
	}
	if chooser := s.state.spec.AddressChooser; chooser != nil {
		if hosts, err = chooser.ChooseAddresses(protocol, hosts); err != nil {
			return nil, fmt.Errorf("choosing among the addresses of the host: %w", err)
		}
	}
	var eps []naming.Endpoint
	for _, h := range hosts {
		ip, _, _ := strings.Cut(h.String(), "/")
		eps = append(eps, s.endpoint(protocol, net.JoinHostPort(ip, port)))
	}
	return eps, nil
}

// interfaceAddresses are the unicast addresses of this host, IPv4 first, without
// loopback ones unless there are no others.
func interfaceAddresses(only4 bool) ([]net.Addr, error) {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return nil, fmt.Errorf("finding the addresses of this host: %w", err)
	}
	var v4, v6, loopback []net.Addr
	for _, a := range all {
		n, ok := a.(*net.IPNet)
		switch {
		case !ok || n.IP.IsLinkLocalUnicast() || only4 && n.IP.To4() == nil:
		case n.IP.IsLoopback():
			loopback = append(loopback, &net.IPAddr{IP: n.IP})
		case n.IP.To4() != nil:
			v4 = append(v4, &net.IPAddr{IP: n.IP})
		default:
			v6 = append(v6, &net.IPAddr{IP: n.IP})
		}
	}
	if found := append(v4, v6...); len(found) > 0 {
		return found, nil
	}
	return loopback, nil
}

// endpoint is an endpoint of this server, without blessing names.
func (s *server) endpoint(protocol, address string) naming.Endpoint {
	return naming.Endpoint{
		Protocol: protocol, Address: address,
		RoutingID: s.routing, ServesMountTable: s.opts.mountTable,
	}
}

// endpoints are those clients can use now. A server that listens on nothing has one
// that says who it is, but cannot be dialled.
func (s *server) endpoints() []naming.Endpoint {
	eps := s.state.open()
	if len(eps) == 0 {
		eps = []naming.Endpoint{s.endpoint("bidi", "")}
	}
	names := s.state.blessingNames()
	for i := range eps {
		eps[i] = eps[i].WithBlessingNames(names)
	}
	return eps
}

// endpointOf is the endpoint a connection arrived at.
func (s *server) endpointOf(c *conn.Conn) naming.Endpoint {
	return s.endpoint(c.LocalEndpoint.Protocol, c.LocalEndpoint.Address).WithBlessingNames(s.state.blessingNames())
}

// republish brings what is published into line with the endpoints.
func (s *server) republish() {
	wanted := make(map[string]bool)
	for _, ep := range s.endpoints() {
		if ep.Protocol != "bidi" {
			wanted[ep.String()] = true
		}
	}
	s.published.Lock()
	defer s.published.Unlock()
	for server := range s.published.servers {
		if !wanted[server] {
			s.names.RemoveServer(server)
		}
	}
	for server := range wanted {
		if !s.published.servers[server] {
			s.names.AddServer(server)
		}
	}
	s.published.servers = wanted
}
