package security

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"v.io/v23/security"
)

func TestKeysMadeByOpenSSL(t *testing.T) {
	// Made by: openssl pkcs8 -topk8 -v2 aes-256-cbc -v2prf <prf>
	for _, name := range []string{"openssl-hmacWithSHA256.pem", "openssl-hmacWithSHA1.pem"} {
		block, err := readPEM(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		der, err := decryptPKCS8(block.Bytes, []byte("sesame"))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		key, err := x509.ParsePKCS8PrivateKey(der)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, ok := key.(*ecdsa.PrivateKey); !ok {
			t.Errorf("%s holds a %T", name, key)
		}
		if _, err := decryptPKCS8(block.Bytes, []byte("semolina")); !errors.Is(err, ErrBadPassphrase) {
			t.Errorf("%s with a wrong passphrase: %v", name, err)
		}
	}
}

func TestKeyFilesOfEveryKind(t *testing.T) {
	ec, err := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rs, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []any{ec, ed, rs} {
		signer, err := newSigner(key)
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		if err := createKeyFiles(dir, key, signer.PublicKey(), nil); err != nil {
			t.Fatal(err)
		}
		again, err := loadSigner(dir, nil)
		if err != nil || !security.CryptoPublicKeyEqual(again.PublicKey(), signer.PublicKey()) {
			t.Errorf("%T: came back as %v, %v", key, again, err)
		}
	}
	if signer, err := newSigner("key"); err == nil {
		t.Errorf("a string signs as %v", signer.PublicKey())
	}
}

func TestPublicKeyFileOfAnother(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	for _, d := range []string{dir, other} {
		if _, err := CreatePersistentPrincipal(d, nil); err != nil {
			t.Fatal(err)
		}
	}
	content, err := os.ReadFile(filepath.Join(other, publicKeyFile))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, publicKeyFile), content, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadPersistentPrincipal(dir, nil); err == nil {
		t.Error("loaded with another principal's public key")
	}
	if err := os.Remove(filepath.Join(dir, publicKeyFile)); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadPersistentPrincipal(dir, nil); err != nil {
		t.Errorf("without the public key: %v", err)
	}
}

