package access

import (
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"slices"

	"v.io/v23/security"
)

// permissionsBytesMax bounds what ReadPermissions reads.
const permissionsBytesMax = 4 << 20

// Add puts pattern on the lists of tags and returns m. m must not be nil.
func (m Permissions) Add(pattern security.BlessingPattern, tags ...string) Permissions {
	for _, tag := range tags {
		list := m[tag]
		list.In = append(slices.Clone(list.In), pattern)
		list.normalize()
		m[tag] = list
	}
	return m
}

// Blacklist keeps principals by the given name, or an extension of it, off the
// lists of tags and returns m. m must not be nil.
func (m Permissions) Blacklist(blessing string, tags ...string) Permissions {
	for _, tag := range tags {
		list := m[tag]
		list.NotIn = append(slices.Clone(list.NotIn), blessing)
		list.normalize()
		m[tag] = list
	}
	return m
}

// Clear takes blessingOrPattern off the lists of tags, whether it stands for In
// or NotIn, and returns m. Without tags it does so for all.
func (m Permissions) Clear(blessingOrPattern string, tags ...string) Permissions {
	if len(tags) == 0 {
		tags = slices.Collect(maps.Keys(m))
	}
	for _, tag := range tags {
		list, ok := m[tag]
		if !ok {
			continue
		}
		list.In = slices.DeleteFunc(slices.Clone(list.In), func(pattern security.BlessingPattern) bool {
			return string(pattern) == blessingOrPattern
		})
		list.NotIn = slices.DeleteFunc(slices.Clone(list.NotIn), func(name string) bool {
			return name == blessingOrPattern
		})
		m[tag] = list
	}
	return m
}

// Copy returns a copy that shares nothing with m.
func (m Permissions) Copy() Permissions {
	if m == nil {
		return nil
	}
	copied := make(Permissions, len(m))
	for tag, list := range m {
		copied[tag] = AccessList{In: slices.Clone(list.In), NotIn: slices.Clone(list.NotIn)}
	}
	return copied
}

// Normalize sorts all lists, drops duplicates and tags with empty lists, and
// returns m. It does not change what m means.
func (m Permissions) Normalize() Permissions {
	for tag, list := range m {
		list.normalize()
		if len(list.In) == 0 && len(list.NotIn) == 0 {
			delete(m, tag)
			continue
		}
		m[tag] = list
	}
	return m
}

func (x *AccessList) normalize() {
	x.In = sorted(x.In)
	x.NotIn = sorted(x.NotIn)
}

// sorted returns the distinct elements in order, nil if there are none.
func sorted[E cmp.Ordered](elements []E) []E {
	if len(elements) == 0 {
		return nil
	}
	return slices.Compact(slices.Sorted(slices.Values(elements)))
}

// ReadPermissions reads permissions in JSON. Fields it does not know, and
// anything behind the first value, are errors: a misspelt list must not silently
// mean something else.
func ReadPermissions(r io.Reader) (Permissions, error) {
	limited := &io.LimitedReader{R: r, N: permissionsBytesMax + 1}
	decoder := json.NewDecoder(limited)
	decoder.DisallowUnknownFields()
	var permissions Permissions
	err := decoder.Decode(&permissions)
	if limited.N <= 0 {
		return nil, ErrTooBig.Errorf(nil, "permissions have more than %d bytes", permissionsBytesMax)
	}
	if err != nil {
		return nil, readError(err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errTrailing
	}
	if err := permissions.check(); err != nil {
		return nil, err
	}
	return permissions, nil
}

// WritePermissions writes permissions as ReadPermissions reads them, in one
// line with the tags sorted.
func WritePermissions(w io.Writer, permissions Permissions) error {
	return json.NewEncoder(w).Encode(permissions)
}
