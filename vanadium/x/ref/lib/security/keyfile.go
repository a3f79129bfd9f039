package security

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"v.io/v23/security"
)

const (
	privateKeyFile = "privatekey.pem"
	publicKeyFile  = "publickey.pem"

	pemPrivateKey   = "PRIVATE KEY"
	pemEncryptedKey = "ENCRYPTED PRIVATE KEY"
	pemPublicKey    = "PUBLIC KEY"

	keyFileBytesMax = 64 << 10
)

// newSigner returns a signer for a private key of a supported kind.
func newSigner(key crypto.PrivateKey) (security.Signer, error) {
	switch key := key.(type) {
	case *ecdsa.PrivateKey:
		return security.NewInMemoryECDSASigner(key)
	case ed25519.PrivateKey:
		return security.NewInMemoryED25519Signer(key)
	case *rsa.PrivateKey:
		return security.NewInMemoryRSASigner(key)
	default:
		return nil, fmt.Errorf("security: private keys of type %T are not supported", key)
	}
}

// createKeyFiles writes key, encrypted if passphrase is not empty, into dir. It
// fails if there is a key already.
func createKeyFiles(dir string, key crypto.PrivateKey, public security.PublicKey, passphrase []byte) error {
	block, err := encodePrivateKey(key, passphrase)
	if err != nil {
		return err
	}
	der, err := public.MarshalBinary()
	if err != nil {
		return err
	}
	if err := createSynced(filepath.Join(dir, privateKeyFile), pem.EncodeToMemory(block), 0o400); err != nil {
		return err
	}
	publicPEM := pem.EncodeToMemory(&pem.Block{Type: pemPublicKey, Bytes: der})
	if err := createSynced(filepath.Join(dir, publicKeyFile), publicPEM, 0o600); err != nil {
		return err
	}
	return syncDir(dir)
}

func encodePrivateKey(key crypto.PrivateKey, passphrase []byte) (*pem.Block, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("security: encoding private key: %w", err)
	}
	if len(passphrase) == 0 {
		return &pem.Block{Type: pemPrivateKey, Bytes: der}, nil
	}
	encrypted, err := encryptPKCS8(der, passphrase)
	if err != nil {
		return nil, err
	}
	return &pem.Block{Type: pemEncryptedKey, Bytes: encrypted}, nil
}

// createSynced is writeSynced for a file that must not exist yet. A crash leaves
// the whole file or none: it is written under another name and then linked,
// which, unlike renaming, fails if there is one. The caller holds dir.lock.
func createSynced(name string, content []byte, mode fs.FileMode) error {
	next := name + ".next"
	if err := os.Remove(next); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("security: creating key file: %w", err)
	}
	if err := writeSynced(next, content, mode); err != nil {
		return fmt.Errorf("security: creating key file: %w", err)
	}
	err := os.Link(next, name)
	return errors.Join(err, os.Remove(next))
}

// loadSigner reads the private key in dir.
func loadSigner(dir string, passphrase []byte) (security.Signer, error) {
	name := filepath.Join(dir, privateKeyFile)
	block, err := readPEM(name)
	if err != nil {
		return nil, err
	}
	der := block.Bytes
	switch block.Type {
	case pemPrivateKey:
	case pemEncryptedKey:
		if len(passphrase) == 0 {
			return nil, ErrPassphraseRequired.Errorf(nil, "%s is encrypted: a passphrase is required", name)
		}
		if der, err = decryptPKCS8(der, passphrase); err != nil {
			return nil, fmt.Errorf("security: %s: %w", name, err)
		}
	default:
		return nil, fmt.Errorf("security: %s holds a %q, want a %q", name, block.Type, pemPrivateKey)
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("security: %s: %w", name, err)
	}
	signer, err := newSigner(key)
	if err != nil {
		return nil, err
	}
	return signer, checkPublicKeyFile(dir, signer.PublicKey())
}

// checkPublicKeyFile refuses a directory whose two key files do not belong
// together. The public one may be missing.
func checkPublicKeyFile(dir string, key security.PublicKey) error {
	name := filepath.Join(dir, publicKeyFile)
	block, err := readPEM(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	der, err := key.MarshalBinary()
	if err != nil {
		return err
	}
	if block.Type != pemPublicKey || !bytes.Equal(block.Bytes, der) {
		return fmt.Errorf("security: %s is not the public half of %s, which is %v", name, privateKeyFile, key)
	}
	return nil
}

func readPEM(name string) (*pem.Block, error) {
	content, err := readBounded(name, keyFileBytesMax)
	if err != nil {
		return nil, fmt.Errorf("security: reading key: %w", err)
	}
	block, _ := pem.Decode(content)
	if block == nil {
		return nil, fmt.Errorf("security: %s is not a PEM file", name)
	}
	return block, nil
}
