// Package reserved has the methods that every object has.
package reserved

import (
	"v.io/v23"
	"v.io/v23/context"
	"v.io/v23/rpc"
	"v.io/v23/vdlroot/signature"
	"v.io/v23/verror"
)

var (
	// ErrGlobMaxRecursionReached is a search that went too deep, perhaps in a circle.
	ErrGlobMaxRecursionReached = verror.NewIDAction("v.io/v23/rpc/reserved.globMaxRecursionReached", verror.NoRetry)
	// ErrGlobMatchesOmitted is a search some of whose results are not shown, for want of access.
	ErrGlobMatchesOmitted = verror.NewIDAction("v.io/v23/rpc/reserved.globMatchesOmitted", verror.NoRetry)
	// ErrGlobNotImplemented is a search below an object that has no names below it.
	ErrGlobNotImplemented = verror.NewIDAction("v.io/v23/rpc/reserved.globNotImplemented", verror.NoRetry)
)

// Signature returns the interfaces of the object with the name.
func Signature(ctx *context.T, name string, opts ...rpc.CallOpt) ([]signature.Interface, error) {
	var interfaces []signature.Interface
	err := v23.GetClient(ctx).Call(ctx, name, rpc.ReservedSignature, nil, []interface{}{&interfaces}, opts...)
	return interfaces, err
}

// MethodSignature returns the description of a method of the object with the name.
func MethodSignature(ctx *context.T, name, method string, opts ...rpc.CallOpt) (signature.Method, error) {
	var found signature.Method
	err := v23.GetClient(ctx).Call(ctx, name, rpc.ReservedMethodSignature,
		[]interface{}{method}, []interface{}{&found}, opts...)
	return found, err
}
