package golang_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"v.io/v23"
	"v.io/v23/context"
	"v.io/v23/naming"
	"v.io/v23/options"
	"v.io/v23/rpc"
	"v.io/v23/security"
	"v.io/v23/vdl"
	"v.io/v23/verror"
	"v.io/v23/vom"
	"v.io/x/ref/lib/vdl/golang/testdata/features"
	"v.io/x/ref/test"

	_ "v.io/x/ref/runtime/factories/generic"
)

// wide implements features.Wide.
type wide struct{}

func (wide) Ping(*context.T, rpc.ServerCall) error { return nil }

func (wide) Pong(_ *context.T, _ rpc.ServerCall, n int32) (int32, error) {
	if n < 0 {
		return 0, features.ErrorfTimed(nil, "negative: %v, %v", moment, []time.Duration{time.Duration(n)})
	}
	return n + 1, nil
}

func (wide) Swap(_ *context.T, call rpc.ServerCall, a, b string) (string, string, error) {
	if tags := call.Security().MethodTags(); len(tags) != 4 || tags[1].RawString() != "other" {
		return "", "", fmt.Errorf("tags %v", tags)
	}
	return b, a, nil
}

func (wide) Odd(_ *context.T, _ rpc.ServerCall, err error, _ []error, opts *vom.RawBytes) (error, *vdl.Type, error) {
	return err, opts.Type, nil
}

func (wide) Collect(_ *context.T, call features.WideCollectServerCall, first features.Shape) ([]features.Shape, error) {
	all := []features.Shape{first}
	stream := call.RecvStream()
	for stream.Advance() {
		all = append(all, stream.Value())
	}
	return all, stream.Err()
}

func (wide) Spread(_ *context.T, call features.WideSpreadServerCall, all []time.Time) error {
	for _, at := range all {
		if err := call.SendStream().Send(at); err != nil {
			return err
		}
	}
	return nil
}

func (wide) Echo(_ *context.T, call features.WideEchoServerCall) error {
	stream := call.RecvStream()
	for stream.Advance() {
		if err := call.SendStream().Send(stream.Value()); err != nil {
			return err
		}
	}
	return stream.Err()
}

func (wide) Fail(_ *context.T, call features.WideFailServerCall) error {
	stream := call.RecvStream()
	for stream.Advance() {
		if err := call.SendStream().Send(stream.Value()); err != nil {
			return err
		}
	}
	return features.ErrorfOdd(nil, "failed", "", features.Point{}, nil, nil, nil, nil, nil)
}

func (wide) Quiet(*context.T, rpc.ServerCall) error { return nil }

// serve serves an object and returns a context and a name for its clients.
func serve(t *testing.T, object any) (*context.T, string) {
	t.Helper()
	ctx, shutdown := test.V23Init()
	t.Cleanup(shutdown)
	serverCtx, cancel := context.WithCancel(ctx)
	_, server, err := v23.WithNewServer(serverCtx, "", object, security.AllowEveryone())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		<-server.Closed()
	})
	return ctx, server.Status().Endpoints[0].Name()
}

// TestCalls calls each kind of method through the generated client and server, over a network connection.
func TestCalls(t *testing.T) {
	ctx, name := serve(t, features.WideServer(wide{}))
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	client := features.WideClient(name)
	opts := []rpc.CallOpt{options.Preresolved{Resolution: resolution(name)}, options.NoRetry{}}
	t.Run("unary", func(t *testing.T) { testUnary(t, ctx, client, opts) })
	t.Run("error", func(t *testing.T) { testError(t, ctx, client, opts) })
	t.Run("up", func(t *testing.T) { testUp(t, ctx, client, opts) })
	t.Run("down", func(t *testing.T) { testDown(t, ctx, client, opts) })
	t.Run("both", func(t *testing.T) { testBoth(t, ctx, client, opts) })
	t.Run("errors", func(t *testing.T) { testErrors(t, ctx, client, opts) })
}

// resolution returns what a namespace would find for the name of a server.
func resolution(name string) *naming.MountEntry {
	return &naming.MountEntry{Servers: []naming.MountedServer{{Server: name}}}
}

func testUnary(t *testing.T, ctx *context.T, client features.WideClientStub, opts []rpc.CallOpt) {
	if err := client.Ping(ctx, opts...); err != nil {
		t.Error(err)
	}
	if err := client.Quiet(ctx, opts...); err != nil {
		t.Error(err)
	}
	if n, err := client.Pong(ctx, 1, opts...); n != 2 || err != nil {
		t.Errorf("Pong: %d, %v", n, err)
	}
	if a, b, err := client.Swap(ctx, "a", "b", opts...); a != "b" || b != "a" || err != nil {
		t.Errorf("Swap: %q, %q, %v", a, b, err)
	}
	sent := verror.ErrAborted.Errorf(ctx, "no")
	back, typ, err := client.Odd(ctx, sent, []error{nil, sent}, vom.RawBytesOf(features.Unit), opts...)
	if !errors.Is(back, verror.ErrAborted) || typ != vdl.TypeOf(features.Unit) || err != nil {
		t.Errorf("Odd: %v, %v, %v", back, typ, err)
	}
	if back, _, err := client.Odd(ctx, nil, nil, vom.RawBytesOf("x"), opts...); back != nil || err != nil {
		t.Errorf("Odd without an error: %v, %v", back, err)
	}
}

