package snapshot

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"path/filepath"

	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/internal/vfs"
)

// Sink writes one image. It is used by one goroutine and ends with Commit or Abort.
type Sink struct {
	store *Store
	file  vfs.File
	path  string
	head  head
	// chunk is the chunk being filled, behind room for its head.
	chunk    []byte
	number   int64 // chunks written
	size     int64 // bytes of the image so far, those in chunk included
	checksum uint32
	unsynced int64 // bytes written since the last sync
	// received marks an image whose sender is elsewhere: Abort keeps it, and size and checksum are
	// known before.
	received bool
	// target is the path of the complete file of an archive, "" for an image of a directory.
	target string
	// failed is the first error; a sink with one cannot be committed.
	failed error
	// worthless is set when keeping what was received would not help.
	worthless bool
	ended     bool
}

var _ entry.SnapshotSink = (*Sink)(nil)

// Create starts an image of this member's own state. meta.Size and meta.Checksum are ignored; an
// empty meta.ID is filled in. Nothing is visible before Commit.
func (s *Store) Create(meta entry.SnapshotMeta) (entry.SnapshotSink, error) {
	meta.Size, meta.Checksum = -1, 0
	if meta.ID == "" {
		meta.ID = fmt.Sprintf("%020d.%020d.%016x", meta.Term, meta.Index, s.options.Incarnation)
	}
	if err := checkMeta(meta); err != nil {
		return nil, err
	}
	k := &Sink{store: s, path: filepath.Join(s.dir, fileName(meta.Position(), createSuffix))}
	if err := s.claim(k.path); err != nil {
		return nil, err
	}
	if err := k.start(meta); err != nil {
		return nil, errors.Join(err, k.Abort())
	}
	return k, nil
}

// Resume starts or continues an image that another member sends: meta says what arrives in the end,
// its size and checksum included, which Commit verifies. at is how many bytes are there from a
// transfer before; the caller goes on writing from there. Another image received in part is given
// up.
func (s *Store) Resume(meta entry.SnapshotMeta) (sink entry.SnapshotSink, at int64, err error) {
	if err := checkMeta(meta); err != nil {
		return nil, 0, err
	}
	if meta.Size < 0 || meta.ID == "" {
		return nil, 0, fmt.Errorf("snapshot: receive image %q of %d bytes: id and size must be known", meta.ID, meta.Size)
	}
	k := &Sink{store: s, received: true, path: filepath.Join(s.dir, fileName(meta.Position(), partSuffix))}
	if err := s.claim(k.path); err != nil {
		return nil, 0, err
	}
	if err := s.dropParts(func(at entry.Index) bool { return at != meta.Index }); err != nil {
		return nil, 0, errors.Join(err, k.Abort())
	}
	if err := k.resume(meta); err != nil {
		k.worthless = true
		return nil, 0, errors.Join(err, k.Abort())
	}
	return k, k.size, nil
}

// claim makes sure that one sink writes a file.
func (s *Store) claim(path string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.writing[path] {
		return fmt.Errorf("snapshot: write %s: %w", path, ErrBusy)
	}
	s.writing[path] = true
	return nil
}

// unclaim ends a claim.
func (s *Store) unclaim(path string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.writing, path)
}

// dropParts removes the images received in part that became useless and that no sink writes.
func (s *Store) dropParts(useless func(entry.Index) bool) error {
	infos, err := s.fs.ReadDir(s.dir)
	if err != nil {
		return fmt.Errorf("snapshot: list %s: %w", s.dir, err)
	}
	for _, info := range infos {
		at, ok := parseName(info.Name, partSuffix)
		path := filepath.Join(s.dir, info.Name)
		s.mu.Lock()
		busy := s.writing[path]
		s.mu.Unlock()
		if !ok || busy || !useless(at.Index) {
			continue
		}
		if err := s.remove(path); err != nil {
			return err
		}
		s.mu.Lock()
		delete(s.parts, path)
		s.mu.Unlock()
	}
	return nil
}

