package securityflag_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"v.io/v23"
	"v.io/v23/security"
	"v.io/v23/security/access"
	"v.io/v23/vdl"
	"v.io/x/ref/lib/security/securityflag"
	_ "v.io/x/ref/runtime/factories/generic"
	"v.io/x/ref/test/testutil"
)

func TestPermissionsFromSpec(t *testing.T) {
	name := filepath.Join(t.TempDir(), "permissions")
	if err := os.WriteFile(name, []byte(`{"Read":{"In":["file"]}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	files := map[string]string{"runtime": name, "missing": name + ".missing"}
	literal := `{"Read":{"In":["literal"]}}`
	both := access.PermissionsSpec{ExplicitlySpecified: true, Files: files, Literal: literal}
	for what, test := range map[string]struct {
		spec access.PermissionsSpec
		name string
		want string // whom Read includes, "" for no permissions.
		fail bool
	}{
		"unspecified":  {access.PermissionsSpec{Literal: literal}, "", "", false},
		"file":         {access.PermissionsSpec{ExplicitlySpecified: true, Files: files}, "", "file", false},
		"by name":      {access.PermissionsSpec{ExplicitlySpecified: true, Files: files}, "runtime", "file", false},
		"literal":      {both, "", "literal", false},
		"other name":   {access.PermissionsSpec{ExplicitlySpecified: true, Files: files}, "other", "", true},
		"missing file": {access.PermissionsSpec{ExplicitlySpecified: true, Files: files}, "missing", "", true},
		"bad literal":  {access.PermissionsSpec{ExplicitlySpecified: true, Literal: "{"}, "", "", true},
	} {
		t.Run(what, func(t *testing.T) {
			permissions, err := securityflag.PermissionsFromSpec(test.spec, test.name)
			if (err != nil) != test.fail {
				t.Fatalf("error %v, want one: %t", err, test.fail)
			}
			if test.want == "" && permissions != nil || test.want != "" && !permissions["Read"].Includes(test.want) {
				t.Errorf("permissions %v, want for %q", permissions, test.want)
			}
		})
	}
}

func ExamplePermissionsFromSpec() {
	spec := access.PermissionsSpec{ExplicitlySpecified: true, Literal: `{"Read":{"In":["root:alice"]}}`}
	permissions, err := securityflag.PermissionsFromSpec(spec, "")
	fmt.Println(permissions["Read"].In, err)
	// Output: [root:alice] <nil>
}

func TestNewAuthorizer(t *testing.T) {
	read := []*vdl.Value{vdl.ValueOf(access.Read)}
	idp := testutil.NewIDProvider("root")
	server, alice := testutil.NewPrincipal(), testutil.NewPrincipal()
	if err := errors.Join(idp.Bless(server, "server"), idp.Bless(alice, "alice")); err != nil {
		t.Fatal(err)
	}
	call := func(client security.Principal) security.Call {
		local, _ := server.BlessingStore().Default()
		remote, _ := client.BlessingStore().Default()
		return security.NewCall(&security.CallParams{
			MethodTags: read, LocalPrincipal: server, LocalBlessings: local, RemoteBlessings: remote,
		})
	}
	for _, test := range []struct {
		literal             string
		allowSelf, allowAli bool
	}{
		{"", true, false},
		{`{"Read":{"In":["root:alice"]}}`, false, true},
	} {
		if test.literal != "" {
			setFlag(t, "v23.permissions.literal", test.literal)
		}
		ctx, shutdown := v23.Init()
		authorizer := securityflag.NewAuthorizerOrDie(ctx)
		if err := authorizer.Authorize(ctx, call(server)); (err == nil) != test.allowSelf {
			t.Errorf("literal %q: the server itself gets %v", test.literal, err)
		}
		if err := authorizer.Authorize(ctx, call(alice)); (err == nil) != test.allowAli {
			t.Errorf("literal %q: alice gets %v", test.literal, err)
		}
		shutdown()
	}
}

func TestNewAuthorizerRefusesBadFlags(t *testing.T) {
	setFlag(t, "v23.permissions.literal", `{"Read":`)
	ctx, shutdown := v23.Init()
	defer shutdown()
	if _, err := securityflag.NewAuthorizer(ctx, ""); err == nil {
		t.Error("a malformed literal was accepted")
	}
	defer func() {
		if recover() == nil {
			t.Error("NewAuthorizerOrDie did not panic")
		}
	}()
	securityflag.NewAuthorizerOrDie(ctx)
}

func setFlag(t *testing.T, name, value string) {
	t.Helper()
	known := flag.Lookup(name)
	if known == nil {
		t.Fatalf("there is no flag %s", name)
	}
	previous := known.Value.String()
	if err := flag.Set(name, value); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := flag.Set(name, previous); err != nil {
			t.Error(err)
		}
	})
}
