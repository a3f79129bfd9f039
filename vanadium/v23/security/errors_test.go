package security_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"v.io/v23/naming"
	"v.io/v23/security"
	"v.io/v23/verror"
	"v.io/v23/vom"
)

// TestRefusalsTravel asserts that a refusal arrives at the other side as the same
// error, telling who was refused and why.
func TestRefusalsTravel(t *testing.T) {
	server, client := newNamed(t, "server"), newNamed(t, "client")
	expired := must(security.NewExpiryCaveat(time.Now().Add(-time.Hour)))(t)
	params := newCall(server, server, "M")
	params.RemoteBlessings = bless(t, server, client, "friend", expired)
	params.RemoteEndpoint = naming.Endpoint{Protocol: "tcp", Address: "host:1"}.WithBlessingNames([]string{"other"})
	for _, test := range []struct {
		authorizer security.Authorizer
		want       verror.IDAction
		text       string
	}{
		{security.DefaultAuthorizer(), security.ErrAuthorizationFailed, "server:friend"},
		{security.EndpointAuthorizer(), security.ErrEndpointAuthorizationFailed, "other"},
		{security.PublicKeyAuthorizer(server.PublicKey()), security.ErrPublicKeyNotAllowed, client.PublicKey().String()},
	} {
		refusal := test.authorizer.Authorize(nil, security.NewCall(params))
		var arrived error
		if err := vom.Decode(must(vom.Encode(refusal))(t), &arrived); err != nil {
			t.Errorf("%v: %v", test.want.ID, err)
			continue
		}
		if !errors.Is(arrived, test.want) || !strings.Contains(arrived.Error(), test.text) {
			t.Errorf("%v arrived as %v, want %q in it", test.want.ID, arrived, test.text)
		}
	}
}
