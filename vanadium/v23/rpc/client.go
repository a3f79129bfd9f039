package rpc

import (
	"v.io/v23/context"
	"v.io/v23/flow"
	"v.io/v23/security"
)

// Client starts calls. It may be used by several goroutines at once.
type Client interface {
	// StartCall starts a call of the method of the object with the name. The args must be of the types that the method
	// has, or convert to them. It returns when the request is on its way; the caller must call Finish on the result, even
	// after the context ended.
	StartCall(ctx *context.T, name, method string, args []interface{}, opts ...CallOpt) (ClientCall, error)
	// Call makes a whole call that does not stream, and stores the results at outArgs, which are pointers. It may send
	// the request again if the error's action is verror.RetryBackoff.
	Call(ctx *context.T, name, method string, inArgs, outArgs []interface{}, opts ...CallOpt) error
	// PinConnection connects to a server of the name and keeps the connection open until it is unpinned.
	PinConnection(ctx *context.T, name string, opts ...CallOpt) (flow.PinnedConn, error)
	// Close closes all connections of the client, which fails calls in progress.
	Close()
	// Closed returns a channel that is closed when the client is.
	Closed() <-chan struct{}
}

// Stream is the streaming part of a call. One goroutine may send while another receives.
type Stream interface {
	// Send sends an item. It may return before the other side has it, and is slowed down by the other side.
	Send(item interface{}) error
	// Recv stores the next item at itemptr. It returns io.EOF when the other side sends no more.
	Recv(itemptr interface{}) error
}

// ClientCall is a call in progress, on the side of the client.
type ClientCall interface {
	Stream
	// CloseSend says that no more items will be sent. Finish does it, too.
	CloseSend() error
	// Finish waits for the end of the call, and stores the results at the pointers. It fails if streamed results were not
	// received to their end. It is called exactly once.
	Finish(resultptrs ...interface{}) error
	// RemoteBlessings returns what the server presented and the names of it that are valid.
	RemoteBlessings() ([]string, security.Blessings)
	// Security returns what is known about both sides.
	Security() security.Call
}

// CallOpt is an option of a call.
type CallOpt interface {
	RPCCallOpt()
}

// ClientOpt is an option of a client.
type ClientOpt interface {
	RPCClientOpt()
}

// Granter is a call option that gives the server of the call a blessing.
type Granter interface {
	// Grant returns the blessing for the server that call describes.
	Grant(ctx *context.T, call security.Call) (security.Blessings, error)
	CallOpt
}
