package access_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"v.io/v23/security"
	"v.io/v23/security/access"
	"v.io/v23/vdl"
	"v.io/x/ref/test/testutil"
)

func TestAccessListIncludes(t *testing.T) {
	list := func(in string, notIn ...string) access.AccessList {
		var patterns []security.BlessingPattern
		for pattern := range strings.FieldsSeq(in) {
			patterns = append(patterns, security.BlessingPattern(pattern))
		}
		return access.AccessList{In: patterns, NotIn: notIn}
	}
	for _, test := range []struct {
		list  access.AccessList
		names string
		want  bool
	}{
		{access.AccessList{}, "a", false},
		{access.AccessList{}, "", false},
		{list("a"), "a", true},
		{list("a"), "a:b", true},
		{list("a"), "b a", true},
		{list("a"), "b", false},
		{list("a"), "", false},
		{list("a:$"), "a:b", false},
		{list("..."), "", true},
		{list("..."), "a", true},
		{list("a b"), "b:c", true},
		{list("a", "a:b"), "a", true},
		{list("a", "a:b"), "a:b", false},
		{list("a", "a:b"), "a:b:c", false},
		{list("a", "a:b"), "a:b a:c", true},
		{list("a", "a:b:$"), "a:b:c", true},
		{list("a", "a"), "a", false},
		{list("a:"), "a a:", false},
	} {
		if got := test.list.Includes(strings.Fields(test.names)...); got != test.want {
			t.Errorf("%v includes %q: %t, want %t", test.list, test.names, got, test.want)
		}
	}
}

// newCall returns a call at a server that recognises root, by a client that root
// blessed under extension.
func newCall(tb testing.TB, extension string, tags ...*vdl.Value) security.Call {
	tb.Helper()
	root := testutil.NewPrincipal("root")
	client := testutil.NewPrincipal()
	if err := testutil.IDProviderFromPrincipal(root).Bless(client, extension); err != nil {
		tb.Fatal(err)
	}
	blessings, _ := client.BlessingStore().Default()
	return security.NewCall(&security.CallParams{
		Timestamp: time.Now(), Method: "M", MethodTags: tags, LocalPrincipal: root, RemoteBlessings: blessings,
	})
}

func tagValue(tag access.Tag) *vdl.Value { return vdl.ValueOf(tag) }

func TestAccessListAuthorize(t *testing.T) {
	list := access.AccessList{In: []security.BlessingPattern{"root:alice"}}
	if err := list.Authorize(nil, newCall(t, "alice:phone")); err != nil {
		t.Error(err)
	}
	if err := list.Authorize(nil, newCall(t, "bob")); !errors.Is(err, access.ErrAccessListMatch) {
		t.Errorf("bob: %v", err)
	}
}

func TestAccessListEnforceable(t *testing.T) {
	principal := testutil.NewPrincipal("root")
	for _, test := range []struct {
		in    string
		notIn []string
		want  error
	}{
		{"root", nil, nil},
		{"root:a:b root:$", nil, nil},
		{"...", nil, nil},
		{"... root", []string{"root:a"}, access.ErrInvalidOpenAccessList},
		{"root other:a", nil, access.ErrUnenforceablePatterns},
		{"roo", nil, access.ErrUnenforceablePatterns},
		{"$", nil, access.ErrUnenforceablePatterns},
	} {
		list := access.AccessList{NotIn: test.notIn}
		for pattern := range strings.FieldsSeq(test.in) {
			list.In = append(list.In, security.BlessingPattern(pattern))
		}
		if err := list.Enforceable(nil, principal); test.want == nil && err != nil || !errors.Is(err, test.want) {
			t.Errorf("%v: error %v, want %v", list, err, test.want)
		}
	}
}

// ownTag is the type of tags that a service has for itself.
type ownTag string

func TestPermissionsAuthorizer(t *testing.T) {
	permissions := access.Permissions{}.Add("root:alice", "Read").Add("root:admin", "Admin")
	authorizer := access.TypicalTagTypePermissionsAuthorizer(permissions)
	for _, test := range []struct {
		name, client string
		tags         []*vdl.Value
		want         error
	}{
		{"permitted", "alice", []*vdl.Value{tagValue(access.Read)}, nil},
		{"another tag", "alice", []*vdl.Value{tagValue(access.Write)}, access.ErrNoPermissions},
		{"another client", "bob", []*vdl.Value{tagValue(access.Read)}, access.ErrNoPermissions},
		{"admin does not imply read", "admin", []*vdl.Value{tagValue(access.Read)}, access.ErrNoPermissions},
		{"no tag", "alice", nil, access.ErrNoTags},
		{"tag of another type", "alice", []*vdl.Value{vdl.ValueOf(ownTag("Read"))}, access.ErrNoTags},
		{"plain string", "alice", []*vdl.Value{vdl.ValueOf("Read"), nil}, access.ErrNoTags},
		{"two tags", "alice", []*vdl.Value{tagValue(access.Read), tagValue(access.Read)}, access.ErrMultipleTags},
		{"two tags of two types", "alice", []*vdl.Value{tagValue(access.Read), vdl.ValueOf(ownTag("X"))}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := authorizer.Authorize(nil, newCall(t, test.client, test.tags...))
			if test.want == nil && err != nil || !errors.Is(err, test.want) {
				t.Errorf("error %v, want %v", err, test.want)
			}
		})
	}
	permissions.Clear("root:alice")
	if err := authorizer.Authorize(nil, newCall(t, "alice", tagValue(access.Read))); err != nil {
		t.Errorf("the authorizer changed with the permissions it was made from: %v", err)
	}
}

