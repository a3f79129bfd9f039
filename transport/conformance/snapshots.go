package conformance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"sync/atomic"
	"time"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/replica"
)

// imageBytes returns size bytes that repeat only after 64 KiB.
func imageBytes(size int) []byte {
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(i) ^ byte(i>>8)
	}
	return b
}

func outgoing(image []byte) replica.OutgoingSnapshot {
	return replica.OutgoingSnapshot{
		Term: 6,
		Meta: entry.SnapshotMeta{
			ID: "image-1", Index: 500, Term: 5, Size: int64(len(image)), Checksum: entry.Checksum(image),
			Sessions: []byte("sessions"),
			Configuration: entry.Configuration{
				Cluster: entry.ClusterID{3, 1},
				Members: []entry.Member{{ID: "a", Incarnation: 9, Key: []byte{1, 2}}, {ID: "b", Learner: true}},
			},
		},
		Open: func(from int64) (io.ReadCloser, error) {
			return io.NopCloser(bytes.NewReader(image[from:])), nil
		},
	}
}

// report waits for the one SnapshotSent and makes sure that no second one follows.
func (p *pair) report() (sentReport, error) {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case first := <-p.recorders[0].sent:
		// Closing waits for every goroutine of the transport, so a second report would be here.
		if err := bounded("Close", p.transports[0].Close); err != nil {
			return first, err
		}
		if len(p.recorders[0].sent) > 0 {
			return first, errors.New("SnapshotSent was called twice for one transfer")
		}
		return first, nil
	case <-timer.C:
		return sentReport{}, fmt.Errorf("SnapshotSent was not called within %v", patience)
	}
}

// failed expects a report of a failure.
func (p *pair) failed() error {
	got, err := p.report()
	if err == nil && got.err == nil {
		err = errors.New("a failed transfer was reported as a success")
	}
	return err
}

// transfer sends the image, with the receiver asking for it from offset on, and compares.
func (p *pair) transfer(image []byte, offset int64) error {
	s := outgoing(image)
	var received []byte
	p.recorders[1].onSnapshot(func(_ context.Context, from replica.Peer, in replica.IncomingSnapshot) error {
		if from.ID != pairIDs[0] || in.Term != s.Term || !reflect.DeepEqual(in.Meta, s.Meta) {
			return fmt.Errorf("the receiver was told %+v in term %d from %q", in.Meta, in.Term, from.ID)
		}
		r, err := in.From(offset)
		if err != nil {
			return err
		}
		received, err = io.ReadAll(r)
		return err
	})
	p.transports[0].SendSnapshot(context.Background(), pairIDs[1], s)
	got, err := p.report()
	if err != nil {
		return err
	}
	if got.err != nil || got.to != pairIDs[1] || got.index != s.Meta.Index {
		return fmt.Errorf("the transfer was reported as (to %q, index %d, %w)", got.to, got.index, got.err)
	}
	if !bytes.Equal(received, image[offset:]) {
		return fmt.Errorf("the receiver read %d bytes that differ from the %d sent", len(received), int64(len(image))-offset)
	}
	return nil
}

func checkSnapshot(p *pair) error { return p.transfer(imageBytes(3<<20+17), 0) }

func checkSnapshotOffset(p *pair) error { return p.transfer(imageBytes(1<<20+17), 700_001) }

func checkSnapshotRefused(p *pair) error {
	p.recorders[1].onSnapshot(func(context.Context, replica.Peer, replica.IncomingSnapshot) error {
		return errors.New("refused")
	})
	p.transports[0].SendSnapshot(context.Background(), pairIDs[1], outgoing(imageBytes(10)))
	return p.failed()
}

func checkSnapshotUnknown(p *pair) error {
	p.transports[0].SendSnapshot(context.Background(), "127.0.0.1:1", outgoing(imageBytes(10)))
	return p.failed()
}

// brokenImage ends with an error in the middle.
type brokenImage struct {
	rest   []byte
	closed *atomic.Int32
}

func (b *brokenImage) Read(into []byte) (int, error) {
	if len(b.rest) == 0 {
		return 0, errors.New("the disk is damaged")
	}
	n := copy(into, b.rest)
	b.rest = b.rest[n:]
	return n, nil
}

func (b *brokenImage) Close() error {
	b.closed.Add(1)
	return nil
}

// checkSnapshotUnreadable breaks the image after 100 KB: the receiver must not take what it got for
// the whole, and the image must be closed.
func checkSnapshotUnreadable(p *pair) error {
	s := outgoing(imageBytes(200_000))
	var closed atomic.Int32
	s.Open = func(int64) (io.ReadCloser, error) {
		return &brokenImage{rest: imageBytes(100_000), closed: &closed}, nil
	}
	var whole atomic.Bool
	p.recorders[1].onSnapshot(func(_ context.Context, _ replica.Peer, in replica.IncomingSnapshot) error {
		r, err := in.From(0)
		if err != nil {
			return err
		}
		if _, err = io.Copy(io.Discard, r); err == nil {
			whole.Store(true)
		}
		return err
	})
	p.transports[0].SendSnapshot(context.Background(), pairIDs[1], s)
	if err := p.failed(); err != nil {
		return err
	}
	if whole.Load() {
		return errors.New("the receiver read a broken image to a clean end")
	}
	if n := closed.Load(); n != 1 {
		return fmt.Errorf("the image was closed %d times", n)
	}
	return nil
}

// endless is an image that never ends.
type endless struct{}

func (endless) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}

func (endless) Close() error { return nil }

// drain reads an image until it ends.
func drain(_ context.Context, _ replica.Peer, in replica.IncomingSnapshot) error {
	r, err := in.From(0)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, r)
	return err
}

// startEndless begins a transfer that lasts until cancel, and returns once bytes flow.
func (p *pair) startEndless() (cancel context.CancelFunc, err error) {
	ctx, cancel := context.WithCancel(context.Background())
	s := outgoing(imageBytes(10))
	s.Meta.Size = 1 << 50
	flows := make(chan struct{})
	s.Open = func(int64) (io.ReadCloser, error) {
		close(flows)
		return endless{}, nil
	}
	p.recorders[1].onSnapshot(drain)
	p.transports[0].SendSnapshot(ctx, pairIDs[1], s)
	return cancel, bounded("the transfer", func() error {
		<-flows
		return nil
	})
}

func checkSnapshotCanceled(p *pair) error {
	cancel, err := p.startEndless()
	cancel()
	if err != nil {
		return err
	}
	return p.failed()
}

func checkMessagesPass(p *pair) error {
	cancel, err := p.startEndless()
	defer cancel()
	if err != nil {
		return err
	}
	for i := range 20 {
		m := core.Message{Kind: core.MsgRead, From: pairIDs[0], To: pairIDs[1], Term: 2, Round: uint64(i)}
		err := p.sendUntil(m, func(all []arrival) error {
			if all[len(all)-1].message.Round == uint64(i) {
				return nil
			}
			return fmt.Errorf("message %d did not pass the snapshot", i)
		})
		if err != nil {
			return err
		}
	}
	cancel()
	return p.failed()
}
