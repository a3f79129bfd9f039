package raft

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"v.io/v23/context"
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
	// A thousand handshakes beside other packages' tests are work for this machine; that is not what is tested.
	c := startCluster(t, 3, func(_ int, config *RaftConfig) { config.Heartbeat = 250 * time.Millisecond })
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

// flipIn changes a byte of what a directory's log holds, at the only place where it holds text, and returns what
// puts it back.
func flipIn(t *testing.T, dir, text string) (undo func()) {
	t.Helper()
	logs, err := filepath.Glob(filepath.Join(dir, "*.log"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range logs {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		at := bytes.Index(b, []byte(text))
		if at < 0 {
			continue
		}
		flip(t, name, int64(at), 1)
		return func() { flip(t, name, int64(at), 1) }
	}
	t.Fatalf("%q was not found in %v, this tests nothing", text, logs)
	return nil
}

// TestDamageThatNobodyCanHeal: a member that is alone starts with a damaged entry, applies what is before it and
// nothing behind it, serves nobody, says why, and deletes nothing: with the byte put back everything is there.
func TestDamageThatNobodyCanHeal(t *testing.T) {
	c := startCluster(t, 1, nil)
	var want []string
	for i := range 10 {
		want = append(want, fmt.Sprintf("the command of number %d", i))
		c.append(0, want[i])
	}
	c.stop(0)
	m := c.members[0]
	undo := flipIn(t, m.config.LogDir, want[3])
	c.restart(0)
	eventually(t, "the member says that its log is damaged", func() bool {
		err := m.Ready()
		return err != nil && strings.Contains(err.Error(), "entries of the log, from 6 on, cannot be read")
	})
	eventually(t, "what is before the damage is applied", func() bool { return len(m.client.commands()) == 3 })
	ctx, cancel := context.WithTimeout(m.ctx, 4*m.config.Heartbeat)
	defer cancel()
	if at, err := m.ReadIndex(ctx); err == nil {
		t.Errorf("a member that has not applied its log gave the read point %d", at)
	}
	c.stop(0)
	if got := m.client.commands(); !slices.Equal(got, want[:3]) {
		t.Errorf("applied %q, want the three before the damage", got)
	}
	undo()
	c.restart(0)
	c.agree(want)
}
