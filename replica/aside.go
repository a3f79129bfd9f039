package replica

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
)

// Images that this member wrote and cannot read any more are set aside, never served and never deleted.
// While it runs it takes a new one from the live state. When it starts, an older image will do as long as
// the log goes on from it; else the member is bare: it votes and acknowledges, since its log is whole, but
// does not lead, applies nothing, is not ready, and asks the leader for an image until it has one.

// bareness is the want of an image.
type bareness struct {
	// need is the least index that an image must cover so that the log goes on from it; 0 when there is
	// no want.
	need entry.Index
	// ask is when the leader is asked next.
	ask core.Instant
}

// findImage returns the newest image from which the log goes on, every byte of it verified: the machine
// must not be given half of a damaged one. lost is the one that should have been there, nil when there is
// one, or when none is needed.
func (r *Replica) findImage(metas []entry.SnapshotMeta, base entry.Index) (found, lost *entry.SnapshotMeta, err error) {
	keeper, keeps := r.config.Snapshots.(ImageKeeper)
	for i := range metas {
		meta := &metas[i]
		if meta.Index < base {
			break
		}
		err := verifyImage(r.config.Snapshots, meta.ID)
		if err == nil {
			return meta, nil, nil
		}
		if !keeps || !errors.Is(err, entry.ErrCorrupt) {
			return nil, nil, fmt.Errorf("replica: verifying the snapshot at %d: %w", meta.Index, err)
		}
		if err := keeper.SetAside(meta.ID, err); err != nil {
			return nil, nil, fmt.Errorf("replica: %w", err)
		}
		r.tellSpoiled(spoiledEvent{meta: *meta, cause: err, atStart: true})
	}
	if lost = r.lostImage(base); lost != nil || len(metas) == 0 || base == 0 {
		return nil, lost, nil
	}
	return &metas[0], nil, nil // core says that it does not fit.
}

// lostImage returns the newest of the images that were set aside from which the log could go on.
func (r *Replica) lostImage(base entry.Index) (lost *entry.SnapshotMeta) {
	keeper, keeps := r.config.Snapshots.(ImageKeeper)
	if !keeps {
		return nil
	}
	for _, a := range keeper.Aside() {
		if a.Meta.Index < base || base == 0 {
			continue
		}
		r.config.Logger.Error("a snapshot is damaged", "member", r.config.ID, "index", a.Meta.Index, "error", a.Cause)
		if lost == nil {
			lost = &a.Meta
		}
	}
	return lost
}

// verifyImage reads an image from end to end.
func verifyImage(store SnapshotStore, id string) error {
	reader, err := store.Open(id, 0)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, reader)
	return errors.Join(err, reader.Close())
}

// spoiled sets aside an image of which a read ended in cause, and has the loop take another one. It is
// called by whoever read it.
func (r *Replica) spoiled(meta entry.SnapshotMeta, cause error) {
	keeper, keeps := r.config.Snapshots.(ImageKeeper)
	if !keeps || !errors.Is(cause, entry.ErrCorrupt) {
		return
	}
	if err := keeper.SetAside(meta.ID, cause); err != nil {
		r.config.Logger.Error("a damaged snapshot stays in its place", "member", r.config.ID, "error", err)
	}
	r.config.Logger.Error("a snapshot is damaged; another one is taken", "member", r.config.ID, "index", meta.Index,
		"error", cause)
	r.tellSpoiled(spoiledEvent{meta: meta, cause: cause})
}

// tellSpoiled tells the loop of an image that was set aside.
func (r *Replica) tellSpoiled(s spoiledEvent) {
	r.inbox.put(func(ev *events) { ev.spoiled = append(ev.spoiled, s) })
}

// takeSpoiled goes on without images that were set aside, and tells of each once, whoever read it.
func (e *engine) takeSpoiled(all []spoiledEvent, act *actions) {
	for i := range all {
		if !all[i].atStart && !e.images.forget(all[i].meta.ID) {
			continue
		}
		e.writer.heal.images++
		event := e.event(EventSnapshotDamaged)
		event.Index, event.Err = all[i].meta.Index, all[i].cause
		act.events = append(act.events, event)
	}
}

// forget drops an image that was set aside, and reports whether it was there. When it is the newest, the one
// before it takes its place, and a new one is wanted.
func (s *images) forget(id string) bool {
	kept := s.deliveries.drop(id)
	if s.newest.ID != id {
		return kept
	}
	s.newest = entry.SnapshotMeta{}
	if len(s.deliveries.kept) > 0 {
		s.newest = s.deliveries.kept[0]
	}
	s.wanted, s.failedAt = true, 0
	return true
}

// drop forgets an image that is not kept any more, and reports whether it was.
func (d *deliveries) drop(id string) (kept bool) {
	before := len(d.kept)
	d.kept = slices.DeleteFunc(d.kept, func(m entry.SnapshotMeta) bool { return m.ID == id })
	kept = len(d.kept) < before
	d.broken = slices.DeleteFunc(d.broken, func(b delivery) bool { return b.meta.ID == id })
	return kept
}

// takeImageRequests orders an image for each bare member that asks this leader for one.
func (e *engine) takeImageRequests(messages []core.Message) {
	for i := range messages {
		m := &messages[i]
		if m.Kind != core.MsgImageRequest || e.status.Role != core.Leader || m.Term != e.status.Term {
			continue
		}
		if _, member := e.status.Configuration.Find(m.From); member {
			e.images.order(m.From, m.Index)
		}
	}
}

// askForImage asks the leader for an image while this member has none, now and then: the request may be
// lost, and the leader may change.
func (e *engine) askForImage(now core.Instant, act *actions) {
	b := &e.images.bare
	if b.need == 0 || now < b.ask {
		return
	}
	b.ask = now + retryAfter*core.Instant(e.config.Heartbeat)
	if e.status.Leader == "" || e.status.Role == core.Leader {
		b.ask = now + core.Instant(e.config.Heartbeat)
		return
	}
	act.post(core.Message{
		Kind: core.MsgImageRequest, From: e.config.ID, To: e.status.Leader, Term: e.status.Term, Index: b.need,
	})
}
