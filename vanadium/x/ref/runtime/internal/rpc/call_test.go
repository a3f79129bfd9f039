package rpc_test

import (
	"testing"
)

func TestEchoOverAPreresolvedEndpoint(t *testing.T) {
	w := newWorld(t)
	_, name := w.serve(newEverything(), everyone())
	var got string
	if err := call(w.client, name, "Echo", []any{"hello"}, []any{&got}); err != nil || got != "hello" {
		t.Fatalf("got %q, %v", got, err)
	}
}
