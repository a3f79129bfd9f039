package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"

	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/replica"
)

// SnapshotChecks returns the checks of a snapshot store.
func SnapshotChecks() []SnapshotCheck {
	return []SnapshotCheck{
		{"a new store is empty", checkNoSnapshot},
		{"an image and its description survive a restart", checkImage},
		{"nothing is visible before Commit", checkInvisible},
		{"Abort discards", checkAbort},
		{"an empty image is legal", checkEmptyImage},
		{"the newest comes first", checkNewestFirst},
		{"reading from an offset", checkOffset},
		{"a broken transfer is resumed or begun anew", checkResume},
		{"another image is not resumed", checkResumeOther},
		{"Retain keeps the newest", checkRetain},
		{"an open image outlives Retain", checkRetainOpen},
		{"an unknown snapshot is an error", checkUnknownID},
		{"what is set aside is kept away", checkAside},
	}
}

// image returns size bytes that no off-by-one survives.
func image(size int) []byte {
	b := make([]byte, size)
	x := uint32(size + 1)
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = byte(x >> 24)
	}
	return b
}

func metaAt(id string, index entry.Index) entry.SnapshotMeta {
	return entry.SnapshotMeta{
		ID: id, Index: index, Term: 3, Size: -1, Sessions: []byte("sessions"),
		Configuration: entry.Configuration{
			Cluster: entry.ClusterID{9},
			Members: []entry.Member{{ID: "a", Incarnation: 5, Key: []byte("key")}, {ID: "b", Learner: true}},
		},
	}
}

// put writes one image in pieces of an odd length.
func put(store replica.SnapshotStore, index entry.Index, b []byte) (entry.SnapshotMeta, error) {
	sink, err := store.Create(metaAt("", index))
	if err != nil {
		return entry.SnapshotMeta{}, fmt.Errorf("create: %w", err)
	}
	if err := writePieces(sink, b); err != nil {
		return entry.SnapshotMeta{}, errors.Join(err, sink.Abort())
	}
	meta, err := sink.Commit()
	if err != nil {
		return entry.SnapshotMeta{}, errors.Join(fmt.Errorf("commit: %w", err), sink.Abort())
	}
	return meta, nil
}

func writePieces(w io.Writer, b []byte) error {
	for len(b) > 0 {
		n := min(len(b), 10007)
		if _, err := w.Write(b[:n]); err != nil {
			return fmt.Errorf("write: %w", err)
		}
		b = b[n:]
	}
	return nil
}

