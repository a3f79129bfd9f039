// Package security makes principals: in memory, or kept in a directory.
//
// A principal's directory (mode 0700) holds:
//
//	privatekey.pem        the private key, PKCS #8; encrypted if a passphrase was given; mode 0400
//	publickey.pem         the public key, PKIX
//	blessingstore.data    VOM of what the blessing store holds
//	blessingstore.sig     the principal's signature of blessingstore.data
//	blessingroots.data    VOM of the recognised roots
//	blessingroots.sig     the principal's signature of blessingroots.data
//	*.lock                held while a file is changed, so that processes can share the directory
//	*.next                what a change in progress is about to rename over the file
//
// A change is durable when the call that makes it returns, and a crash leaves
// the state before or after it. State whose signature does not verify is not
// loaded: whoever can write the directory but not read the key cannot make the
// principal trust anyone.
package security
