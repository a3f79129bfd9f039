package conn

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"v.io/v23/security"
	"v.io/v23/vom"
)

// The kinds of handshake frames.
const (
	kindHello   = 'h'
	kindAuth    = 'a'
	kindVerdict = 'v'
)

// magic opens every hello.
const magic = "v.io/rpc"

// Versions of the protocol this package speaks. The common version is the
// smaller of the two maxima, if it is not below either minimum.
const (
	minVersion = 1
	maxVersion = 1
)

// Version is the version that connections of this package speak.
const Version = maxVersion

// flagDialerFirst in the acceptor's hello asks the dialer to authenticate first.
const flagDialerFirst = 1

// The tags say whose signature it is; the trailing zero keeps one from being a prefix
// of another.
const (
	tagDialer   = "v.io/rpc dialer 1\x00"
	tagAcceptor = "v.io/rpc acceptor 1\x00"
)

// signPurpose is the purpose with which a principal signs on its own behalf; a
// signature made for another purpose, such as blessing, is not accepted here.
const signPurpose = "S1"

// Errors of the handshake, to be told apart with errors.Is.
var (
	// ErrUntrusted marks an error of the dialer's own decision about the acceptor.
	ErrUntrusted = errors.New("the server is not trusted")
	// ErrNotAuthenticated marks a peer whose blessings or whose proof of their
	// key do not hold.
	ErrNotAuthenticated = errors.New("the peer is not authenticated")
	// ErrRefused marks a refusal that the peer sent, with its reason.
	ErrRefused = errors.New("refused by the peer")
	// ErrProtocol marks a peer that does not follow the protocol.
	ErrProtocol = errors.New("protocol violation")
)

// channel is a TLS session during the handshake.
type channel struct {
	conn *tls.Conn
	// material is the keying material of the session.
	material []byte
}

func newChannel(c *tls.Conn) (*channel, error) {
	material, err := keyingMaterial(c)
	if err != nil {
		return nil, err
	}
	return &channel{conn: c, material: material}, nil
}

// hello is the first message of each side:
//
//	0        8      9      10      11
//	+--------+------+------+-------+
//	| magic  | min  | max  | flags |
//	+--------+------+------+-------+
//
// Later versions may append fields; what follows is ignored.
type hello struct {
	min, max, flags byte
}

const helloSize = len(magic) + 3

func (ch *channel) sendHello(h hello) error {
	payload := append([]byte(magic), h.min, h.max, h.flags)
	return writeFrame(ch.conn, kindHello, payload)
}

func (ch *channel) readHello() (hello, error) {
	payload, err := ch.expect(kindHello)
	if err != nil {
		return hello{}, err
	}
	if len(payload) < helloSize || string(payload[:len(magic)]) != magic {
		return hello{}, fmt.Errorf("%w: the hello does not start with %q", ErrProtocol, magic)
	}
	rest := payload[len(magic):]
	return hello{min: rest[0], max: rest[1], flags: rest[2]}, nil
}

// commonVersion is the version to speak with a peer that sent h.
func commonVersion(h hello) (byte, error) {
	version := min(maxVersion, h.max)
	if version < minVersion || version < h.min {
		return 0, fmt.Errorf("%w: no common version: this side speaks %d to %d, the peer %d to %d",
			ErrProtocol, minVersion, maxVersion, h.min, h.max)
	}
	return version, nil
}

// expect reads a frame of the given kind; a refusal in its place becomes ErrRefused.
func (ch *channel) expect(kind byte) ([]byte, error) {
	got, n, err := readHeader(ch.conn, MaxHandshakeFrame)
	if err != nil {
		return nil, err
	}
	payload, err := readPayload(ch.conn, n, nil)
	if err != nil {
		return nil, err
	}
	if got == kindVerdict && kind != kindVerdict {
		if err := parseVerdict(payload); err != nil {
			return nil, err
		}
	}
	if got != kind {
		return nil, fmt.Errorf("%w: handshake frame of kind %q instead of %q", ErrProtocol, got, kind)
	}
	return payload, nil
}

// The verdict's payload is empty for an admission, and otherwise the reason, UTF-8,
// of at least one and at most maxReason bytes.

