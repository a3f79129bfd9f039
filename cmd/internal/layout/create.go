package layout

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"v.io/v23/security"
	"v.io/v23/security/access"

	"v.io/x/ref/lib/raft/internal/loopback"
	vsecurity "v.io/x/ref/lib/security"
)

// create makes DIR/config in a temporary directory beside it, and renames it.
func create(dir string, members int) (err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	made, err := os.MkdirTemp(dir, "config.tmp-")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(made))
		}
	}()
	ids, err := loopback.Addresses(members)
	if err != nil {
		return err
	}
	if err := createCredentials(filepath.Join(made, "credentials"), members); err != nil {
		return err
	}
	if err := writeJSON(filepath.Join(made, "cluster.json"), clusterFile{version, ids}); err != nil {
		return err
	}
	if err := writePermissions(filepath.Join(made, "mounttable.json")); err != nil {
		return err
	}
	return os.Rename(made, filepath.Join(dir, "config"))
}

// createCredentials makes the principals: root, which blesses itself, and the
// others, whom it blesses and who trust it.
func createCredentials(dir string, members int) error {
	root, err := vsecurity.CreatePersistentPrincipal(filepath.Join(dir, "root"), nil)
	if err != nil {
		return err
	}
	if err := vsecurity.InitDefaultBlessings(root, Root); err != nil {
		return err
	}
	names := map[string]string{"client": ClientBlessing, "ctl": AdminBlessing}
	for n := 1; n <= members; n++ {
		names[MemberName(n)] = MemberBlessing + ":" + strconv.Itoa(n)
	}
	for who, name := range names {
		if err := bless(root, filepath.Join(dir, who), name); err != nil {
			return fmt.Errorf("principal %s: %w", who, err)
		}
	}
	return nil
}

// bless makes a principal in dir and has root bless it under a full name.
func bless(root security.Principal, dir, name string) error {
	p, err := vsecurity.CreatePersistentPrincipal(dir, nil)
	if err != nil {
		return err
	}
	with, _ := root.BlessingStore().Default()
	extension := strings.TrimPrefix(name, Root+security.ChainSeparator)
	blessings, err := root.Bless(p.PublicKey(), with, extension, security.UnconstrainedUse())
	if err != nil {
		return err
	}
	return vsecurity.SetDefaultBlessings(p, blessings)
}

// writePermissions says who may do what at the mount table: members mount
// themselves, and whoever the root has blessed finds them.
func writePermissions(name string) error {
	permissions := make(access.Permissions)
	permissions.Add(ClientBlessing+security.ChainSeparator+security.BlessingPattern(security.NoExtension), "Admin")
	permissions.Add(MemberBlessing, "Mount", "Create")
	permissions.Add(Root, "Read", "Resolve")
	return writeJSON(name, map[string]access.Permissions{"": permissions})
}

// writeJSON writes a value to a new file that its owner alone can read.
func writeJSON(name string, value any) error {
	text, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(name, append(text, '\n'), 0o600)
}
