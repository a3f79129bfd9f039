package replica_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/replica"
	"v.io/x/ref/lib/raft/replica/storetest"
)

// drivenMember is a member that its test drives; it is also its own transport.
type drivenMember struct {
	cluster  *drivenCluster
	id       entry.MemberID
	log      storetest.LogPlace
	images   storetest.SnapshotPlace
	machine  *journal
	receiver replica.Receiver
	due      core.Instant
	*replica.Driven
}

// drivenCluster is a cluster in one goroutine: every job is done at once, every message arrives after
// the present round of turns.
type drivenCluster struct {
	t       *testing.T
	now     core.Instant
	members []*drivenMember
	wire    []core.Message
	offers  []offer
	// late holds the jobs of these kinds back.
	late map[replica.JobKind]bool
	held []*replica.Job
	jobs map[replica.JobKind]int
	// fate, when not nil, returns what arrives of a message.
	fate func(core.Message) []core.Message
}

// offer is an image that a leader wants to send.
type offer struct {
	from, to entry.MemberID
	image    replica.OutgoingSnapshot
}

func (m *drivenMember) Start(r replica.Receiver) error {
	m.receiver = r
	return nil
}

func (m *drivenMember) Send(_ entry.MemberID, all []core.Message) int {
	m.cluster.wire = append(m.cluster.wire, all...)
	return len(all)
}

func (m *drivenMember) SendSnapshot(_ context.Context, to entry.MemberID, s replica.OutgoingSnapshot) {
	m.cluster.offers = append(m.cluster.offers, offer{from: m.id, to: to, image: s})
}

func (m *drivenMember) Close() error { return nil }

func newDrivenCluster(t *testing.T, n int) *drivenCluster {
	c := &drivenCluster{t: t, now: 1, late: make(map[replica.JobKind]bool), jobs: make(map[replica.JobKind]int)}
	for i := range n {
		c.members = append(c.members, &drivenMember{cluster: c, id: entry.MemberID(fmt.Sprintf("m%d", i+1))})
	}
	for _, m := range c.members {
		m.start(1)
	}
	return c
}

// start makes a replica on the member's place and drives it.
func (m *drivenMember) start(origin uint64) {
	c := m.cluster
	initial := entry.Configuration{Cluster: entry.ClusterID{1}}
	for _, other := range c.members {
		initial.Members = append(initial.Members, entry.Member{ID: other.id})
	}
	log, err := m.log.Open()
	if err != nil {
		c.t.Fatal(err)
	}
	images, err := m.images.Open()
	if err != nil {
		c.t.Fatal(err)
	}
	m.machine = new(journal)
	r, err := replica.New(replica.Config{
		ID: m.id, Origin: 1000*origin + uint64(slices.Index(c.members, m)), Initial: initial, Log: log,
		Snapshots: images, Transport: m, Machine: m.machine,
		Now: func() core.Instant { return c.now }, Seed: uint64(len(m.id)) + origin,
		Snapshot: replica.SnapshotPolicy{Entries: 8, Trailing: -1},
	})
	if err != nil {
		c.t.Fatal(err)
	}
	if m.Driven, err = r.Drive(); err != nil {
		c.t.Fatal(err)
	}
}

func (c *drivenCluster) member(id entry.MemberID) *drivenMember {
	i := slices.IndexFunc(c.members, func(m *drivenMember) bool { return m.id == id })
	return c.members[i]
}

// step turns every member that is due, then delivers, and moves the clock by a millisecond.
func (c *drivenCluster) step() {
	for _, m := range c.members {
		if m.Driven == nil {
			continue
		}
		for m.Woken() || m.due <= c.now {
			work := m.Turn(c.now)
			if m.due = work.Deadline; work.Failed != nil {
				c.t.Fatalf("%s failed: %v", m.id, work.Failed)
			}
			for _, j := range work.Jobs {
				c.do(j)
			}
		}
	}
	wire := c.wire
	c.wire = nil
	if c.fate != nil {
		var arriving []core.Message
		for _, m := range wire {
			arriving = append(arriving, c.fate(m)...)
		}
		wire = arriving
	}
	for _, message := range wire {
		if to := c.member(message.To); to.Driven != nil {
			to.receiver.Receive(replica.Peer{ID: message.From}, []core.Message{message})
		}
	}
	c.now += 1e6
}

