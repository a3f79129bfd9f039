package rpc

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// The kinds of frames on a flow.
const (
	frameRequest  = 'R'
	frameItem     = 'i'
	frameBytes    = 'b'
	frameEnd      = 'e'
	frameResponse = 'S'
)

// Bits of the flags byte at the start of requests, items and responses.
const (
	// flagFresh says that the sender's VOM stream begins in this frame.
	flagFresh = 1 << iota
	// flagEnd on a request says that no items follow.
	flagEnd
	// flagError on a response says that it carries an error instead of results.
	flagError
	// flagRestart on a response says that not all values of the call were
	// decoded, so that the VOM stream of the next request must begin anew.
	flagRestart
)

// request is the head of a request frame:
//
//	+-------+----------+-----------+---+--------+---+--------+---+-----------+--------
//	| flags | deadline | arguments | n | suffix | n | method | n | blessings | values…
//	+-------+----------+-----------+---+--------+---+--------+---+-----------+--------
//
// The flags are a byte; the deadline in nanoseconds from now (0: none), the number
// of arguments and the lengths n are unsigned varints (encoding/binary); the
// blessings are those granted to the server, in VOM, or nothing.
type request struct {
	flags    byte
	timeout  time.Duration
	args     int
	suffix   string
	method   string
	granted  []byte
	valuesAt int
}

// Bounds on a request's head.
const (
	maxArgs   = 1 << 10
	maxSuffix = 64 << 10
	maxMethod = 1 << 10
	maxGrant  = 64 << 10
)

// errMalformed marks a frame that cannot be parsed.
var errMalformed = errors.New("malformed frame")

// check tells whether the other side would accept the head.
func (r *request) check() error {
	switch {
	case r.args > maxArgs:
		return fmt.Errorf("%d arguments, %d are allowed", r.args, maxArgs)
	case len(r.suffix) > maxSuffix:
		return fmt.Errorf("a suffix of %d bytes, %d are allowed", len(r.suffix), maxSuffix)
	case len(r.method) > maxMethod:
		return fmt.Errorf("a method name of %d bytes, %d are allowed", len(r.method), maxMethod)
	case len(r.granted) > maxGrant:
		return fmt.Errorf("granted blessings of %d bytes, %d are allowed", len(r.granted), maxGrant)
	default:
		return nil
	}
}

func (r *request) append(b []byte) []byte {
	b = append(b, r.flags)
	b = binary.AppendUvarint(b, uint64(r.timeout))
	b = binary.AppendUvarint(b, uint64(r.args))
	b = appendString(b, r.suffix)
	b = appendString(b, r.method)
	return appendString(b, string(r.granted))
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// parseRequest parses a request's head. The values start at valuesAt; the strings and
// blessings are copies.
func parseRequest(b []byte) (request, error) {
	p := parser{rest: b}
	r := request{
		flags:   p.byte(),
		timeout: time.Duration(p.number(1<<63 - 1)),
		args:    int(p.number(maxArgs)),
		suffix:  string(p.bytes(maxSuffix)),
		method:  string(p.bytes(maxMethod)),
		granted: append([]byte(nil), p.bytes(maxGrant)...),
	}
	r.valuesAt = len(b) - len(p.rest)
	return r, p.err
}

// response is the head of a response frame:
//
//	+-------+---------+--------
//	| flags | results | values…
//	+-------+---------+--------
//
// With flagError there are no results and the value is the error.
type response struct {
	flags    byte
	results  int
	valuesAt int
}

func (r *response) append(b []byte) []byte {
	return binary.AppendUvarint(append(b, r.flags), uint64(r.results))
}

func parseResponse(b []byte) (response, error) {
	p := parser{rest: b}
	r := response{flags: p.byte(), results: int(p.number(maxArgs))}
	r.valuesAt = len(b) - len(p.rest)
	return r, p.err
}

// parser takes fields off a frame; after the first error it yields zeros.
type parser struct {
	rest []byte
	err  error
}

func (p *parser) byte() byte {
	if p.err != nil || len(p.rest) == 0 {
		p.fail("it is too short")
		return 0
	}
	b := p.rest[0]
	p.rest = p.rest[1:]
	return b
}

func (p *parser) number(bound uint64) uint64 {
	if p.err != nil {
		return 0
	}
	v, n := binary.Uvarint(p.rest)
	if n <= 0 || v > bound {
		p.fail(fmt.Sprintf("a number is missing or above %d", bound))
		return 0
	}
	p.rest = p.rest[n:]
	return v
}

func (p *parser) bytes(bound uint64) []byte {
	n := p.number(bound)
	if p.err != nil || n > uint64(len(p.rest)) {
		p.fail("it is too short")
		return nil
	}
	b := p.rest[:n]
	p.rest = p.rest[n:]
	return b
}

func (p *parser) fail(reason string) {
	if p.err == nil {
		p.err = fmt.Errorf("%w: %s", errMalformed, reason)
	}
}
