package rpc

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"v.io/v23/context"
	"v.io/v23/vdl"
	"v.io/v23/vdlroot/signature"
	"v.io/v23/verror"
)

var (
	rtContext    = reflect.TypeFor[*context.T]()
	rtServerCall = reflect.TypeFor[ServerCall]()
	rtStreamCall = reflect.TypeFor[StreamServerCall]()
	rtError      = reflect.TypeFor[error]()
	rtBool       = reflect.TypeFor[bool]()
)

// firstArg is the index of the first argument of a method, after the receiver, the context and the call.
const firstArg = 3

// errNotRPC is why a method is left out that does not look as if it was meant to be called remotely.
var errNotRPC = errors.New("the first arguments are not a *context.T and a server call")

// errReserved is why a method is left out that is part of the machinery.
var errReserved = errors.New("the name is reserved")

// method is one method of a Go type, ready to be called.
type method struct {
	fn      reflect.Value  // takes the receiver, the context, the call and the arguments
	args    []reflect.Type // of the arguments
	stream  reflect.Type   // the struct whose pointer is the call, nil if the method does not stream
	tags    []*vdl.Value
	sig     signature.Method
	inDescs bool // whether an interface of the type describes it
}

// newMethod checks the shape of the method. It returns errNotRPC or errReserved if it is to be left out.
func newMethod(m reflect.Method) (*method, error) {
	if strings.HasSuffix(m.Name, "__") || m.Name == "Globber" {
		return nil, errReserved
	}
	if m.Type.NumIn() < firstArg || m.Type.In(1) != rtContext || !m.Type.In(2).Implements(rtServerCall) {
		return nil, errNotRPC
	}
	made := &method{fn: m.Func, sig: signature.Method{Name: m.Name}}
	if call := m.Type.In(2); call != rtServerCall {
		if err := made.setStream(call); err != nil {
			return nil, err
		}
	}
	if err := made.setArgs(m.Type); err != nil {
		return nil, err
	}
	return made, made.setResults(m.Type)
}

// setArgs notes the types of the arguments.
func (m *method) setArgs(fn reflect.Type) error {
	if fn.IsVariadic() {
		return errors.New("it has a variable number of arguments")
	}
	for i := firstArg; i < fn.NumIn(); i++ {
		arg, err := argOf(fn.In(i))
		if err != nil {
			return fmt.Errorf("argument %d: %w", i-firstArg+1, err)
		}
		m.args = append(m.args, fn.In(i))
		m.sig.InArgs = append(m.sig.InArgs, arg)
	}
	return nil
}

// setResults notes the types of the results.
func (m *method) setResults(fn reflect.Type) error {
	last := fn.NumOut() - 1
	if last < 0 || fn.Out(last) != rtError {
		return errors.New("the last result is not an error")
	}
	for i := range last {
		arg, err := argOf(fn.Out(i))
		if err != nil {
			return fmt.Errorf("result %d: %w", i+1, err)
		}
		m.sig.OutArgs = append(m.sig.OutArgs, arg)
	}
	return nil
}

// argOf describes an argument of a Go type.
func argOf(rt reflect.Type) (signature.Arg, error) {
	tt, err := vdl.TypeFromReflect(rt)
	if err != nil {
		return signature.Arg{}, err
	}
	return signature.Arg{Type: tt}, nil
}

// setStream notes the types of the streams of the call, which is a pointer to a struct with the methods
//
//	Init(StreamServerCall)
//	RecvStream() interface{ Advance() bool; Value() T; Err() error }
//	SendStream() interface{ Send(item T) error }
//
// of which one of the last two may be missing.
func (m *method) setStream(call reflect.Type) error {
	if call.Kind() != reflect.Pointer || call.Elem().Kind() != reflect.Struct {
		return fmt.Errorf("the streaming call %v is not a pointer to a struct: "+
			"the object must be wrapped by the generated server stub", call)
	}
	m.stream = call.Elem()
	init, ok := call.MethodByName("Init")
	if !ok || init.Type.NumIn() != 2 || init.Type.In(1) != rtStreamCall || init.Type.NumOut() != 0 {
		return fmt.Errorf("the streaming call %v has no method Init(rpc.StreamServerCall)", call)
	}
	recv, hasRecv := call.MethodByName("RecvStream")
	send, hasSend := call.MethodByName("SendStream")
	if !hasRecv && !hasSend {
		return fmt.Errorf("the streaming call %v has neither RecvStream nor SendStream", call)
	}
	var err error
	if hasRecv {
		if m.sig.InStream, err = recvItem(recv.Type); err != nil {
			return fmt.Errorf("RecvStream of the streaming call %v: %w", call, err)
		}
	}
	if hasSend {
		if m.sig.OutStream, err = sendItem(send.Type); err != nil {
			return fmt.Errorf("SendStream of the streaming call %v: %w", call, err)
		}
	}
	return nil
}

