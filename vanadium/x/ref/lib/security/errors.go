package security

import "v.io/v23/verror"

var (
	// ErrBadPassphrase is returned when the private key cannot be decrypted with
	// the passphrase given.
	ErrBadPassphrase = verror.NewIDAction("v.io/x/ref/lib/security.BadPassphrase", verror.NoRetry)
	// ErrPassphraseRequired is returned when the private key is encrypted and no
	// passphrase was given.
	ErrPassphraseRequired = verror.NewIDAction("v.io/x/ref/lib/security.PassphraseRequired", verror.NoRetry)
)
