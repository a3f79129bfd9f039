package replica_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/replica"
	"v.io/x/ref/lib/raft/replica/storetest"
	"v.io/x/ref/lib/raft/transport/mem"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// journal is a machine that keeps every command in order. Its result for a command is how many
// there were up to it.
type journal struct {
	mu       sync.Mutex
	commands [][]byte
	indexes  []entry.Index
	restored []entry.Index
	// hook runs before each Apply, finish before the end of each snapshot.
	hook   func([]replica.Command)
	finish func() error
	// restoreErr fails Restore.
	restoreErr error
}

func (j *journal) Apply(cmds []replica.Command, results []any) {
	if j.hook != nil {
		j.hook(cmds)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	for i, c := range cmds {
		j.commands = append(j.commands, c.Payload)
		j.indexes = append(j.indexes, c.Index)
		results[i] = len(j.commands)
	}
}

// Snapshot captures the state at once and writes it in finish, beside later Applies.
func (j *journal) Snapshot(_ context.Context, _ entry.Index, w io.Writer) (func() error, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	captured, indexes := j.commands[:len(j.commands):len(j.commands)], j.indexes[:len(j.indexes):len(j.indexes)]
	return func() error {
		if j.finish != nil {
			if err := j.finish(); err != nil {
				return err
			}
		}
		for i, c := range captured {
			b := binary.AppendUvarint(nil, uint64(indexes[i]))
			b = binary.AppendUvarint(b, uint64(len(c)))
			if _, err := w.Write(append(b, c...)); err != nil {
				return err
			}
		}
		return nil
	}, nil
}

func (j *journal) Restore(_ context.Context, at entry.Index, r io.Reader) error {
	if j.restoreErr != nil {
		return j.restoreErr
	}
	image, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.commands, j.indexes = nil, nil
	j.restored = append(j.restored, at)
	for len(image) > 0 {
		index, n := binary.Uvarint(image)
		size, k := binary.Uvarint(image[n:])
		image = image[n+k:]
		j.indexes, j.commands = append(j.indexes, entry.Index(index)), append(j.commands, image[:size:size])
		image = image[size:]
	}
	return nil
}

func (j *journal) all() [][]byte {
	j.mu.Lock()
	defer j.mu.Unlock()
	return append([][]byte(nil), j.commands...)
}

// member is one member of a test cluster, which may be restarted on the same place.
type member struct {
	t       testing.TB
	cluster *cluster
	id      entry.MemberID
	log     *storetest.LogPlace
	images  *storetest.SnapshotPlace
	machine *journal
	*replica.Replica
}

// cluster is a set of members on a network in memory. Unless a test changes it, the clock is the
// standard library's, so that a cluster may live in a bubble.
type cluster struct {
	t       testing.TB
	network *mem.Network
	members []*member
	initial entry.Configuration
	starts  uint64
	// configure changes the configuration of each start.
	configure func(*member, *replica.Config)
}

func newCluster(t testing.TB, n int, configure func(*member, *replica.Config)) *cluster {
	c := &cluster{t: t, network: mem.New(1), configure: configure}
	c.initial.Cluster = entry.ClusterID{42}
	for i := range n {
		id := entry.MemberID(fmt.Sprintf("member-%d", i+1))
		c.initial.Members = append(c.initial.Members, entry.Member{ID: id})
		c.members = append(c.members, &member{
			t: t, cluster: c, id: id, log: new(storetest.LogPlace), images: new(storetest.SnapshotPlace),
		})
	}
	t.Cleanup(c.stop)
	return c
}

// start makes the cluster run.
func (c *cluster) start() *cluster {
	for _, m := range c.members {
		m.start()
	}
	return c
}

func (c *cluster) stop() {
	for _, m := range c.members {
		m.stop()
	}
}

// open makes a replica on the member's place.
func (m *member) open() (*replica.Replica, error) {
	m.cluster.starts++
	logStore, err := m.log.Open()
	if err != nil {
		m.t.Fatal(err)
	}
	images, err := m.images.Open()
	if err != nil {
		m.t.Fatal(err)
	}
	m.machine = new(journal)
	config := replica.Config{
		ID: m.id, Origin: 1000 + m.cluster.starts, Initial: m.cluster.initial, Log: logStore, Snapshots: images,
		Transport: m.cluster.network.Join(replica.Peer{ID: m.id}), Machine: m.machine, Now: replica.WallClock(),
		Seed: m.cluster.starts, Logger: slog.New(slog.NewTextHandler(m.t.Output(), nil)),
	}
	if m.cluster.configure != nil {
		m.cluster.configure(m, &config)
	}
	return replica.New(config)
}

func (m *member) start() {
	m.t.Helper()
	r, err := m.open()
	if err != nil {
		m.t.Fatal(err)
	}
	m.Replica = r
	if err := r.Start(); err != nil {
		m.t.Fatal(err)
	}
}

// startHeard is start with a subscriber that hears the first event.
func (m *member) startHeard() *replica.Subscription {
	m.t.Helper()
	r, err := m.open()
	if err != nil {
		m.t.Fatal(err)
	}
	m.Replica = r
	events := r.Subscribe(1000)
	if err := r.Start(); err != nil {
		m.t.Fatal(err)
	}
	return events
}

// stop stops the member if it runs.
func (m *member) stop() {
	if m.Replica == nil {
		return
	}
	if err := m.Replica.Stop(); err != nil {
		m.t.Error(err)
	}
	m.Replica = nil
}

// await waits until the member's status satisfies ok.
func (m *member) await(what string, ok func(replica.Status) bool) replica.Status {
	m.t.Helper()
	deadline := time.After(30 * time.Second)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		s, changed := m.Watch()
		if ok(s) {
			return s
		}
		select {
		case <-changed:
		case <-tick.C:
		case <-deadline:
			m.t.Fatalf("%s waited in vain for %s; status %+v", m.id, what, s)
		}
	}
}