func (ch *channel) sendVerdict(refusal error) error {
	if refusal == nil {
		return writeFrame(ch.conn, kindVerdict, nil)
	}
	reason := refusal.Error()
	return writeFrame(ch.conn, kindVerdict, []byte(reason[:min(len(reason), maxReason)]))
}

func parseVerdict(payload []byte) error {
	if len(payload) == 0 {
		return nil
	}
	reason := strings.ToValidUTF8(string(payload[:min(len(payload), maxReason)]), "?")
	return fmt.Errorf("%w: %s", ErrRefused, reason)
}

func (ch *channel) readVerdict() error {
	payload, err := ch.expect(kindVerdict)
	if err != nil {
		return err
	}
	return parseVerdict(payload)
}

// The auth message carries the sender's blessings and the proof of their key:
//
//	0        4               4+n
//	+--------+---------------+----------------+
//	| n, BE  | blessings     | signature      |
//	+--------+---------------+----------------+
//
// Blessings (n bytes) and signature are VOM. The signature covers the role's
// tag followed by the session's keying material.

func (ch *channel) sendAuth(tag string, p security.Principal, b security.Blessings) error {
	payload, err := ch.makeAuth(tag, p, b)
	if err != nil {
		return err
	}
	return writeFrame(ch.conn, kindAuth, payload)
}

func (ch *channel) makeAuth(tag string, p security.Principal, b security.Blessings) ([]byte, error) {
	blessings, err := vom.Encode(b)
	if err != nil {
		return nil, fmt.Errorf("encoding the blessings to present: %w", err)
	}
	signed, err := p.Sign(ch.toSign(tag))
	if err != nil {
		return nil, fmt.Errorf("signing the channel: %w", err)
	}
	signature, err := vom.Encode(signed)
	if err != nil {
		return nil, fmt.Errorf("encoding the channel's signature: %w", err)
	}
	payload := binary.BigEndian.AppendUint32(nil, uint32(len(blessings)))
	payload = append(append(payload, blessings...), signature...)
	if len(payload) > MaxHandshakeFrame {
		return nil, fmt.Errorf("%w: the blessings to present take %d bytes, %d are allowed",
			ErrTooLarge, len(payload), MaxHandshakeFrame)
	}
	return payload, nil
}

func (ch *channel) toSign(tag string) []byte {
	return append([]byte(tag), ch.material...)
}

// readAuth reads the peer's auth message and returns its blessings, once their
// chains are intact and the peer has proved their key.
func (ch *channel) readAuth(tag string) (security.Blessings, error) {
	payload, err := ch.expect(kindAuth)
	if err != nil {
		return security.Blessings{}, err
	}
	if len(payload) < 4 {
		return security.Blessings{}, fmt.Errorf("%w: auth message of %d bytes", ErrProtocol, len(payload))
	}
	n, rest := binary.BigEndian.Uint32(payload), payload[4:]
	if int64(n) > int64(len(rest)) {
		return security.Blessings{}, fmt.Errorf("%w: auth message with %d bytes of blessings in %d",
			ErrProtocol, n, len(rest))
	}
	return ch.checkAuth(tag, rest[:n], rest[n:])
}

func (ch *channel) checkAuth(tag string, blessingsVOM, signatureVOM []byte) (security.Blessings, error) {
	var none, blessings security.Blessings
	if err := vom.Decode(blessingsVOM, &blessings); err != nil {
		return none, fmt.Errorf("%w: its blessings do not hold: %w", ErrNotAuthenticated, err)
	}
	var signature security.Signature
	if err := vom.Decode(signatureVOM, &signature); err != nil {
		return none, fmt.Errorf("%w: signature: %w", ErrProtocol, err)
	}
	if blessings.IsZero() || blessings.PublicKey() == nil {
		return none, fmt.Errorf("%w: the peer presented no blessings and so no key", ErrProtocol)
	}
	ours := bytes.Equal(signature.Purpose, []byte(signPurpose))
	if !ours || !signature.Verify(blessings.PublicKey(), ch.toSign(tag)) {
		return none, fmt.Errorf("%w: presenting %v, it did not prove that it has their key on this channel",
			ErrNotAuthenticated, blessings)
	}
	return blessings, nil
}

