// Package securityflag makes authorizers from the permissions that the flags of
// a process give (-v23.permissions.file and -v23.permissions.literal).
package securityflag

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"v.io/v23"
	"v.io/v23/context"
	"v.io/v23/security"
	"v.io/v23/security/access"
)

// runtimeName is the name of the permissions that apply to a whole process.
const runtimeName = "runtime"

// NewAuthorizerOrDie is NewAuthorizer for the permissions of the whole process.
// It panics if they cannot be used: better not to serve than to serve anyone.
func NewAuthorizerOrDie(ctx *context.T) security.Authorizer {
	authorizer, err := NewAuthorizer(ctx, runtimeName)
	if err != nil {
		panic(err)
	}
	return authorizer
}

// NewAuthorizer returns an authorizer by the typical tags and the permissions
// that the flags give for name ("" means "runtime"), and
// security.DefaultAuthorizer if they give none at all.
func NewAuthorizer(ctx *context.T, name string) (security.Authorizer, error) {
	spec := v23.GetPermissionsSpec(ctx)
	authorizer, err := access.AuthorizerFromSpec(spec, nameOrRuntime(name), access.TypicalTagType())
	if err != nil {
		return nil, fmt.Errorf("securityflag: %w", err)
	}
	if authorizer == nil {
		return security.DefaultAuthorizer(), nil
	}
	return authorizer, nil
}

// PermissionsFromSpec returns the permissions that spec gives for name (""
// means "runtime"), nil if it was not explicitly given.
func PermissionsFromSpec(spec access.PermissionsSpec, name string) (access.Permissions, error) {
	if !spec.ExplicitlySpecified {
		return nil, nil
	}
	if spec.Literal != "" {
		return access.ReadPermissions(strings.NewReader(spec.Literal))
	}
	filename, ok := spec.Files[nameOrRuntime(name)]
	if !ok {
		return nil, fmt.Errorf("securityflag: no permissions file is given for %q", nameOrRuntime(name))
	}
	return readFile(filename)
}

func nameOrRuntime(name string) string {
	if name == "" {
		return runtimeName
	}
	return name
}

func readFile(filename string) (_ access.Permissions, err error) {
	file, err := os.Open(filename)
	if err != nil {
		return nil, fmt.Errorf("securityflag: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	permissions, err := access.ReadPermissions(file)
	if err != nil {
		return nil, fmt.Errorf("securityflag: %s: %w", filename, err)
	}
	return permissions, nil
}
