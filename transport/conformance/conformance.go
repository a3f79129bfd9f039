// Package conformance is the one suite that every transport passes: what [replica.Transport]
// promises, as checks that return an error. Implementations run it with
//
//	func TestTransport(t *testing.T) {
//		conformance.Run(t, func(ids ...entry.MemberID) (*conformance.Cluster, error) { ... })
//	}
//
// The package's own tests run it on transports with a planted fault, each of which some check must
// reject.
package conformance

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/replica"
)

// Cluster is a set of transports that know each other, not started yet.
type Cluster struct {
	// Transports are those of the ids asked for, in their order.
	Transports []replica.Transport
	// Close releases what the transports stand on; it is called after they are closed. It may be nil.
	Close func() error
}

// Factory makes a new cluster.
type Factory func(ids ...entry.MemberID) (*Cluster, error)

// Check is one property.
type Check struct {
	Name string
	Run  func(Factory) error
}

// patience bounds every wait of the suite. It is long: a check ends as soon as what it waits for
// has happened, and only a broken transport makes it wait.
const patience = 10 * time.Second

// Run runs every check, each on a cluster of its own.
func Run(t *testing.T, factory Factory) {
	t.Helper()
	for _, check := range Checks() {
		t.Run(check.Name, func(t *testing.T) {
			if err := check.Run(factory); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// Checks returns all checks.
func Checks() []Check {
	return []Check{
		{"a message arrives as it was sent", withTwo(checkFields)},
		{"every kind of message arrives", withTwo(checkKinds)},
		{"a body of a megabyte arrives", withTwo(checkLargeBody)},
		{"the slice belongs to the caller again", withTwo(checkSlice)},
		{"the receiver learns who really sent", withTwo(checkPeer)},
		{"sending to a dead member never blocks", withTwo(checkNeverBlocks)},
		{"many senders at once", withTwo(checkConcurrent)},
		{"a snapshot arrives whole", withTwo(checkSnapshot)},
		{"a snapshot resumes where the receiver asks", withTwo(checkSnapshotOffset)},
		{"a refused snapshot is reported", withTwo(checkSnapshotRefused)},
		{"a snapshot that cannot be read is reported", withTwo(checkSnapshotUnreadable)},
		{"a snapshot for an unknown member is reported", withTwo(checkSnapshotUnknown)},
		{"a snapshot ends with its context", withTwo(checkSnapshotCanceled)},
		{"messages pass a snapshot", withTwo(checkMessagesPass)},
		{"nothing arrives after Close", withTwo(checkClosed)},
	}
}

// pair is a cluster of two with a recorder at each end.
type pair struct {
	transports []replica.Transport
	recorders  []*recorder
}

var pairIDs = []entry.MemberID{"127.0.0.1:4001", "member/b"}

func withTwo(check func(*pair) error) func(Factory) error {
	return func(factory Factory) (err error) {
		cluster, err := factory(pairIDs...)
		if err != nil {
			return fmt.Errorf("making two transports: %w", err)
		}
		p := &pair{transports: cluster.Transports}
		defer func() { err = errors.Join(err, p.close(cluster)) }()
		for _, t := range p.transports {
			r := &recorder{arrived: make(chan struct{}, 1), sent: make(chan sentReport, 16)}
			p.recorders = append(p.recorders, r)
			if err := t.Start(r); err != nil {
				return fmt.Errorf("start: %w", err)
			}
		}
		return check(p)
	}
}

// close closes the transports within the bound.
func (p *pair) close(cluster *Cluster) error {
	var errs []error
	for _, t := range p.transports {
		errs = append(errs, bounded("Close", t.Close))
	}
	if cluster.Close != nil {
		errs = append(errs, bounded("closing the cluster", cluster.Close))
	}
	return errors.Join(errs...)
}

// bounded runs f and gives up after the bound.
func bounded(what string, f func() error) error {
	done := make(chan error, 1)
	go func() { done <- f() }()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case err := <-done:
		return err
	case <-timer.C:
		return fmt.Errorf("%s did not return within %v", what, patience)
	}
}

// sendUntil sends the message again and again, since any of them may be lost, until ok.
func (p *pair) sendUntil(m core.Message, ok func([]arrival) error) error {
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	last := errors.New("nothing arrived")
	for {
		p.transports[0].Send(pairIDs[1], []core.Message{m})
		select {
		case <-p.recorders[1].arrived:
			if last = ok(p.recorders[1].arrivals()); last == nil {
				return nil
			}
		case <-again.C:
		case <-deadline.C:
			return last
		}
	}
}

// arrival is a message and the peer that the transport names as its sender.
type arrival struct {
	peer    replica.Peer
	message core.Message
}

type sentReport struct {
	to    entry.MemberID
	index entry.Index
	err   error
}

// recorder is a replica.Receiver that notes everything.
type recorder struct {
	arrived chan struct{}
	sent    chan sentReport
	// install handles snapshots; nil refuses them.
	install func(context.Context, replica.Peer, replica.IncomingSnapshot) error

	mu  sync.Mutex
	got []arrival
}

// Receive implements replica.Receiver.
func (r *recorder) Receive(from replica.Peer, messages []core.Message) {
	r.mu.Lock()
	for _, m := range messages {
		r.got = append(r.got, arrival{from, m})
	}
	r.mu.Unlock()
	select {
	case r.arrived <- struct{}{}:
	default:
	}
}

func (r *recorder) arrivals() []arrival {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]arrival(nil), r.got...)
}

// Lost implements replica.Receiver.
func (r *recorder) Lost(entry.MemberID) {}

// SnapshotSent implements replica.Receiver.
func (r *recorder) SnapshotSent(to entry.MemberID, index entry.Index, err error) {
	r.sent <- sentReport{to, index, err}
}

// ReceiveSnapshot implements replica.Receiver.
func (r *recorder) ReceiveSnapshot(ctx context.Context, from replica.Peer, s replica.IncomingSnapshot) error {
	r.mu.Lock()
	install := r.install
	r.mu.Unlock()
	if install == nil {
		return errors.New("conformance: this receiver takes no snapshot")
	}
	return install(ctx, from, s)
}

func (r *recorder) onSnapshot(f func(context.Context, replica.Peer, replica.IncomingSnapshot) error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.install = f
}