// dialerSide holds the dialer's part in the handshake.
type dialerSide struct {
	principal security.Principal
	// trust decides about the acceptor.
	trust func(remote security.Blessings) error
	// present chooses what to show the acceptor.
	present func(remote security.Blessings) (security.Blessings, error)
	// blind is set when the acceptor was not known yet when that was chosen.
	blind bool
	// rtt is how long the acceptor took to answer the hello.
	rtt time.Duration
}

// run performs the dialer's handshake.
func (d *dialerSide) run(ch *channel) (local, remote security.Blessings, err error) {
	start := time.Now()
	if err := ch.sendHello(hello{min: minVersion, max: maxVersion}); err != nil {
		return local, remote, err
	}
	h, err := ch.readHello()
	d.rtt = time.Since(start)
	if err != nil {
		return local, remote, err
	}
	if _, err := commonVersion(h); err != nil {
		return local, remote, err
	}
	if h.flags&flagDialerFirst != 0 {
		return d.runFirst(ch)
	}
	if remote, err = d.meet(ch); err != nil {
		return local, remote, err
	}
	if local, err = d.introduce(ch, remote); err != nil {
		return local, remote, err
	}
	return local, remote, ch.readVerdict()
}

// runFirst is run for an acceptor that wants to know the dialer before it shows
// itself.
func (d *dialerSide) runFirst(ch *channel) (local, remote security.Blessings, err error) {
	d.blind = true
	if local, err = d.introduce(ch, security.Blessings{}); err != nil {
		return local, remote, err
	}
	if err := ch.readVerdict(); err != nil {
		return local, remote, err
	}
	remote, err = d.meet(ch)
	return local, remote, err
}

// introduce shows the dialer's blessings to the acceptor.
func (d *dialerSide) introduce(ch *channel, remote security.Blessings) (security.Blessings, error) {
	local, err := d.present(remote)
	if err != nil {
		return local, err
	}
	return local, ch.sendAuth(tagDialer, d.principal, local)
}

// meet reads the acceptor's blessings and decides about them. A refusal is told
// to the acceptor, whose log then has both sides' view.
func (d *dialerSide) meet(ch *channel) (security.Blessings, error) {
	remote, err := ch.readAuth(tagAcceptor)
	if errors.Is(err, ErrNotAuthenticated) {
		return remote, errors.Join(err, ch.sendVerdict(err))
	}
	if err != nil {
		return remote, err
	}
	if err := d.trust(remote); err != nil {
		untrusted := fmt.Errorf("%w: %w", ErrUntrusted, err)
		return remote, errors.Join(untrusted, ch.sendVerdict(err))
	}
	return remote, nil
}

// acceptorSide holds the acceptor's part in the handshake.
type acceptorSide struct {
	principal security.Principal
	// blessings are presented to the dialer.
	blessings security.Blessings
	// admit decides about the dialer.
	admit func(remote security.Blessings) error
	// dialerFirst makes the acceptor show its blessings only to a dialer
	// it admitted.
	dialerFirst bool
}

// run performs the acceptor's handshake.
func (a *acceptorSide) run(ch *channel) (security.Blessings, error) {
	own := hello{min: minVersion, max: maxVersion}
	if a.dialerFirst {
		own.flags |= flagDialerFirst
	}
	if err := ch.sendHello(own); err != nil {
		return security.Blessings{}, err
	}
	if !a.dialerFirst {
		if err := ch.sendAuth(tagAcceptor, a.principal, a.blessings); err != nil {
			return security.Blessings{}, err
		}
	}
	h, err := ch.readHello()
	if err != nil {
		return security.Blessings{}, err
	}
	remote, err := a.meet(ch, h)
	if err != nil {
		return remote, err
	}
	if a.dialerFirst {
		err = ch.sendAuth(tagAcceptor, a.principal, a.blessings)
	}
	return remote, err
}

// meet learns who the dialer is and tells it the verdict.
func (a *acceptorSide) meet(ch *channel, h hello) (security.Blessings, error) {
	if _, err := commonVersion(h); err != nil {
		return security.Blessings{}, errors.Join(err, ch.sendVerdict(err))
	}
	remote, err := ch.readAuth(tagDialer)
	if err == nil {
		err = a.admit(remote)
	}
	if errors.Is(err, ErrRefused) {
		return remote, err
	}
	if sendErr := ch.sendVerdict(err); sendErr != nil {
		return remote, errors.Join(err, sendErr)
	}
	return remote, err
}
