package storage

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"

	"v.io/x/ref/lib/raft/entry"
)

const (
	identityFile  = "identity"
	formatVersion = 1
	// identityMax bounds the identity file in bytes: MembersMax names of MemberIDMax bytes, each
	// of which JSON may write six times as long.
	identityMax = 1 << 20
	// fingerprintMax bounds the fingerprint of an initial set in bytes.
	fingerprintMax = 64
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Identity says whose directory it is.
type Identity struct {
	// Member is the member's name, "" until SetMember.
	Member entry.MemberID
	// Incarnation was drawn when the directory was created. Invariant: not 0, never changed.
	Incarnation entry.Incarnation
	// Cluster is the cluster's id, zero until SetCluster.
	Cluster entry.ClusterID
	// Initial is the initial set that the member was started with, sorted; empty for a member that
	// joined, and until SetInitial.
	Initial []entry.MemberID
	// Fingerprint is the initial set's, empty when Initial is.
	Fingerprint []byte
	// Started is set once the directory has a log.
	Started bool
}

// identityText is the JSON form.
type identityText struct {
	Member      string   `json:"member"`
	Incarnation string   `json:"incarnation"`
	Cluster     string   `json:"cluster,omitempty"`
	Initial     []string `json:"initial,omitempty"`
	Fingerprint string   `json:"fingerprint,omitempty"`
	Started     bool     `json:"started"`
}

// encode returns the content of the identity file. Names are kept as hexadecimal when JSON could
// not hold them byte for byte.
func (id Identity) encode() ([]byte, error) {
	text := identityText{
		Member: nameText(id.Member), Incarnation: fmt.Sprintf("%016x", uint64(id.Incarnation)),
		Fingerprint: hex.EncodeToString(id.Fingerprint), Started: id.Started,
	}
	if !id.Cluster.IsZero() {
		text.Cluster = id.Cluster.String()
	}
	for _, m := range id.Initial {
		text.Initial = append(text.Initial, nameText(m))
	}
	body, err := json.MarshalIndent(text, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("storage: encode identity: %w", err)
	}
	body = append(body, '\n')
	first := fmt.Sprintf("raft-directory %d crc32c=%08x\n", formatVersion, crc32.Checksum(body, castagnoli))
	return append([]byte(first), body...), nil
}

// hexMark begins a name that is written in hexadecimal.
const hexMark = "hex:"

func nameText(m entry.MemberID) string {
	plain := len(m) < len(hexMark) || m[:len(hexMark)] != hexMark
	for i := 0; plain && i < len(m); i++ {
		plain = m[i] >= ' ' && m[i] <= '~'
	}
	if plain {
		return string(m)
	}
	return hexMark + hex.EncodeToString([]byte(m))
}

func parseNameText(s string) (entry.MemberID, error) {
	if digits, ok := bytes.CutPrefix([]byte(s), []byte(hexMark)); ok {
		name, err := hex.DecodeString(string(digits))
		return entry.MemberID(name), err
	}
	return entry.MemberID(s), nil
}

// decodeIdentity reads the content of an identity file. The error says what is wrong with it.
func decodeIdentity(b []byte) (Identity, error) {
	line, body, ok := bytes.Cut(b, []byte("\n"))
	var version int
	var checksum uint32
	if n, err := fmt.Sscanf(string(line), "raft-directory %d crc32c=%08x", &version, &checksum); !ok || n < 1 {
		return Identity{}, fmt.Errorf("its first line is not that of a raft directory (%w)", errors.Join(err, errFirstLine))
	}
	if version != formatVersion {
		return Identity{}, fmt.Errorf("it was written in format version %d, this library reads version %d",
			version, formatVersion)
	}
	if got := crc32.Checksum(body, castagnoli); got != checksum {
		return Identity{}, fmt.Errorf("its checksum is %08x, computed %08x", checksum, got)
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	var text identityText
	if err := decoder.Decode(&text); err != nil {
		return Identity{}, err
	}
	if _, err := decoder.Token(); err != io.EOF {
		return Identity{}, errors.New("something follows the object")
	}
	return text.parse()
}

var errFirstLine = errors.New(`want "raft-directory", a version and a checksum`)

// parse reads the fields of the JSON form.
func (t identityText) parse() (id Identity, err error) {
	id.Started = t.Started
	if id.Member, err = parseNameText(t.Member); err != nil {
		return Identity{}, fmt.Errorf("member: %w", err)
	}
	var incarnation [8]byte
	if err := decodeHex(incarnation[:], t.Incarnation); err != nil {
		return Identity{}, fmt.Errorf("incarnation: %w", err)
	}
	for _, b := range incarnation {
		id.Incarnation = id.Incarnation<<8 | entry.Incarnation(b)
	}
	if t.Cluster != "" {
		if err := decodeHex(id.Cluster[:], t.Cluster); err != nil {
			return Identity{}, fmt.Errorf("cluster: %w", err)
		}
	}
	for _, s := range t.Initial {
		m, err := parseNameText(s)
		if err != nil {
			return Identity{}, fmt.Errorf("initial: %w", err)
		}
		id.Initial = append(id.Initial, m)
	}
	if t.Fingerprint != "" {
		if id.Fingerprint, err = hex.DecodeString(t.Fingerprint); err != nil {
			return Identity{}, fmt.Errorf("fingerprint: %w", err)
		}
	}
	return id, id.validate()
}

// decodeHex reads exactly len(dst) bytes.
func decodeHex(dst []byte, s string) error {
	b, err := hex.DecodeString(s)
	if err != nil {
		return err
	}
	if len(b) != len(dst) {
		return fmt.Errorf("%d bytes, want %d", len(b), len(dst))
	}
	copy(dst, b)
	return nil
}

// validate checks bounds.
func (id Identity) validate() error {
	switch {
	case id.Incarnation == 0:
		return errors.New("the incarnation is 0")
	case len(id.Member) > entry.MemberIDMax:
		return fmt.Errorf("member name of %d bytes, at most %d", len(id.Member), entry.MemberIDMax)
	case len(id.Initial) > entry.MembersMax:
		return fmt.Errorf("initial set of %d members, at most %d", len(id.Initial), entry.MembersMax)
	case len(id.Fingerprint) > fingerprintMax:
		return fmt.Errorf("fingerprint of %d bytes, at most %d", len(id.Fingerprint), fingerprintMax)
	case !slices.IsSorted(id.Initial):
		return errors.New("the initial set is not sorted")
	}
	for _, m := range id.Initial {
		if len(m) == 0 || len(m) > entry.MemberIDMax {
			return fmt.Errorf("initial member name of %d bytes, want 1 to %d", len(m), entry.MemberIDMax)
		}
	}
	return nil
}

// clone returns a copy that shares nothing.
func (id Identity) clone() Identity {
	id.Initial = slices.Clone(id.Initial)
	id.Fingerprint = slices.Clone(id.Fingerprint)
	return id
}
