package raft

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"v.io/v23/naming"
	"v.io/v23/verror"
)

func TestAClientNeitherVotesNorReplicates(t *testing.T) {
	c := startCluster(t, 1, nil)
	c.append(0, "x")
	user, name := c.principal("user"), naming.JoinAddressName(c.members[0].ID(), "")
	before := c.members[0].Stats()
	for method, allowed := range map[string]bool{
		"Append": true, "ReadIndex": true, "Status": true, "Converse": false, "InstallSnapshot": false,
	} {
		err := call(user, name, method)
		if allowed && err != nil {
			t.Errorf("%s: %v", method, err)
		}
		if !allowed && !errors.Is(err, verror.ErrNoAccess) {
			t.Errorf("%s: got %v, want no access", method, err)
		}
	}
	if after := c.members[0].Stats(); after.Term != before.Term || after.Role != RoleLeader {
		t.Errorf("before %+v, after %+v", before, after)
	}
}

func TestStrangersOnTheWireDoNotHarmAMember(t *testing.T) {
	c := startCluster(t, 3, nil)
	leader := c.leader()
	before := c.members[leader].Stats().Term
	dial := func() net.Conn {
		conn, err := net.Dial("tcp", c.members[leader].ID())
		if err != nil {
			t.Fatal(err)
		}
		return conn
	}
	garbage := dial()
	if _, err := garbage.Write([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, garbage); err != nil {
		t.Logf("the connection ended with %v", err) // Closed or reset: both are an end.
	}
	idle := []net.Conn{garbage}
	for range 1000 {
		idle = append(idle, dial())
	}
	for i := range 50 {
		c.append((leader+i)%3, fmt.Sprint(i))
	}
	if after := c.members[leader].Stats().Term; after != before {
		t.Errorf("the term went from %d to %d", before, after)
	}
	for _, conn := range idle {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestNewRaftRefusesADamagedLog(t *testing.T) {
	c := startCluster(t, 1, nil)
	for i := range 10 {
		c.append(0, fmt.Sprintf("the command of number %d", i))
	}
	c.stop(0)
	dir := c.members[0].config.LogDir
	logs, err := filepath.Glob(filepath.Join(dir, "*.log"))
	if err != nil || len(logs) == 0 {
		t.Fatalf("logs %v, %v", logs, err)
	}
	damaged := 0
	for _, name := range logs {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		at := bytes.Index(b, []byte("the command of number 3"))
		if at < 0 {
			continue
		}
		b[at] ^= 1
		damaged++
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if damaged == 0 {
		t.Fatal("the command was not found, this tests nothing")
	}
	before := snapshotOfDir(t, dir)
	config := c.members[0].config
	_, err = NewRaft(c.members[0].ctx, &config, &journal{})
	if err == nil || !strings.Contains(err.Error(), dir) {
		t.Errorf("got %v, want an error that names a file below %s", err, dir)
	}
	after := snapshotOfDir(t, dir)
	for name := range before {
		if before[name] != after[name] {
			t.Errorf("%s was changed or deleted", name)
		}
	}
}