func testError(t *testing.T, ctx *context.T, client features.WideClientStub, opts []rpc.CallOpt) {
	_, err := client.Pong(ctx, -3, opts...)
	if !errors.Is(err, features.ErrTimed) {
		t.Fatalf("Pong: %v", err)
	}
	_, _, at, spans, err := features.ParamsErrTimed(err)
	if !at.Equal(moment) || !slices.Equal(spans, []time.Duration{-3}) || err != nil {
		t.Errorf("parameters %v, %v, %v", at, spans, err)
	}
}

func testUp(t *testing.T, ctx *context.T, client features.WideClientStub, opts []rpc.CallOpt) {
	call, err := client.Collect(ctx, features.Round, opts...)
	if err != nil {
		t.Fatal(err)
	}
	sent := []features.Shape{features.ShapeNatural{Value: moment}, features.ShapeColored{Value: features.ColorGreen}}
	for _, shape := range sent {
		if err := call.SendStream().Send(shape); err != nil {
			t.Fatal(err)
		}
	}
	if err := call.SendStream().Close(); err != nil {
		t.Fatal(err)
	}
	all, err := call.Finish()
	if err != nil || !vdl.DeepEqual(all, append([]features.Shape{features.Round}, sent...)) {
		t.Errorf("Collect: %v, %v", all, err)
	}
}

func testDown(t *testing.T, ctx *context.T, client features.WideClientStub, opts []rpc.CallOpt) {
	sent := []time.Time{moment, {}, moment.Add(1)}
	call, err := client.Spread(ctx, sent, opts...)
	if err != nil {
		t.Fatal(err)
	}
	var all []time.Time
	stream := call.RecvStream()
	for stream.Advance() {
		all = append(all, stream.Value())
	}
	if err := errors.Join(stream.Err(), call.Finish()); err != nil || !slices.Equal(all, sent) {
		t.Errorf("Spread: %v, %v", all, err)
	}
}

func testBoth(t *testing.T, ctx *context.T, client features.WideClientStub, opts []rpc.CallOpt) {
	call, err := client.Echo(ctx, opts...)
	if err != nil {
		t.Fatal(err)
	}
	full, empty := tree(2), tree(0)
	for _, sent := range []*features.Tree{&full, nil, &empty} {
		if err := call.SendStream().Send(sent); err != nil {
			t.Fatal(err)
		}
		if !call.RecvStream().Advance() {
			t.Fatal(call.RecvStream().Err())
		}
		if got := call.RecvStream().Value(); !vdl.DeepEqual(got, sent) {
			t.Errorf("Echo: %v, want %v", got, sent)
		}
	}
	if err := errors.Join(call.SendStream().Close(), call.Finish()); err != nil {
		t.Error(err)
	}
}

func testErrors(t *testing.T, ctx *context.T, client features.WideClientStub, opts []rpc.CallOpt) {
	call, err := client.Fail(ctx, opts...)
	if err != nil {
		t.Fatal(err)
	}
	for _, sent := range []error{verror.ErrExist.Errorf(ctx, "e"), nil} {
		if err := call.SendStream().Send(sent); err != nil {
			t.Fatal(err)
		}
		if !call.RecvStream().Advance() {
			t.Fatal(call.RecvStream().Err())
		}
		if got := call.RecvStream().Value(); verror.ErrorID(got) != verror.ErrorID(sent) {
			t.Errorf("Fail: item %v, want %v", got, sent)
		}
	}
	if err := call.SendStream().Close(); err != nil {
		t.Fatal(err)
	}
	if err := call.Finish(); !errors.Is(err, features.ErrOdd) {
		t.Errorf("Fail: %v", err)
	}
}

// TestDescribe compares the description with the VDL file.
func TestDescribe(t *testing.T) {
	descs := features.WideServer(wide{}).Describe__()
	var names []string
	for _, d := range descs {
		names = append(names, d.Name)
	}
	if !slices.Equal(names, []string{"Wide", "More", "Base"}) {
		t.Errorf("interfaces %q", names)
	}
	swap := descs[0].Methods[0]
	if swap.Name != "Swap" || swap.Doc != "// Swap exchanges its arguments." || len(swap.Tags) != 4 {
		t.Errorf("description %+v", swap)
	}
	collect := descs[0].Methods[2]
	if collect.InArgs[0].Name != "first" || collect.InArgs[0].Doc != "// first is sent first." {
		t.Errorf("description %+v", collect)
	}
	if _, err := rpc.ReflectInvoker(features.WideServer(wide{})); err != nil {
		t.Error(err)
	}
}
