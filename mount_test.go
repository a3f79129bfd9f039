package raft

import (
	"testing"

	"v.io/v23"
	"v.io/v23/context"
	"v.io/v23/security"
	"v.io/v23/security/access"
	"v.io/x/ref/test"
)

// servers returns how many servers are mounted under name.
func servers(ctx *context.T, name string) int {
	entry, err := v23.GetNamespace(ctx).Resolve(ctx, name)
	if err != nil {
		return 0
	}
	return len(entry.Servers)
}

// mountedCluster is a cluster beside a mount table, whose members share its principal.
func mountedCluster(t *testing.T, n int, change func(i int, c *RaftConfig)) *cluster {
	t.Helper()
	ctx, shutdown := test.V23InitWithMounttable()
	t.Cleanup(shutdown)
	c := &cluster{t: t, ctx: ctx}
	for i := range n {
		config := c.config(i)
		config.ACL = access.AccessList{In: []security.BlessingPattern{test.TestBlessing}}
		config.PeerACL = nil
		change(i, &config)
		m := &member{ctx: ctx, config: config, client: &journal{}}
		c.members = append(c.members, m)
		c.create(m)
	}
	t.Cleanup(c.stopAll)
	return c
}

func TestMembersAreMountedUnderTheSharedNameUntilTheyStop(t *testing.T) {
	c := mountedCluster(t, 3, func(_ int, config *RaftConfig) { config.ServerName = "log/service" })
	c.introduce()
	if n := servers(c.ctx, "log/service"); n != 0 {
		t.Errorf("%d servers are mounted before Start", n)
	}
	for _, m := range c.members {
		m.Start()
	}
	eventually(t, "three servers are mounted", func() bool { return servers(c.ctx, "log/service") == 3 })
	c.append(c.leader(), "x")
	ctx, cancel := context.WithTimeout(c.ctx, patience)
	defer cancel()
	_, at, applied, err := MemberClient("log/service").Append(ctx, []byte("by name"))
	if err != nil || applied != "" || at == 0 {
		t.Errorf("Append by name: index %d, %q, %v", at, applied, err)
	}
	status, err := MemberClient("log/service").Status(ctx)
	if err != nil || len(status.Members) != 3 || status.Cluster == "" {
		t.Errorf("Status by name: %+v, %v", status, err)
	}
	c.agree([]string{"x", "by name"})
	c.stop(0)
	eventually(t, "two servers are mounted", func() bool { return servers(c.ctx, "log/service") == 2 })
	c.stop(1)
	c.stop(2)
	eventually(t, "no server is mounted", func() bool { return servers(c.ctx, "log/service") == 0 })
}

func TestMembersMayBeNamesInsteadOfAddresses(t *testing.T) {
	names := []string{"set/a", "set/b", "set/c"}
	c := mountedCluster(t, 3, func(i int, config *RaftConfig) { config.ID = names[i] })
	c.introduce()
	for i, m := range c.members {
		if m.ID() != names[i] {
			t.Errorf("member %d has the id %q", i, m.ID())
		}
		m.Start()
	}
	c.append(0, "x")
	c.stop(1)
	c.append(c.leader(), "y")
	c.restart(1) // On another port: its name leads its peers there.
	c.append(1, "z")
	c.agree([]string{"x", "y", "z"})
}
