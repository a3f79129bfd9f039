package rpc

import (
	"fmt"
	"net"
	"slices"
	"strings"
)

// ListenSpec says where servers listen.
type ListenSpec struct {
	// Addrs are the addresses to listen on.
	Addrs ListenAddrs
	// Proxy is the name of a proxy to listen through, or "".
	Proxy string
	// ProxyPolicy chooses among several proxies of that name.
	ProxyPolicy ProxyPolicy
	// ProxyLimit bounds the number of proxies; 0 is no bound.
	ProxyLimit int
	// AddressChooser chooses the addresses to publish when the host has several; nil chooses all.
	AddressChooser
}

// ListenAddrs are addresses of protocols, such as {"tcp", "host:port"}.
type ListenAddrs []struct{ Protocol, Address string }

// String returns the addresses in one line.
func (l ListenAddrs) String() string {
	parts := make([]string, len(l))
	for i, a := range l {
		parts[i] = fmt.Sprintf("(%q, %q)", a.Protocol, a.Address)
	}
	return strings.Join(parts, " ")
}

// String returns the specification in one line.
func (l ListenSpec) String() string {
	text := l.Addrs.String()
	if l.Proxy != "" {
		text += fmt.Sprintf(" proxy(%q)", l.Proxy)
	}
	if l.AddressChooser != nil {
		text += " with an address chooser"
	}
	return strings.TrimSpace(text)
}

// Copy returns a specification that shares no addresses with l.
func (l ListenSpec) Copy() ListenSpec {
	l.Addrs = slices.Clone(l.Addrs)
	return l
}

// AddressChooser chooses the addresses of a server that are published.
type AddressChooser interface {
	// ChooseAddresses returns those of the candidates to publish for the protocol.
	ChooseAddresses(protocol string, candidates []net.Addr) ([]net.Addr, error)
}

// AddressChooserFunc is an AddressChooser that calls itself.
type AddressChooserFunc func(protocol string, candidates []net.Addr) ([]net.Addr, error)

// ChooseAddresses calls f.
func (f AddressChooserFunc) ChooseAddresses(protocol string, candidates []net.Addr) ([]net.Addr, error) {
	return f(protocol, candidates)
}

// ProxyPolicy chooses among proxies.
type ProxyPolicy int

// The policies.
const (
	UseRandomProxy ProxyPolicy = iota // use as many as ProxyLimit allows, chosen by chance
	UseFirstProxy                     // use the first ones
	UseAllProxies                     // use all
)

// String returns the name of the policy.
func (p ProxyPolicy) String() string {
	switch p {
	case UseRandomProxy:
		return "UseRandomProxy"
	case UseFirstProxy:
		return "UseFirstProxy"
	case UseAllProxies:
		return "UseAllProxies"
	}
	return fmt.Sprintf("ProxyPolicy(%d)", int(p))
}
