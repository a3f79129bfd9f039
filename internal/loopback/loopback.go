// Package loopback finds addresses of this machine for members that go and come back: one that is down
// finds its address free when it returns.
package loopback

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
)

// The ports that are given. They lie below those that systems hand out for outgoing connections (RFC 6056,
// section 2.1, tells who takes which): else a peer that dials a member that is down could be given the
// member's own port, and keep it.
const (
	portFirst = 21000
	portLast  = 29999
	portTries = 1000
)

// Addresses returns n different addresses, host and port, that reach nobody else and that nobody listens on
// at the moment. It fails if it finds fewer.
func Addresses(n int) (_ []string, err error) {
	var held []net.Listener // until all are found, so that they differ
	defer func() {
		for _, l := range held {
			err = errors.Join(err, l.Close())
		}
	}()
	host := host()
	var found []string
	for range portTries {
		port := portFirst + rand.IntN(portLast-portFirst+1)
		address := net.JoinHostPort(host, strconv.Itoa(port))
		l, err := net.Listen("tcp", address)
		if err != nil {
			continue // taken
		}
		held = append(held, l)
		if found = append(found, address); len(found) == n {
			return found, nil
		}
	}
	return nil, fmt.Errorf("found %d free ports from %d to %d, want %d", len(found), portFirst, portLast, n)
}

// host returns an address of this machine, drawn at random where the system takes all of 127.0.0.0/8 for its
// own (RFC 1122, section 3.2.1.3): then a member that is down does not lose its port to another cluster.
func host() string {
	host := net.IPv4(127, byte(1+rand.IntN(254)), byte(rand.IntN(256)), byte(1+rand.IntN(254))).String()
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil || l.Close() != nil {
		return "127.0.0.1"
	}
	return host
}
