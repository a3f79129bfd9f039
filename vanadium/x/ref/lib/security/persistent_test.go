package security_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"v.io/v23/security"
	libsec "v.io/x/ref/lib/security"
)

// createIn makes a principal in a new directory with default blessings "me".
func createIn(tb testing.TB) (dir string, principal security.Principal) {
	tb.Helper()
	dir = filepath.Join(tb.TempDir(), "credentials")
	principal = must(libsec.CreatePersistentPrincipal(dir, nil))(tb)
	if err := libsec.InitDefaultBlessings(principal, "me"); err != nil {
		tb.Fatal(err)
	}
	return dir, principal
}

func load(tb testing.TB, dir string) security.Principal {
	tb.Helper()
	return must(libsec.LoadPersistentPrincipal(dir, nil))(tb)
}

func defaultName(principal security.Principal) string {
	blessings, _ := principal.BlessingStore().Default()
	return blessings.String()
}

func TestPrincipalSurvivesRestart(t *testing.T) {
	dir, principal := createIn(t)
	friend := must(libsec.NewPrincipal())(t)
	if err := security.AddToRoots(principal, must(friend.BlessSelf("friend"))(t)); err != nil {
		t.Fatal(err)
	}
	again := load(t, dir)
	if !security.CryptoPublicKeyEqual(again.PublicKey(), principal.PublicKey()) {
		t.Error("the key changed")
	}
	if defaultName(again) != "me" || again.BlessingStore().ForPeer("x").String() != "me" ||
		len(again.Roots().Dump()) != 2 {
		t.Errorf("after restart: %s%s", again.BlessingStore().DebugString(), again.Roots().DebugString())
	}
	signature := must(again.Sign([]byte("message")))(t)
	if !signature.Verify(principal.PublicKey(), []byte("message")) {
		t.Error("signs with another key")
	}
}

func TestDirectoryLayout(t *testing.T) {
	dir, _ := createIn(t)
	for name, mode := range map[string]fs.FileMode{
		"": 0o700, "privatekey.pem": 0o400, "publickey.pem": 0o600,
		"blessingstore.data": 0o600, "blessingstore.sig": 0o600,
		"blessingroots.data": 0o600, "blessingroots.sig": 0o600,
		"dir.lock": 0o600, "blessings.lock": 0o600, "blessingroots.lock": 0o600,
	} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Error(err)
			continue
		}
		if info.Mode().Perm() != mode {
			t.Errorf("%q has mode %o, want %o", name, info.Mode().Perm(), mode)
		}
	}
	left := must(filepath.Glob(filepath.Join(dir, "*.next")))(t)
	if len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestCreateInUsedDirectoryFails(t *testing.T) {
	dir, _ := createIn(t)
	rewrite(t, filepath.Join(dir, "privatekey.pem.next"), []byte("left by a crash"))
	if _, err := libsec.CreatePersistentPrincipal(dir, nil); !errors.Is(err, fs.ErrExist) {
		t.Errorf("error %v, want %v", err, fs.ErrExist)
	}
	if got := defaultName(load(t, dir)); got != "me" {
		t.Errorf("afterwards the default is %q", got)
	}
	if left := must(filepath.Glob(filepath.Join(dir, "*.next")))(t); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	if _, err := libsec.LoadPersistentPrincipal(t.TempDir(), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("load from an empty directory: %v", err)
	}
}

func TestPassphrase(t *testing.T) {
	dir := t.TempDir()
	principal := must(libsec.CreatePersistentPrincipal(dir, []byte("open sesame")))(t)
	content := must(os.ReadFile(filepath.Join(dir, "privatekey.pem")))(t)
	if !bytes.Contains(content, []byte("ENCRYPTED")) {
		t.Error("the key is not encrypted")
	}
	if _, err := libsec.LoadPersistentPrincipal(dir, nil); !errors.Is(err, libsec.ErrPassphraseRequired) {
		t.Errorf("without passphrase: %v", err)
	}
	// A wrong passphrase is told from wrong padding, or by chance from a key that
	// does not parse; it never yields a principal.
	if _, err := libsec.LoadPersistentPrincipal(dir, []byte("wrong")); err == nil {
		t.Error("loaded with a wrong passphrase")
	}
	again := must(libsec.LoadPersistentPrincipal(dir, []byte("open sesame")))(t)
	if !security.CryptoPublicKeyEqual(again.PublicKey(), principal.PublicKey()) {
		t.Error("the key changed")
	}
}

