package rpc

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"sync"

	"v.io/v23/verror"
	"v.io/v23/vom"

	"v.io/x/ref/runtime/internal/conn"
)

// keepBuffer is the largest buffer that a flow keeps between frames, in bytes. Larger ones
// are shared by all flows.
const keepBuffer = 64 << 10

// trustedLength is the longest payload that is allocated at once; a longer one is, by
// package conn, as it arrives.
const trustedLength = 1 << 20

// largeBuffers has the buffers above keepBuffer that no flow uses at the moment.
var largeBuffers sync.Pool

// takeBuffer returns a buffer with a capacity of at least n: a shared one, or a new one
// with room to spare, so that it fits others too.
func takeBuffer(n int) []byte {
	if b, _ := largeBuffers.Get().(*[]byte); b != nil {
		if cap(*b) >= n {
			return (*b)[:0]
		}
		largeBuffers.Put(b)
	}
	return make([]byte, 0, 1<<bits.Len(uint(n-1)))
}

// keepOrShare returns the buffer, or nil if it is large and went to the shared ones.
func keepOrShare(b []byte) []byte {
	if cap(b) <= keepBuffer {
		return b
	}
	largeBuffers.Put(&b)
	return nil
}

// writer is the sending half of a flow: frames, and the VOM stream in them. It is
// used by one goroutine at a time.
type writer struct {
	flow *conn.Flow
	// frame is the frame being built.
	frame []byte
	// vom writes to frame; nil when the next value begins a new VOM stream.
	vom *vom.Encoder
}

// Write adds what the encoder writes to the frame.
func (w *writer) Write(p []byte) (int, error) {
	if need := len(w.frame) + len(p); need > cap(w.frame) && need > keepBuffer {
		w.frame = append(takeBuffer(need), w.frame...)
	}
	w.frame = append(w.frame, p...)
	return len(p), nil
}

// restart makes the next value begin a new VOM stream.
func (w *writer) restart() { w.vom = nil }

// begin starts a frame with the bytes of its head, of which the first is the flags.
func (w *writer) begin(head []byte) {
	w.frame = append(keepOrShare(w.frame)[:0], head...)
}

// value adds a value. After an error the frame must be abandoned; the next
// one begins a new VOM stream.
func (w *writer) value(v any) error {
	if err := w.stream().Encode(v); err != nil {
		w.vom = nil
		return err
	}
	return w.check()
}

// errorValue adds an error in its wire form.
func (w *writer) errorValue(err error) error {
	if err := verror.VDLWrite(w.stream().Encoder(), err); err != nil {
		w.vom = nil
		return err
	}
	return w.check()
}

// stream is the encoder, begun anew if needed.
func (w *writer) stream() *vom.Encoder {
	if w.vom == nil {
		w.vom = vom.NewEncoder(w)
		w.frame[0] |= flagFresh
	}
	return w.vom
}

func (w *writer) check() error {
	if n := len(w.frame); n > conn.MaxMessageSize {
		w.vom = nil
		return fmt.Errorf("%w: a message of at least %d bytes, %d are allowed", conn.ErrTooLarge, n, conn.MaxMessageSize)
	}
	return nil
}

// send sends the frame.
func (w *writer) send(kind byte) error {
	err := w.flow.WriteFrame(kind, w.frame)
	w.frame = keepOrShare(w.frame)
	if err != nil {
		w.vom = nil
	}
	return err
}

// item sends a streamed item.
func (w *writer) item(v any) error {
	if b, ok := v.([]byte); ok {
		return w.flow.WriteFrame(frameBytes, b)
	}
	w.begin([]byte{0})
	if err := w.value(v); err != nil {
		return &encodeError{err}
	}
	return w.send(frameItem)
}

// end sends the mark after the last item.
func (w *writer) end() error { return w.flow.WriteFrame(frameEnd, nil) }

// encodeError marks a failure to put a value into VOM: the fault is the caller's and
// the flow is not harmed.
type encodeError struct{ err error }

func (e *encodeError) Error() string { return "encoding a value: " + e.err.Error() }
func (e *encodeError) Unwrap() error { return e.err }

// reader is the receiving half of a flow.
type reader struct {
	flow *conn.Flow
	buf  []byte
	// values holds what the frame at hand has left for vom.
	values valueSource
	vom    *vom.Decoder
}

// valueSource gives the decoder the values of one frame at a time.
type valueSource struct{ rest []byte }