// start creates the file and writes its head.
func (k *Sink) start(meta entry.SnapshotMeta) error {
	if err := k.store.remove(k.path); err != nil {
		return err
	}
	f, err := k.store.fs.Create(k.path)
	if err != nil {
		return fmt.Errorf("snapshot: create image: %w", err)
	}
	k.file = f
	k.head = head{meta: meta, store: k.store.options.Incarnation, chunkSize: k.store.options.ChunkSize}
	k.number, k.size, k.checksum = 0, 0, 0
	k.newChunk()
	return k.put(k.head.encodeHead(), 0)
}

// newChunk empties the chunk.
func (k *Sink) newChunk() {
	if cap(k.chunk) < chunkHead+k.head.chunkSize {
		k.chunk = make([]byte, chunkHead, chunkHead+k.head.chunkSize)
	}
	k.chunk = k.chunk[:chunkHead]
}

// resume goes on with the file that is there when it is of the same image, or starts a new one.
func (k *Sink) resume(meta entry.SnapshotMeta) error {
	same, err := k.reopen(meta)
	if err != nil {
		return err
	}
	if !same {
		return k.start(meta)
	}
	if k.recall() {
		return nil
	}
	// What is found is written again: a sync of it may have failed, in this process or in one before, and
	// then it is in the page cache only, and no later sync would write it.
	if err := k.put(k.head.encodeHead(), 0); err != nil {
		return err
	}
	return k.verifyPart()
}

// part is how far an image received in part has come.
type part struct {
	headSum  uint32
	number   int64
	size     int64
	checksum uint32
	chunk    []byte
}

// remember notes how far the image has come, for the next sink of this process.
func (k *Sink) remember() {
	k.store.mu.Lock()
	defer k.store.mu.Unlock()
	k.store.parts[k.path] = &part{k.head.sum, k.number, k.size, k.checksum, k.chunk}
}

// recall goes on from what remember noted, once, and reports whether there was something. All of it was
// synced by the sink that noted it.
func (k *Sink) recall() bool {
	k.store.mu.Lock()
	defer k.store.mu.Unlock()
	p := k.store.parts[k.path]
	delete(k.store.parts, k.path)
	if p == nil || p.headSum != k.head.sum {
		return false
	}
	k.number, k.size, k.checksum, k.chunk = p.number, p.size, p.checksum, p.chunk
	return true
}

// reopen opens the part that is there; same reports whether it is one of this image.
func (k *Sink) reopen(meta entry.SnapshotMeta) (same bool, err error) {
	infos, err := k.store.fs.ReadDir(k.store.dir)
	if err != nil {
		return false, fmt.Errorf("snapshot: list %s: %w", k.store.dir, err)
	}
	there := false
	for _, info := range infos {
		there = there || info.Name == filepath.Base(k.path)
	}
	if !there {
		return false, nil
	}
	f, err := k.store.fs.OpenWrite(k.path)
	if err != nil {
		return false, fmt.Errorf("snapshot: open part: %w", err)
	}
	h, err := readHead(f, k.path, k.store.options.Incarnation)
	if err != nil || !bytes.Equal(appendMeta(nil, h.meta), appendMeta(nil, meta)) {
		// Another image, or a head that was not synced before a crash: it is begun anew.
		return false, f.Close()
	}
	k.file, k.head = f, h
	return true, nil
}

// verifyPart finds how many whole chunks of the part are intact, and the beginning of the next one, and
// takes up behind them.
func (k *Sink) verifyPart() error {
	length, err := k.file.Size()
	if err != nil {
		return fmt.Errorf("snapshot: size of %s: %w", k.path, err)
	}
	k.newChunk()
	raw := make([]byte, chunkHead+k.head.chunkSize)
	for k.size+int64(k.head.chunkSize) <= k.head.meta.Size && k.head.chunkAt(k.number+1) <= length {
		if _, err := k.file.ReadAt(raw, k.head.chunkAt(k.number)); err != nil {
			return readError(k.path, k.head.chunkAt(k.number), err)
		}
		if k.head.checkChunk(raw, k.number) != nil {
			break
		}
		if err := k.put(raw, k.head.chunkAt(k.number)); err != nil {
			return err
		}
		k.advance(raw[chunkHead:])
		k.number++
	}
	return k.verifyBegun(raw, length)
}