func TestTamperedStateIsRefused(t *testing.T) {
	for _, name := range []string{
		"blessingstore.data", "blessingstore.sig", "blessingroots.data", "blessingroots.sig", "publickey.pem",
	} {
		t.Run(name, func(t *testing.T) {
			dir, _ := createIn(t)
			path := filepath.Join(dir, name)
			original := must(os.ReadFile(path))(t)
			// In a signature file, a flip in the name of a type changes nothing.
			for at := range original {
				changed := bytes.Clone(original)
				changed[at] ^= 0x01
				rewrite(t, path, changed)
				loaded, err := libsec.LoadPersistentPrincipal(dir, nil)
				if err == nil && (strings.HasSuffix(name, ".data") || defaultName(loaded) != "me") {
					t.Errorf("byte %d of %d flipped: loaded with default %q", at, len(original), defaultName(loaded))
				}
			}
			rewrite(t, path, original[:len(original)/2])
			if _, err := libsec.LoadPersistentPrincipal(dir, nil); err == nil {
				t.Error("cut in half: loaded")
			}
			rewrite(t, path, original)
			load(t, dir)
		})
	}
}

func rewrite(tb testing.TB, path string, content []byte) {
	tb.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		tb.Fatal(err)
	}
}

func TestMissingOrForeignState(t *testing.T) {
	dir, _ := createIn(t)
	foreign, _ := createIn(t)
	for _, suffix := range []string{".data", ".sig"} {
		content := must(os.ReadFile(filepath.Join(foreign, "blessingroots"+suffix)))(t)
		rewrite(t, filepath.Join(dir, "blessingroots"+suffix), content)
	}
	if _, err := libsec.LoadPersistentPrincipal(dir, nil); err == nil {
		t.Error("roots signed by another key were loaded")
	}
	dir, _ = createIn(t)
	if err := os.Remove(filepath.Join(dir, "blessingroots.data")); err != nil {
		t.Fatal(err)
	}
	if _, err := libsec.LoadPersistentPrincipal(dir, nil); err == nil {
		t.Error("loaded without its roots")
	}
	dir, _ = createIn(t)
	if err := os.Remove(filepath.Join(dir, "blessingstore.sig")); err != nil {
		t.Fatal(err)
	}
	if _, err := libsec.LoadPersistentPrincipal(dir, nil); err == nil {
		t.Error("loaded without a signature")
	}
}

// TestCrashBetweenRenames puts the directory into every state in which a process
// that dies during a change can leave it.
func TestCrashBetweenRenames(t *testing.T) {
	dir, principal := createIn(t)
	data, sig := filepath.Join(dir, "blessingstore.data"), filepath.Join(dir, "blessingstore.sig")
	oldData, oldSig := must(os.ReadFile(data))(t), must(os.ReadFile(sig))(t)
	if err := principal.BlessingStore().SetDefault(must(principal.BlessSelf("changed"))(t)); err != nil {
		t.Fatal(err)
	}
	newData, newSig := must(os.ReadFile(data))(t), must(os.ReadFile(sig))(t)
	for name, test := range map[string]struct {
		data, dataNext, sig, sigNext []byte
		want                         string
	}{
		"before any":             {oldData, nil, oldSig, nil, "me"},
		"signature half written": {oldData, nil, oldSig, newSig[:10], "me"},
		"signature written":      {oldData, nil, oldSig, newSig, "me"},
		"data half written":      {oldData, newData[:10], oldSig, newSig, "me"},
		"both written":           {oldData, newData, oldSig, newSig, "me"},
		"data renamed":           {newData, nil, oldSig, newSig, "changed"},
		"both renamed":           {newData, nil, newSig, nil, "changed"},
	} {
		t.Run(name, func(t *testing.T) {
			for path, content := range map[string][]byte{
				data: test.data, data + ".next": test.dataNext, sig: test.sig, sig + ".next": test.sigNext,
			} {
				if content == nil {
					if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
						t.Fatal(err)
					}
					continue
				}
				rewrite(t, path, content)
			}
			loaded := load(t, dir)
			if got := defaultName(loaded); got != test.want {
				t.Errorf("default is %q, want %q", got, test.want)
			}
			if err := libsec.InitDefaultBlessings(loaded, "after"); err != nil {
				t.Fatal(err)
			}
			if got := defaultName(load(t, dir)); got != "after" {
				t.Errorf("after the next change the default is %q", got)
			}
		})
	}
}

