package replica

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math"
	"slices"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/session"
)

// images is the engine's part that knows snapshots: when to take one, whom to send it to, and which
// received one to install.
type images struct {
	config *Config
	// newest is the newest complete snapshot.
	newest entry.SnapshotMeta
	// every are the thresholds, raised by this member's own part; negative for never.
	every SnapshotPolicy
	// entries and bytes count what was applied since the newest capture.
	entries, bytes int64
	// capturing is true from the capture until the image is complete or dropped; wanted asks for one
	// before a threshold is reached, because a member needs it.
	capturing, wanted bool
	// failedAt is the applied index of a failed attempt: the next one waits for more entries.
	failedAt entry.Index
	// bare is this member's own want of an image.
	bare       bareness
	deliveries deliveries
	retries    []retry
	demands    demands
	// compacted is how far the log was allowed to be cut.
	compacted entry.Index
	// pending wait to be restored; restored has been and waits for core's verdict on the log.
	pending  []*install
	restored *install
}

// imageOrder is a member that needs an image which covers at least an index.
type imageOrder struct {
	to    entry.MemberID
	least entry.Index
}

// retry is a transfer's failure that core hears of later, so that it does not order the next one at
// once.
type retry struct {
	due core.Instant
	to  entry.MemberID
}

const (
	retryAfter = 10 // heartbeats
	retained   = 2  // snapshots
)

func newImages(config *Config) images {
	every := config.Snapshot
	part := snapshotPart(config.ID)
	every.Entries, every.Bytes = raise(every.Entries, part), raise(every.Bytes, part)
	return images{config: config, every: every}
}

// partSteps is into how many steps the eighth is divided by which thresholds are raised.
const partSteps = 1024

// snapshotPart returns a member's place among partSteps. It is a function of the id, so that it is the
// same after every restart: members that were started together would otherwise meet again by chance.
func snapshotPart(id entry.MemberID) int64 {
	h := fnv.New64a()
	io.WriteString(h, string(id))
	// The high bits of the product depend on all bits of the sum (Knuth, TAOCP 6.4: Fibonacci hashing).
	return int64(h.Sum64() * 0x9e3779b97f4a7c15 >> 54)
}

// raise adds a member's part of an eighth to a threshold. One below 8 stays what it is; so do never, and
// one so large that it means never.
func raise(threshold, part int64) int64 {
	if threshold < 0 || threshold > math.MaxInt64/partSteps {
		return threshold
	}
	return threshold + threshold/8*part/partSteps
}

// count adds what was applied.
func (s *images) count(entries, bytes int64) {
	s.entries += entries
	s.bytes += bytes
}

// captureDue reports whether the machine shall be captured now, at the applied index.
func (s *images) captureDue(applied entry.Index) bool {
	if s.capturing || applied <= s.newest.Index || applied <= s.failedAt {
		return false
	}
	byCount := s.every.Entries > 0 && s.entries >= s.every.Entries
	bySize := s.every.Bytes > 0 && s.bytes >= s.every.Bytes
	return byCount || bySize || s.wanted
}

// captured begins to count anew, or ends an attempt that failed.
func (s *images) captured(failed error, applied entry.Index) {
	if failed != nil {
		s.drop(failed, applied)
		return
	}
	s.entries, s.bytes = 0, 0
}

// drop ends a failed attempt; the next one comes after an eighth of the thresholds.
func (s *images) drop(failed error, applied entry.Index) {
	s.capturing, s.failedAt = false, applied
	s.entries, s.bytes = max(s.entries, s.every.Entries/8*7), max(s.bytes, s.every.Bytes/8*7)
	s.config.Logger.Error("snapshot dropped", "member", s.config.ID, "error", failed)
	s.demands.fail(failed, false)
	s.wanted = len(s.demands.waiting) > 0
}

