package keyvalue

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
)

// ErrBadImage is wrapped by the error of Restore for bytes that Image did not
// write.
var ErrBadImage = errors.New("bad image")

// Restore replaces the state by an image. After an error the state is what it was
// before.
func (s *Store) Restore(r io.Reader) error {
	in := &imageReader{in: bufio.NewReader(r), sum: crc32.New(castagnoli)}
	values, err := in.read()
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.values = values
	return nil
}

// An imageReader reads an image and sums the bytes that it gives out.
type imageReader struct {
	in  *bufio.Reader
	sum hash.Hash32
}

// read reads a whole image and expects nothing after it.
func (r *imageReader) read() (map[string]string, error) {
	magic, err := r.bytes(len(imageMagic))
	if err != nil || string(magic) != imageMagic {
		return nil, fmt.Errorf("%w: it begins with %q (%w)", ErrBadImage, magic, orNil(err))
	}
	n, err := binary.ReadUvarint(r)
	if err != nil {
		return nil, fmt.Errorf("%w: number of keys: %w", ErrBadImage, err)
	}
	values := make(map[string]string)
	for i := range n {
		key, err := r.text(KeyMax)
		if err != nil {
			return nil, fmt.Errorf("%w: key %d of %d: %w", ErrBadImage, i, n, err)
		}
		if values[key], err = r.text(ValueMax); err != nil {
			return nil, fmt.Errorf("%w: value of %q, %d of %d: %w", ErrBadImage, key, i, n, err)
		}
	}
	return values, r.end()
}

// end checks the sum, and that the image ends behind it.
func (r *imageReader) end() error {
	computed := r.sum.Sum32()
	var sum [4]byte
	if _, err := io.ReadFull(r.in, sum[:]); err != nil {
		return fmt.Errorf("%w: checksum: %w", ErrBadImage, err)
	}
	if stored := binary.LittleEndian.Uint32(sum[:]); stored != computed {
		return fmt.Errorf("%w: checksum is %08x, computed %08x", ErrBadImage, stored, computed)
	}
	if _, err := r.in.ReadByte(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: more bytes behind the checksum (%w)", ErrBadImage, orNil(err))
	}
	return nil
}

// text reads a text behind its length, which is checked before anything is
// allocated.
func (r *imageReader) text(most uint64) (string, error) {
	n, err := binary.ReadUvarint(r)
	if err != nil {
		return "", err
	}
	if n == 0 || n > most {
		return "", fmt.Errorf("%d bytes, want 1 to %d", n, most)
	}
	b, err := r.bytes(int(n))
	return string(b), err
}

// bytes reads n bytes.
func (r *imageReader) bytes(n int) ([]byte, error) {
	b := make([]byte, n)
	read, err := io.ReadFull(r.in, b)
	r.add(b[:read])
	return b[:read], err
}

// ReadByte implements io.ByteReader.
func (r *imageReader) ReadByte() (byte, error) {
	b, err := r.in.ReadByte()
	if err == nil {
		r.add([]byte{b})
	}
	return b, err
}

// add adds bytes to the sum. A hash never fails.
func (r *imageReader) add(b []byte) { r.sum.Write(b) }

// errNone stands for "no error" where one is wrapped.
var errNone = errors.New("no read error")

// orNil returns err, or errNone for nil.
func orNil(err error) error {
	if err == nil {
		return errNone
	}
	return err
}