// streamOf returns the interface that RecvStream or SendStream returns.
func streamOf(fn reflect.Type) (reflect.Type, error) {
	if fn.NumIn() != 1 || fn.NumOut() != 1 || fn.Out(0).Kind() != reflect.Interface {
		return nil, errors.New("it is not a function without arguments that returns an interface")
	}
	return fn.Out(0), nil
}

// recvItem returns the type of the items of a RecvStream.
func recvItem(fn reflect.Type) (*signature.Arg, error) {
	stream, err := streamOf(fn)
	if err != nil {
		return nil, err
	}
	advance, hasAdvance := stream.MethodByName("Advance")
	value, hasValue := stream.MethodByName("Value")
	failure, hasErr := stream.MethodByName("Err")
	if !hasAdvance || !hasValue || !hasErr || stream.NumMethod() != 3 ||
		!isGetter(advance.Type, rtBool) || !isGetter(value.Type, nil) || !isGetter(failure.Type, rtError) {
		return nil, fmt.Errorf("%v is not interface{ Advance() bool; Value() T; Err() error }", stream)
	}
	arg, err := argOf(value.Type.Out(0))
	return &arg, err
}

// isGetter reports whether fn has no arguments and one result, of the type unless that is nil.
func isGetter(fn, result reflect.Type) bool {
	return fn.NumIn() == 0 && fn.NumOut() == 1 && (result == nil || fn.Out(0) == result)
}

// sendItem returns the type of the items of a SendStream.
func sendItem(fn reflect.Type) (*signature.Arg, error) {
	stream, err := streamOf(fn)
	if err != nil {
		return nil, err
	}
	send, ok := stream.MethodByName("Send")
	if !ok || stream.NumMethod() != 1 || send.Type.NumIn() != 1 || send.Type.IsVariadic() ||
		send.Type.NumOut() != 1 || send.Type.Out(0) != rtError {
		return nil, fmt.Errorf("%v is not interface{ Send(item T) error }", stream)
	}
	arg, err := argOf(send.Type.In(0))
	return &arg, err
}

// invoke calls the method.
func (m *method) invoke(ctx *context.T, recv reflect.Value, call StreamServerCall, argptrs []interface{}) (
	[]interface{}, error) {
	if len(argptrs) != len(m.args) {
		return nil, m.wrongNumber(ctx, len(argptrs))
	}
	in := make([]reflect.Value, 0, firstArg+len(argptrs))
	in = append(in, recv, reflect.ValueOf(ctx), m.callValue(call))
	for i, ptr := range argptrs {
		arg := reflect.ValueOf(ptr)
		if arg.Kind() != reflect.Pointer || arg.IsNil() || arg.Type().Elem() != m.args[i] {
			return nil, verror.ErrInternal.Errorf(ctx, "argument %d of the method %s is given as a %T instead of a *%v",
				i+1, m.sig.Name, ptr, m.args[i])
		}
		in = append(in, arg.Elem())
	}
	out := m.fn.Call(in)
	last := len(out) - 1
	results := make([]interface{}, last)
	for i := range last {
		results[i] = out[i].Interface()
	}
	err, _ := out[last].Interface().(error)
	return results, err
}

// callValue returns the call in the form that the method takes.
func (m *method) callValue(call StreamServerCall) reflect.Value {
	if m.stream == nil {
		if call == nil {
			return reflect.Zero(rtServerCall)
		}
		return reflect.ValueOf(call)
	}
	stub := reflect.New(m.stream)
	if initer, ok := stub.Interface().(interface{ Init(StreamServerCall) }); ok {
		initer.Init(call)
	}
	return stub
}

// wrongNumber is the error for n arguments.
func (m *method) wrongNumber(ctx *context.T, n int) error {
	return verror.ErrBadProtocol.Errorf(ctx, "the method %s was called with %d arguments instead of %d",
		m.sig.Name, n, len(m.args))
}