// takeCreated takes over an image of this member's own and lets the log drop what it covers.
func (e *engine) takeCreated(c *createdEvent, act *actions) {
	s := &e.images
	if errors.Is(c.err, ErrMachine) {
		e.fail(c.err)
		return
	}
	event := e.event(EventSnapshotTaken)
	event.Index, event.Err = c.meta.Index, c.err
	act.events = append(act.events, event)
	if c.err != nil {
		s.drop(c.err, e.applier.applied)
		return
	}
	s.capturing, s.wanted = false, false
	if c.meta.Index > s.newest.Index {
		s.newest = c.meta
	}
	s.deliveries.keep(c.meta)
	e.cut(act)
	s.config.Logger.Info("snapshot taken", "member", s.config.ID, "index", c.meta.Index, "bytes", c.meta.Size)
}

// order notes that a member needs an image that covers at least an index, 0 for any; a transfer that is
// under way will do.
func (s *images) order(to entry.MemberID, least entry.Index) {
	if s.deliveries.under(to) {
		return
	}
	i := slices.IndexFunc(s.deliveries.orders, func(o imageOrder) bool { return o.to == to })
	if i < 0 {
		s.deliveries.orders = append(s.deliveries.orders, imageOrder{to: to, least: least})
		return
	}
	s.deliveries.orders[i].least = max(s.deliveries.orders[i].least, least)
}

// send hands out the orders, as soon as there is an image to send.
func (s *images) send(term entry.Term, act *actions) {
	rest := s.deliveries.orders[:0]
	for _, o := range s.deliveries.orders {
		// From an image that ends before the log begins the member could not go on.
		o.least = max(o.least, s.compacted)
		if s.newest.Index == 0 || s.newest.Index < o.least {
			s.wanted = true
			rest = append(rest, o)
			continue
		}
		act.snapshots = append(act.snapshots, outgoing{to: o.to, term: term, meta: s.deliveries.begin(o, s.newest)})
	}
	s.deliveries.orders = rest
}

// takeSent tells core how transfers ended.
func (e *engine) takeSent(ev *events, act *actions) {
	s := &e.images
	for _, sent := range ev.sent {
		s.deliveries.end(sent.to, sent.err != nil)
		event := e.event(EventSnapshotSent)
		event.Member, event.Index, event.Err = sent.to, sent.index, sent.err
		act.events = append(act.events, event)
		if sent.err == nil {
			e.replySnapshot(sent.to, sent.index, false)
			continue
		}
		e.config.Logger.Warn("snapshot not delivered", "member", e.config.ID, "to", sent.to, "index", sent.index,
			"error", sent.err)
		s.retries = append(s.retries, retry{due: ev.now + retryAfter*core.Instant(e.config.Heartbeat), to: sent.to})
	}
	for len(s.retries) > 0 && s.retries[0].due <= ev.now {
		e.replySnapshot(s.retries[0].to, 0, true)
		s.retries = slices.Delete(s.retries, 0, 1)
	}
}

func (e *engine) replySnapshot(to entry.MemberID, index entry.Index, reject bool) {
	if e.status.Role != core.Leader {
		return
	}
	e.input.Received = append(e.input.Received, core.Message{
		Kind: core.MsgSnapshotReply, From: to, To: e.config.ID, Term: e.status.Term, Index: index, Reject: reject,
	})
}

// due returns when the next retry or request is.
func (s *images) due() core.Instant {
	due := core.Forever
	if len(s.retries) > 0 {
		due = s.retries[0].due
	}
	if s.bare.need != 0 {
		due = min(due, s.bare.ask)
	}
	return due
}

// nextInstall returns the next received snapshot that is newer than the machine.
func (s *images) nextInstall(applied entry.Index) *install {
	for len(s.pending) > 0 {
		next := s.pending[0]
		s.pending = slices.Delete(s.pending, 0, 1)
		if next.meta.Index > applied {
			return next
		}
		next.done <- nil
	}
	return nil
}

// installed notes a snapshot that has been restored.
func (s *images) installed(i *install) {
	s.restored = i
	s.deliveries.keep(i.meta)
	s.entries, s.bytes, s.bare = 0, 0, bareness{}
	if i.meta.Index > s.newest.Index {
		s.newest = i.meta
	}
}

// reset makes the restored snapshot wait for the batch that resets the log.
func (s *images) reset(seq uint64, w *writer) {
	if s.restored != nil {
		s.restored.after = seq
		w.installs = append(w.installs, s.restored)
		s.restored = nil
	}
}

