package access

import (
	"fmt"
	"strings"

	"v.io/v23/security"
	"v.io/v23/vdl"
)

// PermissionsSpec says where the permissions of a process come from, as its
// flags give it.
type PermissionsSpec struct {
	// ExplicitlySpecified is set if any flag was given; the rest counts only then.
	ExplicitlySpecified bool
	// Files maps a name to the file that holds the permissions of that name.
	Files map[string]string
	// Literal, if not empty, is permissions in JSON, which precede all files.
	Literal string
}

// AuthorizerFromSpec returns an authorizer by the permissions that spec has for
// name, (nil, nil) if spec was not explicitly given. A spec that was given but
// has nothing for name is an error.
func AuthorizerFromSpec(spec PermissionsSpec, name string, tagType *vdl.Type) (security.Authorizer, error) {
	if !spec.ExplicitlySpecified {
		return nil, nil
	}
	if spec.Literal != "" {
		permissions, err := ReadPermissions(strings.NewReader(spec.Literal))
		if err != nil {
			return nil, err
		}
		return PermissionsAuthorizer(permissions, tagType)
	}
	filename, ok := spec.Files[name]
	if !ok {
		return nil, fmt.Errorf("access: no permissions file is given for %q", name)
	}
	return PermissionsAuthorizerFromFile(filename, tagType)
}
