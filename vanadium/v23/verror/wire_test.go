package verror_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"testing"

	"v.io/v23/context"
	"v.io/v23/vdl"
	"v.io/v23/verror"
	"v.io/v23/vom"
)

var errFull = verror.NewIDAction("example.com/store.Full", verror.RetryBackoff)

// component returns a context whose errors have the component name.
func component(t *testing.T, name string) *context.T {
	ctx, cancel := context.RootContext()
	t.Cleanup(func() { cancel() })
	return verror.WithComponentName(ctx, name)
}

// carry returns the error as it arrives in another process.
func carry(t *testing.T, err error) error {
	t.Helper()
	data, failure := vom.Encode(err)
	if failure != nil {
		t.Fatalf("%v is not encoded: %v", err, failure)
	}
	var arrived error
	if failure := vom.Decode(data, &arrived); failure != nil {
		t.Fatalf("%v is not decoded: %v", err, failure)
	}
	return arrived
}

// unsendable is a type without a form to travel in.
type unsendable struct{ C chan int }

// TestWire checks what of an error travels.
func TestWire(t *testing.T) {
	ctx := component(t, "prog")
	for _, test := range []struct {
		name   string
		sent   error
		id     verror.ID
		action verror.ActionCode
		text   string
		params string
	}{
		{"plain", io.EOF, verror.ErrUnknown.ID, verror.NoRetry, "EOF", "[  EOF]"},
		{"declared", errFull.Errorf(ctx, "%d of %s", 4, "x"), errFull.ID, verror.RetryBackoff, "prog: 4 of x",
			"[prog  4 x]"},
		{"message", errFull.Message(ctx, "100%", true), errFull.ID, verror.RetryBackoff, "prog: 100%", "[prog  true]"},
		{"declaration", errFull, errFull.ID, verror.RetryBackoff, string(errFull.ID), "[]"},
		{"wrapping", verror.ErrAborted.Errorf(ctx, "stop: %w", io.EOF), verror.ErrAborted.ID, verror.NoRetry,
			"prog: stop: EOF", "[prog  EOF]"},
		{"wrapped", fmt.Errorf("while storing: %w", errFull.Errorf(ctx, "%d", 4)), errFull.ID, verror.RetryBackoff,
			"while storing: prog: 4", "[prog  4]"},
		{"wrapped declaration", fmt.Errorf("while storing: %w", errFull), errFull.ID, verror.RetryBackoff,
			"while storing: " + string(errFull.ID), "[  while storing: " + string(errFull.ID) + "]"},
		{"odd parameters", errFull.Errorf(ctx, "%v %v", nil, &unsendable{}), errFull.ID, verror.RetryBackoff,
			"prog: <nil> &{<nil>}", "[prog  <nil> &{<nil>}]"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := carry(t, test.sent)
			if _, ok := got.(*verror.E); !ok {
				t.Errorf("it arrives as a %T", got)
			}
			if verror.ErrorID(got) != test.id || verror.Action(got) != test.action || got.Error() != test.text {
				t.Errorf("got %v %v %q", verror.ErrorID(got), verror.Action(got), got)
			}
			if text := fmt.Sprint(verror.Params(got)); text != test.params {
				t.Errorf("params %s", text)
			}
			if !errors.Is(got, verror.IDAction{ID: test.id}) || !errors.Is(carry(t, got), got) {
				t.Error("identity is lost")
			}
		})
	}
}

// TestWireNil checks that no error stays no error.
func TestWireNil(t *testing.T) {
	data, err := vom.Encode(struct{ Err error }{})
	if err != nil {
		t.Fatal(err)
	}
	got := struct{ Err error }{io.EOF}
	if err := vom.Decode(data, &got); err != nil || got.Err != nil {
		t.Errorf("got %v, %v", got.Err, err)
	}
	if verror.FromWire(nil) != nil {
		t.Error("FromWire(nil) is an error")
	}
	var wire vdl.WireError
	for _, none := range []error{nil, (*verror.E)(nil)} {
		if err := verror.WireFromNative(&wire, none); err != nil || wire.Id != "" {
			t.Errorf("%v becomes %v, %v", none, wire, err)
		}
	}
}

// TestWireAny checks that an error in an any arrives as an E.
func TestWireAny(t *testing.T) {
	data, err := vom.Encode([]interface{}{errFull.Errorf(nil, "full")})
	if err != nil {
		t.Fatal(err)
	}
	var got []interface{}
	if err := vom.Decode(data, &got); err != nil {
		t.Fatal(err)
	}
	if e, ok := got[0].(verror.E); !ok || e.ID != errFull.ID {
		t.Errorf("it arrives as %#v", got[0])
	}
}

// TestWireBytes compares encoded errors with those of another implementation: the types, and the fields of the value.
func TestWireBytes(t *testing.T) {
	retry := verror.NewIDAction("v.io/x/ref/lib/raft/kv.Retry", verror.RetryBackoff)
	for name, test := range map[string]struct {
		err  error
		want string
	}{
		"plain": {errors.New("boom"), "" +
			"81555201001a762e696f2f7632332f76646c2e576972655265747279436f64650104074e6f52657472790f5265747279436f" +
			"6e6e656374696f6e0c5265747279526566657463680c52657472794261636b6f6666e1570403010fe15347060016762e696f" +
			"2f7632332f76646c2e576972654572726f720104000249640103e100095265747279436f6465012be100034d73670103e100" +
			"09506172616d4c697374012ce1e1510408012ae1520103030101052f0017762e696f2f7632332f766572726f722e556e6b6e" +
			"6f776e0204626f6f6d0303000000000100000204626f6f6de1"},
		"declared": {retry.Errorf(component(t, "goldbin"), "r %d", int32(4)), "" +
			"81535201001a762e696f2f7632332f76646c2e576972655265747279436f64650104074e6f52657472790f5265747279436f" +
			"6e6e656374696f6e0c5265747279526566657463680c52657472794261636b6f6666e1550403010fe15147060016762e696f" +
			"2f7632332f76646c2e576972654572726f720104000249640103e100095265747279436f6465012ae100034d73670103e100" +
			"09506172616d4c697374012be1e1520203080308010141001c762e696f2f782f7265662f6c69622f726166742f6b762e5265" +
			"7472790103020c676f6c6462696e3a207220340303000007676f6c6462696e000100010208e1"},
	} {
		data, err := vom.Encode(test.err)
		if err != nil {
			t.Fatal(err)
		}
		if got := hex.EncodeToString(data); got != test.want {
			t.Errorf("%s is encoded as\n%s, want\n%s", name, got, test.want)
		}
	}
}
