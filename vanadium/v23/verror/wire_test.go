package verror_test

import (
	"errors"
	"io"
	"testing"

	"v.io/v23/vdl"
	"v.io/v23/verror"
)

var errFull = verror.NewIDAction("v.io/v23/verror_test.Full", verror.RetryBackoff)

// carry returns the error as it arrives in another process.
func carry(t *testing.T, err error) error {
	t.Helper()
	var arrived error
	if failure := vdl.Convert(&arrived, &struct{ Error error }{err}); failure != nil {
		t.Log(failure)
	}
	var wire vdl.WireError
	if failure := verror.WireFromNative(&wire, err); failure != nil {
		t.Fatalf("to the wire: %v", failure)
	}
	return verror.FromWire(&wire)
}

// TestWire checks what of an error travels.
func TestWire(t *testing.T) {
	for _, test := range []struct {
		name   string
		sent   error
		id     verror.ID
		action verror.ActionCode
		text   string
		params []interface{}
	}{
		{"plain", io.EOF, verror.ErrUnknown.ID, verror.NoRetry, "EOF", []interface{}{"", "", "EOF"}},
		{"declared", errFull.Errorf(nil, "%d", 4), errFull.ID, verror.RetryBackoff, "verror.test: 4",
			[]interface{}{"verror.test", "", int64(4)}},
		{"declaration", errFull, errFull.ID, verror.RetryBackoff, string(errFull.ID), nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := carry(t, test.sent)
			if verror.ErrorID(got) != test.id || verror.Action(got) != test.action || got.Error() != test.text {
				t.Errorf("got %v %v %q", verror.ErrorID(got), verror.Action(got), got)
			}
			if !vdl.DeepEqual(verror.Params(got), test.params) {
				t.Errorf("params %#v", verror.Params(got))
			}
			if !errors.Is(got, verror.IDAction{ID: test.id}) {
				t.Error("identity is lost")
			}
		})
	}
}