func TestPassphrasePrompt(t *testing.T) {
	plain, encrypted := t.TempDir(), t.TempDir()
	for dir, passphrase := range map[string][]byte{plain: nil, encrypted: []byte("sesame")} {
		if _, err := CreatePersistentPrincipal(dir, passphrase); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := LoadPersistentPrincipalWithPassphrasePrompt(plain); err != nil {
		t.Errorf("without a passphrase: %v", err)
	}
	answer := func(passphrase string, err error) func(string) ([]byte, error) {
		return func(string) ([]byte, error) { return []byte(passphrase), err }
	}
	if _, err := loadPrompting(encrypted, answer("sesame", nil)); err != nil {
		t.Errorf("with the passphrase: %v", err)
	}
	if _, err := loadPrompting(encrypted, answer("simsim", nil)); err == nil {
		t.Error("loaded with a wrong passphrase")
	}
	noTerminal := errors.New("no terminal")
	_, err := loadPrompting(encrypted, answer("", noTerminal))
	if !errors.Is(err, noTerminal) || !errors.Is(err, ErrPassphraseRequired) {
		t.Errorf("without a terminal: %v", err)
	}
}

func derivationOf(info *encryptedPrivateKeyInfo) *pbkdf2Params {
	return &info.Algorithm.Params.KeyDerivation.Params
}

func TestEncryptionsThatAreRefused(t *testing.T) {
	block, err := readPEM(filepath.Join("testdata", "openssl-hmacWithSHA256.pem"))
	if err != nil {
		t.Fatal(err)
	}
	for what, change := range map[string]func(*encryptedPrivateKeyInfo){
		"other scheme":     func(i *encryptedPrivateKeyInfo) { i.Algorithm.ID = oidPBKDF2 },
		"other derivation": func(i *encryptedPrivateKeyInfo) { i.Algorithm.Params.KeyDerivation.ID = oidPBES2 },
		"other cipher":     func(i *encryptedPrivateKeyInfo) { i.Algorithm.Params.Encryption.ID = oidPBES2 },
		"short vector":     func(i *encryptedPrivateKeyInfo) { i.Algorithm.Params.Encryption.IV = []byte{1} },
		"other hash":       func(i *encryptedPrivateKeyInfo) { derivationOf(i).PRF.Algorithm = oidPBES2 },
		"no iterations":    func(i *encryptedPrivateKeyInfo) { derivationOf(i).Iterations = 0 },
		"many iterations":  func(i *encryptedPrivateKeyInfo) { derivationOf(i).Iterations = 1 << 30 },
		"short key":        func(i *encryptedPrivateKeyInfo) { derivationOf(i).KeyBytes = 16 },
		"half a block":     func(i *encryptedPrivateKeyInfo) { i.Encrypted = i.Encrypted[:8] },
		"nothing":          func(i *encryptedPrivateKeyInfo) { i.Encrypted = nil },
	} {
		var info encryptedPrivateKeyInfo
		if _, err := asn1.Unmarshal(block.Bytes, &info); err != nil {
			t.Fatal(err)
		}
		change(&info)
		encoded, err := asn1.Marshal(info)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := decryptPKCS8(encoded, []byte("sesame")); err == nil {
			t.Errorf("%s: decrypted", what)
		}
	}
}

func FuzzDecryptPKCS8(f *testing.F) {
	for _, name := range []string{"openssl-hmacWithSHA256.pem", "openssl-hmacWithSHA1.pem"} {
		content, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		block, _ := pem.Decode(content)
		f.Add(block.Bytes)
	}
	f.Fuzz(func(t *testing.T, encoded []byte) {
		if der, err := decryptPKCS8(encoded, []byte("sesame")); err == nil && len(der) >= len(encoded) {
			t.Errorf("%d bytes decrypt to %d", len(encoded), len(der))
		}
	})
}

func FuzzVerifyState(f *testing.F) {
	// A fixed key whose signatures are not random, as all workers need the same.
	signer, err := newSigner(ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)))
	if err != nil {
		f.Fatal(err)
	}
	principal, err := NewPrincipalFromSigner(signer)
	if err != nil {
		f.Fatal(err)
	}
	data, longer := []byte("state"), []byte("state of affairs")
	signed, err := signState(data, principal)
	if err != nil {
		f.Fatal(err)
	}
	if err := verifyState(data, signed, principal.PublicKey()); err != nil {
		f.Fatal(err)
	}
	f.Add(signed)
	f.Fuzz(func(t *testing.T, signed []byte) {
		if err := verifyState(longer, signed, principal.PublicKey()); err == nil {
			t.Error("a signature verifies other state")
		}
	})
}

func TestSignedStateOfEverySize(t *testing.T) {
	principal, err := NewPrincipal()
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{0, 1, chunkBytes - 1, chunkBytes, chunkBytes + 1, 3 * chunkBytes} {
		data := make([]byte, size)
		signed, err := signState(data, principal)
		if err != nil {
			t.Fatal(err)
		}
		if err := verifyState(data, signed, principal.PublicKey()); err != nil {
			t.Errorf("%d bytes: %v", size, err)
		}
		if err := verifyState(append(data, 0), signed, principal.PublicKey()); err == nil {
			t.Errorf("%d bytes: a longer state verifies", size)
		}
		if size > 0 {
			if err := verifyState(data[1:], signed, principal.PublicKey()); err == nil {
				t.Errorf("%d bytes: a shorter state verifies", size)
			}
		}
		if err := verifyState(data, append(signed, signed...), principal.PublicKey()); err == nil {
			t.Errorf("%d bytes: a signature with something behind it verifies", size)
		}
	}
}
