package raft

import (
	"errors"
	"strings"
	"testing"
	"time"

	"v.io/v23/context"
	"v.io/v23/security"
	"v.io/v23/security/access"
)

// goodConfig is a configuration without a fault; each case of TestBadConfig spoils one field.
func goodConfig() RaftConfig {
	return RaftConfig{
		LogDir:   "dir",
		HostPort: "127.0.0.1:0",
		ACL:      access.AccessList{In: []security.BlessingPattern{"root:user"}},
	}
}

func TestBadConfigNamesFieldAndValue(t *testing.T) {
	everybody := &access.AccessList{In: []security.BlessingPattern{security.AllPrincipals}}
	for _, c := range []struct {
		field, value string
		spoil        func(*RaftConfig)
	}{
		{"LogDir", `""`, func(c *RaftConfig) { c.LogDir = "" }},
		{"HostPort", `""`, func(c *RaftConfig) { c.HostPort = "" }},
		{"HostPort", "nowhere", func(c *RaftConfig) { c.HostPort = "nowhere" }},
		{"HostPort", "host:port", func(c *RaftConfig) { c.HostPort = "host:port" }},
		{"HostPort", "host:65536", func(c *RaftConfig) { c.HostPort = "host:65536" }},
		{"HostPort", "host:-1", func(c *RaftConfig) { c.HostPort = "host:-1" }},
		{"Heartbeat", "-1ms", func(c *RaftConfig) { c.Heartbeat = -time.Millisecond }},
		{"Heartbeat", "999µs", func(c *RaftConfig) { c.Heartbeat = HeartbeatMin - time.Microsecond }},
		{"Heartbeat", "1m0.000000001s", func(c *RaftConfig) { c.Heartbeat = HeartbeatMax + 1 }},
		{"SnapshotThreshold", "-1", func(c *RaftConfig) { c.SnapshotThreshold = -1 }},
		{"SnapshotBytes", "-1", func(c *RaftConfig) { c.SnapshotBytes = -1 }},
		{"Rank", "65", func(c *RaftConfig) { c.Rank = RankMax + 1 }},
		{"ID", "/@6@nonsense", func(c *RaftConfig) { c.ID = "/@6@nonsense" }},
		{"ACL", "...", func(c *RaftConfig) { c.ACL.In = everybody.In }},
		{"ACL", "a:...", func(c *RaftConfig) { c.ACL.In = []security.BlessingPattern{"a:..."} }},
		{"PeerACL", "...", func(c *RaftConfig) { c.PeerACL = everybody }},
		{"AdminACL", "...", func(c *RaftConfig) { c.AdminACL = everybody }},
		{"AdminACL", "b:", func(c *RaftConfig) {
			c.AdminACL = &access.AccessList{In: []security.BlessingPattern{"b:"}}
		}},
		{"PeerACL", "a:", func(c *RaftConfig) {
			c.PeerACL = &access.AccessList{In: []security.BlessingPattern{"a:"}}
		}},
	} {
		config := goodConfig()
		c.spoil(&config)
		ctx, cancel := context.RootContext()
		_, err := NewRaft(ctx, &config, nothing{})
		cancel()
		if !errors.Is(err, ErrBadConfig) {
			t.Errorf("%s = %s: got %v, want ErrBadConfig", c.field, c.value, err)
			continue
		}
		_, _, field, value, _, perr := ParamsErrBadConfig(err)
		if perr != nil || field != c.field {
			t.Errorf("%s = %s: the error names field %q, %v", c.field, c.value, field, perr)
		}
		if !strings.Contains(err.Error(), strings.Trim(c.value, `"`)) {
			t.Errorf("%s = %s: the error %q does not name the value %q", c.field, c.value, err, value)
		}
	}
}

func TestConfigAtItsEdgesIsGood(t *testing.T) {
	for name, change := range map[string]func(*RaftConfig){
		"as it is":          func(*RaftConfig) {},
		"port 0":            func(c *RaftConfig) { c.HostPort = ":0" },
		"highest port":      func(c *RaftConfig) { c.HostPort = "[::1]:65535" },
		"shortest beat":     func(c *RaftConfig) { c.Heartbeat = HeartbeatMin },
		"longest beat":      func(c *RaftConfig) { c.Heartbeat = HeartbeatMax },
		"last rank":         func(c *RaftConfig) { c.Rank = RankMax },
		"open access meant": func(c *RaftConfig) { openAccess(c) },
	} {
		config := goodConfig()
		change(&config)
		ctx, cancel := context.RootContext()
		if _, err := newSettings(ctx, &config); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		cancel()
	}
}

// openAccess admits everybody to the client methods, which needs a peer list of its own.
func openAccess(c *RaftConfig) {
	c.PeerACL = &access.AccessList{In: c.ACL.In}
	c.ACL.In = []security.BlessingPattern{security.AllPrincipals}
	c.OpenAccess = true
}

func TestConfigDefaults(t *testing.T) {
	ctx, cancel := context.RootContext()
	defer cancel()
	config := goodConfig()
	s, err := newSettings(ctx, &config)
	if err != nil {
		t.Fatal(err)
	}
	if s.Heartbeat != HeartbeatDefault || s.SnapshotThreshold != SnapshotEntriesDefault ||
		s.SnapshotBytes != SnapshotBytesDefault {
		t.Errorf("defaults are %v, %d entries, %d bytes", s.Heartbeat, s.SnapshotThreshold, s.SnapshotBytes)
	}
	for _, right := range []Right{ClientRight, PeerRight, AdminRight} {
		if got := s.rights[right]; len(got.In) != 1 || got.In[0] != config.ACL.In[0] {
			t.Errorf("with nothing but ACL = %v the %s right has the list %v", config.ACL, right, got)
		}
	}
	config.PeerACL = &access.AccessList{In: []security.BlessingPattern{"root:member"}}
	if s, err = newSettings(ctx, &config); err != nil {
		t.Fatal(err)
	}
	if got := s.rights[AdminRight]; len(got.In) != 1 || got.In[0] != "root:member" {
		t.Errorf("without AdminACL the administrators are %v, want the peers", got)
	}
	if config.Heartbeat != 0 {
		t.Error("newSettings changed the caller's config")
	}
}
