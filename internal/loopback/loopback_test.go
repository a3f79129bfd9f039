package loopback

import (
	"net"
	"strconv"
	"testing"
)

func TestAddresses(t *testing.T) {
	found, err := Addresses(7)
	if err != nil || len(found) != 7 {
		t.Fatalf("%q, %v, want 7 addresses", found, err)
	}
	seen := map[string]bool{}
	for _, address := range found {
		host, text, err := net.SplitHostPort(address)
		if err != nil {
			t.Fatal(err)
		}
		port, err := strconv.Atoi(text)
		if err != nil || port < portFirst || port > portLast || !net.ParseIP(host).IsLoopback() || seen[address] {
			t.Errorf("%s of %q: %v", address, found, err)
		}
		seen[address] = true
		l, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatalf("%s is not free: %v", address, err)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
	if found, err := Addresses(portLast - portFirst + 2); err == nil {
		t.Errorf("found %d addresses among %d ports", len(found), portLast-portFirst+1)
	}
}
