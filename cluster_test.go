package raft

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"v.io/v23"
	"v.io/v23/context"
	"v.io/v23/security"
	"v.io/v23/security/access"
	_ "v.io/x/ref/runtime/factories/generic"
	"v.io/x/ref/test"
	"v.io/x/ref/test/testutil"
)

// patience is how long a test waits for something that must happen. It is never part of a passing
// run, so it may be long.
const patience = time.Minute

// eventually fails the test unless ok becomes true; what says what was waited for.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("after %v still not: %s", patience, what)
		}
		<-tick.C
	}
}

// journal is a RaftClient that remembers every command it was given, with its index.
type journal struct {
	mu      sync.Mutex
	entries []journalEntry
	// restored counts RestoreFromSnapshot.
	restored int
	// fail, when set, decides what Apply returns.
	fail func(cmd []byte) error
	// empty makes snapshots that hold nothing.
	empty bool
}

type journalEntry struct {
	Index Index
	Cmd   string
}

func (j *journal) Apply(cmd []byte, index Index) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.entries = append(j.entries, journalEntry{index, string(cmd)})
	if j.fail != nil {
		return j.fail(cmd)
	}
	return nil
}

func (j *journal) SaveToSnapshot(_ *context.T, wr io.Writer, response chan<- error) error {
	defer close(response)
	if j.empty {
		return nil
	}
	return json.NewEncoder(wr).Encode(j.all())
}

func (j *journal) RestoreFromSnapshot(_ *context.T, _ Index, rd io.Reader) error {
	var entries []journalEntry
	if err := json.NewDecoder(rd).Decode(&entries); err != nil && err != io.EOF {
		return err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.entries = entries
	j.restored++
	return nil
}

// all returns a copy of what was applied.
func (j *journal) all() []journalEntry {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.entries)
}

// commands returns what was applied, without indexes.
func (j *journal) commands() []string {
	var out []string
	for _, e := range j.all() {
		out = append(out, e.Cmd)
	}
	return out
}

// nothing is a client without a state, as in the figures of other libraries.
type nothing struct{}

func (nothing) Apply([]byte, Index) error { return nil }

func (nothing) SaveToSnapshot(_ *context.T, _ io.Writer, response chan<- error) error {
	close(response)
	return nil
}

func (nothing) RestoreFromSnapshot(*context.T, Index, io.Reader) error { return nil }

// member is one member of a test's cluster and what is needed to start it again.
type member struct {
	Raft
	ctx    *context.T
	config RaftConfig
	client *journal
	up     bool
	// open opens what the member remembers, nil for its directory as it is.
	open opener
}

// cluster is a set of members in this process, over real TCP and real files. Each has a principal of
// its own, blessed by one root as "root:member:N".
type cluster struct {
	t       testing.TB
	ctx     *context.T
	root    *testutil.IDProvider
	members []*member
}

// running is the process's one Vanadium runtime, which tests that run in parallel share.
var running sharedRuntime

type sharedRuntime struct {
	mu       sync.Mutex
	ctx      *context.T
	shutdown func()
	// users are the tests that use it. Invariant: it is up while there are any.
	users int
}

// use returns the runtime's context. The runtime is up until the test has cleaned up.
func (r *sharedRuntime) use(t testing.TB) *context.T {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.users == 0 {
		r.ctx, r.shutdown = test.V23Init()
	}
	r.users++
	t.Cleanup(r.leave)
	return r.ctx
}

func (r *sharedRuntime) leave() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.users--; r.users == 0 {
		r.shutdown()
	}
}

// newCluster makes n members that are not started yet; change may alter each one's configuration.
func newCluster(t testing.TB, n int, change func(i int, c *RaftConfig)) *cluster {
	t.Helper()
	c := &cluster{t: t, ctx: running.use(t), root: testutil.NewIDProvider("root")}
	for i := range n {
		config := c.config(i)
		if change != nil {
			change(i, &config)
		}
		m := &member{ctx: c.principal(fmt.Sprintf("member:%d", i)), config: config, client: &journal{}}
		c.members = append(c.members, m)
		c.create(m)
	}
	t.Cleanup(c.stopAll)
	return c
}

// config returns the configuration of member i, in a directory of its own.
func (c *cluster) config(i int) RaftConfig {
	return RaftConfig{
		LogDir:   filepath.Join(c.t.TempDir(), fmt.Sprint(i)),
		HostPort: freeAddress(c.t),
		// Twice the default: a machine that runs other packages' tests, with the race detector, may not
		// schedule a leader for 0.3 s, and these tests are not about that.
		Heartbeat: 2 * HeartbeatDefault,
		ACL:       access.AccessList{In: []security.BlessingPattern{"root:user", "root:member"}},
		PeerACL:   &access.AccessList{In: []security.BlessingPattern{"root:member"}},
		Logger:    slog.New(slog.NewTextHandler(testWriter{c.t}, &slog.HandlerOptions{Level: slog.LevelWarn})),
	}
}

