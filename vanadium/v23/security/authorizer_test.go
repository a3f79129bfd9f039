package security_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"v.io/v23/naming"
	"v.io/v23/security"
	libsec "v.io/x/ref/lib/security"
)

// newFamily returns root and principals that root blessed under the given
// extensions, all of whom recognise root.
func newFamily(tb testing.TB, extensions ...string) (root security.Principal, family []security.Principal) {
	tb.Helper()
	root = newNamed(tb, "root")
	for _, extension := range extensions {
		principal := newPrincipal(tb)
		if err := libsec.SetDefaultBlessings(principal, bless(tb, root, principal, extension)); err != nil {
			tb.Fatal(err)
		}
		family = append(family, principal)
	}
	return root, family
}

func TestDefaultAuthorizer(t *testing.T) {
	root, family := newFamily(t, "a", "b", "a:x", "ab")
	a, b, ax, ab := family[0], family[1], family[2], family[3]
	stranger := newNamed(t, "root") // the same name by another key.
	blessingless := newPrincipal(t)
	for _, test := range []struct {
		name           string
		server, client security.Principal
		allowed        bool
	}{
		{"same", a, a, true},
		{"delegator", a, root, true},
		{"delegate", root, a, true},
		{"delegate of delegate", root, ax, true},
		{"delegator of delegator", ax, root, true},
		{"sibling", a, b, false},
		{"prefix of a word", a, ab, false},
		{"prefix of a word, other way", ab, a, false},
		{"other root", a, stranger, false},
		{"no blessings", a, blessingless, false},
		{"server without blessings", blessingless, a, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := security.DefaultAuthorizer().Authorize(nil, security.NewCall(newCall(test.server, test.client, "M")))
			if test.allowed != (err == nil) || err != nil && !errors.Is(err, security.ErrAuthorizationFailed) {
				t.Errorf("error %v, want allowed %t", err, test.allowed)
			}
		})
	}
	if err := security.AllowEveryone().Authorize(nil, security.NewCall(newCall(a, blessingless, "M"))); err != nil {
		t.Error(err)
	}
}

func TestUnrecognizedSelfIsDeniedByDefault(t *testing.T) {
	// There is no rule for the same key: names decide alone.
	principal := newPrincipal(t)
	self := must(principal.BlessSelf("self"))(t)
	params := &security.CallParams{LocalPrincipal: principal, LocalBlessings: self, RemoteBlessings: self}
	if err := security.DefaultAuthorizer().Authorize(nil, security.NewCall(params)); err == nil {
		t.Error("allowed by a name whose root nobody recognises")
	}
}

func TestEndpointAuthorizer(t *testing.T) {
	_, family := newFamily(t, "server", "client", "server:x")
	server, client, delegate := family[0], family[1], family[2]
	for _, test := range []struct {
		name     string
		promised []string
		server   security.Principal
		allowed  bool
	}{
		{"the one", []string{"root:server"}, server, true},
		{"one of two", []string{"root:other", "root:server"}, server, true},
		{"delegate", []string{"root:server"}, delegate, true},
		{"another", []string{"root:other"}, server, false},
		{"delegator", []string{"root:server:x"}, server, false},
		{"nothing promised", nil, server, false},
		{"stranger", []string{"root:server"}, newNamed(t, "root:server"), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			params := newCall(client, test.server, "M")
			params.RemoteEndpoint = naming.Endpoint{Protocol: "tcp", Address: "host:1"}.WithBlessingNames(test.promised)
			err := security.EndpointAuthorizer().Authorize(nil, security.NewCall(params))
			if test.allowed != (err == nil) || err != nil && !errors.Is(err, security.ErrEndpointAuthorizationFailed) {
				t.Errorf("error %v, want allowed %t", err, test.allowed)
			}
		})
	}
}

func TestPublicKeyAuthorizer(t *testing.T) {
	server, client := newNamed(t, "server"), newNamed(t, "client")
	authorizer := security.PublicKeyAuthorizer(client.PublicKey())
	if err := authorizer.Authorize(nil, security.NewCall(newCall(server, client, "M"))); err != nil {
		t.Error(err)
	}
	err := authorizer.Authorize(nil, security.NewCall(newCall(server, server, "M")))
	if !errors.Is(err, security.ErrPublicKeyNotAllowed) {
		t.Errorf("another key: %v", err)
	}
	if authorizer.Authorize(nil, security.NewCall(newCall(server, newPrincipal(t), "M"))) == nil {
		t.Error("no key was accepted")
	}
	if security.PublicKeyAuthorizer(nil).Authorize(nil, security.NewCall(newCall(server, newPrincipal(t), "M"))) == nil {
		t.Error("no key equals no key")
	}
}

