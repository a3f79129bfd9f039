package namespace

import (
	"fmt"
	"testing"
	"time"

	"v.io/v23/naming"
)

// entryOf returns an entry of servers that expire at the time.
func entryOf(name string, expires time.Time, servers ...string) *naming.MountEntry {
	entry := &naming.MountEntry{Name: name}
	for _, server := range servers {
		mounted := naming.MountedServer{Server: server}
		mounted.Deadline.Time = expires
		entry.Servers = append(entry.Servers, mounted)
	}
	return entry
}

// TestCache checks what the cache knows, for how long, and in which order.
func TestCache(t *testing.T) {
	now := time.Unix(1000, 0)
	c := newCache(func() time.Time { return now })
	question := func(name string) *naming.MountEntry { return entryOf(name, time.Time{}, "root:1") }
	c.remember(question("a/b/c"), entryOf("c", now.Add(time.Minute), "one:1", "two:1"))
	if _, ok := c.lookup(question("a")); ok {
		t.Error("a name above is known")
	}
	if _, ok := c.lookup(entryOf("a/b", time.Time{}, "other:1")); ok {
		t.Error("the name is known at another server")
	}
	var order []string
	for range 3 {
		got, ok := c.lookup(question("a/b/x/y"))
		if !ok || got.Name != "x/y" || len(got.Servers) != 2 {
			t.Fatalf("got %+v, %v", got, ok)
		}
		order = append(order, got.Servers[0].Server)
	}
	if fmt.Sprint(order) != "[one:1 two:1 one:1]" {
		t.Errorf("servers come in the order %v", order)
	}
	now = now.Add(time.Minute)
	if got, ok := c.lookup(question("a/b")); ok {
		t.Errorf("an entry that expired is known: %+v", got)
	}
}

// TestCacheForget checks that names are forgotten, and that a cache that is off knows nothing.
func TestCacheForget(t *testing.T) {
	now := time.Unix(1000, 0)
	c := newCache(func() time.Time { return now })
	question := entryOf("a/b", time.Time{}, "root:1", "root:2")
	answer := entryOf("", now.Add(time.Hour), "one:1")
	c.remember(question, answer)
	if got, ok := c.forget(question); !ok || got.Servers[0].Server != "one:1" {
		t.Errorf("forgot %+v, %v", got, ok)
	}
	if _, ok := c.lookup(question); ok {
		t.Error("a forgotten name is known")
	}
	c.remember(question, answer)
	c.disable(true)
	c.remember(question, answer)
	if _, ok := c.lookup(question); ok || !c.disabled() {
		t.Error("a cache that is off knows names")
	}
}

// TestCacheBound checks that the cache does not grow beyond its bound.
func TestCacheBound(t *testing.T) {
	now := time.Unix(1000, 0)
	c := newCache(func() time.Time { return now })
	for i := range 2 * maxCacheEntries {
		c.remember(entryOf(fmt.Sprint("name", i), time.Time{}, "root:1"), entryOf("", now.Add(time.Hour), "one:1"))
		c.rememberPlainServer(entryOf("", time.Time{}, fmt.Sprint("host:", i)))
	}
	if len(c.entries) > maxCacheEntries || len(c.plain) > maxCacheEntries {
		t.Errorf("there are %d entries and %d servers", len(c.entries), len(c.plain))
	}
}

// TestPlainServers checks how long a server counts as being no mount table.
func TestPlainServers(t *testing.T) {
	now := time.Unix(1000, 0)
	c := newCache(func() time.Time { return now })
	short := entryOf("x", time.Time{}, "host:1")
	full := entryOf("x", time.Time{}, naming.FormatEndpoint("tcp", "host:1"))
	c.rememberPlainServer(short)
	c.rememberPlainServer(full)
	if !c.isPlainServer(short) || c.isPlainServer(full) || c.isPlainServer(&naming.MountEntry{}) {
		t.Error("wrong servers are remembered")
	}
	now = now.Add(plainServerLifetime)
	if c.isPlainServer(short) {
		t.Error("the server is remembered for too long")
	}
}

// TestNormalize checks that what follows addresses becomes part of the name.
func TestNormalize(t *testing.T) {
	for _, test := range []struct {
		servers []string
		name    string
		want    string
	}{
		{[]string{"host:1", "/host:2"}, "x", "[host:1 host:2] x"},
		{[]string{"/host:1/p", "/host:2/p"}, "x", "[host:1 host:2] p/x"},
		{[]string{"/host:1/p", "/host:2"}, "x", "[host:1] p/x"},
		{[]string{""}, "x", "[] x"},
	} {
		entry := entryOf(test.name, time.Time{}, test.servers...)
		normalize(entry)
		got := make([]string, 0)
		for _, server := range entry.Servers {
			got = append(got, server.Server)
		}
		if text := fmt.Sprint(got, " ", entry.Name); text != test.want {
			t.Errorf("%v %q becomes %s", test.servers, test.name, text)
		}
	}
}
