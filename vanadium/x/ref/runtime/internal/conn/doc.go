// Package conn carries authenticated, multiplexed connections between two
// principals.
//
// # From the outside in
//
//	TCP, or any byte stream with deadlines
//	└─ TLS 1.3 (RFC 8446), both sides with a throw-away self-signed certificate
//	   └─ one exchange of blessings, each side proving its key over the channel
//	      └─ hashicorp/yamux streams
//	         ├─ the first stream the dialer opens: control frames
//	         └─ every other stream: a Flow, which carries calls one after another
//
// TLS gives secrecy and integrity, but says nothing about who is at the other
// end: the certificates are made at start and are not looked at. Who is there
// is proved by the blessings exchange. Each side signs, with the private key its
// blessings are bound to, a tag that names its role, followed by keying material
// exported from the TLS session (RFC 5705, RFC 8446 section 7.5). A
// middleman who ends TLS on both sides has two sessions with different
// keying material, so he cannot pass a signature on; and since the tags of the two
// roles differ, a signature cannot be sent back to the side that made it.
//
// # Handshake
//
// Every handshake message is one frame, at most MaxHandshakeFrame bytes long:
//
//	0       1               5
//	+-------+---------------+----------------+
//	| kind  | length, BE    | payload        |
//	+-------+---------------+----------------+
//
//	dialer                                acceptor
//	  hello  magic, versions      ─────▶
//	         ◀─────  magic, versions, flags  hello
//	         ◀─────     blessings, signature  auth
//	  (the dialer decides whether it trusts the acceptor)
//	  auth   blessings, signature ─────▶
//	                (the acceptor admits the dialer)
//	         ◀─────                          verdict
//
// An acceptor that shows its blessings only to certain peers sets a flag in its
// hello; then the dialer's auth comes first. Either side may send a refusal, a
// verdict with a reason, in place of the message that is due.
//
// The acceptor gives each connection HandshakeTimeout and MaxHandshakeBytes to
// get through this, and keeps at most MaxPending connections in that state: when
// one more arrives, the one that has been pending longest is shed.
//
// # Flows
//
// A flow carries frames of the same shape as above, with lengths up to
// MaxMessageSize, checked before anything is allocated. What the kinds mean is
// the business of the layer above. Flows are kept for reuse by the dialer.
//
// Cancelling is immediate: Flow.Reset unblocks the local side and sends
// a frame on the control stream, so that it reaches the other side even when the
// flow itself is stopped by flow control.
//
// Each side watches for silence: when nothing has arrived for three quarters
// of the channel timeout, although probes were sent, the connection is closed
// and everything on it fails.
package conn