func (c *drivenCluster) do(j *replica.Job) {
	c.jobs[j.Kind]++
	j.Run()
	if c.late[j.Kind] {
		c.held = append(c.held, j)
		return
	}
	j.Done()
}

// until steps until ok holds, for at most ten virtual seconds.
func (c *drivenCluster) until(what string, ok func() bool) {
	c.t.Helper()
	for range 10_000 {
		if ok() {
			return
		}
		c.step()
	}
	c.t.Fatalf("no %s after ten virtual seconds", what)
}

func (c *drivenCluster) leader() *drivenMember {
	c.t.Helper()
	var leader *drivenMember
	c.until("leader", func() bool {
		for _, m := range c.members {
			if m.Driven != nil && m.Replica().Status().Role == core.Leader {
				leader = m
			}
		}
		return leader != nil
	})
	return leader
}

// propose replicates a command through m.
func (c *drivenCluster) propose(m *drivenMember, payload string) {
	c.t.Helper()
	p, err := m.Propose([]byte(payload))
	if err != nil {
		c.t.Fatal(err)
	}
	c.until("outcome", func() bool {
		outcome, done := p.Poll()
		if done && outcome.Err != nil {
			c.t.Fatal(outcome.Err)
		}
		return done
	})
}

// A driven cluster elects, commits, reads, and ends, without a goroutine.
func TestDriven(t *testing.T) {
	c := newDrivenCluster(t, 3)
	leader := c.leader()
	c.propose(leader, "a")
	follower := c.members[(slices.Index(c.members, leader)+1)%3]
	c.until("leader at the follower", func() bool { return follower.Replica().Status().Leader == leader.id })
	c.propose(follower, "b")
	r, err := follower.Read()
	if err != nil {
		t.Fatal(err)
	}
	c.until("read point", func() bool {
		at, done, err := r.Poll()
		if done && (err != nil || at < 3 || follower.Replica().Status().Applied < at) {
			t.Errorf("read point %d, applied %d, %v", at, follower.Replica().Status().Applied, err)
		}
		return done
	})
	if got := follower.machine.all(); len(got) != 2 || string(got[1]) != "b" {
		t.Errorf("the follower applied %q", got)
	}
	last := leader.Replica().Status().Last
	if term, found := leader.TermAt(last.Index); !found || term != last.Term {
		t.Errorf("entry %d has term %d, want %d", last.Index, term, last.Term)
	}
	if _, found := leader.TermAt(last.Index + 1); found {
		t.Error("the log has an entry behind its last one")
	}
	pending, err := leader.Propose([]byte("c"))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(leader.Stop(), leader.Stop()); err != nil {
		t.Error(err)
	}
	if outcome, done := pending.Poll(); !done || !errors.Is(outcome.Err, replica.ErrStopped) {
		t.Errorf("after Stop: %+v, %v", outcome, done)
	}
	if work := leader.Turn(c.now); !errors.Is(work.Failed, replica.ErrStopped) || len(work.Jobs) > 0 {
		t.Errorf("a turn after Stop: %+v", work)
	}
	if _, err := leader.Propose(nil); !errors.Is(err, replica.ErrStopped) {
		t.Errorf("a command after Stop: %v", err)
	}
}

// Work counts as under way between Run and Done: a follower whose disk has the entries acknowledges
// them only when the driver says so. A wait that is abandoned says that the outcome is unknown.
func TestDrivenWorkUnderWay(t *testing.T) {
	c := newDrivenCluster(t, 3)
	leader := c.leader()
	c.propose(leader, "a")
	c.late[replica.JobStore] = true
	p, err := leader.Propose([]byte("b"))
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		c.step()
		if _, done := p.Poll(); done {
			t.Fatal("answered although no disk has confirmed")
		}
	}
	r, err := leader.Read()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Abandon(context.Canceled); !errors.Is(err, context.Canceled) {
		t.Errorf("an abandoned read: %v", err)
	}
	for _, j := range c.held {
		if j.Kind != replica.JobStore || j.Batch == nil {
			t.Errorf("held a job %v", j.Kind)
		}
		j.Done()
	}
	outcome := p.Abandon(context.Canceled)
	if !errors.Is(outcome.Err, replica.ErrOutcomeUnknown) || !errors.Is(outcome.Err, context.Canceled) {
		t.Errorf("an abandoned command: %v", outcome.Err)
	}
	c.late, c.held = nil, nil
	c.until("the command at every member", func() bool {
		return !slices.ContainsFunc(c.members, func(m *drivenMember) bool { return len(m.machine.all()) != 2 })
	})
}