func (s *valueSource) Read(p []byte) (int, error) {
	if len(s.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

// next waits for the next frame's header.
func (r *reader) next() (kind byte, length int, err error) {
	r.values.rest = nil
	r.buf = keepOrShare(r.buf)
	return r.flow.ReadHeader()
}

// payload reads a frame's payload into the reader's own buffer, valid until the
// next one.
func (r *reader) payload(n int) ([]byte, error) {
	if n > keepBuffer && n <= trustedLength {
		r.buf = takeBuffer(n)
	}
	p, err := r.flow.ReadPayload(n, r.buf)
	if err == nil {
		r.buf = p
	}
	return p, err
}

// load makes the values of a frame those to decode next.
func (r *reader) load(flags byte, values []byte) error {
	if flags&flagFresh != 0 {
		r.vom = vom.NewDecoder(&r.values)
	}
	r.values.rest = values
	if r.vom == nil && len(values) > 0 {
		return fmt.Errorf("%w: values before the beginning of their VOM stream", errMalformed)
	}
	return nil
}

// value decodes the next value of the frame.
func (r *reader) value(ptr any) error {
	if r.vom == nil {
		return fmt.Errorf("%w: a value is missing", errMalformed)
	}
	return undecodable(r.vom.Decode(ptr))
}

// errDecode marks a value that the receiver cannot decode.
var errDecode = errors.New("a value cannot be decoded")

// undecodable marks the decoder's error, if it is one.
func undecodable(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", errDecode, noEOF(err))
}

// errorValue decodes an error in its wire form.
func (r *reader) errorValue() (error, error) {
	if r.vom == nil {
		return nil, fmt.Errorf("%w: the error is missing", errMalformed)
	}
	var remote error
	if err := verror.VDLRead(r.vom.Decoder(), &remote); err != nil {
		return nil, undecodable(err)
	}
	if remote == nil {
		return nil, fmt.Errorf("%w: the error is nil", errMalformed)
	}
	return remote, nil
}

// restart forgets the VOM stream; the other side must begin a new one.
func (r *reader) restart() { r.vom, r.values.rest = nil, nil }

// item decodes a frame that is an item.
func (r *reader) item(kind byte, length int, ptr any) error {
	if kind == frameBytes {
		return r.bytesItem(length, ptr)
	}
	p, err := r.payload(length)
	if err != nil {
		return err
	}
	if len(p) == 0 {
		return fmt.Errorf("%w: an empty item", errMalformed)
	}
	if err := r.load(p[0], p[1:]); err != nil {
		return err
	}
	return r.value(ptr)
}

// bytesItem stores the bytes of a frameBytes. They are read straight into a slice of
// the caller's if that is what it wants.
func (r *reader) bytesItem(length int, ptr any) error {
	if dst, ok := ptr.(*[]byte); ok {
		*dst = nil
		if length == 0 {
			return nil
		}
		p, err := r.flow.ReadPayload(length, nil)
		*dst = p
		return err
	}
	p, err := r.payload(length)
	if err != nil {
		return err
	}
	return undecodable(vom.Decode(bytesMessage(p), ptr))
}

// vomVersion and vomBytesType begin the VOM message of a []byte: the version byte,
// and the type id of []byte as a VOM int.
const (
	vomVersion   = 0x81
	vomBytesType = 39 << 1
)

// bytesMessage is the VOM message a frameBytes stands for.
func bytesMessage(p []byte) []byte {
	return append(appendVOMUint([]byte{vomVersion, vomBytesType}, uint64(len(p))), p...)
}

// appendVOMUint appends a VOM unsigned integer: one byte up to 127, otherwise the
// negated count of the big-endian bytes that follow.
func appendVOMUint(b []byte, v uint64) []byte {
	if v < 0x80 {
		return append(b, byte(v))
	}
	var be [8]byte
	binary.BigEndian.PutUint64(be[:], v)
	first := 0
	for be[first] == 0 {
		first++
	}
	return append(append(b, byte(-(8-first))), be[first:]...)
}

// discardToEnd reads frames until the end mark, so that the flow can carry another
// call. The VOM stream must begin anew then.
func (r *reader) discardToEnd() error {
	for {
		kind, n, err := r.next()
		if err != nil {
			return err
		}
		switch kind {
		case frameEnd:
			return nil
		case frameItem, frameBytes:
			if _, err := r.payload(n); err != nil {
				return err
			}
		default:
			return fmt.Errorf("%w: frame of kind %q among items", errMalformed, kind)
		}
	}
}
