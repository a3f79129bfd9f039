package rpc_test

import (
	"bytes"
	"errors"
	"io"
	"sync"
	"testing"
	"time"

	v23 "v.io/v23"
	"v.io/v23/context"
	"v.io/v23/verror"

	"v.io/x/ref/runtime/internal/conn"
)

func TestStreamBothWays(t *testing.T) {
	w := newWorld(t)
	_, name := w.serve(newEverything(), everyone())
	c, err := start(w.client, name, "Sum", nil)
	if err != nil {
		t.Fatal(err)
	}
	want := int64(0)
	for i := range int64(10) {
		if err := c.Send(i); err != nil {
			t.Fatal(err)
		}
		want += i
		var got int64
		if err := c.Recv(&got); err != nil || got != want {
			t.Fatalf("after %d: %d, %v; want %d", i, got, err, want)
		}
	}
	if err := c.CloseSend(); err != nil {
		t.Fatal(err)
	}
	var item, sum int64
	if err := c.Recv(&item); err != io.EOF {
		t.Errorf("after the last item: %v, want io.EOF", err)
	}
	if err := c.Finish(&sum); err != nil || sum != want {
		t.Errorf("result %d, %v; want %d", sum, err, want)
	}
	wantID(t, "Send after Finish", c.Send(int64(1)), verror.ErrBadState)
}

func TestBytesItemsOfAllSizes(t *testing.T) {
	w := newWorld(t)
	_, name := w.serve(newEverything(), everyone())
	c, err := start(w.client, name, "EchoBytes", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{0, 1, 127, 128, 1 << 10, 1 << 20, conn.MaxMessageSize} {
		b := bytes.Repeat([]byte{byte(n + 1)}, n)
		sent := make(chan error, 1)
		go func() { sent <- c.Send(b) }()
		var got []byte
		if err := c.Recv(&got); err != nil || !bytes.Equal(got, b) {
			t.Fatalf("%d bytes came back as %d, %v", n, len(got), err)
		}
		if err := <-sent; err != nil {
			t.Fatal(err)
		}
	}
	wantID(t, "an item too large", c.Send(make([]byte, conn.MaxMessageSize+1)), verror.ErrBadArg)
	// A []byte is the same value for a receiver of any type that it can become.
	if err := c.Send([]byte("abc")); err != nil {
		t.Fatal(err)
	}
	var anything any
	if err := c.Recv(&anything); err != nil {
		t.Fatal(err)
	}
	if b, ok := anything.([]byte); !ok || string(b) != "abc" {
		t.Errorf("received %#v", anything)
	}
	if err := c.Finish(); err != nil {
		t.Error(err)
	}
}

func TestEndOfStreamIsOnlySeenWhenTheClientSaysSo(t *testing.T) {
	tests := []struct {
		what string
		end  func(w *world, c interface{ CloseSend() error }, cancel func())
		want func(error) bool
	}{
		{"CloseSend", func(_ *world, c interface{ CloseSend() error }, _ func()) {
			if err := c.CloseSend(); err != nil {
				t.Error(err)
			}
		}, func(err error) bool { return err == io.EOF }},
		{"cancel", func(_ *world, _ interface{ CloseSend() error }, cancel func()) { cancel() },
			func(err error) bool { return verror.ErrorID(err) == verror.ErrCanceled.ID }},
		{"client gone", func(w *world, _ interface{ CloseSend() error }, _ func()) {
			v23.GetClient(w.client).Close()
		}, func(err error) bool { return verror.ErrorID(err) == verror.ErrCanceled.ID }},
	}
	for _, test := range tests {
		t.Run(test.what, func(t *testing.T) {
			w := newWorld(t)
			obj := newEverything()
			_, name := w.serve(obj, everyone())
			ctx, cancel := context.WithCancel(w.client)
			defer cancel()
			c, err := start(ctx, name, "Sink", nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Send([]byte("one")); err != nil {
				t.Fatal(err)
			}
			<-obj.entered
			test.end(w, c, cancel)
			if err := <-obj.left; !test.want(err) {
				t.Errorf("the handler's stream ended with %v", err)
			}
			cancel()
		})
	}
}

func TestFinishBeforeAllItemsWereReceived(t *testing.T) {
	w := newWorld(t)
	_, name := w.serve(newEverything(), everyone())
	c, err := start(w.client, name, "Pour", []any{int64(3)})
	if err != nil {
		t.Fatal(err)
	}
	wantID(t, "Finish", c.Finish(), verror.ErrBadProtocol)
}

func TestCancelUnblocksASenderTheServerDoesNotRead(t *testing.T) {
	w := newWorld(t)
	obj := newEverything()
	_, name := w.serve(obj, everyone())
	ctx, cancel := context.WithCancel(w.client)
	c, err := start(ctx, name, "Hang", nil)
	if err != nil {
		t.Fatal(err)
	}
	<-obj.entered
	sent := make(chan error, 1)
	go func() {
		for {
			if err := c.Send(make([]byte, 1<<20)); err != nil {
				sent <- err
				return
			}
		}
	}()
	select {
	case err := <-sent:
		t.Fatalf("sending to a handler that does not read ended with %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	cancel()
	wantID(t, "the sender", <-sent, verror.ErrCanceled)
	if err := <-obj.left; !errors.Is(err, context.Canceled) {
		t.Errorf("the handler: %v", err)
	}
}

func TestItemsThatTheHandlerIgnoresDoNotHarmTheNextCall(t *testing.T) {
	w := newWorld(t)
	_, name := w.serve(newEverything(), everyone())
	type point struct{ X, Y int64 }
	for range 3 {
		c, err := start(w.client, name, "Pour", []any{int64(0)})
		if err != nil {
			t.Fatal(err)
		}
		for range 100 {
			if err := c.Send(point{1, 2}); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.Finish(); err != nil {
			t.Fatal(err)
		}
		var s string
		if err := call(w.client, name, "Echo", []any{"x"}, []any{&s}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestManyCallsAtOnce(t *testing.T) {
	w := newWorld(t)
	_, name := w.serve(newEverything(), everyone())
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			for range 20 {
				var s string
				if err := call(w.client, name, "Echo", []any{"x"}, []any{&s}); err != nil || s != "x" {
					t.Errorf("%q, %v", s, err)
					return
				}
			}
		})
	}
	wg.Wait()
}
