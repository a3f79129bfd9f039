package security

import (
	"os"
	"path/filepath"
	"testing"
)

func TestReloadKeepsWhatThereIsIfTheFilesAreBad(t *testing.T) {
	dir := t.TempDir()
	principal, err := CreatePersistentPrincipal(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := InitDefaultBlessings(principal, "me"); err != nil {
		t.Fatal(err)
	}
	signer, err := loadSigner(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	parts, err := loadParts(dir, signer, true)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"blessingroots.data", "blessingstore.data"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("garbage"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if parts.roots.reload() == nil || parts.store.reload() == nil {
		t.Error("garbage was read")
	}
	blessings, changed := parts.store.Default()
	if blessings.String() != "me" || len(parts.roots.Dump()) != 1 {
		t.Errorf("default %v, roots %v", blessings, parts.roots.Dump())
	}
	select {
	case <-changed:
		t.Error("the default was said to change")
	default:
	}
}
