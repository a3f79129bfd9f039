package rpc

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"

	"v.io/v23/context"
	"v.io/v23/vdl"
	"v.io/v23/vdlroot/signature"
	"v.io/v23/verror"
)

// ReflectInvoker returns an Invoker of the methods of the Go object that have one of the forms
//
//	Method(ctx *context.T, call rpc.ServerCall, args...) (results..., error)
//	Method(ctx *context.T, call *MethodServerCallStub, args...) (results..., error)
//
// where the second is that of streaming methods in generated server stubs. Methods whose first two arguments are
// something else are left out, and it is an error if none remains or if one of those that remain has another mistake.
// The tags of methods are those of the object's Describe__ method, if it has one. The names below the object are found
// by its Globber method, or else by NewGlobState.
//
// What is found out about a type is kept, so that objects of it are cheap afterwards.
func ReflectInvoker(obj interface{}) (Invoker, error) {
	if obj == nil {
		return nil, verror.ErrBadArg.Errorf(nil, "rpc: there is no invoker of a nil object")
	}
	class, err := classOf(obj)
	if err != nil {
		return nil, verror.ErrBadArg.Errorf(nil, "rpc: the type %T cannot be invoked: %v", obj, err)
	}
	return &reflectInvoker{recv: reflect.ValueOf(obj), class: class, gs: globStateOf(obj)}, nil
}

// ReflectInvokerOrDie is ReflectInvoker that panics if that fails.
func ReflectInvokerOrDie(obj interface{}) Invoker {
	invoker, err := ReflectInvoker(obj)
	if err != nil {
		panic(err)
	}
	return invoker
}

// TypeCheckMethods returns for every method of the object why it cannot be called remotely, and nil for those that can.
// Tests of services use it to see that no method was left out by mistake.
func TypeCheckMethods(obj interface{}) map[string]error {
	rt := reflect.TypeOf(obj)
	if rt == nil {
		return nil
	}
	checks := make(map[string]error, rt.NumMethod())
	for i := range rt.NumMethod() {
		m := rt.Method(i)
		_, err := newMethod(m)
		if err != nil {
			err = fmt.Errorf("rpc: method %s of %v: %w", m.Name, rt, err)
		}
		checks[m.Name] = err
	}
	return checks
}

// globStateOf returns the GlobState of any object.
func globStateOf(obj interface{}) *GlobState {
	if globber, ok := obj.(Globber); ok {
		return globber.Globber()
	}
	return NewGlobState(obj)
}

// class is what is known about a Go type. It never changes once it is in classes.
type class struct {
	methods    map[string]*method
	interfaces []signature.Interface
}

// classes holds the *class of every reflect.Type that was invoked.
var classes sync.Map

// classOf returns the class of the object's type.
func classOf(obj interface{}) (*class, error) {
	rt := reflect.TypeOf(obj)
	if known, ok := classes.Load(rt); ok {
		return known.(*class), nil
	}
	made, err := newClass(obj)
	if err != nil {
		return nil, err
	}
	known, _ := classes.LoadOrStore(rt, made)
	return known.(*class), nil
}

// newClass finds the methods of the object's type.
func newClass(obj interface{}) (*class, error) {
	c := &class{methods: make(map[string]*method)}
	rt := reflect.TypeOf(obj)
	for i := range rt.NumMethod() {
		m := rt.Method(i)
		made, err := newMethod(m)
		switch {
		case errors.Is(err, errNotRPC) || errors.Is(err, errReserved):
		case err != nil:
			return nil, fmt.Errorf("method %s: %w", m.Name, err)
		default:
			c.methods[m.Name] = made
		}
	}
	if len(c.methods) == 0 && globStateOf(obj) == nil {
		return nil, errors.New("it has no method whose first arguments are a *context.T and an rpc.ServerCall")
	}
	var descs []InterfaceDesc
	if describer, ok := obj.(Describer); ok {
		descs = describer.Describe__()
	}
	return c, c.describe(descs)
}

// describe adds what the interfaces of the type tell about its methods.
func (c *class) describe(descs []InterfaceDesc) error {
	for _, desc := range descs {
		described, err := c.describeInterface(desc)
		if err != nil {
			return err
		}
		c.interfaces = append(c.interfaces, described)
	}
	rest := signature.Interface{Doc: "// Methods that no interface describes."}
	for _, m := range c.methods {
		if !m.inDescs {
			rest.Methods = append(rest.Methods, m.sig)
		}
	}
	if len(rest.Methods) > 0 {
		c.interfaces = append(c.interfaces, rest)
	}
	for _, described := range c.interfaces {
		slices.SortFunc(described.Methods, func(a, b signature.Method) int { return strings.Compare(a.Name, b.Name) })
	}
	return nil
}

