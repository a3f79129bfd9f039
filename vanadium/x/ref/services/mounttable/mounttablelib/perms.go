package mounttablelib

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"v.io/v23/context"
	"v.io/v23/naming"
	"v.io/v23/security"
	"v.io/v23/security/access"
	"v.io/v23/services/mounttable"
	"v.io/v23/verror"
)

// templateElement is the element of names in the permissions file that stands for any.
const templateElement = "%%"

// maxPermsFile bounds the permissions file, in bytes.
const maxPermsFile = 16 << 20

// maxPermsEntries bounds the patterns and names in the permissions of a node.
const maxPermsEntries = 4096

// securityPattern returns the pattern that the blessing name and its extensions match.
func securityPattern(name string) security.BlessingPattern { return security.BlessingPattern(name) }

// fill returns a copy of the template with the element in place of its mark.
func fill(template access.Permissions, element string) access.Permissions {
	perms := make(access.Permissions, len(template))
	for tag, list := range template {
		var filled access.AccessList
		for _, pattern := range list.In {
			filled.In = append(filled.In,
				security.BlessingPattern(strings.ReplaceAll(string(pattern), templateElement, element)))
		}
		for _, name := range list.NotIn {
			filled.NotIn = append(filled.NotIn, strings.ReplaceAll(name, templateElement, element))
		}
		perms[tag] = filled
	}
	return perms
}

// readPermsFile returns the permissions of all names in the file.
func readPermsFile(path string) (_ map[string]access.Permissions, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("mounttable: %w", err)
	}
	defer func() {
		if closing := file.Close(); err == nil && closing != nil {
			err = fmt.Errorf("mounttable: %w", closing)
		}
	}()
	byName, err := decodePerms(file)
	if err != nil {
		return nil, fmt.Errorf("mounttable: the permissions file %s is not a JSON object of at most %d bytes "+
			"that maps names to permissions: %w", path, maxPermsFile, err)
	}
	return byName, nil
}

// decodePerms returns the permissions of all names in the text of a permissions file.
func decodePerms(text io.Reader) (map[string]access.Permissions, error) {
	decoder := json.NewDecoder(io.LimitReader(text, maxPermsFile))
	decoder.DisallowUnknownFields()
	var byName map[string]access.Permissions
	if err := decoder.Decode(&byName); err != nil {
		return nil, err
	}
	return byName, nil
}

// loadPerms gives the tree the permissions of a permissions file.
func (t *tree) loadPerms(byName map[string]access.Permissions) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.templates = make(map[string]access.Permissions)
	for name, perms := range byName {
		elements := elementsOf(name)
		if err := checkPerms(nil, perms); err != nil {
			return fmt.Errorf("mounttable: the permissions of %q: %w", name, err)
		}
		if last := len(elements) - 1; last >= 0 && elements[last] == templateElement {
			t.templates[strings.Join(elements[:last], "/")] = perms.Normalize()
			continue
		}
		if slices.Contains(elements, templateElement) {
			return fmt.Errorf("mounttable: in the name %q of the permissions file %s is not the last element",
				name, templateElement)
		}
		if err := checkElements(nil, elements); err != nil {
			return err
		}
		t.plant(elements).setPerms(perms)
	}
	t.supers = t.root.perms[string(mounttable.Admin)]
	return nil
}

// plant returns the node of the elements, made if it is not there, without asking for rights. The lock is held.
func (t *tree) plant(elements []string) *node {
	n := t.root
	for _, element := range elements {
		child := n.children[element]
		if child == nil {
			child = t.grow(n, element, caller{})
		}
		n = child
	}
	return n
}

// setPerms replaces the permissions of the node.
func (n *node) setPerms(perms access.Permissions) {
	n.perms = perms.Copy().Normalize()
	n.version++
	n.explicit = true
}

// elementsOf returns the elements of a name.
func elementsOf(name string) []string {
	return strings.FieldsFunc(name, func(c rune) bool { return c == '/' })
}

// checkPerms returns an error if there are permissions that cannot be meant.
func checkPerms(ctx *context.T, perms access.Permissions) error {
	entries := 0
	for tag, list := range perms {
		entries += 1 + len(list.In) + len(list.NotIn)
		for _, pattern := range list.In {
			if !pattern.IsValid() && !strings.Contains(string(pattern), templateElement) {
				return verror.ErrBadArg.Errorf(ctx, "%q, which is given %s, is not a blessing pattern", pattern, tag)
			}
		}
	}
	if entries > maxPermsEntries {
		return verror.ErrBadArg.Errorf(ctx, "the permissions have %d entries, and %d are allowed",
			entries, maxPermsEntries)
	}
	return nil
}

// setPermissions replaces the permissions of the name, which is created if it is not there.
func (t *tree) setPermissions(ctx *context.T, who caller, elements []string, perms access.Permissions,
	version string) error {
	if err := checkPerms(ctx, perms); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	n, err := t.create(ctx, who, elements)
	if err != nil {
		return err
	}
	if err := t.setOn(ctx, who, n, perms, version); err != nil {
		t.prune(n)
		return err
	}
	return nil
}

// setOn replaces the permissions of the node. The lock is held, while the change is made durable too: the journal must
// have the changes in the order in which they take effect.
func (t *tree) setOn(ctx *context.T, who caller, n *node, perms access.Permissions, version string) error {
	if err := n.need(ctx, who, toSet...); err != nil {
		return err
	}
	if current := formatVersion(n); version != "" && version != current {
		return verror.ErrBadVersion.Errorf(ctx, "the permissions have the version %s, not %s: "+
			"they were changed since they were read", current, version)
	}
	perms = keepAdmin(n, who, perms)
	change := record{Name: strings.Join(n.path(), "/"), Permissions: perms, Version: n.version + 1}
	if err := t.journal.append(change); err != nil {
		return verror.ErrInternal.Errorf(ctx, "the permissions cannot be kept: %w", err)
	}
	n.setPerms(perms)
	t.dropHistory(ctx)
	return nil
}

// keepAdmin returns the permissions with those names of the caller added to Admin that had it before, if the caller
// would lose it otherwise: locking oneself out is a mistake.
func keepAdmin(n *node, who caller, perms access.Permissions) access.Permissions {
	perms = perms.Copy()
	if perms == nil {
		perms = make(access.Permissions)
	}
	if perms[string(mounttable.Admin)].Includes(who.names...) {
		return perms
	}
	for _, name := range who.names {
		if n.perms[string(mounttable.Admin)].Includes(name) {
			grantAdmin(perms, name)
		}
	}
	return perms
}

// formatVersion returns the version of the node's permissions.
func formatVersion(n *node) string { return strconv.FormatUint(n.version, 10) }

// getPermissions returns the permissions of the name.
func (t *tree) getPermissions(ctx *context.T, who caller, elements []string) (access.Permissions, string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n, err := t.exact(ctx, who, elements)
	switch {
	case err != nil:
		return nil, "", err
	case n == nil:
		return nil, "", naming.ErrNoSuchName.Errorf(ctx, "the mount table has no name %q", strings.Join(elements, "/"))
	}
	if err := n.need(ctx, who, toGet...); err != nil {
		return nil, "", err
	}
	return n.perms.Copy(), formatVersion(n), nil
}