// An image travels in pieces, breaks, is resumed where it broke, and is installed in a later turn.
func TestDrivenImage(t *testing.T) {
	c := newDrivenCluster(t, 3)
	leader := c.leader()
	last := c.members[(slices.Index(c.members, leader)+1)%3]
	last.Driven = nil // a crash
	for i := range 20 {
		c.propose(leader, fmt.Sprint(i))
	}
	last.start(2)
	c.until("an offer", func() bool { return len(c.offers) > 0 })
	for kind := replica.JobStore; kind <= replica.JobImage; kind++ {
		if c.jobs[kind] == 0 && kind != replica.JobLoad {
			t.Errorf("no job %v", kind)
		}
	}
	o := c.offers[0]
	incoming := replica.IncomingSnapshot{Term: o.image.Term, Meta: o.image.Meta}
	receive := func(bytes int64) *replica.Receiving {
		r, err := last.ReceiveImage(replica.Peer{ID: o.from}, incoming)
		if err != nil || r == nil {
			t.Fatalf("receiving: %v, %v", r, err)
		}
		image, err := o.image.Open(r.At())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.CopyN(r, image, bytes); err != nil && err != io.EOF {
			t.Fatal(err)
		}
		if err := image.Close(); err != nil {
			t.Fatal(err)
		}
		return r
	}
	first := receive(10)
	if _, err := last.ReceiveImage(replica.Peer{ID: o.from}, incoming); err == nil {
		t.Error("a second image was received beside the first")
	}
	if err := first.Abort(context.Canceled); !errors.Is(err, context.Canceled) {
		t.Errorf("an aborted image: %v", err)
	}
	second := receive(1 << 20)
	if err := second.Complete(); err != nil {
		t.Fatal(err)
	}
	if done, _ := second.Poll(); done {
		t.Error("installed without a turn")
	}
	c.until("the installation", func() bool {
		done, err := second.Poll()
		if done && err != nil {
			t.Fatal(err)
		}
		return done
	})
	last.receiver.SnapshotSent("m9", 1, nil) // of a member that nobody knows: no harm
	leader.receiver.SnapshotSent(o.to, o.image.Meta.Index, nil)
	c.propose(leader, "after")
	c.until("the last command", func() bool { return len(last.machine.all()) == len(leader.machine.all()) })
	if r, err := last.ReceiveImage(replica.Peer{ID: o.from}, incoming); r != nil || err != nil {
		t.Errorf("an image that is not needed: %v, %v", r, err)
	}
}

func TestJobNames(t *testing.T) {
	if replica.JobStore.String() != "store" || replica.JobKind(99).String() != "job kind 99" {
		t.Errorf("names %v and %v", replica.JobStore, replica.JobKind(99))
	}
}

// A barrier passes and an image is taken when the driver lets them.
func TestDrivenDemands(t *testing.T) {
	c := newDrivenCluster(t, 3)
	leader := c.leader()
	c.propose(leader, "a")
	b, err := leader.Barrier()
	if err != nil {
		t.Fatal(err)
	}
	c.until("the barrier", func() bool {
		out, done := b.Poll()
		if done && (out.Err != nil || out.Position.Index == 0) {
			t.Errorf("barrier: %+v", out)
		}
		return done
	})
	image, err := leader.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	c.until("the image", func() bool {
		done, meta, err := image.Poll()
		if done && (err != nil || meta.Index < 2) {
			t.Errorf("image at %d, %v", meta.Index, err)
		}
		return done
	})
}
