// Package rpc is the interface between users of remote procedure calls and the runtime that carries them out.
//
// A client starts calls by name, usually through a generated stub. A server dispatches the rest of the name, the
// suffix, to an object; an Invoker calls the object's methods. ReflectInvoker makes an Invoker of any Go object
// whose methods have the form
//
//	Method(ctx *context.T, call rpc.ServerCall, args...) (results..., error)
//
// Every call has a context with its deadline. When the client's context ends, or its connection breaks, the context of
// the server's method ends.
package rpc
