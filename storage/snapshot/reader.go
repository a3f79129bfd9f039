package snapshot

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"v.io/x/ref/lib/raft/internal/vfs"
	"v.io/x/ref/lib/raft/storage/damage"
)

// readError tells a file that is too short from a disk that does not answer.
func readError(path string, at int64, err error) error {
	if errors.Is(err, io.EOF) {
		return damage.At(path, at, "the file ends here")
	}
	return fmt.Errorf("snapshot: read %s at byte %d: %w", path, at, err)
}

// reader streams an image and verifies each chunk before a byte of it is handed out. It is used by
// one goroutine.
type reader struct {
	store *Store
	image *image
	file  vfs.File
	at    int64 // offset in the image of the next byte
	// rest is what is left of the chunk that was read last.
	rest []byte
	raw  []byte
	// whole is set when everything is read, so that the checksum of the image can be verified.
	whole    bool
	checksum uint32
	closed   bool
}

// Open reads an image from byte from on; from equal to the image's size reads nothing. The error
// wraps ErrNotFound when there is no image named id. While the reader is open the image stays on
// disk. Reading ends with a *damage.Error where the image is not what was written.
func (s *Store) Open(id string, from int64) (io.ReadCloser, error) {
	img := s.hold(id)
	if img == nil {
		return nil, fmt.Errorf("snapshot: open %q: %w", id, ErrNotFound)
	}
	if from < 0 || from > img.meta.Size {
		return nil, errors.Join(fmt.Errorf("snapshot: read %q from byte %d of %d", id, from, img.meta.Size), s.letGo(img))
	}
	r := &reader{store: s, image: img, at: from, whole: from == 0}
	if err := r.open(); err != nil {
		return nil, errors.Join(err, s.letGo(img))
	}
	return r, nil
}

// hold finds an image and keeps it on disk.
func (s *Store) hold(id string) *image {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, img := range s.images {
		if img.meta.ID == id {
			img.readers++
			return img
		}
	}
	return nil
}

// letGo is the opposite of hold; the last one removes a file that left the store.
func (s *Store) letGo(img *image) error {
	s.mu.Lock()
	img.readers--
	remove := img.readers == 0 && img.removed && !img.replaced
	s.mu.Unlock()
	if remove {
		return s.remove(img.path)
	}
	return nil
}

// open opens the file and makes sure that it is still that of the image.
func (r *reader) open() error {
	f, err := r.store.fs.Open(r.image.path)
	if err != nil {
		return fmt.Errorf("snapshot: open: %w", err)
	}
	h, err := readHead(f, r.image.path, r.store.options.Incarnation)
	if err == nil && h.sum != r.image.head.sum {
		err = fmt.Errorf("snapshot: open %q: it was replaced: %w", r.image.meta.ID, ErrNotFound)
	}
	if err != nil {
		return errors.Join(err, f.Close())
	}
	r.file = f
	return nil
}

// Read implements io.Reader.
func (r *reader) Read(p []byte) (int, error) {
	if r.closed {
		return 0, errors.New("snapshot: read from a closed reader")
	}
	if len(p) == 0 {
		return 0, nil
	}
	if len(r.rest) == 0 {
		if r.at == r.image.meta.Size {
			return 0, r.end()
		}
		if err := r.load(); err != nil {
			return 0, err
		}
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	r.at += int64(n)
	return n, nil
}

// load reads and verifies the chunk that holds byte at.
func (r *reader) load() error {
	h := &r.image.head
	chunkSize := int64(h.chunkSize)
	number := r.at / chunkSize
	n := int(chunkHead + min(chunkSize, r.image.meta.Size-number*chunkSize))
	if cap(r.raw) < n {
		r.raw = make([]byte, n)
	}
	r.raw = r.raw[:n]
	if _, err := r.file.ReadAt(r.raw, h.chunkAt(number)); err != nil {
		return readError(r.image.path, h.chunkAt(number), err)
	}
	if err := h.checkChunk(r.raw, number); err != nil {
		return damage.At(r.image.path, h.chunkAt(number), "%v", err)
	}
	r.checksum = crc32.Update(r.checksum, castagnoli, r.raw[chunkHead:])
	r.rest = r.raw[chunkHead+r.at%chunkSize:]
	return nil
}

// end is io.EOF, unless the image as a whole is not what was written.
func (r *reader) end() error {
	if r.whole && r.checksum != r.image.meta.Checksum {
		return damage.At(r.image.path, r.image.head.size, "the image's checksum is %08x, computed %08x",
			r.image.meta.Checksum, r.checksum)
	}
	return io.EOF
}

// Close gives the file back.
func (r *reader) Close() error {
	if r.closed {
		return nil
	}
	r.closed = true
	return errors.Join(r.file.Close(), r.store.letGo(r.image))
}
