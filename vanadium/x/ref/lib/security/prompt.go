package security

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/term"

	"v.io/v23/security"
)

// LoadPersistentPrincipalWithPassphrasePrompt is LoadPersistentPrincipal, asking
// for the passphrase on the terminal if one is needed.
func LoadPersistentPrincipalWithPassphrasePrompt(dir string) (security.Principal, error) {
	return loadPrompting(dir, readPassphrase)
}

// loadPrompting loads the principal in dir, asking read for the passphrase.
func loadPrompting(dir string, read func(prompt string) ([]byte, error)) (security.Principal, error) {
	principal, err := LoadPersistentPrincipal(dir, nil)
	if !errors.Is(err, ErrPassphraseRequired) {
		return principal, err
	}
	passphrase, promptErr := read(fmt.Sprintf("Passphrase for the private key in %s: ", dir))
	if promptErr != nil {
		return nil, errors.Join(err, promptErr)
	}
	defer clear(passphrase)
	return LoadPersistentPrincipal(dir, passphrase)
}

// readPassphrase reads a line from the controlling terminal without echo.
// Standard input is left alone: it may be the program's data.
func readPassphrase(prompt string) (_ []byte, err error) {
	terminal, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("security: there is no terminal to ask for the passphrase: %w", err)
	}
	defer func() { err = errors.Join(err, terminal.Close()) }()
	if _, err := terminal.WriteString(prompt); err != nil {
		return nil, err
	}
	passphrase, err := term.ReadPassword(int(terminal.Fd()))
	if err != nil {
		return nil, fmt.Errorf("security: reading the passphrase: %w", err)
	}
	_, err = terminal.WriteString("\n")
	return passphrase, err
}
