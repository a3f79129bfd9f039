package security_test

import (
	"errors"
	"testing"
	"time"

	"v.io/v23"
	"v.io/v23/context"
	"v.io/v23/naming"
	"v.io/v23/options"
	"v.io/v23/rpc"
	"v.io/v23/security"
	"v.io/v23/security/access"
	"v.io/v23/verror"
	_ "v.io/x/ref/runtime/factories/generic"
	"v.io/x/ref/test"
	"v.io/x/ref/test/testutil"
)

// echoServer answers with the names of the caller.
type echoServer struct{}

func (echoServer) Names(ctx *context.T, call rpc.ServerCall) ([]string, error) {
	names, _ := security.RemoteBlessingNames(ctx, call.Security())
	return names, nil
}

// as returns ctx with principal as the one that acts.
func as(t *testing.T, ctx *context.T, principal security.Principal) *context.T {
	t.Helper()
	return must(v23.WithPrincipal(ctx, principal))(t)
}

// serve starts an echo server of principal and returns its name.
func serve(t *testing.T, ctx *context.T, principal security.Principal, authorizer security.Authorizer) string {
	t.Helper()
	ctx, cancel := context.WithCancel(as(t, ctx, principal))
	_, server, err := v23.WithNewServer(ctx, "", echoServer{}, authorizer, options.LameDuckTimeout(0))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); <-server.Closed() })
	return testutil.WaitForServerReady(server).Endpoints[0].Name()
}

func callNames(t *testing.T, ctx *context.T, client security.Principal, name string) ([]string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(as(t, ctx, client), time.Minute)
	defer cancel()
	var names []string
	err := v23.GetClient(ctx).Call(ctx, name, "Names", nil, []any{&names}, options.Preresolved{}, options.NoRetry{})
	return names, err
}

// TestCallsAreAuthorizedByBlessings runs the rules end to end: over TLS, with
// blessings that travel and are verified by the other side.
func TestCallsAreAuthorizedByBlessings(t *testing.T) {
	ctx, shutdown := test.V23Init()
	defer shutdown()
	idp := testutil.NewIDProvider("root")
	blessed := func(extension string, caveats ...security.Caveat) security.Principal {
		principal := testutil.NewPrincipal()
		if err := idp.Bless(principal, extension, caveats...); err != nil {
			t.Fatal(err)
		}
		return principal
	}
	server := blessed("server")
	open := serve(t, ctx, server, security.AllowEveryone())
	related := serve(t, ctx, server, nil)
	listed := serve(t, ctx, server, access.AccessList{
		In: []security.BlessingPattern{"root:friend"}, NotIn: []string{"root:friend:phone"},
	})
	expired := must(security.NewExpiryCaveat(time.Now().Add(-time.Minute)))(t)
	names := must(security.NewMethodCaveat("Names"))(t)
	other := must(security.NewMethodCaveat("Other"))(t)
	impostor := testutil.NewPrincipal("root:friend")
	if err := security.AddToRoots(impostor, defaultBlessings(server)); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, server string
		client       security.Principal
		allowed      bool
	}{
		{"friend, listed", listed, blessed("friend"), true},
		{"friend's delegate, listed", listed, blessed("friend:laptop"), true},
		{"friend's phone, excluded", listed, blessed("friend:phone"), false},
		{"friend, expired", listed, blessed("friend", expired), false},
		{"friend, for this method", listed, blessed("friend", names), true},
		{"friend, for another method", listed, blessed("friend", other), false},
		{"friend by another root", listed, impostor, false},
		{"somebody else", listed, blessed("enemy"), false},
		{"the server itself, not listed", listed, server, false},
		{"the server itself, by default", related, server, true},
		{"its delegate, by default", related, blessed("server:x"), true},
		{"its sibling, by default", related, blessed("friend"), false},
		{"another root, open", open, impostor, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := callNames(t, ctx, test.client, test.server)
			if test.allowed != (err == nil) || err != nil && !errors.Is(err, verror.ErrNoAccess) {
				t.Errorf("names %v, error %v, want allowed %t", got, err, test.allowed)
			}
		})
	}
}

// TestClientsDistrustServers asserts that a client tells nothing to a server that
// has not the blessings its endpoint promises.
func TestClientsDistrustServers(t *testing.T) {
	ctx, shutdown := test.V23Init()
	defer shutdown()
	idp := testutil.NewIDProvider("root")
	server, client := testutil.NewPrincipal(), testutil.NewPrincipal()
	if err := errors.Join(idp.Bless(server, "server"), idp.Bless(client, "client")); err != nil {
		t.Fatal(err)
	}
	good := serve(t, ctx, server, security.AllowEveryone())
	address, _ := naming.SplitAddressName(good)
	endpoint := must(naming.ParseEndpoint(address))(t)
	foreign := serve(t, ctx, testutil.NewPrincipal("root:server"), security.AllowEveryone())
	for _, test := range []struct {
		what, name string
		want       error
	}{
		{"the one", good, nil},
		{"another promised", endpoint.WithBlessingNames([]string{"root:other"}).Name(), verror.ErrNotTrusted},
		{"none promised", endpoint.WithBlessingNames(nil).Name(), verror.ErrNotTrusted},
		{"another root", foreign, verror.ErrNotTrusted},
	} {
		t.Run(test.what, func(t *testing.T) {
			if _, err := callNames(t, ctx, client, test.name); test.want == nil && err != nil || !errors.Is(err, test.want) {
				t.Errorf("error %v, want %v", err, test.want)
			}
		})
	}
}

func defaultBlessings(principal security.Principal) security.Blessings {
	blessings, _ := principal.BlessingStore().Default()
	return blessings
}
