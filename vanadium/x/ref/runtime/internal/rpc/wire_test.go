package rpc

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"v.io/v23/vom"
)

func TestRequestHead(t *testing.T) {
	tests := []request{
		{},
		{flags: flagFresh | flagEnd, timeout: time.Second, args: 3, suffix: "a/b", method: "Do", granted: []byte{1, 2}},
		{timeout: 1<<63 - 1, args: maxArgs, suffix: strings.Repeat("s", maxSuffix), method: strings.Repeat("m", maxMethod),
			granted: make([]byte, maxGrant)},
	}
	for _, want := range tests {
		if err := want.check(); err != nil {
			t.Fatal(err)
		}
		head := want.append(nil)
		want.valuesAt = len(head)
		got, err := parseRequest(append(head, "values"...))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, %v; want %+v", got, err, want)
		}
		for n := range min(len(head), 200) {
			if _, err := parseRequest(head[:n]); !errors.Is(err, errMalformed) {
				t.Fatalf("the first %d bytes: %v, want errMalformed", n, err)
			}
		}
	}
	for _, bad := range []request{
		{args: maxArgs + 1}, {suffix: strings.Repeat("s", maxSuffix+1)}, {method: strings.Repeat("m", maxMethod+1)},
		{granted: make([]byte, maxGrant+1)},
	} {
		if bad.check() == nil {
			t.Error("a head above its bounds is sent")
		}
		if _, err := parseRequest(bad.append(nil)); !errors.Is(err, errMalformed) {
			t.Errorf("a head above its bounds: %v", err)
		}
	}
}

func TestResponseHead(t *testing.T) {
	for _, want := range []response{{}, {flags: flagError}, {results: maxArgs}} {
		head := want.append(nil)
		want.valuesAt = len(head)
		got, err := parseResponse(append(head, 1, 2, 3))
		if err != nil || got != want {
			t.Errorf("got %+v, %v; want %+v", got, err, want)
		}
	}
	bad := response{results: maxArgs + 1}
	if _, err := parseResponse(bad.append(nil)); !errors.Is(err, errMalformed) {
		t.Errorf("too many results: %v", err)
	}
}

func TestBytesMessageIsWhatVOMWrites(t *testing.T) {
	for _, n := range []int{0, 1, 127, 128, 255, 256, 1 << 16} {
		b := bytes.Repeat([]byte{7}, n)
		want, err := vom.Encode(b)
		if err != nil {
			t.Fatal(err)
		}
		if got := bytesMessage(b); !bytes.Equal(got, want) {
			t.Errorf("%d bytes: %x..., want %x...", n, got[:min(len(got), 8)], want[:min(len(want), 8)])
		}
	}
}

func TestBackoff(t *testing.T) {
	for attempt := range 40 {
		d := backoff(attempt)
		if d < retryBase || d > retryMax || attempt < 8 && (d < retryBase<<attempt || d > 2*retryBase<<attempt) {
			t.Errorf("after attempt %d: %v", attempt, d)
		}
	}
}

func FuzzRequest(f *testing.F) {
	good := request{flags: flagEnd, timeout: time.Second, args: 1, suffix: "s", method: "m", granted: []byte{1}}
	f.Add(good.append(nil))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := parseRequest(b)
		if err != nil {
			return
		}
		if r.valuesAt > len(b) || r.check() != nil {
			t.Errorf("accepted %+v", r)
		}
		again, err := parseRequest(r.append(nil))
		again.valuesAt = r.valuesAt
		if err != nil || !reflect.DeepEqual(again, r) {
			t.Errorf("%+v became %+v, %v", r, again, err)
		}
	})
}

func FuzzResponse(f *testing.F) {
	f.Add([]byte{0, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		if r, err := parseResponse(b); err == nil && (r.valuesAt > len(b) || r.results > maxArgs) {
			t.Errorf("accepted %+v", r)
		}
	})
}
