package naming_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"v.io/v23/naming"
	"v.io/v23/vdl"
	"v.io/v23/vom"
)

// TestSplitAddressName checks where the address of a name ends, and that joining undoes it.
func TestSplitAddressName(t *testing.T) {
	full := "@6@tcp@h:1@@" + zeroID + "@m@@@"
	blessed := "@6@tcp@h:1@@" + zeroID + "@m@a@b.com:x@@"
	path := "@6@unix@/tmp/socket@@" + zeroID + "@m@a@@"
	for _, test := range []struct{ name, address, rest, joined string }{
		{"", "", "", ""},
		{"a/b", "", "a/b", "a/b"},
		{"/h:1", "h:1", "", "/h:1"},
		{"/h:1/", "h:1", "", "/h:1"},
		{"/h:1/a/b", "h:1", "a/b", "/h:1/a/b"},
		{"//h:1//a", "h:1", "a", "/h:1/a"},
		{"/(a:b)@h:1/x", "(a:b)@h:1", "x", "/(a:b)@h:1/x"},
		{"/(a/b)@h:1/x", "(a/b)@h:1", "x", "/(a/b)@h:1/x"},
		{"/(a/x", "(a", "x", "/(a/x"},
		{"/" + full, full, "", "/" + full},
		{"/" + full + "/a", full, "a", "/" + full + "/a"},
		{"/" + blessed + "/a/b", blessed, "a/b", "/" + blessed + "/a/b"},
		{"/" + path + "/a", path, "a", "/" + path + "/a"},
		{"/@6@tcp/a", "@6@tcp", "a", "/@6@tcp/a"},
		{"/", "", "", ""},
	} {
		address, rest := naming.SplitAddressName(test.name)
		if address != test.address || rest != test.rest {
			t.Errorf("%s is split into %q and %q", test.name, address, rest)
		}
		if joined := naming.JoinAddressName(address, rest); joined != test.joined {
			t.Errorf("%s is joined to %q", test.name, joined)
		}
	}
}

// TestNames checks the functions of names one by one.
func TestNames(t *testing.T) {
	equal := func(what, got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%s is %q, want %q", what, got, want)
		}
	}
	for name, want := range map[string]string{
		"": "", "/": "/", "//": "/", "a": "a", "a/": "a", "a//b": "a/b", "/a///b//": "/a/b", "///a": "/a",
	} {
		equal("Clean "+name, naming.Clean(name), want)
	}
	for want, elems := range map[string][]string{
		"": {}, "a": {"a"}, "a/b": {"a/", "/b"}, "/a/b": {"", "/a", "", "b"}, "a/b/c": {"a", "b/c", ""},
	} {
		equal(fmt.Sprint("Join ", elems), naming.Join(elems...), want)
	}
	for _, test := range []struct{ name, suffix, want string }{
		{"a/b/c", "c", "a/b"}, {"a/b/c", "b/c", "a"}, {"a/b/c", "a/b/c", ""}, {"a/bc", "c", "a/bc"},
		{"a/b", "", "a/b"}, {"/h:1/b", "b", "/h:1"}, {"a//b/", "b", "a"}, {"a/b", "/b", "a"},
	} {
		equal("TrimSuffix "+test.name+" "+test.suffix, naming.TrimSuffix(test.name, test.suffix), test.want)
	}
	equal("JoinAddressName", naming.JoinAddressName("/h:1", "/a"), "/h:1/a")
	equal("JoinAddressName", naming.JoinAddressName("h:1", "//"), "/h:1")
	if naming.Rooted("a") || !naming.Rooted("/a") {
		t.Error("Rooted")
	}
	if !naming.IsReserved("__debug/x") || naming.IsReserved("_debug") {
		t.Error("IsReserved")
	}
	equal("StripReserved", naming.StripReserved("__debug/x"), "debug/x")
}

