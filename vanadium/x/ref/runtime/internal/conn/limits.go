package conn

import "time"

// Every bound of a connection stands here.
const (
	// HandshakeTimeout bounds the time from accepting a connection, or from
	// having dialled one, to its being authenticated.
	HandshakeTimeout = 5 * time.Second

	// MaxHandshakeFrame bounds one handshake message, in bytes. Blessings of a
	// dozen chains fit.
	MaxHandshakeFrame = 64 << 10

	// MaxHandshakeBytes bounds all bytes read from a connection, TLS included,
	// before it is authenticated.
	MaxHandshakeBytes = 256 << 10

	// MaxPending is how many connections per server may be unauthenticated at
	// a time. One more sheds the oldest of them.
	MaxPending = 1024

	// MaxConns is how many authenticated connections a server holds. One more
	// sheds the one that has been idle longest, or is refused when none is idle.
	MaxConns = 8192

	// MaxFlows is how many flows one connection may have open.
	MaxFlows = 4096

	// flowIdleTimeout is how long the dialer keeps a flow without a call.
	flowIdleTimeout = time.Minute

	// MaxMessageSize bounds the payload of one flow frame, in bytes: a request
	// with its arguments, a streamed item, or a response with its results.
	// What is larger travels as several streamed items.
	MaxMessageSize = 16 << 20

	// receiveBudget bounds, per connection, the bytes of messages longer than
	// smallMessage that have begun to arrive and have not arrived whole. What
	// exceeds it waits, held back by flow control. A peer without a
	// blessing that is recognised has strangerBudget.
	receiveBudget  = 256 << 20
	strangerBudget = MaxMessageSize
	smallMessage   = 4 << 10

	// MaxStrangers is how many connections of peers without a blessing that is
	// recognised a server holds. One more sheds the one that has been idle longest, or
	// is refused when none is idle.
	MaxStrangers = 256

	// allocStep is how many bytes are allocated at once on the word of a peer;
	// a longer payload grows while its bytes arrive.
	allocStep = 1 << 20

	// sendChunk is how many bytes a flow hands to the multiplexer at once.
	sendChunk = 32 << 10

	// sendBufferSize is how many bytes may wait for the socket before writers
	// wait.
	sendBufferSize = 1 << 20

	// DefaultChannelTimeout is how long a peer may be silent, although probed,
	// before its connection is given up, unless the user says otherwise.
	DefaultChannelTimeout = time.Minute

	// MinChannelTimeout is the shortest channel timeout; shorter ones are raised
	// to it.
	MinChannelTimeout = 20 * time.Millisecond

	// IdleTimeout is how long a connection without calls is kept by its dialer.
	// The acceptor keeps it for twice that time.
	IdleTimeout = 10 * time.Minute

	// idleGrace is how long a dialer that was asked to may take to leave an idle
	// connection.
	idleGrace = 5 * time.Second

	// StrangerIdleTimeout is how long an acceptor keeps a connection without
	// calls whose peer has no blessing it recognises.
	StrangerIdleTimeout = time.Minute

	// writeTimeout bounds how long the multiplexer may wait for its send loop,
	// which never blocks on the socket.
	writeTimeout = 30 * time.Second

	// flushTimeout bounds the sending of what is still buffered when a
	// connection is closed in good order.
	flushTimeout = time.Second

	// flowCloseTimeout bounds how long a flow may stay half closed.
	flowCloseTimeout = 10 * time.Second

	// flowCalls is how many calls a flow carries before its dialer retires
	// it, which bounds the types that its codecs remember.
	flowCalls = 4096

	// earlyResets is how many resets are remembered for flows that were not
	// accepted yet. It exceeds the accept backlog.
	earlyResets = 512

	// acceptBacklog is how many opened flows may wait to be accepted.
	acceptBacklog = 256

	// maxReason bounds the text of a refusal, in bytes.
	maxReason = 1 << 10
)