// leader waits until a running member leads and all running members agree, and returns it.
func (c *cluster) leader() *member {
	c.t.Helper()
	deadline := time.After(30 * time.Second)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		if m := c.agreed(); m != nil {
			return m
		}
		select {
		case <-tick.C:
		case <-deadline:
			c.t.Fatal("no leader")
		}
	}
}

func (c *cluster) agreed() *member {
	var leader *member
	for _, m := range c.members {
		if m.Replica != nil && m.Status().Role == core.Leader {
			leader = m
		}
	}
	for _, m := range c.members {
		if m.Replica != nil && leader != nil && (m.Status().Leader != leader.id || m.Status().Term != leader.Status().Term) {
			return nil
		}
	}
	return leader
}

// follower returns a running member that does not lead.
func (c *cluster) follower() *member {
	leader := c.leader()
	for _, m := range c.members {
		if m != leader && m.Replica != nil {
			return m
		}
	}
	c.t.Fatal("no follower")
	return nil
}

// propose replicates a command and wants it to succeed; not-proposed errors are tried again.
func (m *member) propose(payload string) entry.Position {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(m.t.Context(), 30*time.Second)
	defer cancel()
	for {
		_, at, err := m.Propose(ctx, []byte(payload))
		if err == nil {
			return at
		}
		if !errors.Is(err, replica.ErrNoLeader) && !errors.Is(err, replica.ErrNotLeader) ||
			errors.Is(err, replica.ErrOutcomeUnknown) {
			m.t.Fatalf("%s: proposing %q: %v", m.id, payload, err)
		}
		_, changed := m.Watch()
		select {
		case <-changed:
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			m.t.Fatalf("%s: proposing %q: %v", m.id, payload, err)
		}
	}
}

// answer is what Propose returned.
type answer struct {
	result any
	at     entry.Position
	err    error
}

// proposeLater proposes a command and does not wait for the answer.
func (m *member) proposeLater(payload string) <-chan answer {
	answered, r := make(chan answer, 1), m.Replica
	go func() {
		result, at, err := r.Propose(context.Background(), []byte(payload))
		answered <- answer{result, at, err}
	}()
	return answered
}

// converge waits until all running members have applied the same, and compares what they applied.
func (c *cluster) converge() {
	c.t.Helper()
	leader := c.leader()
	last := leader.await("its own log", func(s replica.Status) bool { return s.Applied == s.Last.Index }).Applied
	want := leader.machine.all()
	for _, m := range c.members {
		if m.Replica == nil {
			continue
		}
		m.await(fmt.Sprintf("entry %d", last), func(s replica.Status) bool { return s.Applied >= last })
		got := m.machine.all()
		if len(got) != len(want) {
			c.t.Fatalf("%s applied %d commands, the leader %d", m.id, len(got), len(want))
		}
		for i := range got {
			if !bytes.Equal(got[i], want[i]) {
				c.t.Fatalf("%s applied %q as command %d, the leader %q", m.id, got[i], i+1, want[i])
			}
		}
	}
}
