package rpc_test

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"v.io/v23/context"
	"v.io/v23/glob"
	"v.io/v23/naming"
	"v.io/v23/rpc"
	"v.io/v23/security/access"
	"v.io/v23/vdl"
	"v.io/v23/vdlroot/signature"
	"v.io/v23/verror"
)

// calc is an object with methods of all shapes.
type calc struct{ base int32 }

func (c calc) Add(_ *context.T, _ rpc.ServerCall, a, b int32) (int32, error) {
	return c.base + a + b, nil
}
func (calc) Two(*context.T, rpc.ServerCall, string) (string, bool, error) { return "x", true, io.EOF }
func (calc) None(*context.T, rpc.ServerCall) error                        { return nil }
func (calc) Sum(_ *context.T, call *sumCall) (int64, error)               { return call.sum() }

// NotRemote is left out, since it has no context.
func (calc) NotRemote(int) int { return 0 }

// NoCall is left out, since it has no call.
func (calc) NoCall(*context.T, int) error { return nil }

// Describe__ implements rpc.Describer.
func (calc) Describe__() []rpc.InterfaceDesc {
	return []rpc.InterfaceDesc{{
		Name: "Calc", PkgPath: "example.com/calc", Doc: "// Calc calculates.",
		Embeds: []rpc.EmbedDesc{{Name: "Base", PkgPath: "example.com/base"}},
		Methods: []rpc.MethodDesc{
			{Name: "Add", Doc: "// Add adds.", InArgs: []rpc.ArgDesc{{Name: "a"}, {Name: "b"}},
				OutArgs: []rpc.ArgDesc{{Name: "sum"}}, Tags: []*vdl.Value{vdl.ValueOf(access.Read)}},
			{Name: "Sum", InStream: rpc.ArgDesc{Name: "items"}, OutStream: rpc.ArgDesc{Doc: "// so far"}},
			{Name: "Missing"},
		},
	}}
}

// sumCall is the call of a streaming method, in the shape that generated code has.
type sumCall struct {
	rpc.StreamServerCall
	item int64
	err  error
}

func (s *sumCall) Init(call rpc.StreamServerCall) { s.StreamServerCall = call }

func (s *sumCall) RecvStream() interface {
	Advance() bool
	Value() int64
	Err() error
} {
	return receiver{s}
}

func (s *sumCall) SendStream() interface{ Send(item string) error } { return sender{s} }

type receiver struct{ s *sumCall }

func (r receiver) Advance() bool {
	r.s.err = r.s.Recv(&r.s.item)
	return r.s.err == nil
}
func (r receiver) Value() int64 { return r.s.item }
func (r receiver) Err() error {
	if errors.Is(r.s.err, io.EOF) {
		return nil
	}
	return r.s.err
}

type sender struct{ s *sumCall }

func (s sender) Send(item string) error { return s.s.Send(item) }

// sum adds the items that are received, and sends the sum after each.
func (s *sumCall) sum() (int64, error) {
	total := int64(0)
	stream := s.RecvStream()
	for stream.Advance() {
		total += stream.Value()
		if err := s.SendStream().Send(fmt.Sprint(total)); err != nil {
			return 0, err
		}
	}
	return total, stream.Err()
}

// fakeCall is a call with items to receive, which keeps what is sent.
type fakeCall struct {
	rpc.StreamServerCall
	items []int64
	sent  []interface{}
}

func (f *fakeCall) Recv(itemptr interface{}) error {
	if len(f.items) == 0 {
		return io.EOF
	}
	*itemptr.(*int64) = f.items[0]
	f.items = f.items[1:]
	return nil
}

func (f *fakeCall) Send(item interface{}) error {
	f.sent = append(f.sent, item)
	return nil
}

// root returns a context that ends with the test.
func root(t *testing.T) *context.T {
	ctx, cancel := context.RootContext()
	t.Cleanup(func() { cancel() })
	return ctx
}

