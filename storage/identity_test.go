package storage

import (
	"reflect"
	"strings"
	"testing"

	"v.io/x/ref/lib/raft/entry"
)

func testIdentity() Identity {
	return Identity{
		Member: "host:1", Incarnation: 0xfedcba9876543210, Cluster: entry.ClusterID{1, 2},
		Initial: []entry.MemberID{"a", "b\xff", "hex:"}, Fingerprint: []byte{9, 8}, Started: true,
	}
}

// TestIdentityGolden: the file as the first version wrote it.
func TestIdentityGolden(t *testing.T) {
	const want = `raft-directory 1 crc32c=922662d1
{
  "member": "host:1",
  "incarnation": "fedcba9876543210",
  "cluster": "01020000000000000000000000000000",
  "initial": [
    "a",
    "hex:62ff",
    "hex:6865783a"
  ],
  "fingerprint": "0908",
  "started": true
}
`
	got, err := testIdentity().encode()
	if err != nil || string(got) != want {
		t.Errorf("%v\n%s", err, got)
	}
	back, err := decodeIdentity([]byte(want))
	if err != nil || !reflect.DeepEqual(back, testIdentity()) {
		t.Errorf("decoded %+v, %v", back, err)
	}
}

// TestRenewedIdentityGolden: the file of a directory that began anew.
func TestRenewedIdentityGolden(t *testing.T) {
	const want = `raft-directory 1 crc32c=7439c611
{
  "member": "host:1",
  "incarnation": "0000000000000002",
  "former": "fedcba9876543210",
  "moving": true,
  "started": false
}
`
	id := Identity{Member: "host:1", Incarnation: 2, Former: 0xfedcba9876543210, Moving: true}
	got, err := id.encode()
	if err != nil || string(got) != want {
		t.Errorf("%v\n%s", err, got)
	}
	back, err := decodeIdentity([]byte(want))
	if err != nil || !reflect.DeepEqual(back, id) {
		t.Errorf("decoded %+v, %v", back, err)
	}
}

// TestIdentityBounds: what does not fit is an error before it is written.
func TestIdentityBounds(t *testing.T) {
	for name, spoil := range map[string]func(*Identity){
		"no incarnation":    func(id *Identity) { id.Incarnation = 0 },
		"its own former":    func(id *Identity) { id.Former = id.Incarnation },
		"moving nothing":    func(id *Identity) { id.Moving, id.Started = true, false },
		"moving, started":   func(id *Identity) { id.Moving, id.Former = true, 1 },
		"long name":         func(id *Identity) { id.Member = entry.MemberID(strings.Repeat("x", entry.MemberIDMax+1)) },
		"many members":      func(id *Identity) { id.Initial = make([]entry.MemberID, entry.MembersMax+1) },
		"empty name":        func(id *Identity) { id.Initial = []entry.MemberID{""} },
		"not sorted":        func(id *Identity) { id.Initial = []entry.MemberID{"b", "a"} },
		"large fingerprint": func(id *Identity) { id.Fingerprint = make([]byte, fingerprintMax+1) },
	} {
		id := testIdentity()
		spoil(&id)
		if id.validate() == nil {
			t.Errorf("%s: valid", name)
		}
	}
}

// FuzzIdentity: no bytes panic, and what decodes encodes to an equal identity.
func FuzzIdentity(f *testing.F) {
	b, err := testIdentity().encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	renewed := Identity{Member: "host:1", Incarnation: 2, Former: 1, Moving: true}
	if b, err = renewed.encode(); err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte("raft-directory 1 crc32c=00000000\n"))
	f.Add([]byte("raft-directory 2"))
	f.Fuzz(func(t *testing.T, b []byte) {
		id, err := decodeIdentity(b)
		if err != nil {
			return
		}
		again, err := id.encode()
		if err != nil {
			t.Fatal(err)
		}
		if back, err := decodeIdentity(again); err != nil || !back.equal(id) {
			t.Errorf("%q decodes as %+v, then as %+v (%v)", b, id, back, err)
		}
	})
}