// startCluster makes and starts n members that know each other, of which one leads.
func startCluster(t testing.TB, n int, change func(i int, c *RaftConfig)) *cluster {
	t.Helper()
	c := newCluster(t, n, change)
	c.start()
	c.elect()
	return c
}

// principal returns a context with a new principal that the root has blessed.
func (c *cluster) principal(extension string) *context.T {
	c.t.Helper()
	p := testutil.NewPrincipal()
	if err := c.root.Bless(p, extension); err != nil {
		c.t.Fatal(err)
	}
	ctx, err := v23.WithPrincipal(c.ctx, p)
	if err != nil {
		c.t.Fatal(err)
	}
	return ctx
}

// create makes the member's Raft, with an empty client.
func (c *cluster) create(m *member) {
	c.t.Helper()
	fail, empty := m.client.fail, m.client.empty
	m.client = &journal{fail: fail, empty: empty}
	open := m.open
	if open == nil {
		open = openDirectory
	}
	r, err := newRaft(m.ctx, &m.config, m.client, open)
	if err != nil {
		c.t.Fatal(err)
	}
	m.Raft, m.up = r, true
}

// use makes the Raft of a member that has not been started anew, over another client.
func (c *cluster) use(m *member, client RaftClient) {
	c.t.Helper()
	m.Stop()
	r, err := NewRaft(m.ctx, &m.config, client)
	if err != nil {
		c.t.Fatal(err)
	}
	m.Raft, m.up = r, true
}

// startWithoutState starts every member over a client that keeps nothing, so that a long run does not
// fill the memory.
func (c *cluster) startWithoutState() {
	c.t.Helper()
	for _, m := range c.members {
		c.use(m, nothing{})
	}
	c.start()
	c.elect()
}

// introduce gives every member the ids of all.
func (c *cluster) introduce() {
	c.t.Helper()
	for _, m := range c.members {
		for _, other := range c.members {
			if err := m.AddMember(m.ctx, other.ID()); err != nil {
				c.t.Fatal(err)
			}
		}
	}
}

// start makes the members known to each other and starts them.
func (c *cluster) start() {
	c.t.Helper()
	c.introduce()
	for _, m := range c.members {
		m.Start()
	}
}

// elect makes one of the members lead, any: left alone they wait for an election time-out first. Where it takes
// longer than a wish to lead lives until enough of them have found each other, another one may lead before.
func (c *cluster) elect() {
	c.t.Helper()
	first := rand.IntN(len(c.members))
	eventually(c.t, fmt.Sprint("member ", first, " leads"), func() bool {
		c.members[first].StartElection()
		return c.leader() == first
	})
}

// stop stops member i; restart brings it back on the same directory.
func (c *cluster) stop(i int) {
	c.members[i].Stop()
	c.members[i].up = false
}

func (c *cluster) restart(i int) {
	c.t.Helper()
	c.create(c.members[i])
	c.members[i].Start()
}

func (c *cluster) stopAll() {
	for i, m := range c.members {
		if m.up {
			c.stop(i)
		}
	}
}

// leader waits until one running member leads and all running ones agree, and returns its place.
func (c *cluster) leader() int {
	c.t.Helper()
	found := -1
	eventually(c.t, "one leader that all running members follow", func() bool {
		found = -1
		name := ""
		for i, m := range c.members {
			if !m.up {
				continue
			}
			_, role, leader := m.Status()
			if leader == "" || name != "" && leader != name {
				return false
			}
			name = leader
			if role == RoleLeader {
				if found >= 0 {
					return false
				}
				found = i
			}
		}
		return found >= 0 && c.members[found].ID() == name
	})
	return found
}

// append appends through member i and fails the test unless it succeeds.
func (c *cluster) append(i int, cmd string) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.members[i].ctx, patience)
	defer cancel()
	applied, err := c.members[i].Append(ctx, []byte(cmd))
	if applied != nil || err != nil {
		c.t.Fatalf("Append(%.40q) through member %d: %v, %v", cmd, i, applied, err)
	}
}

// agree waits until all running members have applied the same entries, which must be the commands
// of want, in order.
func (c *cluster) agree(want []string) {
	c.t.Helper()
	var first []journalEntry
	for i, m := range c.members {
		if !m.up {
			continue
		}
		eventually(c.t, fmt.Sprintf("member %d has applied %d commands, has %d", i, len(want), len(m.client.all())),
			func() bool { return len(m.client.all()) >= len(want) })
		if got := m.client.commands(); !slices.Equal(got, want) {
			c.t.Fatalf("member %d applied %d commands, want %d; first difference: %s",
				i, len(got), len(want), difference(got, want))
		}
		if first == nil {
			first = m.client.all()
		}
		if !slices.Equal(first, m.client.all()) {
			c.t.Fatalf("member %d applied the commands at other indexes", i)
		}
	}
}

func difference(got, want []string) string {
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			return fmt.Sprintf("at %d got %.40q, want %.40q", i, got[i], want[i])
		}
	}
	return "one is longer"
}

// testWriter writes to a test's log.
type testWriter struct{ t testing.TB }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Log(string(p))
	return len(p), nil
}