// invoke calls a method with the arguments, as a server does.
func invoke(t *testing.T, invoker rpc.Invoker, call rpc.StreamServerCall, method string, args ...interface{}) (
	string, error) {
	t.Helper()
	ctx := root(t)
	ptrs, _, err := invoker.Prepare(ctx, method, len(args))
	if err != nil {
		return "", err
	}
	for i, arg := range args {
		if err := vdl.Convert(ptrs[i], arg); err != nil {
			return "", err
		}
	}
	results, err := invoker.Invoke(ctx, call, method, ptrs)
	return fmt.Sprint(results), err
}

// TestInvoke checks methods of all shapes.
func TestInvoke(t *testing.T) {
	invoker := rpc.ReflectInvokerOrDie(calc{base: 100})
	for _, test := range []struct {
		method string
		args   []interface{}
		want   string
		err    error
	}{
		{"Add", []interface{}{1, 2}, "[103]", nil},
		{"Two", []interface{}{"a"}, "[x true]", io.EOF},
		{"None", nil, "[]", nil},
		{"Add", []interface{}{1}, "", verror.ErrBadProtocol},
		{"None", []interface{}{1}, "", verror.ErrBadProtocol},
		{"Missing", nil, "", verror.ErrUnknownMethod},
		{"NotRemote", []interface{}{1}, "", verror.ErrUnknownMethod},
		{"NoCall", []interface{}{1}, "", verror.ErrUnknownMethod},
		{"Describe__", nil, "", verror.ErrUnknownMethod},
	} {
		got, err := invoke(t, invoker, &fakeCall{}, test.method, test.args...)
		if got != test.want || !errors.Is(err, test.err) {
			t.Errorf("%s%v: %s, %v", test.method, test.args, got, err)
		}
	}
	call := &fakeCall{items: []int64{1, 2, 3}}
	if got, err := invoke(t, invoker, call, "Sum"); got != "[6]" || err != nil || fmt.Sprint(call.sent) != "[1 3 6]" {
		t.Errorf("Sum: %s, %v, sent %v", got, err, call.sent)
	}
}

