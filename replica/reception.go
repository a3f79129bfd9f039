package replica

import (
	"context"
	"errors"
	"fmt"
	"io"

	"v.io/x/ref/lib/raft/entry"
)

var errReceiving = errors.New("replica: another snapshot is being received")

// reception is one image on its way to this member. It holds Replica.receiving until end.
type reception struct {
	replica *Replica
	meta    entry.SnapshotMeta
	// sink takes the image from byte at on; it is nil when the image is not needed.
	sink SnapshotSink
	at   int64
}

// receiveImage begins to receive an image: it judges the offer and opens the place for the bytes.
func (r *Replica) receiveImage(from Peer, s *IncomingSnapshot) (*reception, error) {
	if err := r.running(); err != nil {
		return nil, err
	}
	if !r.receiving.TryLock() {
		return nil, errReceiving
	}
	c := &reception{replica: r, meta: s.Meta}
	done, err := r.judge(from, s)
	if err == nil && !done {
		if c.sink, c.at, err = r.config.Snapshots.Resume(s.Meta); err != nil {
			err = c.wrap(err)
		}
	}
	if err != nil {
		c.end()
		return nil, err
	}
	return c, nil
}

func (c *reception) wrap(err error) error {
	return fmt.Errorf("replica: receiving the snapshot at %d: %w", c.meta.Index, err)
}

// end lets the next image come.
func (c *reception) end() { c.replica.receiving.Unlock() }

// abort gives up; what has arrived may be resumed.
func (c *reception) abort(cause error) error {
	return errors.Join(c.wrap(cause), c.sink.Abort())
}

// complete makes the image durable, once received bytes of it have arrived, and asks the loop to
// install it.
func (c *reception) complete(received int64) (*install, error) {
	r := c.replica
	if c.meta.Size >= 0 && received != c.meta.Size {
		return nil, c.abort(fmt.Errorf("%d bytes arrived of %d", received, c.meta.Size))
	}
	meta, err := c.sink.Commit()
	if err != nil {
		return nil, c.abort(err)
	}
	if err := r.config.Snapshots.Retain(retained); err != nil {
		r.config.Logger.Warn("old snapshots were not deleted", "member", r.config.ID, "error", err)
	}
	i := &install{meta: meta, done: make(chan error, 1)}
	if !r.inbox.put(func(ev *events) { ev.installs = append(ev.installs, i) }) {
		return nil, ErrStopped
	}
	return i, nil
}

// ReceiveSnapshot implements Receiver.
func (t receiver) ReceiveSnapshot(ctx context.Context, from Peer, s IncomingSnapshot) error {
	r := t.r
	c, err := r.receiveImage(from, &s)
	if err != nil {
		return err
	}
	defer c.end()
	if c.sink == nil {
		return nil
	}
	copied, err := copyImage(ctx, c.sink, &s, c.at)
	if err != nil {
		return c.abort(err)
	}
	i, err := c.complete(c.at + copied)
	if err != nil {
		return err
	}
	select {
	case err := <-i.done:
		return err
	case <-r.ctx.Done():
		return ErrStopped
	case <-ctx.Done():
		return fmt.Errorf("replica: installing the snapshot at %d: %w", i.meta.Index, ctx.Err())
	}
}

// copyImage streams an image to the disk.
func copyImage(ctx context.Context, sink SnapshotSink, s *IncomingSnapshot, at int64) (int64, error) {
	reader, err := s.From(at)
	if err != nil {
		return 0, err
	}
	copied, err := io.Copy(sink, reader)
	if err == nil {
		err = ctx.Err()
	}
	return copied, err
}

// judge refuses an image that cannot be meant for this member. It reports true for one that is not
// needed, because everything in it is here already.
func (r *Replica) judge(from Peer, s *IncomingSnapshot) (done bool, err error) {
	status := r.status.Load()
	switch {
	case !r.sameCluster(from):
		r.gauges.foreign.Add(1)
		return false, fmt.Errorf("replica: a snapshot of cluster %v, this is %v", from.Cluster, status.Configuration.Cluster)
	case s.Term < status.Term:
		return false, fmt.Errorf("replica: a snapshot of the leader of term %d in term %d", s.Term, status.Term)
	case s.Meta.Index == 0 || s.Meta.Index > entry.NumberMax || s.Meta.Term == 0 || s.Meta.Term > s.Term:
		return false, fmt.Errorf("replica: an impossible snapshot (index %d, term %d)", s.Meta.Index, s.Meta.Term)
	}
	if err := s.Meta.Configuration.Validate(); err != nil {
		return false, fmt.Errorf("replica: the snapshot's configuration: %w", err)
	}
	if _, err := decodeSessions(&r.config, s.Meta); err != nil {
		return false, fmt.Errorf("replica: %w", err)
	}
	if status.Awaits != 0 {
		return s.Meta.Index < status.Awaits, nil
	}
	if d := status.Damage.First; d != 0 && s.Meta.Index >= d {
		return s.Meta.Index <= status.Applied, nil // Nobody may have a copy of what it replaces.
	}
	return s.Meta.Index <= min(status.Commit, status.Durable), nil
}
