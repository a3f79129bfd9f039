package namespace

import (
	"slices"
	"strings"
	"sync"
	"time"

	"v.io/v23/naming"
)

const (
	// maxCacheEntries bounds the cache. Beyond it, an arbitrary entry makes room for a new one.
	maxCacheEntries = 4000
	// plainServerLifetime is how long a server is remembered as not being a mount table.
	plainServerLifetime = time.Minute
)

// cache holds answers of mount tables until they expire. The key of an answer is the address of the mount table and the
// part of the name that the answer is about: the names below share it.
type cache struct {
	now func() time.Time

	mu      sync.Mutex // guards what follows
	off     bool
	entries map[string]*naming.MountEntry // as received, with Name empty
	plain   map[string]time.Time          // addresses of servers that are no mount tables, until then
}

func newCache(now func() time.Time) *cache {
	return &cache{now: now, entries: make(map[string]*naming.MountEntry), plain: make(map[string]time.Time)}
}

// disable switches the cache off or on. A cache that is off forgets.
func (c *cache) disable(off bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.off = off
	if off {
		clear(c.entries)
		clear(c.plain)
	}
}

// disabled reports whether the cache is off.
func (c *cache) disabled() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.off
}

// prefixOf returns the name without the rest at its end.
func prefixOf(name, rest string) (string, bool) {
	switch {
	case rest == "":
		return name, true
	case name == rest:
		return "", true
	}
	return strings.CutSuffix(name, "/"+rest)
}

// remember keeps the answer to the question.
func (c *cache) remember(asked, answer *naming.MountEntry) {
	prefix, ok := prefixOf(asked.Name, answer.Name)
	if !ok || prefix == "" {
		return
	}
	kept := &naming.MountEntry{
		Servers:          slices.Clone(answer.Servers),
		ServesMountTable: answer.ServesMountTable,
		IsLeaf:           answer.IsLeaf,
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.off {
		return
	}
	for _, server := range asked.Servers {
		if len(c.entries) >= maxCacheEntries {
			c.dropOne()
		}
		c.entries[naming.JoinAddressName(server.Server, prefix)] = kept
	}
}

// dropOne removes an arbitrary entry. The lock is held.
func (c *cache) dropOne() {
	for key := range c.entries {
		delete(c.entries, key)
		return
	}
}

// lookup returns the answer to the question, with the servers in turns: every answer begins with another one.
func (c *cache) lookup(asked *naming.MountEntry) (*naming.MountEntry, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	key, rest, ok := c.find(asked)
	if !ok {
		return nil, false
	}
	kept := c.entries[key]
	answer := &naming.MountEntry{
		Name:             rest,
		Servers:          slices.Clone(kept.Servers),
		ServesMountTable: kept.ServesMountTable,
		IsLeaf:           kept.IsLeaf,
	}
	kept.Servers = append(kept.Servers[1:], kept.Servers[0])
	normalize(answer)
	return answer, len(answer.Servers) > 0
}

// find returns the key of the answer to the question and the rest of the name. Answers that expired, wholly or in
// part, are dropped on the way. The lock is held.
func (c *cache) find(asked *naming.MountEntry) (key, rest string, ok bool) {
	for _, server := range asked.Servers {
		for prefix := asked.Name; prefix != ""; prefix = parent(prefix) {
			key := naming.JoinAddressName(server.Server, prefix)
			kept := c.entries[key]
			if kept == nil {
				continue
			}
			if c.expire(kept); len(kept.Servers) == 0 {
				delete(c.entries, key)
				continue
			}
			return key, strings.TrimPrefix(strings.TrimPrefix(asked.Name, prefix), "/"), true
		}
	}
	return "", "", false
}

// expire drops the servers whose deadline has passed. The lock is held.
func (c *cache) expire(kept *naming.MountEntry) {
	now := c.now()
	kept.Servers = slices.DeleteFunc(kept.Servers, func(server naming.MountedServer) bool {
		return !server.Deadline.IsZero() && !now.Before(server.Deadline.Time)
	})
}

// parent returns the name without its last element.
func parent(name string) string {
	if slash := strings.LastIndexByte(name, '/'); slash >= 0 {
		return name[:slash]
	}
	return ""
}

// forget drops the answer to the question and returns what it was.
func (c *cache) forget(asked *naming.MountEntry) (*naming.MountEntry, bool) {
	answer, ok := c.lookup(asked)
	if !ok {
		return nil, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, server := range asked.Servers {
		for prefix := asked.Name; prefix != ""; prefix = parent(prefix) {
			delete(c.entries, naming.JoinAddressName(server.Server, prefix))
		}
	}
	return answer, true
}

// forgetBelow drops what is known about the name and all names below it, which may have changed together.
func (c *cache) forgetBelow(asked *naming.MountEntry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, server := range asked.Servers {
		name := naming.JoinAddressName(server.Server, asked.Name)
		for key := range c.entries {
			if key == name || strings.HasPrefix(key, name+"/") {
				delete(c.entries, key)
			}
		}
	}
}

// isPlainServer reports whether all servers of the entry are known not to be mount tables.
func (c *cache) isPlainServer(entry *naming.MountEntry) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, server := range entry.Servers {
		until, known := c.plain[server.Server]
		if !known {
			return false
		}
		if !c.now().Before(until) {
			delete(c.plain, server.Server)
			return false
		}
	}
	return len(entry.Servers) > 0
}

// rememberPlainServer keeps that the servers of the entry are no mount tables. An endpoint tells so by itself, so only
// those with addresses of the short form are kept.
func (c *cache) rememberPlainServer(entry *naming.MountEntry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.off {
		return
	}
	for _, server := range entry.Servers {
		if strings.HasPrefix(server.Server, "@") {
			continue
		}
		if len(c.plain) >= maxCacheEntries {
			clear(c.plain)
		}
		c.plain[server.Server] = c.now().Add(plainServerLifetime)
	}
}