// TestInvokeMistakes checks that arguments that Prepare did not return are refused.
func TestInvokeMistakes(t *testing.T) {
	invoker := rpc.ReflectInvokerOrDie(calc{})
	for name, ptrs := range map[string][]interface{}{
		"too few": {new(int32)}, "no pointer": {int32(1), new(int32)}, "other type": {new(int64), new(int32)},
		"nil": {nil, new(int32)}, "nil pointer": {(*int32)(nil), new(int32)},
	} {
		if _, err := invoker.Invoke(root(t), &fakeCall{}, "Add", ptrs); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// TestTags checks that tags come from the description.
func TestTags(t *testing.T) {
	invoker := rpc.ReflectInvokerOrDie(&calc{})
	_, tags, err := invoker.Prepare(root(t), "Add", 2)
	if err != nil || len(tags) != 1 || !vdl.EqualValue(tags[0], vdl.ValueOf(access.Read)) {
		t.Errorf("Add has the tags %v, %v", tags, err)
	}
	if _, tags, err := invoker.Prepare(root(t), "None", 0); err != nil || len(tags) != 0 {
		t.Errorf("None has the tags %v, %v", tags, err)
	}
}

// TestSignature checks what an object tells about itself.
func TestSignature(t *testing.T) {
	invoker := rpc.ReflectInvokerOrDie(calc{})
	interfaces, err := invoker.Signature(root(t), nil)
	if err != nil || len(interfaces) != 2 {
		t.Fatalf("%v, %v", interfaces, err)
	}
	described, rest := interfaces[0], interfaces[1]
	if described.Name != "Calc" || described.PkgPath != "example.com/calc" || described.Doc != "// Calc calculates." ||
		len(described.Embeds) != 1 || described.Embeds[0].Name != "Base" {
		t.Errorf("%+v", described)
	}
	if names := signature.MethodNames(interfaces[:1]); !slices.Equal(names, []string{"Add", "Sum"}) {
		t.Errorf("described are %v", names)
	}
	if names := signature.MethodNames([]signature.Interface{rest}); !slices.Equal(names, []string{"None", "Two"}) {
		t.Errorf("not described are %v", names)
	}
	add, err := invoker.MethodSignature(root(t), nil, "Add")
	if err != nil || add.Doc != "// Add adds." || len(add.InArgs) != 2 || add.InArgs[1].Name != "b" ||
		add.InArgs[0].Type != vdl.Int32Type || add.OutArgs[0].Name != "sum" || add.InStream != nil {
		t.Errorf("%+v, %v", add, err)
	}
	add.InArgs[0].Name = "changed"
	sum, err := invoker.MethodSignature(root(t), nil, "Sum")
	if err != nil || sum.InStream == nil || sum.InStream.Type != vdl.Int64Type || sum.InStream.Name != "items" ||
		sum.OutStream.Type != vdl.StringType || sum.OutStream.Doc != "// so far" {
		t.Errorf("%+v, %v", sum, err)
	}
	if again, err := invoker.MethodSignature(root(t), nil, "Add"); err != nil || again.InArgs[0].Name != "a" {
		t.Errorf("the signature was changed: %+v, %v", again, err)
	}
	if _, err := invoker.MethodSignature(root(t), nil, "Missing"); !errors.Is(err, verror.ErrUnknownMethod) {
		t.Errorf("of a missing method: %v", err)
	}
}

// TestGlobbers checks how the names below an object are found.
func TestGlobbers(t *testing.T) {
	if state := rpc.ReflectInvokerOrDie(calc{}).Globber(); state != nil {
		t.Errorf("an object without names below it has %v", state)
	}
	state := rpc.ReflectInvokerOrDie(both{}).Globber()
	if state == nil || state.AllGlobber == nil || state.ChildrenGlobber == nil {
		t.Errorf("an object with both has %v", state)
	}
	if got := rpc.ReflectInvokerOrDie(&own{state: state}).Globber(); got != state {
		t.Errorf("an object that tells has %v", got)
	}
}

// both is an object that can be searched in two ways, and has no methods.
type both struct{}

func (both) Glob__(*context.T, rpc.GlobServerCall, *glob.Glob) error                    { return nil }
func (both) GlobChildren__(*context.T, rpc.GlobChildrenServerCall, *glob.Element) error { return nil }

// own is an object that tells how it is searched.
type own struct {
	calc
	state *rpc.GlobState
}

func (o *own) Globber() *rpc.GlobState { return o.state }

// childrenCall is a call of GlobChildren__ that keeps what is sent.
type childrenCall struct {
	rpc.ServerCall
	names []string
}

func (c *childrenCall) SendStream() interface {
	Send(reply naming.GlobChildrenReply) error
} {
	return c
}

func (c *childrenCall) Send(reply naming.GlobChildrenReply) error {
	c.names = append(c.names, reply.(naming.GlobChildrenReplyName).Value)
	return nil
}

// TestChildrenGlobberInvoker checks the object that has nothing but children.
func TestChildrenGlobberInvoker(t *testing.T) {
	invoker := rpc.ChildrenGlobberInvoker("ann", "bob", "axe")
	if _, _, err := invoker.Prepare(root(t), "Anything", 0); !errors.Is(err, verror.ErrUnknownMethod) {
		t.Errorf("it has methods: %v", err)
	}
	g, err := glob.Parse("a*")
	if err != nil {
		t.Fatal(err)
	}
	call := &childrenCall{}
	if err := invoker.Globber().ChildrenGlobber.GlobChildren__(root(t), call, g.Head()); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(call.names, []string{"ann", "axe"}) {
		t.Errorf("the children are %v", call.names)
	}
}

// Objects that cannot be invoked.
type (
	nothing    struct{}
	noError    struct{}
	noResult   struct{}
	variadic   struct{}
	badArg     struct{}
	badResult  struct{}
	unwrapped  struct{}
	noInit     struct{}
	noStream   struct{}
	badRecv    struct{}
	badSend    struct{}
	conflicted struct{ calc }
)

func (nothing) Plain(int) error                                    { return nil }
func (noError) M(*context.T, rpc.ServerCall) int                   { return 0 }
func (noResult) M(*context.T, rpc.ServerCall)                      {}
func (variadic) M(*context.T, rpc.ServerCall, ...int) error        { return nil }
func (badArg) M(*context.T, rpc.ServerCall, chan int) error        { return nil }
func (badResult) M(*context.T, rpc.ServerCall) (func(), error)     { return nil, nil }
func (unwrapped) M(*context.T, rpc.StreamServerCall) error         { return nil }
func (noInit) M(*context.T, *struct{ rpc.StreamServerCall }) error { return nil }
func (noStream) M(*context.T, *initOnly) error                     { return nil }
func (badRecv) M(*context.T, *badRecvCall) error                   { return nil }
func (badSend) M(*context.T, *badSendCall) error                   { return nil }

// Describe__ implements rpc.Describer, with two opinions about a method.
func (c conflicted) Describe__() []rpc.InterfaceDesc {
	return append(c.calc.Describe__(), rpc.InterfaceDesc{
		Name: "Other", Methods: []rpc.MethodDesc{{Name: "Add", Tags: []*vdl.Value{vdl.ValueOf(access.Write)}}},
	})
}

type initOnly struct{ rpc.StreamServerCall }

func (*initOnly) Init(rpc.StreamServerCall) {}

type badRecvCall struct{ initOnly }

func (*badRecvCall) RecvStream() interface{ Advance() bool } { return nil }

type badSendCall struct{ initOnly }

func (*badSendCall) SendStream() interface{ Send(item int) } { return nil }

// TestMistakes checks that objects that cannot be invoked are refused, with the reason.
func TestMistakes(t *testing.T) {
	for want, obj := range map[string]interface{}{
		"nil object":                   nil,
		"no method whose first":        nothing{},
		"the last result is not":       noError{},
		"method M: the last result":    noResult{},
		"variable number":              variadic{},
		"argument 1":                   badArg{},
		"result 1":                     badResult{},
		"wrapped by the generated":     unwrapped{},
		"no method Init":               noInit{},
		"neither RecvStream nor":       noStream{},
		"RecvStream of the":            badRecv{},
		"SendStream of the":            badSend{},
		"differ from those in another": conflicted{},
	} {
		invoker, err := rpc.ReflectInvoker(obj)
		if err == nil || !strings.Contains(err.Error(), want) || invoker != nil {
			t.Errorf("%T: %v, want %q", obj, err, want)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("ReflectInvokerOrDie lives on")
		}
	}()
	rpc.ReflectInvokerOrDie(nothing{})
}

// TestTypeCheckMethods checks what is told about methods.
func TestTypeCheckMethods(t *testing.T) {
	checks := rpc.TypeCheckMethods(calc{})
	for method, good := range map[string]bool{
		"Add": true, "Two": true, "None": true, "Sum": true, "NotRemote": false, "NoCall": false, "Describe__": false,
	} {
		if err, known := checks[method]; !known || (err == nil) != good {
			t.Errorf("%s: %v, %v", method, err, known)
		}
	}
	if rpc.TypeCheckMethods(nil) != nil {
		t.Error("nil has methods")
	}
}

// ExampleReflectInvoker calls a method by its name.
func ExampleReflectInvoker() {
	ctx, cancel := context.RootContext()
	defer cancel()
	invoker, err := rpc.ReflectInvoker(calc{})
	if err != nil {
		fmt.Println(err)
		return
	}
	args, tags, err := invoker.Prepare(ctx, "Add", 2)
	if err != nil {
		fmt.Println(err)
		return
	}
	*args[0].(*int32), *args[1].(*int32) = 20, 22
	results, err := invoker.Invoke(ctx, nil, "Add", args)
	fmt.Println(results, err, tags)
	// Output: [42] <nil> [v.io/v23/security/access.Tag("Read")]
}
