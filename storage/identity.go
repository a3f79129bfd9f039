package storage

import (
	"bytes"
	"encoding/binary"
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
	// Incarnation was drawn when the directory was created, or when its newest vote was lost. Invariant: not 0,
	// and in front of no files but those that were written under it (Moving says which are not).
	Incarnation entry.Incarnation
	// Former is the incarnation whose newest vote was lost, and whose files were set aside; 0 in a directory
	// that has lost none. What it voted and acknowledged is not known here. Invariant: a directory with one
	// belongs to a cluster that exists, and never founds one.
	Former entry.Incarnation
	// Moving is set from the moment at which Incarnation took the place of Former until the last of Former's
	// files is set aside. Invariant: the log and the images are Former's then, and are never opened.
	Moving bool
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
	Former      string   `json:"former,omitempty"`
	Moving      bool     `json:"moving,omitempty"`
	Cluster     string   `json:"cluster,omitempty"`
	Initial     []string `json:"initial,omitempty"`
	Fingerprint string   `json:"fingerprint,omitempty"`
	Started     bool     `json:"started"`
}

// encode returns the content of the identity file. Names are kept as hexadecimal when JSON could
// not hold them byte for byte.
func (id Identity) encode() ([]byte, error) {
	text := identityText{
		Member: nameText(id.Member), Incarnation: incarnationText(id.Incarnation), Moving: id.Moving,
		Fingerprint: hex.EncodeToString(id.Fingerprint), Started: id.Started,
	}
	if id.Former != 0 {
		text.Former = incarnationText(id.Former)
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

func incarnationText(i entry.Incarnation) string { return fmt.Sprintf("%016x", uint64(i)) }

func parseIncarnationText(s string) (i entry.Incarnation, err error) {
	var b [8]byte
	if err := decodeHex(b[:], s); err != nil {
		return 0, err
	}
	return entry.Incarnation(binary.BigEndian.Uint64(b[:])), nil
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
	id.Started, id.Moving = t.Started, t.Moving
	if id.Member, err = parseNameText(t.Member); err != nil {
		return Identity{}, fmt.Errorf("member: %w", err)
	}
	if id.Incarnation, err = parseIncarnationText(t.Incarnation); err != nil {
		return Identity{}, fmt.Errorf("incarnation: %w", err)
	}
	if t.Former != "" {
		if id.Former, err = parseIncarnationText(t.Former); err != nil {
			return Identity{}, fmt.Errorf("former: %w", err)
		}
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
	case id.Former == id.Incarnation:
		return fmt.Errorf("the incarnation %s is the former one, too", incarnationText(id.Former))
	case id.Moving && (id.Former == 0 || id.Started):
		return errors.New("files are to be set aside, but nothing was lost, or the log begun anew already")
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
