package entry

import (
	"encoding/binary"
	"fmt"
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
}

// Configuration is the set of members in force from some index on. It is the payload of a
// [KindConfiguration] entry and part of every snapshot.
type Configuration struct {
	Cluster ClusterID
	// Members are sorted by ID and have distinct IDs.
	Members []Member
}

// Limits of a configuration; a decoder refuses more before it allocates.
const (
	MembersMax   = 64
	MemberIDMax  = 1024
	MemberKeyMax = 8192
)

const configurationVersion = 1

// Find returns the member named id.
func (c Configuration) Find(id MemberID) (Member, bool) {
	i := sort.Search(len(c.Members), func(i int) bool { return c.Members[i].ID >= id })
	if i < len(c.Members) && c.Members[i].ID == id {
		return c.Members[i], true
	}
	return Member{}, false
}

// Voters returns the ids of the members that vote, sorted.
func (c Configuration) Voters() []MemberID {
	var ids []MemberID
	for _, m := range c.Members {
		if !m.Learner {
			ids = append(ids, m.ID)
		}
	}
	return ids
}

// AppendConfiguration appends the encoded configuration to dst. c must be valid (see
// [Configuration.Validate]).
//
//	+---------+------------+-----------+----------------------------------------------+
//	| version | cluster id | n uvarint | n x member:                                  |
//	| u8 = 1  | 16 bytes   |           | incarnation u64 LE | flags u8 (1 = learner)  |
//	|         |            |           | id uvarint+bytes   | key uvarint+bytes       |
//	+---------+------------+-----------+----------------------------------------------+
func AppendConfiguration(dst []byte, c Configuration) []byte {
	dst = append(dst, configurationVersion)
	dst = append(dst, c.Cluster[:]...)
	dst = binary.AppendUvarint(dst, uint64(len(c.Members)))
	for _, m := range c.Members {
		dst = binary.LittleEndian.AppendUint64(dst, uint64(m.Incarnation))
		var flags byte
		if m.Learner {
			flags = 1
		}
		dst = append(dst, flags)
		dst = binary.AppendUvarint(dst, uint64(len(m.ID)))
		dst = append(dst, m.ID...)
		dst = binary.AppendUvarint(dst, uint64(len(m.Key)))
		dst = append(dst, m.Key...)
	}
	return dst
}

// Validate checks the invariants of a configuration: at most [MembersMax] members, ids of 1 to
// [MemberIDMax] bytes, sorted and distinct, keys of at most [MemberKeyMax] bytes.
func (c Configuration) Validate() error {
	if len(c.Members) > MembersMax {
		return fmt.Errorf("entry: configuration of %d members, at most %d", len(c.Members), MembersMax)
	}
	for i, m := range c.Members {
		switch {
		case len(m.ID) == 0 || len(m.ID) > MemberIDMax:
			return fmt.Errorf("entry: member id of %d bytes, want 1 to %d", len(m.ID), MemberIDMax)
		case len(m.Key) > MemberKeyMax:
			return fmt.Errorf("entry: key of member %q has %d bytes, at most %d", m.ID, len(m.Key), MemberKeyMax)
		case i > 0 && m.ID <= c.Members[i-1].ID:
			return fmt.Errorf("entry: member %q follows %q, want sorted and distinct", m.ID, c.Members[i-1].ID)
		}
	}
	return nil
}

// DecodeConfiguration reads a configuration that fills b exactly. The result shares no memory with
// b. The error wraps [ErrCorrupt].
func DecodeConfiguration(b []byte) (Configuration, error) {
	d := decoder{rest: b}
	var c Configuration
	if v := d.byte(); !d.failed && v != configurationVersion {
		return c, fmt.Errorf("%w: configuration version %d, this library reads %d", ErrCorrupt, v, configurationVersion)
	}
	copy(c.Cluster[:], d.take(16))
	n := d.uvarint(MembersMax)
	for i := uint64(0); i < n && !d.failed; i++ {
		c.Members = append(c.Members, d.member())
	}
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

func (d *decoder) member() Member {
	var m Member
	if b := d.take(8); b != nil {
		m.Incarnation = Incarnation(binary.LittleEndian.Uint64(b))
	}
	flags := d.byte()
	if flags > 1 {
		d.failed = true
	}
	m.Learner = flags == 1
	m.ID = MemberID(d.take(d.uvarint(MemberIDMax)))
	m.Key = append([]byte(nil), d.take(d.uvarint(MemberKeyMax))...)
	return m
}