// verifyBegun takes up the beginning of a chunk that Abort wrote, if there is one behind the whole chunks.
func (k *Sink) verifyBegun(raw []byte, length int64) error {
	at := k.head.chunkAt(k.number)
	if at+chunkHead > length {
		return nil
	}
	if _, err := k.file.ReadAt(raw[:chunkHead], at); err != nil {
		return readError(k.path, at, err)
	}
	n := int64(binary.LittleEndian.Uint32(raw[8:]))
	if n == 0 || n >= int64(k.head.chunkSize) || k.size+n > k.head.meta.Size || at+chunkHead+n > length {
		return nil
	}
	if _, err := k.file.ReadAt(raw[:chunkHead+n], at); err != nil {
		return readError(k.path, at, err)
	}
	if k.head.checkChunk(raw[:chunkHead+n], k.number) == nil {
		k.chunk = append(k.chunk, raw[chunkHead:chunkHead+n]...)
		k.advance(raw[chunkHead : chunkHead+n])
	}
	return nil
}

// advance counts bytes that became part of the image.
func (k *Sink) advance(data []byte) {
	k.size += int64(len(data))
	k.checksum = crc32.Update(k.checksum, castagnoli, data)
}

// put writes at an offset of the file, and syncs now and then.
func (k *Sink) put(b []byte, at int64) error {
	if _, err := k.file.WriteAt(b, at); err != nil {
		return fmt.Errorf("snapshot: write %d bytes at %d of %s: %w", len(b), at, k.path, err)
	}
	k.unsynced += int64(len(b))
	if k.unsynced < k.store.options.SyncBytes {
		return nil
	}
	k.unsynced = 0
	return k.sync()
}

func (k *Sink) sync() error {
	if err := k.file.Sync(); err != nil {
		return fmt.Errorf("snapshot: sync %s: %w", k.path, err)
	}
	return nil
}

// Write appends to the image.
func (k *Sink) Write(p []byte) (n int, err error) {
	if k.ended {
		return 0, errors.New("snapshot: write to a sink that has ended")
	}
	if k.failed != nil {
		return 0, k.failed
	}
	if k.received && k.size+int64(len(p)) > k.head.meta.Size {
		k.worthless = true
		k.failed = fmt.Errorf("snapshot: more than the announced %d bytes of image %q", k.head.meta.Size, k.head.meta.ID)
		return 0, k.failed
	}
	for n < len(p) {
		took := min(len(p)-n, cap(k.chunk)-len(k.chunk))
		k.chunk = append(k.chunk, p[n:n+took]...)
		k.advance(p[n : n+took])
		n += took
		if len(k.chunk) == cap(k.chunk) {
			if k.failed = k.flush(); k.failed != nil {
				return n, k.failed
			}
		}
	}
	return n, nil
}

// flush writes the chunk.
func (k *Sink) flush() error {
	k.head.putChunkHead(k.chunk, k.number)
	err := k.put(k.chunk, k.head.chunkAt(k.number))
	k.number++
	k.newChunk()
	return err
}

// Commit makes the image durable and visible in one step, and returns its final description. An
// image of the same position is replaced. It fails when a received image is not the announced one.
func (k *Sink) Commit() (entry.SnapshotMeta, error) {
	if k.ended {
		return entry.SnapshotMeta{}, errors.New("snapshot: commit of a sink that has ended")
	}
	if k.failed == nil {
		k.failed = k.finish()
	}
	if k.failed != nil {
		return entry.SnapshotMeta{}, k.failed
	}
	k.ended = true
	meta := k.head.meta
	meta.Size, meta.Checksum = k.size, k.checksum
	k.store.publish(&image{path: k.final(), head: k.head, meta: meta}, k.path)
	return meta, k.store.dropParts(func(at entry.Index) bool { return at <= meta.Index })
}

