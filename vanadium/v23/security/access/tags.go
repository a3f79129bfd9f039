package access

import (
	"errors"
	"slices"

	"v.io/v23/context"
	"v.io/v23/security"
	"v.io/v23/vdl"
)

func init() { security.RegisterCaveatValidator(AccessTagCaveat, validateAccessTag) }

// TypicalTagType returns the type of the typical tags.
func TypicalTagType() *vdl.Type { return vdl.TypeOf(Tag("")) }

// AllTypicalTags returns the typical tags.
func AllTypicalTags() []Tag { return []Tag{Admin, Debug, Read, Write, Resolve} }

// TagStrings returns tags as the keys they have in Permissions.
func TagStrings(tags ...Tag) []string {
	keys := make([]string, len(tags))
	for i, tag := range tags {
		keys[i] = string(tag)
	}
	return keys
}

// NewAccessTagCaveat returns a caveat that holds for methods carrying one of
// tags.
func NewAccessTagCaveat(tags ...Tag) (security.Caveat, error) {
	if len(tags) == 0 {
		return security.Caveat{}, errors.New("access: an access tag caveat needs at least one tag")
	}
	return security.NewCaveat(AccessTagCaveat, tags)
}

func validateAccessTag(ctx *context.T, call security.Call, permitted []Tag) error {
	tagType := TypicalTagType()
	for _, tag := range call.MethodTags() {
		if tag != nil && tag.Type() == tagType && slices.Contains(permitted, Tag(tag.RawString())) {
			return nil
		}
	}
	return ErrAccessTagCaveatValidation.Errorf(ctx, "method %q carries none of the tags %v", call.Method(), permitted)
}
