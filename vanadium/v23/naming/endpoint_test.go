package naming_test

import (
	"fmt"
	"slices"
	"testing"

	"v.io/v23/naming"
)

const zeroID = "00000000000000000000000000000000"

// TestParseEndpoint checks what every form of text means, and how it is written in full.
func TestParseEndpoint(t *testing.T) {
	rid := naming.FixedRoutingID(0xdabbad00)
	const id = "000000000000000000000000dabbad00"
	for _, test := range []struct {
		text string
		want naming.Endpoint
		full string
	}{
		{"host:80", naming.Endpoint{Address: "host:80", ServesMountTable: true}, "@6@@host:80@@" + zeroID + "@m@@@"},
		{"host:80#", naming.Endpoint{Address: "host:80"}, "@6@@host:80@@" + zeroID + "@s@@@"},
		{"[::1]:80", naming.Endpoint{Address: "[::1]:80", ServesMountTable: true}, "@6@@[::1]:80@@" + zeroID + "@m@@@"},
		{"(a:b)@host:80", naming.Endpoint{Address: "host:80", ServesMountTable: true}.WithBlessingNames([]string{"a:b"}),
			"@6@@host:80@@" + zeroID + "@m@a:b@@"},
		{"(a@b.com:x,c)@host:80#", naming.Endpoint{Address: "host:80"}.WithBlessingNames([]string{"a@b.com:x", "c"}),
			"@6@@host:80@@" + zeroID + "@s@a@b.com:x,c@@"},
		{"@6@tcp@1.2.3.4:5@@" + id + "@m@@@",
			naming.Endpoint{Protocol: "tcp", Address: "1.2.3.4:5", RoutingID: rid, ServesMountTable: true}, ""},
		{"@6@tcp@1.2.3.4:5@@" + id + "@@@@",
			naming.Endpoint{Protocol: "tcp", Address: "1.2.3.4:5", RoutingID: rid, ServesMountTable: true},
			"@6@tcp@1.2.3.4:5@@" + id + "@m@@@"},
		{"@6@tcp@1.2.3.4:5@@" + id + "@l@@@",
			naming.Endpoint{Protocol: "tcp", Address: "1.2.3.4:5", RoutingID: rid}, "@6@tcp@1.2.3.4:5@@" + id + "@s@@@"},
		{"@6@unix@/a%40b%25@r1,r%2C2@" + id + "@s@x:y,z@w@@",
			naming.Endpoint{Protocol: "unix", Address: "/a@b%", RoutingID: rid}.
				WithRoutes([]string{"r1", "r,2"}).WithBlessingNames([]string{"x:y", "z@w"}), ""},
		{"@6@bidi@@@" + zeroID + "@s@@@", naming.Endpoint{Protocol: "bidi", Address: ":0"},
			"@6@bidi@:0@@" + zeroID + "@s@@@"},
	} {
		got, err := naming.ParseEndpoint(test.text)
		if err != nil || got != test.want {
			t.Errorf("%s: got %#v, %v", test.text, got, err)
			continue
		}
		if test.full == "" {
			test.full = test.text
		}
		if text := got.String(); text != test.full || got.VersionedString(6) != test.full {
			t.Errorf("%s: written as %s", test.text, text)
		}
		if again, err := naming.ParseEndpoint(got.String()); err != nil || again != got {
			t.Errorf("%s: parsed again as %#v, %v", test.text, again, err)
		}
	}
}

// TestBadEndpoints checks that texts that are no endpoints are refused.
func TestBadEndpoints(t *testing.T) {
	for _, text := range []string{
		"", "host", "host:80:90", "(a@host:80", "a@host:80", "tcp@host:80", "@", "@@", "@6@@", "@5@tcp@h:1@@@@@@",
		"@7@tcp@h:1@@" + zeroID + "@m@@@", "@x@tcp@h:1@@" + zeroID + "@m@@@", "@6@tcp@h:1@@" + zeroID + "@x@@@",
		"@6@tcp@h:1@@0@m@@@", "@6@tcp@h:1@@" + zeroID[1:] + "g@m@@@", "@6@tcp@h%4@@" + zeroID + "@m@@@",
		"@6@tcp@h:1@r%zz@" + zeroID + "@m@@@", "@6@tcp@h:1@@",
	} {
		if ep, err := naming.ParseEndpoint(text); err == nil {
			t.Errorf("%q is taken as %#v", text, ep)
		}
	}
}

// TestEndpointParts checks what an endpoint tells, and that nothing of it can be changed from outside.
func TestEndpointParts(t *testing.T) {
	text := naming.FormatEndpoint("tcp", "h:1", naming.ServesMountTable(true), naming.FixedRoutingID(7),
		naming.BlessingOpt("a"), naming.BlessingOpt("b:c"), naming.RouteOpt("r"), naming.RouteOpt("s"))
	ep, err := naming.ParseEndpoint(text)
	if err != nil {
		t.Fatal(err)
	}
	if ep.Addr().Network() != "tcp" || ep.Addr().String() != "h:1" || ep.Name() != "/"+text || ep.IsZero() {
		t.Errorf("%v %v %v %v", ep.Addr().Network(), ep.Addr(), ep.Name(), ep.IsZero())
	}
	names, routes := ep.BlessingNames(), ep.Routes()
	if !slices.Equal(names, []string{"a", "b:c"}) || !slices.Equal(routes, []string{"r", "s"}) {
		t.Errorf("%q %q", names, routes)
	}
	names[0], routes[0] = "x", "x"
	if ep.String() != text {
		t.Error("the endpoint was changed through its parts")
	}
	if other := ep.WithBlessingNames(nil).WithRoutes(nil); other.BlessingNames() != nil || other.Routes() != nil {
		t.Errorf("without names and routes: %v", other)
	}
	if !(naming.Endpoint{}).IsZero() {
		t.Error("the zero value is not zero")
	}
}

// TestRoutingID checks the text of routing ids, and that new ones differ.
func TestRoutingID(t *testing.T) {
	a, err := naming.NewRoutingID()
	if err != nil {
		t.Fatal(err)
	}
	b, err := naming.NewRoutingID()
	if err != nil {
		t.Fatal(err)
	}
	var c naming.RoutingID
	if err := c.FromString(a.String()); err != nil || a == b || a == naming.NullRoutingID || a != c {
		t.Errorf("%v %v %v %v", a, b, c, err)
	}
	if naming.NullRoutingID.String() != zeroID {
		t.Error(naming.NullRoutingID.String())
	}
}

// FuzzParseEndpoint checks that every endpoint that is understood is written so that it means the same.
func FuzzParseEndpoint(f *testing.F) {
	for _, text := range []string{"host:80", "(a,b)@host:80#", "@6@unix@/a%40b%25@r1,r%2C2@" + zeroID + "@s@x:y,z@w@@"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		ep, err := naming.ParseEndpoint(text)
		if err != nil {
			return
		}
		again, err := naming.ParseEndpoint(ep.String())
		if err != nil || again != ep {
			t.Errorf("%q is %#v, which is %#v, %v", text, ep, again, err)
		}
	})
}

// ExampleParseEndpoint takes an endpoint apart.
func ExampleParseEndpoint() {
	ep, err := naming.ParseEndpoint("(root:alice)@host:8101")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(ep.Address, ep.BlessingNames(), ep.ServesMountTable)
	// Output: host:8101 [root:alice] true
}
