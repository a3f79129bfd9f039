package entry

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"sort"
)

// MemberID names a member for ever: "host:port" or any other name under which its peers find it.
// It is persisted when the member first starts and never recomputed.
type MemberID string

// ClusterID is drawn at random by the first leader and written in its first entry. The zero value
// means "not known yet".
type ClusterID [16]byte

// IsZero reports whether the id is not known yet.
func (id ClusterID) IsZero() bool { return id == ClusterID{} }

// String returns the id in hexadecimal.
func (id ClusterID) String() string { return fmt.Sprintf("%x", id[:]) }

// Incarnation is drawn at random when a member's directory is created. A wiped directory comes back
// with another one, so that its former votes and acks are never counted as the new one's.
type Incarnation uint64

// Member is one line of a configuration.
type Member struct {
	ID MemberID
	// Incarnation is the directory's, or 0 while the log has not recorded it.
	Incarnation Incarnation
	// Key is the member's public key as PKIX DER, empty while the log has not recorded it.
	Key []byte
	// Learner marks a member that receives the log but does not vote (thesis, section 4.2.1).
	Learner bool
	// Promote marks a learner that becomes a voter as soon as it has caught up. Invariant: only a
	// learner has it.
	Promote bool
	// Leaving marks a member that goes as soon as no learner waits to be promoted any more. Until
	// then a leaving voter votes, except in the incoming set of a joint configuration.
	Leaving bool
	// Outgoing marks a voter of the set that a joint configuration replaces (thesis, section 4.3).
	Outgoing bool
}

// Configuration is the set of members in force from some index on. It is the payload of a
// [KindConfiguration] entry and part of every snapshot. The marks of its members say what a change
// under way has still to do, so that any later leader can go on with it.
type Configuration struct {
	Cluster ClusterID
	// Members are sorted by ID and have distinct IDs.
	Members []Member
	// Removed are the ids that were members once and are none now, in the order of their removal,
	// the newest [RemovedMax] of them. Invariant: distinct, and none of Members.
	Removed []MemberID
	// Level is the newest level of formats and features that every member knows.
	Level uint32
	// Lease allows leaders to answer reads from a lease; every member grants votes accordingly.
	Lease bool
}

// Limits of a configuration; a decoder refuses more before it allocates.
const (
	MembersMax   = 64
	MemberIDMax  = 1024
	MemberKeyMax = 8192
	RemovedMax   = 64
)

const configurationVersion = 2

// Find returns the member named id.
func (c Configuration) Find(id MemberID) (Member, bool) {
	i := sort.Search(len(c.Members), func(i int) bool { return c.Members[i].ID >= id })
	if i < len(c.Members) && c.Members[i].ID == id {
		return c.Members[i], true
	}
	return Member{}, false
}

// Joint reports whether two sets of voters decide together (thesis, section 4.3).
func (c Configuration) Joint() bool {
	return slices.ContainsFunc(c.Members, func(m Member) bool { return m.Outgoing })
}

// Incoming returns the ids of the members that vote, sorted; in a joint configuration those that
// will vote when it ends.
func (c Configuration) Incoming() []MemberID {
	joint := c.Joint()
	return c.choose(func(m *Member) bool { return !m.Learner && !(joint && m.Leaving) })
}

// Outgoing returns the ids of the members that voted before a joint configuration, sorted, and nil
// when the configuration is not joint.
func (c Configuration) Outgoing() []MemberID {
	return c.choose(func(m *Member) bool { return m.Outgoing })
}

// Voters returns the ids of the members that vote, in either set, sorted.
func (c Configuration) Voters() []MemberID {
	joint := c.Joint()
	return c.choose(func(m *Member) bool { return m.Outgoing || !m.Learner && !(joint && m.Leaving) })
}

func (c Configuration) choose(wanted func(*Member) bool) []MemberID {
	var ids []MemberID
	for i := range c.Members {
		if wanted(&c.Members[i]) {
			ids = append(ids, c.Members[i].ID)
		}
	}
	return ids
}

// AppendConfiguration appends the encoded configuration to dst. c must be valid (see
// [Configuration.Validate]).
//
//	+---------+------------+---------------+-----------+-----------+-----------+-----------+-------------+
//	| version | cluster id | level uvarint | flags u8  | n uvarint | n members | r uvarint | r removed   |
//	| u8 = 2  | 16 bytes   |               | 1 = lease |           |           |           | ids         |
//	+---------+------------+---------------+-----------+-----------+-----------+-----------+-------------+
//
//	member:  | incarnation u64 LE | flags u8 | id uvarint+bytes | key uvarint+bytes |
//	         flags: 1 = learner, 2 = promote, 4 = leaving, 8 = outgoing
//	removed: | id uvarint+bytes |
//
// Version 1 had neither level, flags and removed ids, nor a member's flags but the first.
func AppendConfiguration(dst []byte, c Configuration) []byte {
	dst = append(dst, configurationVersion)
	dst = append(dst, c.Cluster[:]...)
	dst = binary.AppendUvarint(dst, uint64(c.Level))
	dst = append(dst, flagBits(c.Lease))
	dst = binary.AppendUvarint(dst, uint64(len(c.Members)))
	for i := range c.Members {
		m := &c.Members[i]
		dst = binary.LittleEndian.AppendUint64(dst, uint64(m.Incarnation))
		dst = append(dst, flagBits(m.Learner, m.Promote, m.Leaving, m.Outgoing))
		dst = appendID(dst, m.ID)
		dst = binary.AppendUvarint(dst, uint64(len(m.Key)))
		dst = append(dst, m.Key...)
	}
	dst = binary.AppendUvarint(dst, uint64(len(c.Removed)))
	for _, id := range c.Removed {
		dst = appendID(dst, id)
	}
	return dst
}

