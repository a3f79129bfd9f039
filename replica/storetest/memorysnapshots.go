package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing/iotest"

	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/replica"
)

// SnapshotPlace is a snapshot store in memory; it outlives the runs of a member. The zero value is
// empty and ready.
type SnapshotPlace struct {
	mu     sync.Mutex
	images []storedImage // newest first
	aside  []entry.AsideSnapshot
	named  int
}

type storedImage struct {
	meta entry.SnapshotMeta
	data []byte
	// spoiled images end in an error halfway.
	spoiled bool
}

// Spoil damages the newest image and returns its index, 0 when there is none.
func (p *SnapshotPlace) Spoil() entry.Index {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.images) == 0 {
		return 0
	}
	p.images[0].spoiled = true
	return p.images[0].meta.Index
}

var errSpoiled = fmt.Errorf("storetest: the image was spoiled: %w", entry.ErrCorrupt)

// spoiledReader reads the first half of what is left and then fails.
func spoiledReader(data []byte) io.Reader {
	return io.MultiReader(bytes.NewReader(data[:len(data)/2]), iotest.ErrReader(errSpoiled))
}

// Open returns the place itself as a store.
func (p *SnapshotPlace) Open() (replica.SnapshotStore, error) { return placeStore{p}, nil }

// placeStore is the store of a place: its Open opens an image.
type placeStore struct{ place *SnapshotPlace }

// Create implements replica.SnapshotStore.
func (s placeStore) Create(meta entry.SnapshotMeta) (replica.SnapshotSink, error) {
	s.place.mu.Lock()
	defer s.place.mu.Unlock()
	if meta.ID == "" {
		s.place.named++
		meta.ID = fmt.Sprintf("snapshot-%d-%d", meta.Index, s.place.named)
	}
	return &memorySink{place: s.place, meta: meta}, nil
}

// Resume implements replica.SnapshotStore. It always begins anew.
func (s placeStore) Resume(meta entry.SnapshotMeta) (replica.SnapshotSink, int64, error) {
	return &memorySink{place: s.place, meta: meta, expected: true}, 0, nil
}

// List implements replica.SnapshotStore.
func (s placeStore) List() ([]entry.SnapshotMeta, error) {
	s.place.mu.Lock()
	defer s.place.mu.Unlock()
	var metas []entry.SnapshotMeta
	for _, image := range s.place.images {
		metas = append(metas, image.meta)
	}
	return metas, nil
}

// Open implements replica.SnapshotStore.
func (s placeStore) Open(id string, from int64) (io.ReadCloser, error) {
	s.place.mu.Lock()
	defer s.place.mu.Unlock()
	for _, image := range s.place.images {
		if image.meta.ID == id && from >= 0 && from <= int64(len(image.data)) {
			if image.spoiled {
				return io.NopCloser(spoiledReader(image.data[from:])), nil
			}
			return io.NopCloser(bytes.NewReader(image.data[from:])), nil
		}
	}
	return nil, fmt.Errorf("storetest: no snapshot %q with byte %d", id, from)
}

// Retain implements replica.SnapshotStore.
func (s placeStore) Retain(keep int) error {
	s.place.mu.Lock()
	defer s.place.mu.Unlock()
	s.place.images = slices.Clone(s.place.images[:min(keep, len(s.place.images))])
	return nil
}

// SetAside implements replica.ImageKeeper.
func (s placeStore) SetAside(id string, cause error) error {
	s.place.mu.Lock()
	defer s.place.mu.Unlock()
	i := slices.IndexFunc(s.place.images, func(image storedImage) bool { return image.meta.ID == id })
	if i >= 0 {
		s.place.aside = append(s.place.aside, entry.AsideSnapshot{Meta: s.place.images[i].meta, Cause: cause})
		s.place.images = slices.Delete(slices.Clone(s.place.images), i, i+1)
	}
	return nil
}

// Aside implements replica.ImageKeeper.
func (s placeStore) Aside() []entry.AsideSnapshot {
	s.place.mu.Lock()
	defer s.place.mu.Unlock()
	all := slices.Clone(s.place.aside)
	slices.SortStableFunc(all, func(a, b entry.AsideSnapshot) int { return int(b.Meta.Index) - int(a.Meta.Index) })
	return all
}

// memorySink gathers one image.
type memorySink struct {
	place *SnapshotPlace
	meta  entry.SnapshotMeta
	data  []byte
	// expected is true when the description says how the image must end.
	expected bool
	ended    bool
}

var errEnded = errors.New("storetest: the sink has ended")

// Write implements io.Writer.
func (s *memorySink) Write(b []byte) (int, error) {
	if s.ended {
		return 0, errEnded
	}
	s.data = append(s.data, b...)
	return len(b), nil
}

// Commit implements replica.SnapshotSink.
func (s *memorySink) Commit() (entry.SnapshotMeta, error) {
	if s.ended {
		return entry.SnapshotMeta{}, errEnded
	}
	s.ended = true
	size, sum := int64(len(s.data)), entry.Checksum(s.data)
	if s.expected && (s.meta.Size != size || s.meta.Checksum != sum) {
		return entry.SnapshotMeta{}, fmt.Errorf("storetest: received %d bytes with sum %08x, announced %d with %08x",
			size, sum, s.meta.Size, s.meta.Checksum)
	}
	s.meta.Size, s.meta.Checksum = size, sum
	p := s.place
	p.mu.Lock()
	defer p.mu.Unlock()
	p.images = append(p.images, storedImage{meta: s.meta, data: s.data})
	slices.SortStableFunc(p.images, func(a, b storedImage) int { return int(b.meta.Index) - int(a.meta.Index) })
	return s.meta, nil
}

// Abort implements replica.SnapshotSink.
func (s *memorySink) Abort() error {
	s.ended = true
	return nil
}
