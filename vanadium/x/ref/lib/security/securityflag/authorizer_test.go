package securityflag_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"v.io/v23/security/access"
	"v.io/x/ref/lib/security/securityflag"
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