func TestPermissionsAuthorizerOfOtherTypes(t *testing.T) {
	own, err := access.PermissionsAuthorizer(access.Permissions{}.Add("root", "X"), vdl.TypeOf(ownTag("")))
	if err != nil {
		t.Fatal(err)
	}
	if err := own.Authorize(nil, newCall(t, "alice", vdl.ValueOf(ownTag("X")))); err != nil {
		t.Error(err)
	}
	for _, bad := range []*vdl.Type{nil, vdl.Int32Type} {
		if _, err := access.PermissionsAuthorizer(nil, bad); err == nil {
			t.Errorf("tags of type %v were accepted", bad)
		}
		if _, err := access.PermissionsAuthorizerFromFile("f", bad); err == nil {
			t.Errorf("tags of type %v were accepted", bad)
		}
	}
}

func TestPermissionsAuthorizerFromFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "permissions")
	authorizer, err := access.PermissionsAuthorizerFromFile(name, access.TypicalTagType())
	if err != nil {
		t.Fatal(err)
	}
	call := newCall(t, "alice", tagValue(access.Read))
	if err := authorizer.Authorize(nil, call); !errors.Is(err, access.ErrNoPermissions) {
		t.Errorf("without a file: %v", err)
	}
	for content, allowed := range map[string]bool{
		`{"Read":{"In":["root:alice"]}}`:  true,
		`{"Read":{"In":["root:bob"]}}`:    false,
		`{"Write":{"In":["root:alice"]}}`: false,
		`{"Read":{"In":["root:alice"]}`:   false,
	} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := authorizer.Authorize(nil, call); (err == nil) != allowed {
			t.Errorf("%s: error %v, want allowed %t", content, err, allowed)
		}
	}
}

func TestPermissionsJSON(t *testing.T) {
	permissions := access.Permissions{}.Add("root:alice", "Read").Blacklist("root:alice:phone", "Read")
	var written bytes.Buffer
	if err := access.WritePermissions(&written, permissions); err != nil {
		t.Fatal(err)
	}
	if want := `{"Read":{"In":["root:alice"],"NotIn":["root:alice:phone"]}}` + "\n"; written.String() != want {
		t.Errorf("written as %s, want %s", &written, want)
	}
	again, err := access.ReadPermissions(&written)
	if err != nil || len(again) != 1 || !slices.Equal(again["Read"].In, permissions["Read"].In) ||
		!slices.Equal(again["Read"].NotIn, permissions["Read"].NotIn) {
		t.Errorf("read as %v, %v", again, err)
	}
	for _, bad := range []string{
		``, `[]`, `{"Read":{"in_":["a"]}}`, `{"Read":{"In":["a:"]}}`, `{"Read":{"In":[],"NotIn":["a//b"]}}`,
		`{"Read":{"In":["a"]}} {}`, `{"Read":3}`,
	} {
		if got, err := access.ReadPermissions(strings.NewReader(bad)); err == nil || got != nil {
			t.Errorf("%s was read as %v, %v", bad, got, err)
		}
	}
	huge := strings.NewReader(`{"Read":{"In":["` + strings.Repeat("x", 5<<20) + `"]}}`)
	if _, err := access.ReadPermissions(huge); !errors.Is(err, access.ErrTooBig) {
		t.Errorf("huge: %v", err)
	}
}

func TestPermissionsChanges(t *testing.T) {
	permissions := access.Permissions{}.Add("b", "R", "W").Add("a", "R").Add("a", "R")
	if got := permissions["R"].In; !slices.Equal(got, []security.BlessingPattern{"a", "b"}) {
		t.Errorf("added %v", got)
	}
	copied := permissions.Copy()
	copied.Add("c", "R")
	if len(permissions["R"].In) != 2 || len(copied["R"].In) != 3 {
		t.Errorf("copy %v of %v", copied, permissions)
	}
	permissions.Blacklist("a:x", "R").Clear("a", "R").Clear("a:x")
	if list := permissions["R"]; !slices.Equal(list.In, []security.BlessingPattern{"b"}) || len(list.NotIn) != 0 {
		t.Errorf("cleared %v", list)
	}
	if permissions.Clear("b").Normalize(); len(permissions) != 0 {
		t.Errorf("normalized to %v", permissions)
	}
	if access.Permissions(nil).Copy() != nil || len(access.Permissions(nil).Clear("a")) != 0 {
		t.Error("nil permissions do not stay nil")
	}
}