// describeInterface adds what one interface tells.
func (c *class) describeInterface(desc InterfaceDesc) (signature.Interface, error) {
	described := signature.Interface{Name: desc.Name, PkgPath: desc.PkgPath, Doc: desc.Doc}
	for _, embed := range desc.Embeds {
		described.Embeds = append(described.Embeds,
			signature.Embed{Name: embed.Name, PkgPath: embed.PkgPath, Doc: embed.Doc})
	}
	for _, methodDesc := range desc.Methods {
		m := c.methods[methodDesc.Name]
		if m == nil {
			continue
		}
		if err := m.describe(methodDesc); err != nil {
			return signature.Interface{}, fmt.Errorf("method %s in the interface %s.%s: %w",
				methodDesc.Name, desc.PkgPath, desc.Name, err)
		}
		described.Methods = append(described.Methods, m.sig)
	}
	return described, nil
}

// describe adds what an interface tells about the method. Several interfaces with the method must agree about its tags,
// since these decide who may call it.
func (m *method) describe(desc MethodDesc) error {
	if m.inDescs {
		if !slices.EqualFunc(m.tags, desc.Tags, vdl.EqualValue) {
			return fmt.Errorf("the tags %v differ from those in another interface, %v", desc.Tags, m.tags)
		}
		return nil
	}
	m.inDescs = true
	m.tags = desc.Tags
	m.sig.Tags = desc.Tags
	m.sig.Doc = desc.Doc
	describeArgs(m.sig.InArgs, desc.InArgs)
	describeArgs(m.sig.OutArgs, desc.OutArgs)
	if m.sig.InStream != nil {
		m.sig.InStream.Name, m.sig.InStream.Doc = desc.InStream.Name, desc.InStream.Doc
	}
	if m.sig.OutStream != nil {
		m.sig.OutStream.Name, m.sig.OutStream.Doc = desc.OutStream.Name, desc.OutStream.Doc
	}
	return nil
}

// describeArgs adds names to arguments.
func describeArgs(args []signature.Arg, descs []ArgDesc) {
	for i := range min(len(args), len(descs)) {
		args[i].Name, args[i].Doc = descs[i].Name, descs[i].Doc
	}
}

// reflectInvoker is the Invoker of an object.
type reflectInvoker struct {
	recv  reflect.Value
	class *class
	gs    *GlobState
}

// find returns the method with the name.
func (ri *reflectInvoker) find(ctx *context.T, name string) (*method, error) {
	if m := ri.class.methods[name]; m != nil {
		return m, nil
	}
	return nil, verror.ErrUnknownMethod.Errorf(ctx, "the object has no method %q", name)
}

// Prepare implements Invoker.
func (ri *reflectInvoker) Prepare(ctx *context.T, name string, numArgs int) ([]interface{}, []*vdl.Value, error) {
	m, err := ri.find(ctx, name)
	if err != nil {
		return nil, nil, err
	}
	if numArgs != len(m.args) {
		return nil, nil, m.wrongNumber(ctx, numArgs)
	}
	argptrs := make([]interface{}, numArgs)
	for i, arg := range m.args {
		argptrs[i] = reflect.New(arg).Interface()
	}
	return argptrs, slices.Clone(m.tags), nil
}

// Invoke implements Invoker.
func (ri *reflectInvoker) Invoke(ctx *context.T, call StreamServerCall, name string, argptrs []interface{}) (
	[]interface{}, error) {
	m, err := ri.find(ctx, name)
	if err != nil {
		return nil, err
	}
	return m.invoke(ctx, ri.recv, call, argptrs)
}

// Signature implements Invoker.
func (ri *reflectInvoker) Signature(*context.T, ServerCall) ([]signature.Interface, error) {
	return signature.CopyInterfaces(ri.class.interfaces), nil
}

// MethodSignature implements Invoker.
func (ri *reflectInvoker) MethodSignature(ctx *context.T, _ ServerCall, name string) (signature.Method, error) {
	m, err := ri.find(ctx, name)
	if err != nil {
		return signature.Method{}, err
	}
	return signature.CopyMethod(m.sig), nil
}

// Globber implements Invoker.
func (ri *reflectInvoker) Globber() *GlobState { return ri.gs }
