package raft

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"v.io/v23"
	"v.io/v23/context"
	"v.io/v23/naming"
	"v.io/v23/options"
	"v.io/v23/rpc"
	"v.io/v23/security"
	"v.io/v23/security/access"
	"v.io/x/ref/services/mounttable/mounttablelib"
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
	return clusterOf(t, ctx, n, change)
}

// clusterOf is a cluster whose members share the principal and the namespace of ctx.
func clusterOf(t *testing.T, ctx *context.T, n int, change func(i int, c *RaftConfig)) *cluster {
	t.Helper()
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
	c.agree([]string{"x"})
}

// TestAddressChangesAndTheIDStays moves each member, the leader among them, to another address, under the same
// id: its name leads its peers there, and the set is what it was.
func TestAddressChangesAndTheIDStays(t *testing.T) {
	c := mountedCluster(t, 3, func(i int, config *RaftConfig) { config.ID = fmt.Sprint("set/", i) })
	c.introduce()
	for _, m := range c.members {
		m.Start()
	}
	var want []string
	write := func(i int, what string) {
		t.Helper()
		want = append(want, fmt.Sprint(what, " ", len(want)))
		c.append(i, want[len(want)-1])
	}
	write(0, "first")
	for round := range 3 {
		moved := c.leader()
		if round > 0 {
			moved = (moved + round) % 3
		}
		m := c.members[moved]
		id, before := m.ID(), m.config.HostPort
		c.stop(moved)
		write((moved+1)%3, "beside")
		if m.config.HostPort = freeAddress(t); m.config.HostPort == before {
			t.Fatalf("the new address %s is the old one", before)
		}
		c.restart(moved)
		write(moved, "at its new address")
		if m.ID() != id {
			t.Errorf("%s is %s at its new address", id, m.ID())
		}
		c.agree(want)
		c.voters(moved, 0, 1, 2)
		c.voters((moved+1)%3, 0, 1, 2)
	}
}

// serveMountTable serves an empty mount table at address until the function that it returns is called,
// and returns where it listens.
func serveMountTable(t *testing.T, ctx *context.T, address string) (string, func()) {
	t.Helper()
	table, err := mounttablelib.NewMountTableDispatcher(ctx, "", "", "mounttable")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(ctx)
	ctx = v23.WithListenSpec(ctx, rpc.ListenSpec{Addrs: rpc.ListenAddrs{{Protocol: "tcp", Address: address}}})
	_, server, err := v23.WithNewDispatchingServer(ctx, "", table, options.ServesMountTable(true),
		options.LameDuckTimeout(0))
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range server.Status().ListenErrors {
		t.Fatal(err)
	}
	return boundAddress(server.Status().Endpoints), func() {
		cancel()
		<-server.Closed()
	}
}

func TestMembersAreMountedAgainWhenTheMountTableLostItsState(t *testing.T) {
	t.Setenv("V23_PUBLISH_PERIOD", "100ms")
	ctx, shutdown := test.V23Init()
	t.Cleanup(shutdown)
	address, stop := serveMountTable(t, ctx, freeAddress(t))
	root := naming.Endpoint{Protocol: "tcp", Address: address}.WithBlessingNames([]string{test.TestBlessing})
	if err := v23.GetNamespace(ctx).SetRoots(root.Name()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop() }) // After the members, which unmount themselves.
	c := clusterOf(t, ctx, 3, func(_ int, config *RaftConfig) { config.ServerName = "log/service" })
	c.introduce()
	for _, m := range c.members {
		m.Start()
	}
	eventually(t, "three servers are mounted", func() bool { return servers(c.ctx, "log/service") == 3 })
	stop()
	soon, cancel := context.WithTimeout(c.ctx, 300*time.Millisecond)
	defer cancel()
	if found, err := v23.GetNamespace(soon).Resolve(soon, "log/service"); err == nil {
		t.Errorf("%v are known without a mount table", found)
	}
	c.append(c.leader(), "without a mount table")
	_, stop = serveMountTable(t, ctx, address)
	eventually(t, "three servers are mounted at the new mount table", func() bool {
		return servers(c.ctx, "log/service") == 3
	})
}

func TestOnlyMembersOfTheSetHaveTheSharedName(t *testing.T) {
	c := mountedCluster(t, 1, func(_ int, config *RaftConfig) { config.ServerName = "log/service" })
	c.introduce()
	c.members[0].Start()
	c.append(0, "x")
	config := c.members[0].config
	config.LogDir, config.HostPort, config.Join = t.TempDir(), freeAddress(t), true
	m := &member{ctx: c.ctx, config: config, client: &journal{}}
	c.members = append(c.members, m)
	c.create(m)
	m.Start()
	c.add(0, 1)
	eventually(t, "the added member is mounted", func() bool { return servers(c.ctx, "log/service") == 2 })
	c.remove(0, 1)
	eventually(t, "the removed member is not", func() bool { return servers(c.ctx, "log/service") == 1 })
	ctx, cancel := context.WithTimeout(c.ctx, patience)
	defer cancel()
	if _, _, _, err := MemberClient("log/service").Append(ctx, []byte("by name")); err != nil {
		t.Error(err)
	}
	eventually(t, "the removed member refuses to change the set", func() bool {
		return errors.Is(m.AddMember(c.soon(), m.ID()), ErrRemoved)
	})
	c.add(0, 1)
	eventually(t, "it is mounted again", func() bool { return servers(c.ctx, "log/service") == 2 })
}
