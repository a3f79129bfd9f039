package vom_test

import (
	"bytes"
	"testing"
	"testing/iotest"

	"v.io/v23/vdl"
	"v.io/v23/vom"
	. "v.io/v23/vom/internal/golden"
)

// FuzzDecode decodes arbitrary streams into all sorts of targets. Whatever decodes must survive being encoded again.
func FuzzDecode(f *testing.F) {
	f.Add([]byte{0x81, 0x51, 0x04, 3, 1, 8, 0xe1, 0x52, 3, 2, 2, 4})
	f.Fuzz(func(t *testing.T, data []byte) {
		targets := []any{
			new(any), new(int8), new(uint64), new(float32), new(string), new([]byte), new(Arr), new([]string),
			new(map[string]int64), new(Choice), new(Entry[map[string]string]), new(*Entry2), new(*vdl.Type), new(Op),
		}
		for _, target := range targets {
			// Most streams do not fit most targets; the point is that the errors are orderly.
			if err := vom.Decode(data, target); err == nil {
				if _, err := vom.Encode(target); err != nil {
					t.Errorf("%T was decoded but cannot be encoded: %v", target, err)
				}
			}
		}
		var raw vom.RawBytes
		if err := vom.Decode(data, &raw); err != nil {
			return
		}
		var direct, late *vdl.Value
		errDirect, errLate := vom.Decode(data, &direct), raw.ToValue(&late)
		if (errDirect == nil) != (errLate == nil) {
			t.Fatalf("decoding at once: %v, decoding later: %v", errDirect, errLate)
		}
		if errDirect != nil {
			return
		}
		if direct.String() != late.String() {
			t.Fatalf("decoded at once as %v and later as %v", direct, late)
		}
		checkStream(t, data, direct)
	})
}

// checkStream decodes the stream byte by byte, and the value again after it was encoded.
func checkStream(t *testing.T, data []byte, want *vdl.Value) {
	t.Helper()
	var slow, again *vdl.Value
	if err := vom.NewDecoder(iotest.OneByteReader(bytes.NewReader(data))).Decode(&slow); err != nil {
		t.Fatalf("decoding byte by byte: %v", err)
	}
	encoded, err := vom.Encode(want)
	if err != nil {
		t.Fatalf("%v was decoded but cannot be encoded: %v", want, err)
	}
	if err := vom.Decode(encoded, &again); err != nil {
		t.Fatalf("%v was encoded but cannot be decoded: %v", want, err)
	}
	if slow.String() != want.String() || again.String() != want.String() {
		t.Fatalf("%v became %v byte by byte and %v after encoding", want, slow, again)
	}
}