// TestEscape checks that escaping can be undone, and what cannot be.
func TestEscape(t *testing.T) {
	for _, test := range []struct{ text, special, escaped string }{
		{"", "/", ""}, {"plain", "/", "plain"}, {"a/b%c", "/", "a%2Fb%25c"}, {"a@b,c", "@,", "a%40b%2Cc"},
	} {
		escaped := naming.Escape(test.text, test.special)
		plain, ok := naming.Unescape(escaped)
		if escaped != test.escaped || !ok || plain != test.text {
			t.Errorf("%q is escaped as %q, which is %q, %v", test.text, escaped, plain, ok)
		}
	}
	for _, text := range []string{"%", "a%2", "%g0", "%0g"} {
		if plain, ok := naming.Unescape(text); ok {
			t.Errorf("%q is taken as %q", text, plain)
		}
	}
	if plain, ok := naming.Unescape("%2f"); !ok || plain != "/" {
		t.Error("lower case digits are not taken")
	}
	element := naming.EncodeAsNameElement("/h:1/a%")
	if plain, ok := naming.DecodeFromNameElement(element); strings.Contains(element, "/") || !ok || plain != "/h:1/a%" {
		t.Errorf("%q %q", element, plain)
	}
}

// FuzzSplitAddressName checks that no name is lost by splitting it.
func FuzzSplitAddressName(f *testing.F) {
	f.Add("/(a)@h:1/x")
	f.Add("/@6@tcp@h:1@@" + zeroID + "@m@@@/x")
	f.Fuzz(func(t *testing.T, name string) {
		address, rest := naming.SplitAddressName(name)
		again, restAgain := naming.SplitAddressName(naming.JoinAddressName(address, rest))
		if again != address || naming.Clean(restAgain) != naming.Clean(rest) && address != "" {
			t.Errorf("%q is %q %q, which is %q %q", name, address, rest, again, restAgain)
		}
	})
}

// TestMountEntryNames checks the names of an entry.
func TestMountEntryNames(t *testing.T) {
	entry := &naming.MountEntry{Name: "a/b"}
	if got := entry.Names(); !slices.Equal(got, []string{"a/b"}) {
		t.Errorf("without servers: %q", got)
	}
	entry.Servers = []naming.MountedServer{{Server: "h:1"}, {Server: "/h:2/p"}}
	if got := entry.Names(); !slices.Equal(got, []string{"/h:1/a/b", "/h:2/p/a/b"}) {
		t.Errorf("with servers: %q", got)
	}
}

// TestWire checks that entries and errors of searches travel.
func TestWire(t *testing.T) {
	server := naming.MountedServer{Server: "/h:1"}
	server.Deadline.Time = time.Now().Add(time.Hour)
	sent := []naming.GlobReply{
		naming.GlobReplyEntry{Value: naming.MountEntry{Name: "n", Servers: []naming.MountedServer{server}, IsLeaf: true}},
		naming.GlobReplyError{Value: naming.GlobError{Name: "x", Error: naming.ErrNoSuchName.Errorf(nil, "no x")}},
	}
	data, err := vom.Encode(sent)
	if err != nil {
		t.Fatal(err)
	}
	var got []naming.GlobReply
	if err := vom.Decode(data, &got); err != nil {
		t.Fatal(err)
	}
	entry, isEntry := got[0].(naming.GlobReplyEntry)
	if !isEntry || !entry.Value.IsLeaf || time.Until(entry.Value.Servers[0].Deadline.Time) < 59*time.Minute {
		t.Errorf("the entry arrives as %#v", got[0])
	}
	failure, isError := got[1].(naming.GlobReplyError)
	if !isError || failure.Value.Name != "x" || !errors.Is(failure.Value.Error, naming.ErrNoSuchName) {
		t.Errorf("the error arrives as %#v", got[1])
	}
	if !vdl.DeepEqual(naming.GlobChildrenReplyName{Value: "a"}, naming.GlobChildrenReplyName{Value: "a"}) {
		t.Error("names of children are not compared")
	}
}

// ExampleJoinAddressName names an object at a server.
func ExampleJoinAddressName() {
	name := naming.JoinAddressName("host:8101", "a/b")
	address, rest := naming.SplitAddressName(name)
	fmt.Println(name, address, rest)
	// Output: /host:8101/a/b host:8101 a/b
}