// final returns the path of the complete image.
func (k *Sink) final() string {
	if k.target != "" {
		return k.target
	}
	return filepath.Join(k.store.dir, fileName(k.head.meta.Position(), completeSuffix))
}

// finish writes what is left, syncs and names the file. The name is claimed until publish.
func (k *Sink) finish() error {
	if m := k.head.meta; k.received && (k.size != m.Size || k.checksum != m.Checksum) {
		k.worthless = k.size == m.Size
		return fmt.Errorf("snapshot: image %q ended with %d bytes and checksum %08x, announced were %d and %08x",
			m.ID, k.size, k.checksum, m.Size, m.Checksum)
	}
	if len(k.chunk) > chunkHead {
		if err := k.flush(); err != nil {
			return err
		}
	}
	length := k.head.length(k.size)
	if err := k.put(k.head.encodeTrailer(k.size, k.checksum), length-trailerSize); err != nil {
		return err
	}
	if err := k.file.Truncate(length); err != nil {
		return fmt.Errorf("snapshot: cut %s: %w", k.path, err)
	}
	if err := k.sync(); err != nil {
		return err
	}
	f := k.file
	k.file = nil
	if err := f.Close(); err != nil {
		return fmt.Errorf("snapshot: close %s: %w", k.path, err)
	}
	if err := k.store.claim(k.final()); err != nil {
		return err
	}
	if err := k.name(); err != nil {
		k.store.unclaim(k.final())
		return err
	}
	return nil
}

// name gives the file its name, durably.
func (k *Sink) name() error {
	if err := k.store.fs.Rename(k.path, k.final()); err != nil {
		return fmt.Errorf("snapshot: name image: %w", err)
	}
	if err := k.store.fs.SyncDir(k.store.dir); err != nil {
		return fmt.Errorf("snapshot: sync directory %s: %w", k.store.dir, err)
	}
	return nil
}

// publish lists a complete image and gives up the claims on its path and its temporary one.
func (s *Store) publish(img *image, claimed string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.writing, claimed)
	delete(s.writing, img.path)
	at := len(s.images)
	for i, old := range s.images {
		c := compare(img.meta.Position(), old.meta.Position())
		if c == 0 {
			old.removed, old.replaced = true, true
			s.images[i] = img
			return
		}
		if c > 0 {
			at = i
			break
		}
	}
	s.images = append(s.images, nil)
	copy(s.images[at+1:], s.images[at:])
	s.images[at] = img
}

// Abort ends the sink without an image. What Create began is removed; what Resume received is kept,
// durably and to the last byte, for a later Resume of the same image, unless it proved wrong. A process
// that dies instead keeps whole chunks.
func (k *Sink) Abort() error {
	if k.ended {
		return nil
	}
	k.ended = true
	var err error
	keep := k.received && !k.worthless && k.target == ""
	if k.file != nil {
		if keep {
			err = k.keep()
		}
		err = errors.Join(err, k.file.Close())
	}
	if !keep {
		err = errors.Join(err, k.store.remove(k.path))
	}
	k.store.unclaim(k.path)
	return err
}

// keep makes durable what was received, the beginning of a chunk included.
func (k *Sink) keep() error {
	if k.failed != nil {
		return errors.Join(k.sync(), k.store.fs.SyncDir(k.store.dir))
	}
	if len(k.chunk) > chunkHead {
		k.head.putChunkHead(k.chunk, k.number)
		if err := k.put(k.chunk, k.head.chunkAt(k.number)); err != nil {
			return err
		}
	}
	if err := errors.Join(k.sync(), k.store.fs.SyncDir(k.store.dir)); err != nil {
		return err
	}
	k.remember()
	return nil
}
