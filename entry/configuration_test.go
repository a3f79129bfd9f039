package entry_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"v.io/x/ref/lib/raft/entry"
)

// full is a configuration with something in every field.
func full() entry.Configuration {
	return entry.Configuration{
		Cluster: entry.ClusterID{0xc1, 15: 0x1d}, Level: 300, Lease: true,
		Members: []entry.Member{
			{ID: "a", Incarnation: 0x0102030405060708, Key: []byte{0xaa, 0xbb}},
			{ID: "b", Learner: true, Promote: true},
			{ID: "c", Leaving: true, Outgoing: true},
			{ID: "d", Learner: true, Outgoing: true},
		},
		Removed: []entry.MemberID{"z", "x"},
	}
}

// The bytes on disk and on the wire, written out. They may never change: there are directories that
// hold them.
func TestConfigurationGolden(t *testing.T) {
	want := strings.Join([]string{
		"02", "c100000000000000000000000000001d", "ac02", "01", "04",
		"0807060504030201", "00", "0161", "02aabb",
		"0000000000000000", "03", "0162", "00",
		"0000000000000000", "0c", "0163", "00",
		"0000000000000000", "09", "0164", "00",
		"02", "017a", "0178",
	}, "")
	if got := hex.EncodeToString(entry.AppendConfiguration(nil, full())); got != want {
		t.Errorf("encoded\n%s, want\n%s", got, want)
	}
	raw, err := hex.DecodeString(want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := entry.DecodeConfiguration(raw)
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(got) != fmt.Sprint(full()) {
		t.Errorf("decoded %+v, want %+v", got, full())
	}
}

// A configuration that version 1 wrote is still read.
func TestConfigurationVersion1(t *testing.T) {
	raw, err := hex.DecodeString("01" + "c100000000000000000000000000001d" + "02" +
		"0807060504030201" + "00" + "0161" + "02aabb" + "0000000000000000" + "01" + "0162" + "00")
	if err != nil {
		t.Fatal(err)
	}
	got, err := entry.DecodeConfiguration(raw)
	want := entry.Configuration{Cluster: full().Cluster, Members: []entry.Member{
		{ID: "a", Incarnation: 0x0102030405060708, Key: []byte{0xaa, 0xbb}}, {ID: "b", Learner: true}}}
	if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("decoded %+v (%v), want %+v", got, err, want)
	}
	raw[len(raw)-4] = 3 // version 1 had one flag
	if _, err := entry.DecodeConfiguration(raw); !errors.Is(err, entry.ErrCorrupt) {
		t.Errorf("version 1 with a flag of version 2: %v", err)
	}
}

// Damage anywhere is an error or another valid configuration, never a panic.
func TestConfigurationRefused(t *testing.T) {
	encoded := entry.AppendConfiguration(nil, full())
	for n := range encoded {
		if _, err := entry.DecodeConfiguration(encoded[:n]); !errors.Is(err, entry.ErrCorrupt) {
			t.Errorf("cut to %d bytes: %v", n, err)
		}
	}
	for name, change := range map[string]func([]byte) []byte{
		"version 0":           func(b []byte) []byte { b[0] = 0; return b },
		"version 3":           func(b []byte) []byte { b[0] = 3; return b },
		"unknown flag":        func(b []byte) []byte { b[19] = 2; return b },
		"unknown member flag": func(b []byte) []byte { b[29] = 16; return b },
		"65 members":          func(b []byte) []byte { b[20] = 65; return b },
		"trailing byte":       func(b []byte) []byte { return append(b, 0) },
	} {
		b := change(append([]byte(nil), encoded...))
		if _, err := entry.DecodeConfiguration(b); !errors.Is(err, entry.ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := entry.DecodeConfiguration([]byte{9}); err == nil || !strings.Contains(err.Error(), "version 9") {
		t.Errorf("an unknown version is refused with %v, which does not name it", err)
	}
}

// The two sets of a configuration, joint or not (thesis, section 4.3).
func TestConfigurationSets(t *testing.T) {
	member := func(text string) entry.Member {
		return entry.Member{
			ID: entry.MemberID(text[:1]), Learner: strings.Contains(text, "l"), Promote: strings.Contains(text, "p"),
			Leaving: strings.Contains(text, "x"), Outgoing: strings.Contains(text, "o"),
		}
	}
	for _, row := range []struct {
		members  []string
		incoming string
		outgoing string
		voters   string
	}{
		{[]string{"A", "B"}, "[A B]", "[]", "[A B]"},
		{[]string{"A", "B l", "C lp"}, "[A]", "[]", "[A]"},
		{[]string{"A", "B x", "C lp"}, "[A B]", "[]", "[A B]"}, // a leaving voter votes until it goes
		{[]string{"A o", "B xo", "C"}, "[A C]", "[A B]", "[A B C]"},
		{[]string{"A o", "B lo", "C"}, "[A C]", "[A B]", "[A B C]"}, // demoted
		{[]string{"A o", "B xo", "C l"}, "[A]", "[A B]", "[A B]"},
	} {
		var c entry.Configuration
		for _, text := range row.members {
			c.Members = append(c.Members, member(text))
		}
		if err := c.Validate(); err != nil {
			t.Errorf("%v: %v", row.members, err)
		}
		got := [3]string{fmt.Sprint(c.Incoming()), fmt.Sprint(c.Outgoing()), fmt.Sprint(c.Voters())}
		if want := [3]string{row.incoming, row.outgoing, row.voters}; got != want {
			t.Errorf("%v: incoming, outgoing, voters %v, want %v", row.members, got, want)
		}
		if c.Joint() != (row.outgoing != "[]") {
			t.Errorf("%v: joint %v", row.members, c.Joint())
		}
	}
}

// Marks and removed ids that contradict each other.
func TestConfigurationContradictions(t *testing.T) {
	removed := make([]entry.MemberID, entry.RemovedMax+1)
	for i := range removed {
		removed[i] = entry.MemberID(fmt.Sprintf("r%d", i))
	}
	for name, c := range map[string]entry.Configuration{
		"voter to promote":        {Members: []entry.Member{{ID: "a", Promote: true}}},
		"promoted and leaving":    {Members: []entry.Member{{ID: "a", Learner: true, Promote: true, Leaving: true}}},
		"removed and member":      {Members: []entry.Member{{ID: "a"}}, Removed: []entry.MemberID{"a"}},
		"removed twice":           {Removed: []entry.MemberID{"a", "b", "a"}},
		"removed without id":      {Removed: []entry.MemberID{""}},
		"too many removed":        {Removed: removed},
		"joint and nobody stays":  {Members: []entry.Member{{ID: "a", Leaving: true, Outgoing: true}}},
		"joint and only learners": {Members: []entry.Member{{ID: "a", Learner: true, Outgoing: true}}},
	} {
		if c.Validate() == nil {
			t.Errorf("%s is valid", name)
		}
		if _, err := entry.DecodeConfiguration(entry.AppendConfiguration(nil, c)); !errors.Is(err, entry.ErrCorrupt) {
			t.Errorf("%s decodes: %v", name, err)
		}
	}
	limit := entry.Configuration{Removed: removed[:entry.RemovedMax]}
	got, err := entry.DecodeConfiguration(entry.AppendConfiguration(nil, limit))
	if err != nil || !reflect.DeepEqual(got, limit) {
		t.Errorf("%d removed: %v", entry.RemovedMax, err)
	}
}