func appendID(dst []byte, id MemberID) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(id))), id...)
}

// flagBits packs flags into one byte, the first as its lowest bit.
func flagBits(all ...bool) byte {
	var b byte
	for i, f := range all {
		if f {
			b |= 1 << i
		}
	}
	return b
}

// Validate checks the invariants of a configuration: at most [MembersMax] members, ids of 1 to
// [MemberIDMax] bytes, sorted and distinct, keys of at most [MemberKeyMax] bytes, marks that fit
// each other, and at most [RemovedMax] removed ids, distinct and not those of members.
func (c Configuration) Validate() error {
	if len(c.Members) > MembersMax || len(c.Removed) > RemovedMax {
		return fmt.Errorf("entry: configuration of %d members and %d removed ones, at most %d and %d",
			len(c.Members), len(c.Removed), MembersMax, RemovedMax)
	}
	for i := range c.Members {
		m := &c.Members[i]
		if err := m.validate(); err != nil {
			return err
		}
		if i > 0 && m.ID <= c.Members[i-1].ID {
			return fmt.Errorf("entry: member %q follows %q, want sorted and distinct", m.ID, c.Members[i-1].ID)
		}
	}
	for i, id := range c.Removed {
		if err := id.validate(); err != nil {
			return err
		}
		if _, member := c.Find(id); member || slices.Contains(c.Removed[:i], id) {
			return fmt.Errorf("entry: member %q was removed and is here again", id)
		}
	}
	if c.Joint() && len(c.Incoming()) == 0 {
		return fmt.Errorf("entry: a joint configuration without incoming voters")
	}
	return nil
}

func (id MemberID) validate() error {
	if len(id) == 0 || len(id) > MemberIDMax {
		return fmt.Errorf("entry: member id of %d bytes, want 1 to %d", len(id), MemberIDMax)
	}
	return nil
}

func (m *Member) validate() error {
	switch {
	case len(m.Key) > MemberKeyMax:
		return fmt.Errorf("entry: key of member %q has %d bytes, at most %d", m.ID, len(m.Key), MemberKeyMax)
	case m.Promote && (!m.Learner || m.Leaving):
		return fmt.Errorf("entry: member %q is to be promoted, but is a voter or leaving", m.ID)
	}
	return m.ID.validate()
}

// DecodeConfiguration reads a configuration that fills b exactly. The result shares no memory with
// b. The error wraps [ErrCorrupt].
func DecodeConfiguration(b []byte) (Configuration, error) {
	d := decoder{rest: b}
	var c Configuration
	version := d.byte()
	if !d.failed && (version == 0 || version > configurationVersion) {
		return c, fmt.Errorf("%w: configuration version %d, this library reads 1 to %d",
			ErrCorrupt, version, configurationVersion)
	}
	d.configuration(version, &c)
	if d.failed || len(d.rest) != 0 {
		return Configuration{}, fmt.Errorf("%w: configuration of %d bytes does not decode", ErrCorrupt, len(b))
	}
	if err := c.Validate(); err != nil {
		return Configuration{}, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return c, nil
}

// decoder reads fields until one fails; then every further read returns zero.
type decoder struct {
	rest   []byte
	failed bool
}

func (d *decoder) take(n uint64) []byte {
	if d.failed || n > uint64(len(d.rest)) {
		d.failed = true
		return nil
	}
	out := d.rest[:n]
	d.rest = d.rest[n:]
	return out
}

func (d *decoder) byte() byte {
	if b := d.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (d *decoder) uvarint(limit uint64) uint64 {
	v, n := binary.Uvarint(d.rest)
	if d.failed || n <= 0 || v > limit {
		d.failed = true
		return 0
	}
	d.rest = d.rest[n:]
	return v
}

// configuration reads what follows the version.
func (d *decoder) configuration(version byte, c *Configuration) {
	copy(c.Cluster[:], d.take(16))
	known := 1
	if version > 1 {
		c.Level = uint32(d.uvarint(math.MaxUint32))
		d.flags(&c.Lease)
		known = 4
	}
	for range d.uvarint(MembersMax) {
		if d.failed {
			return
		}
		c.Members = append(c.Members, d.member(known))
	}
	if version == 1 {
		return
	}
	for range d.uvarint(RemovedMax) {
		c.Removed = append(c.Removed, MemberID(d.take(d.uvarint(MemberIDMax))))
	}
}

// flags reads the flags of one byte, the lowest first, and refuses others.
func (d *decoder) flags(all ...*bool) {
	b := d.byte()
	for i, f := range all {
		*f = b>>i&1 == 1
	}
	if b>>len(all) != 0 {
		d.failed = true
	}
}

// member reads a member whose first known flags may be set.
func (d *decoder) member(known int) Member {
	var m Member
	if b := d.take(8); b != nil {
		m.Incarnation = Incarnation(binary.LittleEndian.Uint64(b))
	}
	d.flags([]*bool{&m.Learner, &m.Promote, &m.Leaving, &m.Outgoing}[:known]...)
	m.ID = MemberID(d.take(d.uvarint(MemberIDMax)))
	m.Key = append([]byte(nil), d.take(d.uvarint(MemberKeyMax))...)
	return m
}