// opens checks that the image reads as want from offset on.
func opens(store replica.SnapshotStore, id string, from int64, want []byte) (err error) {
	r, err := store.Open(id, from)
	if err != nil {
		return fmt.Errorf("open %q from %d: %w", id, from, err)
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	got, err := io.ReadAll(r)
	if err != nil {
		return fmt.Errorf("read %q from %d: %w", id, from, err)
	}
	if !bytes.Equal(got, want) {
		return fmt.Errorf("image %q from %d has %d bytes that differ from the %d written", id, from, len(got), len(want))
	}
	return nil
}

func lists(store replica.SnapshotStore, want ...entry.Index) error {
	metas, err := store.List()
	if err != nil {
		return fmt.Errorf("list: %w", err)
	}
	var got []entry.Index
	for _, m := range metas {
		got = append(got, m.Index)
	}
	if !reflect.DeepEqual(got, want) && len(got)+len(want) > 0 {
		return fmt.Errorf("snapshots at %v, want %v", got, want)
	}
	return nil
}

func checkNoSnapshot(open OpenSnapshots) error {
	store, err := open()
	if err != nil {
		return err
	}
	return lists(store)
}

func checkImage(open OpenSnapshots) error {
	store, err := open()
	if err != nil {
		return err
	}
	want := image(3<<20 + 12345)
	meta, err := put(store, 42, want)
	if err != nil {
		return err
	}
	for range 2 {
		if err := describes(store, meta, want); err != nil {
			return err
		}
		if store, err = open(); err != nil {
			return err
		}
	}
	return nil
}

// describes checks that meta is what was created, and what the store says of it.
func describes(store replica.SnapshotStore, meta entry.SnapshotMeta, want []byte) error {
	expected := metaAt(meta.ID, meta.Index)
	expected.Size, expected.Checksum = int64(len(want)), entry.Checksum(want)
	if meta.ID == "" || !reflect.DeepEqual(meta, expected) {
		return fmt.Errorf("Commit returned %+v, want %+v", meta, expected)
	}
	metas, err := store.List()
	if err != nil {
		return err
	}
	if len(metas) != 1 || !reflect.DeepEqual(metas[0], meta) {
		return fmt.Errorf("List returned %+v, want %+v", metas, meta)
	}
	return opens(store, meta.ID, 0, want)
}

func checkInvisible(open OpenSnapshots) error {
	store, err := open()
	if err != nil {
		return err
	}
	sink, err := store.Create(metaAt("", 5))
	if err != nil {
		return err
	}
	if err := writePieces(sink, image(100_000)); err != nil {
		return err
	}
	if err := lists(store); err != nil {
		return err
	}
	again, err := open()
	if err != nil {
		return err
	}
	if err := lists(again); err != nil {
		return fmt.Errorf("after a restart: %w", err)
	}
	return sink.Abort()
}

func checkAbort(open OpenSnapshots) error {
	store, err := open()
	if err != nil {
		return err
	}
	sink, err := store.Create(metaAt("", 5))
	if err != nil {
		return err
	}
	if err := errors.Join(writePieces(sink, image(1000)), sink.Abort()); err != nil {
		return err
	}
	if err := lists(store); err != nil {
		return err
	}
	_, err = put(store, 5, image(10))
	return errors.Join(err, lists(store, 5))
}

func checkEmptyImage(open OpenSnapshots) error {
	store, err := open()
	if err != nil {
		return err
	}
	meta, err := put(store, 7, nil)
	if err != nil {
		return err
	}
	return describes(store, meta, nil)
}

func checkNewestFirst(open OpenSnapshots) error {
	store, err := open()
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, index := range []entry.Index{9, 10, 100} {
		meta, err := put(store, index, image(int(index)))
		if err != nil {
			return err
		}
		if seen[meta.ID] {
			return fmt.Errorf("two snapshots are called %q", meta.ID)
		}
		seen[meta.ID] = true
	}
	return lists(store, 100, 10, 9)
}

func checkOffset(open OpenSnapshots) error {
	store, err := open()
	if err != nil {
		return err
	}
	want := image(2<<20 + 77)
	meta, err := put(store, 1, want)
	if err != nil {
		return err
	}
	for _, from := range []int64{0, 1, 4095, 1 << 20, int64(len(want)) - 1, int64(len(want))} {
		if err := opens(store, meta.ID, from, want[from:]); err != nil {
			return err
		}
	}
	return nil
}

// transferred is the description that a sender gives of a complete image.
func transferred(id string, index entry.Index, b []byte) entry.SnapshotMeta {
	meta := metaAt(id, index)
	meta.Size, meta.Checksum = int64(len(b)), entry.Checksum(b)
	return meta
}

func checkResume(open OpenSnapshots) error {
	store, err := open()
	if err != nil {
		return err
	}
	want := image(3 << 20)
	meta := transferred("from-leader", 30, want)
	sink, at, err := store.Resume(meta)
	if err != nil || at != 0 {
		return fmt.Errorf("the first Resume begins at %d (%w)", at, err)
	}
	if err := errors.Join(writePieces(sink, want[:2<<20]), sink.Abort()); err != nil {
		return err
	}
	if err := lists(store); err != nil {
		return fmt.Errorf("after a broken transfer: %w", err)
	}
	if sink, at, err = store.Resume(meta); err != nil {
		return err
	}
	if at < 0 || at > 2<<20 {
		return fmt.Errorf("resumed at %d of %d received bytes", at, 2<<20)
	}
	if err := writePieces(sink, want[at:]); err != nil {
		return err
	}
	got, err := sink.Commit()
	if err != nil {
		return err
	}
	return describes(store, got, want)
}

func checkResumeOther(open OpenSnapshots) error {
	store, err := open()
	if err != nil {
		return err
	}
	old, want := image(1<<20), image(1<<20+5)
	sink, _, err := store.Resume(transferred("same-name", 30, old))
	if err != nil {
		return err
	}
	if err := errors.Join(writePieces(sink, old[:600_000]), sink.Abort()); err != nil {
		return err
	}
	sink, at, err := store.Resume(transferred("same-name", 31, want))
	if err != nil {
		return err
	}
	if err := writePieces(sink, want[at:]); err != nil {
		return err
	}
	if _, err := sink.Commit(); err != nil {
		return fmt.Errorf("after a resume at %d of another image: %w", at, err)
	}
	return opens(store, "same-name", 0, want)
}

func checkRetain(open OpenSnapshots) error {
	store, err := open()
	if err != nil {
		return err
	}
	for _, index := range []entry.Index{1, 2, 3, 4} {
		if _, err := put(store, index, image(100)); err != nil {
			return err
		}
	}
	if err := store.Retain(2); err != nil {
		return fmt.Errorf("retain: %w", err)
	}
	if err := lists(store, 4, 3); err != nil {
		return err
	}
	if store, err = open(); err != nil {
		return err
	}
	return lists(store, 4, 3)
}

func checkRetainOpen(open OpenSnapshots) (err error) {
	store, err := open()
	if err != nil {
		return err
	}
	want := image(1 << 20)
	meta, err := put(store, 1, want)
	if err != nil {
		return err
	}
	r, err := store.Open(meta.ID, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	head := make([]byte, 1000)
	if _, err := io.ReadFull(r, head); err != nil {
		return err
	}
	if _, err := put(store, 2, image(10)); err != nil {
		return err
	}
	if err := store.Retain(1); err != nil {
		return err
	}
	rest, err := io.ReadAll(r)
	if err != nil || !bytes.Equal(append(head, rest...), want) {
		return fmt.Errorf("an image that was open during Retain read wrongly: %w", err)
	}
	return nil
}

func checkUnknownID(open OpenSnapshots) error {
	store, err := open()
	if err != nil {
		return err
	}
	if r, err := store.Open("no-such-snapshot", 0); err == nil {
		return errors.Join(errors.New("an unknown snapshot was opened"), r.Close())
	}
	return nil
}

// checkAside is for stores that keep damaged images; any image can be called damaged.
func checkAside(open OpenSnapshots) error {
	store, err := open()
	if err != nil {
		return err
	}
	keeper, keeps := store.(replica.ImageKeeper)
	if !keeps {
		return nil
	}
	var newest entry.SnapshotMeta
	for _, index := range []entry.Index{1, 2} {
		if newest, err = put(store, index, image(100)); err != nil {
			return err
		}
	}
	cause := fmt.Errorf("planted: %w", entry.ErrCorrupt)
	for range 2 {
		if err := keeper.SetAside(newest.ID, cause); err != nil {
			return err
		}
	}
	for range 2 {
		if err := isAside(store, newest); err != nil {
			return err
		}
		if store, err = open(); err != nil {
			return err
		}
	}
	if _, err := put(store, 2, image(50)); err != nil {
		return fmt.Errorf("an image in place of the one set aside: %w", err)
	}
	if store, err = open(); err != nil {
		return err
	}
	return lists(store, 2, 1)
}

// isAside checks that an image is set aside, described, and neither listed nor opened.
func isAside(store replica.SnapshotStore, meta entry.SnapshotMeta) error {
	if err := lists(store, 1); err != nil {
		return err
	}
	if r, err := store.Open(meta.ID, 0); err == nil {
		return errors.Join(errors.New("an image that was set aside was opened"), r.Close())
	}
	all := store.(replica.ImageKeeper).Aside()
	if len(all) != 1 || all[0].Meta.Index != meta.Index || !errors.Is(all[0].Cause, entry.ErrCorrupt) ||
		!reflect.DeepEqual(all[0].Meta.Configuration, meta.Configuration) {
		return fmt.Errorf("set aside are %+v, want the image at %d", all, meta.Index)
	}
	return nil
}