func TestRemoteBlessingNamesOfUnion(t *testing.T) {
	// Chains count one by one: a bad one takes nothing from the others.
	server := newNamed(t, "server")
	client := newPrincipal(t)
	good := bless(t, server, client, "client")
	expired := bless(t, server, client, "old", must(security.NewExpiryCaveat(time.Now().Add(-time.Hour)))(t))
	foreign := must(client.BlessSelf("self"))(t)
	params := newCall(server, server, "M")
	params.RemoteBlessings = must(security.UnionOfBlessings(good, expired, foreign))(t)
	names, rejected := security.RemoteBlessingNames(nil, security.NewCall(params))
	if !slices.Equal(names, []string{"server:client"}) || len(rejected) != 2 {
		t.Fatalf("names %v, rejected %v", names, rejected)
	}
	if !errors.Is(rejected[0].Err, security.ErrUnrecognizedRoot) ||
		!errors.Is(rejected[1].Err, security.ErrExpiryCaveatValidation) {
		t.Errorf("rejected %v", rejected)
	}
	params.LocalPrincipal = nil
	if names, _ := security.RemoteBlessingNames(nil, security.NewCall(params)); names != nil {
		t.Errorf("names %v without a principal to recognise them", names)
	}
}

func TestLocalBlessingNamesIgnoreCaveats(t *testing.T) {
	_, family := newFamily(t, "a")
	root := newNamed(t, "root")
	expired := bless(t, root, family[0], "old", must(security.NewExpiryCaveat(time.Now().Add(-time.Hour)))(t))
	if err := security.AddToRoots(family[0], expired); err != nil {
		t.Fatal(err)
	}
	params := &security.CallParams{LocalPrincipal: family[0], LocalBlessings: expired}
	if names := security.LocalBlessingNames(nil, security.NewCall(params)); !slices.Equal(names, []string{"root:old"}) {
		t.Errorf("names %v", names)
	}
}

func TestCallParamsCopy(t *testing.T) {
	_, family := newFamily(t, "a", "b")
	params := newCall(family[0], family[1], "M")
	params.Suffix = "s"
	params.RemoteDischarges = []security.Discharge{{}}
	var copied security.CallParams
	copied.Copy(security.NewCall(params))
	if copied.Method != "M" || copied.Suffix != "s" || !copied.Timestamp.Equal(params.Timestamp) ||
		copied.LocalPrincipal != family[0] || !copied.RemoteBlessings.Equivalent(params.RemoteBlessings) ||
		len(copied.RemoteDischarges) != 1 {
		t.Errorf("copied %v", copied)
	}
	if security.NewCall(&security.CallParams{}).Timestamp().IsZero() {
		t.Error("a call without a timestamp is not authorized as of now")
	}
}

func TestSigningBlessings(t *testing.T) {
	root, who := newNamed(t, "root"), newPrincipal(t)
	expired := must(security.NewExpiryCaveat(time.Now().Add(-time.Hour)))(t)
	method := must(security.NewMethodCaveat("M"))(t)
	all := must(security.UnionOfBlessings(bless(t, root, who, "good"), bless(t, root, who, "old", expired),
		bless(t, root, who, "limited", method)))(t)
	if got := security.SigningBlessings(all).String(); got != "root:good,root:old" {
		t.Errorf("signing blessings %q", got)
	}
	if got := security.SigningBlessings(bless(t, root, who, "limited", method)); !got.IsZero() {
		t.Errorf("signing blessings %q", got)
	}
	names, rejected := security.SigningBlessingNames(nil, root, all)
	if !slices.Equal(names, []string{"root:good"}) || len(rejected) != 2 ||
		!errors.Is(rejected[0].Err, security.ErrInvalidSigningBlessingCaveat) {
		t.Errorf("names %v, rejected %v", names, rejected)
	}
}

func ExampleRemoteBlessingNames() {
	must := func(err error) {
		if err != nil {
			panic(err)
		}
	}
	root, err := libsec.NewPrincipal()
	must(err)
	must(libsec.InitDefaultBlessings(root, "root"))
	alice, err := libsec.NewPrincipal()
	must(err)

	caveat, err := security.NewMethodCaveat("Read")
	must(err)
	own, _ := root.BlessingStore().Default()
	blessings, err := root.Bless(alice.PublicKey(), own, "alice", caveat)
	must(err)

	for _, method := range []string{"Read", "Write"} {
		call := security.NewCall(&security.CallParams{
			LocalPrincipal: root, RemoteBlessings: blessings, Method: method,
		})
		names, rejected := security.RemoteBlessingNames(nil, call)
		fmt.Println(method, names, len(rejected))
	}
	// Output:
	// Read [root:alice] 0
	// Write [] 1
}

func BenchmarkRemoteBlessingNames(b *testing.B) {
	_, family := newFamily(b, "server", "client")
	root := newNamed(b, "root")
	expiry := must(security.NewExpiryCaveat(time.Now().Add(time.Hour)))(b)
	params := newCall(root, family[1], "M")
	params.RemoteBlessings = bless(b, root, family[1], "client", expiry)
	call := security.NewCall(params)
	b.ReportAllocs()
	for b.Loop() {
		if names, rejected := security.RemoteBlessingNames(nil, call); len(names) != 1 {
			b.Fatal(rejected)
		}
	}
}
