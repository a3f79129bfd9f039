package access

import (
	"errors"
	"fmt"
	"os"

	"v.io/v23/context"
	"v.io/v23/security"
	"v.io/v23/vdl"
)

var errTrailing = errors.New("access: permissions are followed by something else")

func readError(err error) error { return fmt.Errorf("access: reading permissions: %w", err) }

// check refuses patterns that select nobody because they are malformed.
func (m Permissions) check() error {
	for tag, list := range m {
		for _, pattern := range list.In {
			if !pattern.IsValid() {
				return fmt.Errorf("access: pattern %q in the list for %q is malformed", pattern, tag)
			}
		}
		for _, name := range list.NotIn {
			if !security.BlessingPattern(name).IsValid() {
				return fmt.Errorf("access: name %q kept off the list for %q is malformed", name, tag)
			}
		}
	}
	return nil
}

// PermissionsAuthorizer returns an authorizer that looks at the tag of type
// tagType that the called method carries, and lets the caller in if it is on
// the list of permissions for that tag. Methods with no such tag, or several,
// are refused to everyone. tagType must be a kind of string. permissions are
// copied.
func PermissionsAuthorizer(permissions Permissions, tagType *vdl.Type) (security.Authorizer, error) {
	if err := checkTagType(tagType); err != nil {
		return nil, err
	}
	return &authorizer{permissions.Copy(), tagType}, nil
}

func checkTagType(tagType *vdl.Type) error {
	if tagType == nil || tagType.Kind() != vdl.String {
		return fmt.Errorf("access: tags must be of a string type, not %v", tagType)
	}
	return nil
}

// TypicalTagTypePermissionsAuthorizer is PermissionsAuthorizer for the typical
// tags.
func TypicalTagTypePermissionsAuthorizer(permissions Permissions) security.Authorizer {
	return &authorizer{permissions.Copy(), TypicalTagType()}
}

// authorizer never changes.
type authorizer struct {
	permissions Permissions
	tagType     *vdl.Type
}

func (a *authorizer) Authorize(ctx *context.T, call security.Call) error {
	tag, err := methodTag(ctx, call, a.tagType)
	if err != nil {
		return err
	}
	names, rejected := security.RemoteBlessingNames(ctx, call)
	if list, ok := a.permissions[tag]; ok && list.Includes(names...) {
		return nil
	}
	return ErrNoPermissions.Errorf(ctx,
		"principal with names %v (rejected: %v) is not permitted to call %q, which needs %q",
		names, rejected, call.Method(), tag)
}

// methodTag returns the only tag of type tagType that the called method carries.
func methodTag(ctx *context.T, call security.Call, tagType *vdl.Type) (string, error) {
	var found []string
	for _, tag := range call.MethodTags() {
		if tag != nil && tag.Type() == tagType {
			found = append(found, tag.RawString())
		}
	}
	switch len(found) {
	case 0:
		return "", ErrNoTags.Errorf(ctx, "method %q of object %q has no tag of type %v, so nobody may call it",
			call.Method(), call.Suffix(), tagType)
	case 1:
		return found[0], nil
	default:
		return "", ErrMultipleTags.Errorf(ctx, "method %q of object %q has %d tags of type %v, want one",
			call.Method(), call.Suffix(), len(found), tagType)
	}
}

// PermissionsAuthorizerFromFile is PermissionsAuthorizer with the permissions in
// the JSON file of the given name, which is read for each call, so that changes
// take effect at once. While it cannot be read, nobody is let in.
func PermissionsAuthorizerFromFile(filename string, tagType *vdl.Type) (security.Authorizer, error) {
	if err := checkTagType(tagType); err != nil {
		return nil, err
	}
	return &fileAuthorizer{filename, tagType}, nil
}

type fileAuthorizer struct {
	filename string
	tagType  *vdl.Type
}

func (a *fileAuthorizer) Authorize(ctx *context.T, call security.Call) error {
	permissions, err := readPermissionsFile(a.filename)
	if err != nil {
		return ErrNoPermissions.Errorf(ctx, "nobody is permitted anything: %w", err)
	}
	return (&authorizer{permissions, a.tagType}).Authorize(ctx, call)
}

func readPermissionsFile(filename string) (_ Permissions, err error) {
	file, err := os.Open(filename)
	if err != nil {
		return nil, readError(err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	permissions, err := ReadPermissions(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filename, err)
	}
	return permissions, nil
}
