package raft

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"v.io/v23/naming"
	"v.io/v23/verror"

	"v.io/x/ref/lib/raft/entry"
)

func TestMemberIDForms(t *testing.T) {
	endpoint := naming.Endpoint{Protocol: "tcp", Address: "127.0.0.1:4000"}.WithBlessingNames([]string{"root:m"})
	for given, want := range map[string]entry.MemberID{
		"127.0.0.1:4000":      "127.0.0.1:4000",
		"/127.0.0.1:4000":     "127.0.0.1:4000",
		" 127.0.0.1:4000 ":    "127.0.0.1:4000",
		endpoint.Name():       "127.0.0.1:4000",
		endpoint.String():     "127.0.0.1:4000",
		"[::1]:4000":          "[::1]:4000",
		"raft/member//one/":   "raft/member/one",
		"localhost:4000":      "localhost:4000",
		"a-name-without-port": "a-name-without-port",
	} {
		got, err := memberID(given)
		if err != nil || got != want {
			t.Errorf("memberID(%q) = %q, %v; want %q", given, got, err, want)
		}
	}
	tooLong := strings.Repeat("x", entry.MemberIDMax+1)
	for _, bad := range []string{"", " ", "/", "/127.0.0.1:4000/below", "/@6@nonsense", tooLong} {
		if got, err := memberID(bad); err == nil {
			t.Errorf("memberID(%q) = %q, want an error", bad, got)
		}
	}
}

func TestAddressesAndNames(t *testing.T) {
	for id, address := range map[entry.MemberID]bool{
		"127.0.0.1:4000": true, "[::1]:1": true, "host:http": true, "raft/one": false, "one": false, "a/b:4": false,
	} {
		if isAddress(id) != address {
			t.Errorf("isAddress(%q) = %v", id, !address)
		}
		if rooted := naming.Rooted(rpcName(id)); rooted != address {
			t.Errorf("rpcName(%q) = %q", id, rpcName(id))
		}
	}
}

func TestSortedSetIsSortedAndDistinct(t *testing.T) {
	given := []entry.MemberID{"c", "a", "b", "a", "c"}
	got := sortedSet(given)
	if !slices.Equal(got, []entry.MemberID{"a", "b", "c"}) {
		t.Errorf("sortedSet = %v", got)
	}
	if given[0] != "c" {
		t.Error("sortedSet changed its argument")
	}
}

func TestCompareHello(t *testing.T) {
	set := []entry.MemberID{"a", "b"}
	settled := &identity{id: "a", incarnation: 7, initial: set, cluster: entry.ClusterID{1}}
	founding := &identity{id: "a", incarnation: 7, initial: set}
	peer := &identity{id: "b", incarnation: 8, initial: set, cluster: entry.ClusterID{1}}
	for name, c := range map[string]struct {
		change func(*Hello)
		want   error
		text   []string
	}{
		"equal":              {func(*Hello) {}, nil, nil},
		"no cluster yet":     {func(h *Hello) { h.Cluster = nil }, nil, nil},
		"joining":            {func(h *Hello) { h.Members = nil }, nil, nil},
		"other format":       {func(h *Hello) { h.Format++ }, verror.ErrBadVersion, []string{"format 2"}},
		"other target":       {func(h *Hello) { h.To = "c" }, verror.ErrBadArg, []string{`"c"`, `"a"`}},
		"other cluster":      {func(h *Hello) { h.Cluster[0] = 2 }, verror.ErrNoAccess, []string{"cluster"}},
		"broken cluster id":  {func(h *Hello) { h.Cluster = h.Cluster[:3] }, verror.ErrBadArg, []string{"3 bytes"}},
		"other set, settled": {func(h *Hello) { h.Members[1] = "z" }, nil, nil},
		"leases": {func(h *Hello) { h.LeaseBeat = 5e7 }, verror.ErrBadArg,
			[]string{"heartbeat of 50ms", "no lease reads"}},
		"other set": {func(h *Hello) { h.Cluster, h.Members[1] = nil, "z" }, ErrDifferentMembers,
			[]string{"[a b]", "[a z]"}},
		"smaller set": {func(h *Hello) { h.Cluster, h.Members = nil, h.Members[:1] }, ErrDifferentMembers,
			[]string{"[a b]", "[a]"}},
	} {
		hello := peer.hello("a")
		c.change(&hello)
		me := settled
		if hello.Cluster == nil {
			me = founding
		}
		err := me.compare(nil, hello)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
		for _, text := range c.text {
			if err != nil && !strings.Contains(err.Error(), text) {
				t.Errorf("%s: the error %q does not name %q", name, err, text)
			}
		}
	}
}

// FuzzHello: no hello panics, and one that is accepted was meant for this member, in its format, of a cluster
// that may be its own.
func FuzzHello(f *testing.F) {
	set := []entry.MemberID{"a", "b"}
	settled := &identity{id: "a", initial: set, cluster: entry.ClusterID{1}}
	founding := &identity{id: "a", initial: set}
	cluster := settled.cluster
	f.Add(uint32(helloFormat), cluster[:], "b", "a", "a", "b", uint64(0))
	f.Add(uint32(helloFormat), []byte{}, "b", "a", "a", "b", uint64(0))
	f.Add(uint32(helloFormat), []byte{1}, "", "a", "", "", uint64(1)<<63)
	f.Fuzz(func(t *testing.T, format uint32, cluster []byte, from, to, one, two string, beat uint64) {
		h := Hello{Format: format, Cluster: cluster, From: from, To: to, Members: []string{one, two}, LeaseBeat: beat}
		for _, i := range []*identity{settled, founding} {
			if err := i.compare(nil, h); err != nil {
				continue
			}
			foreign := len(cluster) > 0 &&
				(len(cluster) != len(i.cluster) || i == settled && !slices.Equal(cluster, i.cluster[:]))
			others := i == founding && len(cluster) == 0 && (one != "a" || two != "b")
			if format != helloFormat || to != "a" || beat != 0 || foreign || others {
				t.Errorf("member a of cluster %v accepts %+v", i.cluster, h)
			}
		}
	})
}

// FuzzMemberID: no id panics, and what is made of one is within bounds and stays what it is.
func FuzzMemberID(f *testing.F) {
	for _, id := range []string{"127.0.0.1:4000", "/127.0.0.1:4000", "raft/member//one/", "[::1]:4000",
		"/@6@tcp@127.0.0.1:4000@@@s@root:m@@", "/(dev.v.io)@tcp", ""} {
		f.Add(id)
	}
	f.Fuzz(func(t *testing.T, given string) {
		id, err := memberID(given)
		if err != nil {
			return
		}
		again, err := memberID(string(id))
		if id == "" || len(id) > entry.MemberIDMax || err != nil || again != id {
			t.Errorf("%q becomes %q, and that %q, %v", given, id, again, err)
		}
	})
}
