package vom

import (
	"fmt"
	"io"

	"v.io/v23/vdl"
)

// source hands out the bytes of a stream, which it holds in memory as far as they are needed. Memory is only allocated
// for bytes that arrived, but for a small constant.
type source struct {
	r     io.Reader // nil if all bytes are in buf, which then belongs to somebody else
	buf   []byte
	pos   int  // of the first byte that was not taken
	lent  bool // a part of buf before pos was handed to the user, so buf must not be overwritten there
	begun bool // the version was read
}

const (
	minBuffer  = 4 << 10   // bytes read at once
	leapBuffer = 256 << 10 // bytes allocated for a message before more than those arrived
)

// ensure makes at least n bytes available. At the end of the stream it returns io.EOF if there are none at all.
func (s *source) ensure(n int) error {
	for len(s.buf)-s.pos < n {
		have := len(s.buf) - s.pos
		if s.r == nil {
			if have == 0 {
				return io.EOF
			}
			return io.ErrUnexpectedEOF
		}
		s.makeRoom(n)
		got, err := s.r.Read(s.buf[len(s.buf):cap(s.buf)])
		s.buf = s.buf[:len(s.buf)+got]
		if err == nil || len(s.buf)-s.pos >= n {
			continue
		}
		if err == io.EOF && len(s.buf) > s.pos {
			err = io.ErrUnexpectedEOF
		}
		return err
	}
	return nil
}

// makeRoom makes room behind the bytes that were not taken, of which n are needed.
func (s *source) makeRoom(n int) {
	have := len(s.buf) - s.pos
	if len(s.buf) < cap(s.buf) && cap(s.buf)-s.pos >= min(n, leapBuffer) {
		return
	}
	want := max(minBuffer, min(n, max(leapBuffer, 2*have)))
	if s.lent || cap(s.buf) < want || have == cap(s.buf) || cap(s.buf) > 4*want && cap(s.buf) > leapBuffer {
		fresh := make([]byte, have, max(want, have+1))
		copy(fresh, s.buf[s.pos:])
		s.buf, s.lent = fresh, false
	} else {
		copy(s.buf, s.buf[s.pos:])
		s.buf = s.buf[:have]
	}
	s.pos = 0
}

// take returns the next n bytes, which are valid until the next call.
func (s *source) take(n int) ([]byte, error) {
	if err := s.ensure(n); err != nil {
		return nil, err
	}
	b := s.buf[s.pos : s.pos+n]
	s.pos += n
	return b, nil
}

// peek returns the next byte without taking it.
func (s *source) peek() (byte, error) {
	if err := s.ensure(1); err != nil {
		return 0, err
	}
	return s.buf[s.pos], nil
}

// uint takes a uint.
func (s *source) uint() (uint64, error) {
	first, err := s.peek()
	if err != nil {
		return 0, err
	}
	if n := uintLen(first); n > 1 {
		if err := s.ensure(n); err != nil {
			return 0, err
		}
	}
	x, n, err := parseUint(s.buf[s.pos:])
	s.pos += n
	return x, err
}

// length takes a uint that is the length of a message.
func (s *source) length() (int, error) {
	n, err := s.uint()
	if err == nil && n > maxMessageLen {
		err = fmt.Errorf("vom: message of %d bytes is longer than the limit of %d bytes", n, maxMessageLen)
	}
	return int(n), err
}

// header is the beginning of a message.
type header struct {
	id         int64
	incomplete bool
}

// header takes the beginning of the next message, and the version before the first. It returns io.EOF if the stream
// ends before the message.
func (s *source) header() (h header, _ error) {
	if !s.begun {
		version, err := s.take(1)
		if err != nil {
			return h, err
		}
		if v := Version(version[0]); v != Version81 {
			return h, fmt.Errorf("vom: stream of version %v cannot be read, only %v", v, Version81)
		}
		s.begun = true
	}
	first, err := s.peek()
	if err != nil {
		return h, err
	}
	if first == controlIncomplete {
		h.incomplete = true
		s.pos++
	}
	u, err := s.uint()
	if err != nil {
		return h, noEOF(err)
	}
	h.id = unzigzag(u)
	if h.id == 0 || h.incomplete && h.id > 0 {
		return h, fmt.Errorf("vom: malformed message with the id %d", h.id)
	}
	return h, nil
}

// noEOF turns the end of the stream into an error where a message is not complete.
func noEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// value makes a whole value of the type available and takes it. Values without a length are a uint that may say how
// many bytes follow.
func (s *source) value(tt *vdl.Type) ([]byte, error) {
	if hasLength(tt) {
		n, err := s.length()
		if err != nil {
			return nil, err
		}
		return s.take(n)
	}
	first, err := s.peek()
	if err != nil {
		return nil, err
	}
	n := uintLen(first)
	if n == 0 {
		return nil, fmt.Errorf("vom: a value of %v cannot begin with the byte %#x", tt, first)
	}
	if err := s.ensure(n); err != nil {
		return nil, err
	}
	rest, _, err := parseUint(s.buf[s.pos:])
	switch {
	case err != nil:
		return nil, err
	case tt.Kind() == vdl.Array:
		rest = uint64(tt.Len())
	case tt.Kind() != vdl.List && tt.Kind() != vdl.String:
		rest = 0
	}
	if rest > maxMessageLen {
		return nil, fmt.Errorf("vom: value of %d bytes is longer than the limit of %d bytes", rest, maxMessageLen)
	}
	return s.take(n + int(rest))
}
