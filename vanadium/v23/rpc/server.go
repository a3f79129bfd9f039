package rpc

import (
	"net"

	"v.io/v23/context"
	"v.io/v23/glob"
	"v.io/v23/naming"
	"v.io/v23/security"
	"v.io/v23/vdl"
	"v.io/v23/vdlroot/signature"
)

// Server accepts calls. It stops when the context ends with which it was made: it unmounts its names, lets the calls in
// progress end for a while, and cancels the rest. Its methods may be called by several goroutines at once.
type Server interface {
	// AddName mounts the server on one more name.
	AddName(name string) error
	// RemoveName unmounts it from the name.
	RemoveName(name string)
	// Status returns the state as of now. The caller must not modify it.
	Status() ServerStatus
	// Closed returns a channel that is closed when the server has stopped.
	Closed() <-chan struct{}
}

// ServerOpt is an option of a server.
type ServerOpt interface {
	RPCServerOpt()
}

// Dispatcher finds the objects of a server.
type Dispatcher interface {
	// Lookup returns the object that serves the suffix, and the authorizer of calls to it. The object is an Invoker, or
	// else an object for ReflectInvoker; nil says that there is none. A nil authorizer stands for the default one. It is
	// called for every call, by several goroutines at once.
	Lookup(ctx *context.T, suffix string) (interface{}, security.Authorizer, error)
}

// ServerCall is a call in progress, on the side of the server.
type ServerCall interface {
	// Security returns what is known about both sides.
	Security() security.Call
	// Suffix returns the rest of the name, relative to the server and without a leading slash.
	Suffix() string
	// LocalEndpoint returns the endpoint at which the call arrived.
	LocalEndpoint() naming.Endpoint
	// RemoteEndpoint returns the endpoint of the client.
	RemoteEndpoint() naming.Endpoint
	// RemoteAddr returns the network address of the client.
	RemoteAddr() net.Addr
	// GrantedBlessings returns the blessings that the client granted to the server.
	GrantedBlessings() security.Blessings
	// Server returns the server.
	Server() Server
}

// StreamServerCall is a call that streams.
type StreamServerCall interface {
	Stream
	ServerCall
}

// Invoker calls the methods of an object. Its methods may be called by several goroutines at once.
type Invoker interface {
	// Prepare returns pointers to receive the numArgs arguments of the method, and the tags of the method.
	Prepare(ctx *context.T, method string, numArgs int) (argptrs []interface{}, tags []*vdl.Value, _ error)
	// Invoke calls the method with the arguments that Prepare returned, after they were filled in. The error of the
	// method is the error; results are those before it.
	Invoke(ctx *context.T, call StreamServerCall, method string, argptrs []interface{}) (results []interface{}, _ error)
	// Signature describes the interfaces of the object.
	Signature(ctx *context.T, call ServerCall) ([]signature.Interface, error)
	// MethodSignature describes the method.
	MethodSignature(ctx *context.T, call ServerCall, method string) (signature.Method, error)
	Globber
}

// Globber tells how the names below an object are found.
type Globber interface {
	// Globber returns nil if the object has no names below it.
	Globber() *GlobState
}

// AllGlobber is an object that searches all names below it by itself.
type AllGlobber interface {
	// Glob__ sends all names below the object that match the pattern, relative to the object.
	Glob__(ctx *context.T, call GlobServerCall, g *glob.Glob) error
}

// ChildrenGlobber is an object that knows the names right below it. The server searches further.
type ChildrenGlobber interface {
	// GlobChildren__ sends the names right below the object that match the element.
	GlobChildren__(ctx *context.T, call GlobChildrenServerCall, matcher *glob.Element) error
}

// GlobServerCall is the call of Glob__.
type GlobServerCall interface {
	// SendStream returns the stream of results.
	SendStream() interface {
		Send(reply naming.GlobReply) error
	}
	ServerCall
}

// GlobChildrenServerCall is the call of GlobChildren__.
type GlobChildrenServerCall interface {
	// SendStream returns the stream of results.
	SendStream() interface {
		Send(reply naming.GlobChildrenReply) error
	}
	ServerCall
}
