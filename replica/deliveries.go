package replica

import (
	"io"
	"slices"
	"sync/atomic"

	"v.io/x/ref/lib/raft/entry"
)

// deliveries are the images on their way to members that lag. An image whose transfer broke is sent
// again, as long as this member keeps it, rather than a newer one: the member goes on where it stopped.
// Until it has arrived the log is not cut beyond it, so that the member can go on from there.
type deliveries struct {
	// orders are members that need an image.
	orders          []imageOrder
	sending, broken []delivery
	// kept are the images that the store retains, newest first.
	kept []entry.SnapshotMeta
}

type delivery struct {
	to   entry.MemberID
	meta entry.SnapshotMeta
}

// keep takes note of a complete image, and forgets those that are no longer retained.
func (d *deliveries) keep(meta entry.SnapshotMeta) {
	if !d.keeps(&meta) {
		d.kept = append(d.kept, meta)
	}
	slices.SortStableFunc(d.kept, func(a, b entry.SnapshotMeta) int { return int(b.Index) - int(a.Index) })
	d.kept = d.kept[:min(len(d.kept), retained)]
	d.broken = slices.DeleteFunc(d.broken, func(b delivery) bool { return !d.keeps(&b.meta) })
}

func (d *deliveries) keeps(meta *entry.SnapshotMeta) bool {
	return slices.ContainsFunc(d.kept, func(k entry.SnapshotMeta) bool { return k.ID == meta.ID })
}

func (d *deliveries) under(to entry.MemberID) bool {
	return slices.ContainsFunc(d.sending, func(s delivery) bool { return s.to == to })
}

// begin chooses the image to send to a member.
func (d *deliveries) begin(o imageOrder, newest entry.SnapshotMeta) entry.SnapshotMeta {
	meta := newest
	if i := slices.IndexFunc(d.broken, func(b delivery) bool { return b.to == o.to }); i >= 0 {
		if old := d.broken[i].meta; old.Index >= o.least {
			meta = old
		}
		d.broken = slices.Delete(d.broken, i, i+1)
	}
	d.sending = append(d.sending, delivery{to: o.to, meta: meta})
	return meta
}

// end takes note of a transfer's end.
func (d *deliveries) end(to entry.MemberID, failed bool) {
	i := slices.IndexFunc(d.sending, func(s delivery) bool { return s.to == to })
	if i < 0 {
		return
	}
	if failed && d.keeps(&d.sending[i].meta) {
		d.broken = append(d.broken, d.sending[i])
	}
	d.sending = slices.Delete(d.sending, i, i+1)
}

// disown forgets what broke: this member leads no more, others will send.
func (d *deliveries) disown() { d.broken = nil }

// bound returns how far the log may be cut: not beyond an image that is on its way.
func (d *deliveries) bound(through entry.Index) entry.Index {
	for _, all := range [][]delivery{d.sending, d.broken} {
		for i := range all {
			if d.keeps(&all[i].meta) {
				through = min(through, all[i].meta.Index)
			}
		}
	}
	return through
}

// cut lets the log drop what the newest image covers, but for a trail and for what members will need
// that receive an older one.
func (e *engine) cut(act *actions) {
	s := &e.images
	trailing := entry.Index(max(s.every.Trailing, 0))
	if s.newest.Index <= trailing {
		return
	}
	through := s.deliveries.bound(s.newest.Index - trailing)
	if through > s.compacted {
		s.compacted = through
		e.input.Compacted, act.compact = through, through
	}
}

// ImageProgress is how far an image has come on its way to a member.
type ImageProgress struct {
	To entry.MemberID
	// Index is the last entry that the image replaces, Size its length in bytes.
	Index entry.Index
	Size  int64
	// Resumed is how many bytes the member had acknowledged, from an earlier attempt, when this one began.
	Resumed int64
	// Sent is how many bytes the transport has taken, those resumed included.
	Sent int64
}

// imageProgress is what the transport's goroutine counts.
type imageProgress struct {
	to            entry.MemberID
	index         entry.Index
	size          int64
	resumed, sent atomic.Int64
}

// beginImage counts the bytes of an image that the transport reads from now on.
func (g *gauges) beginImage(o *outgoing) *imageProgress {
	p := &imageProgress{to: o.to, index: o.meta.Index, size: o.meta.Size}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.images = append(g.images, p)
	return p
}

func (g *gauges) endImage(to entry.MemberID) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.images = slices.DeleteFunc(g.images, func(p *imageProgress) bool { return p.to == to })
}

func (g *gauges) imagesUnderWay() []ImageProgress {
	g.mu.Lock()
	defer g.mu.Unlock()
	var all []ImageProgress
	for _, p := range g.images {
		all = append(all, ImageProgress{
			To: p.to, Index: p.index, Size: p.size, Resumed: p.resumed.Load(), Sent: p.sent.Load(),
		})
	}
	return all
}

// watchedImage tells the replica when an image cannot be read to its end.
type watchedImage struct {
	io.ReadCloser
	failed func(error)
}

// Read implements io.Reader.
func (w *watchedImage) Read(p []byte) (int, error) {
	n, err := w.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		w.failed(err)
	}
	return n, err
}

// openImage opens an image that is replaced by a new one when it turns out to be damaged.
func (r *Replica) openImage(meta entry.SnapshotMeta, from int64) (io.ReadCloser, error) {
	reader, err := r.config.Snapshots.Open(meta.ID, from)
	if err != nil {
		r.spoiled(meta, err)
		return nil, err
	}
	return &watchedImage{ReadCloser: reader, failed: func(err error) { r.spoiled(meta, err) }}, nil
}

// countedImage counts what is read of an image.
type countedImage struct {
	io.ReadCloser
	progress *imageProgress
}

// Read implements io.Reader.
func (c *countedImage) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.progress.sent.Add(int64(n))
	return n, err
}

// opener returns what the transport opens an image with, at the offset that the receiver chooses.
func (r *Replica) opener(o outgoing) func(int64) (io.ReadCloser, error) {
	progress := r.gauges.beginImage(&o)
	return func(from int64) (io.ReadCloser, error) {
		reader, err := r.openImage(o.meta, from)
		if err != nil {
			return nil, err
		}
		progress.resumed.Store(from)
		progress.sent.Store(from)
		return &countedImage{ReadCloser: reader, progress: progress}, nil
	}
}