func TestSharedDirectory(t *testing.T) {
	// Principals loaded one by one from the same directory, as by processes, must
	// not undo each other's changes.
	dir, principal := createIn(t)
	const writers, changes = 4, 5
	var running sync.WaitGroup
	for w := range writers {
		own := load(t, dir)
		running.Go(func() {
			for c := range changes {
				pattern := security.BlessingPattern(fmt.Sprintf("peer:%d:%d", w, c))
				blessings, _ := own.BlessingStore().Default()
				if _, err := own.BlessingStore().Set(blessings, pattern); err != nil {
					t.Error(err)
				}
				if err := own.Roots().Add(must(own.PublicKey().MarshalBinary())(t), pattern); err != nil {
					t.Error(err)
				}
			}
		})
	}
	running.Wait()
	again := load(t, dir)
	if got := len(again.BlessingStore().PeerBlessings()); got != writers*changes+1 {
		t.Errorf("%d peers, want %d", got, writers*changes+1)
	}
	if got := len(again.Roots().Dump()); got != writers*changes+1 {
		t.Errorf("%d roots, want %d", got, writers*changes+1)
	}
	if got := len(principal.Roots().Dump()); got != 1 {
		t.Errorf("%d roots in a principal that made no change, want 1", got)
	}
}

func TestDaemonReloads(t *testing.T) {
	dir, principal := createIn(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	daemon := must(libsec.LoadPersistentPrincipalDaemon(ctx, dir, nil, true, time.Millisecond))(t)
	_, changed := daemon.BlessingStore().Default()
	if err := libsec.InitDefaultBlessings(principal, "renewed"); err != nil {
		t.Fatal(err)
	}
	<-changed
	if got := defaultName(daemon); got != "renewed" {
		t.Errorf("default is %q", got)
	}
	if err := libsec.InitDefaultBlessings(daemon, "x"); err == nil {
		t.Error("a read-only principal was changed")
	}
	if err := daemon.BlessingStore().SetDefault(security.Blessings{}); err == nil {
		t.Error("a read-only principal was changed")
	}
}

func TestDaemonReloadsOnHangup(t *testing.T) {
	dir, principal := createIn(t)
	daemon := must(libsec.LoadPersistentPrincipalDaemon(t.Context(), dir, nil, false, 0))(t)
	_, changed := daemon.BlessingStore().Default()
	if err := libsec.InitDefaultBlessings(principal, "renewed"); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	<-changed
	if err := libsec.InitDefaultBlessings(daemon, "own"); err != nil {
		t.Errorf("a change through the daemon's principal: %v", err)
	}
	if got := defaultName(load(t, dir)); got != "own" {
		t.Errorf("default is %q", got)
	}
}

func TestReadonlyDaemonWritesNothing(t *testing.T) {
	dir, _ := createIn(t)
	before := must(os.ReadDir(dir))(t)
	if err := os.Remove(filepath.Join(dir, "dir.lock")); err != nil {
		t.Fatal(err)
	}
	daemon := must(libsec.LoadPersistentPrincipalDaemon(t.Context(), dir, nil, true, 0))(t)
	daemon.BlessingStore().ClearDischarges(security.Discharge{})
	if after := must(os.ReadDir(dir))(t); len(after) != len(before)-1 {
		t.Errorf("the directory holds %v", after)
	}
}

func TestKeyFilesOfOtherKinds(t *testing.T) {
	for name, content := range map[string]string{
		"no PEM":     "hello",
		"other PEM":  "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
		"no key":     "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
		"no cipher":  "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
		"empty file": "",
	} {
		dir := t.TempDir()
		rewrite(t, filepath.Join(dir, "privatekey.pem"), []byte(content))
		if _, err := libsec.LoadPersistentPrincipal(dir, []byte("pass")); err == nil {
			t.Errorf("%s: loaded", name)
		}
	}
}

func ExampleCreatePersistentPrincipal() {
	dir, err := os.MkdirTemp("", "credentials")
	if err != nil {
		panic(err)
	}
	defer func() {
		if err := os.RemoveAll(dir); err != nil {
			panic(err)
		}
	}()
	principal, err := libsec.CreatePersistentPrincipal(dir, nil)
	if err != nil {
		panic(err)
	}
	if err := libsec.InitDefaultBlessings(principal, "root"); err != nil {
		panic(err)
	}
	// Another process, or the same one after a restart:
	again, err := libsec.LoadPersistentPrincipal(dir, nil)
	if err != nil {
		panic(err)
	}
	fmt.Println(security.DefaultBlessingNames(again))
	// Output: [root]
}
