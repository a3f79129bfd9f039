package conn

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// HeaderSize is the size of a frame's header in bytes: kind, then the payload's
// length as a big-endian 32-bit number.
const HeaderSize = 5

// ErrTooLarge is returned, wrapped with the numbers, for a frame above its bound.
var ErrTooLarge = errors.New("frame too large")

// putHeader writes a frame's header to the first HeaderSize bytes of b.
func putHeader(b []byte, kind byte, length int) {
	b[0] = kind
	binary.BigEndian.PutUint32(b[1:], uint32(length))
}

// readHeader reads a frame's header and checks the length against its bound.
func readHeader(r io.Reader, bound int) (kind byte, length int, err error) {
	var h [HeaderSize]byte
	if _, err := io.ReadFull(r, h[:]); err != nil {
		return 0, 0, err
	}
	n := binary.BigEndian.Uint32(h[1:])
	if int64(n) > int64(bound) {
		return 0, 0, fmt.Errorf("%w: its header says %d bytes, %d are allowed", ErrTooLarge, n, bound)
	}
	return h[0], int(n), nil
}

// readPayload reads n bytes into buf, if they fit, or into a new slice. A long
// payload is allocated as it arrives.
func readPayload(r io.Reader, n int, buf []byte) ([]byte, error) {
	if n <= cap(buf) || n <= allocStep {
		if n > cap(buf) {
			buf = make([]byte, n)
		}
		_, err := io.ReadFull(r, buf[:n])
		return buf[:n], noEOF(err)
	}
	buf = make([]byte, allocStep)
	have := 0
	for {
		if _, err := io.ReadFull(r, buf[have:]); err != nil {
			return nil, noEOF(err)
		}
		if have = len(buf); have == n {
			return buf, nil
		}
		grown := make([]byte, min(n, 2*have))
		copy(grown, buf)
		buf = grown
	}
}

// noEOF says that an end inside a frame is not a good end.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// writeFrame writes a small frame in one go.
func writeFrame(w io.Writer, kind byte, payload []byte) error {
	b := make([]byte, HeaderSize+len(payload))
	putHeader(b, kind, len(payload))
	copy(b[HeaderSize:], payload)
	_, err := w.Write(b)
	return err
}