// settle ends an install for which the log needs no reset: it holds the snapshot's entry.
func (s *images) settle() {
	if s.restored != nil {
		s.restored.done <- nil
		s.restored = nil
	}
}

// unfinished returns the installs that nobody will end any more.
func (s *images) unfinished() []*install {
	all := s.pending
	if s.restored != nil {
		all = append(all, s.restored)
	}
	s.pending, s.restored = nil, nil
	return all
}

// capture takes the machine's state at this very point of the log.
func (m *machinist) capture(t *applyTask) (err error) {
	config := &m.replica.config
	meta := entry.SnapshotMeta{
		Index: m.end.Index, Term: m.end.Term, Configuration: m.configuration,
		Sessions: m.sessions.Append(nil), Size: -1,
	}
	sink, err := config.Snapshots.Create(meta)
	if err != nil {
		return fmt.Errorf("replica: creating a snapshot at %d: %w", meta.Index, err)
	}
	captured := false
	defer func() {
		if !captured {
			err = errors.Join(err, sink.Abort())
		}
	}()
	finish, err := config.Machine.Snapshot(m.replica.ctx, meta.Index, sink)
	if err != nil {
		return fmt.Errorf("replica: the machine's snapshot at %d: %w", meta.Index, err)
	}
	captured = true
	t.image = &image{meta: meta, sink: sink, finish: finish}
	return nil
}

// finishImage writes what the capture left to do, beside Apply, and makes the image durable.
func (r *Replica) finishImage(i *image) (meta entry.SnapshotMeta, err error) {
	ended := false
	defer func() {
		if v := recover(); v != nil {
			err = r.panicked(v)
		}
		if !ended {
			err = errors.Join(err, i.sink.Abort())
		}
	}()
	if i.finish != nil {
		if err := i.finish(); err != nil {
			return meta, fmt.Errorf("replica: the machine's snapshot at %d: %w", i.meta.Index, err)
		}
	}
	if meta, err = i.sink.Commit(); err != nil {
		return meta, fmt.Errorf("replica: completing the snapshot at %d: %w", i.meta.Index, err)
	}
	ended = true
	if err := r.config.Snapshots.Retain(retained); err != nil {
		r.config.Logger.Warn("old snapshots were not deleted", "member", r.config.ID, "error", err)
	}
	return meta, nil
}

// restore replaces the machine's state by a received image.
func (m *machinist) restore(t *applyTask) error {
	i := t.install
	r := m.replica
	sessions, err := decodeSessions(&r.config, i.meta)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrProtocol, err)
	}
	if err := restoreImage(r.ctx, &r.config, i.meta); err != nil {
		return err
	}
	m.end, m.configuration, m.sessions = i.meta.Position(), i.meta.Configuration, sessions
	if own, found := sessions.Find(t.origin); found {
		i.own = &own
	}
	i.floor = sessions.Floor()
	return nil
}

// decodeSessions returns the table of sessions in a snapshot's description. One that was written
// before there were sessions has none.
func decodeSessions(config *Config, meta entry.SnapshotMeta) (*session.Table, error) {
	if len(meta.Sessions) == 0 {
		return session.New(config.Limits.Sessions), nil
	}
	table, err := session.Decode(meta.Sessions)
	if err != nil {
		return nil, fmt.Errorf("the sessions of the snapshot at %d: %w", meta.Index, err)
	}
	if table.Bounds() != config.Limits.Sessions {
		return nil, fmt.Errorf("the snapshot at %d was made with the bounds %+v of sessions, this member has %+v: "+
			"all members must have the same", meta.Index, table.Bounds(), config.Limits.Sessions)
	}
	return table, nil
}

// restoreImage reads one image into the machine.
func restoreImage(ctx context.Context, config *Config, meta entry.SnapshotMeta) error {
	reader, err := config.Snapshots.Open(meta.ID, 0)
	if err != nil {
		return fmt.Errorf("%w: opening the snapshot at %d: %w", ErrMachine, meta.Index, err)
	}
	err = config.Machine.Restore(ctx, meta.Index, reader)
	if err := errors.Join(err, reader.Close()); err != nil {
		return fmt.Errorf("%w: restoring the snapshot at %d: %w", ErrMachine, meta.Index, err)
	}
	return nil
}