func TestAuthorizerFromSpec(t *testing.T) {
	name := filepath.Join(t.TempDir(), "permissions")
	if err := os.WriteFile(name, []byte(`{"Read":{"In":["root:bob"]}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	files := map[string]string{"runtime": name}
	literal := `{"Read":{"In":["root:alice"]}}`
	for what, test := range map[string]struct {
		spec       access.PermissionsSpec
		alice, bob bool
	}{
		"file":    {access.PermissionsSpec{ExplicitlySpecified: true, Files: files}, false, true},
		"literal": {access.PermissionsSpec{ExplicitlySpecified: true, Files: files, Literal: literal}, true, false},
	} {
		authorizer, err := access.AuthorizerFromSpec(test.spec, "runtime", access.TypicalTagType())
		if err != nil {
			t.Fatal(err)
		}
		for client, allowed := range map[string]bool{"alice": test.alice, "bob": test.bob} {
			if err := authorizer.Authorize(nil, newCall(t, client, tagValue(access.Read))); (err == nil) != allowed {
				t.Errorf("%s, %s: error %v, want allowed %t", what, client, err, allowed)
			}
		}
	}
	none, err := access.AuthorizerFromSpec(access.PermissionsSpec{Literal: literal}, "runtime", access.TypicalTagType())
	if none != nil || err != nil {
		t.Errorf("unspecified: %v, %v", none, err)
	}
	for what, spec := range map[string]access.PermissionsSpec{
		"no such name": {ExplicitlySpecified: true},
		"bad literal":  {ExplicitlySpecified: true, Literal: "{"},
	} {
		if got, err := access.AuthorizerFromSpec(spec, "runtime", access.TypicalTagType()); err == nil {
			t.Errorf("%s: authorizer %v", what, got)
		}
	}
}

func TestAccessTagCaveat(t *testing.T) {
	caveat, err := access.NewAccessTagCaveat(access.Read, access.Resolve)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		tags []*vdl.Value
		want error
	}{
		{[]*vdl.Value{tagValue(access.Resolve)}, nil},
		{[]*vdl.Value{vdl.ValueOf("x"), tagValue(access.Read)}, nil},
		{[]*vdl.Value{tagValue(access.Write)}, access.ErrAccessTagCaveatValidation},
		{[]*vdl.Value{vdl.ValueOf("Read")}, access.ErrAccessTagCaveatValidation},
		{nil, access.ErrAccessTagCaveatValidation},
	} {
		err := caveat.Validate(nil, newCall(t, "alice", test.tags...))
		if test.want == nil && err != nil || !errors.Is(err, test.want) {
			t.Errorf("tags %v: error %v, want %v", test.tags, err, test.want)
		}
	}
	if _, err := access.NewAccessTagCaveat(); err == nil {
		t.Error("a caveat without tags was made")
	}
}

func TestTypicalTags(t *testing.T) {
	if got := access.TagStrings(access.AllTypicalTags()...); strings.Join(got, " ") != "Admin Debug Read Write Resolve" {
		t.Errorf("typical tags %v", got)
	}
	if got := access.TypicalTagType().Name(); got != "v.io/v23/security/access.Tag" {
		t.Errorf("type of the typical tags %s", got)
	}
}

func FuzzReadPermissions(f *testing.F) {
	f.Add([]byte(`{"Read":{"In":["root:alice"],"NotIn":["root:alice:phone"]}}`))
	f.Fuzz(func(t *testing.T, content []byte) {
		permissions, err := access.ReadPermissions(bytes.NewReader(content))
		if err != nil {
			return
		}
		var written bytes.Buffer
		if err := access.WritePermissions(&written, permissions); err != nil {
			t.Fatal(err)
		}
		if _, err := access.ReadPermissions(&written); err != nil {
			t.Errorf("%s was written so that it cannot be read: %v", content, err)
		}
	})
}

func ExamplePermissions() {
	permissions := access.Permissions{}
	permissions.Add("root:raft", access.TagStrings(access.Read, access.Write)...)
	permissions.Blacklist("root:raft:guest", string(access.Write))

	fmt.Println(permissions["Write"].Includes("root:raft:member1"))
	fmt.Println(permissions["Write"].Includes("root:raft:guest:phone"))
	// Output:
	// true
	// false
}
