package rpc_test

import (
	"testing"

	v23 "v.io/v23"
	"v.io/v23/naming"
	"v.io/v23/rpc"
	"v.io/v23/security"
	"v.io/v23/verror"

	"v.io/x/ref/runtime/internal/conn"
	"v.io/x/ref/test/testutil"
)

// rawConn is an authenticated connection without a client on it.
func rawConn(t *testing.T, w *world, name string) *conn.Conn {
	t.Helper()
	p := v23.GetPrincipal(w.client)
	c, err := conn.Dial(w.client, naming.Endpoint{Protocol: "tcp", Address: address(t, name)}, conn.DialOptions{
		Principal: p,
		Trust:     func(security.Blessings) error { return nil },
		Present: func(security.Blessings) (security.Blessings, error) {
			b, _ := p.BlessingStore().Default()
			return b, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Close()
		<-c.Closed()
	})
	return c
}

func TestFlowsThatDoNotFollowTheProtocolAreReset(t *testing.T) {
	type frame struct {
		kind    byte
		payload []byte
	}
	// A whole request: flags (end), no deadline, no arguments, no suffix, method Sink.
	sink := []byte{0, 0, 0, 0, 4, 'S', 'i', 'n', 'k', 0}
	tests := []struct {
		what   string
		frames []frame
	}{
		{"an unknown kind", []frame{{'?', nil}}},
		{"an item instead of a request", []frame{{'b', []byte("x")}}},
		{"an empty request", []frame{{'R', nil}}},
		{"a truncated request", []frame{{'R', []byte{0, 0, 0, 0xff}}}},
		{"values without their stream", []frame{{'R', append(sink[:len(sink):len(sink)], 1, 2, 3)}}},
		{"a request within a call", []frame{{'R', sink}, {'R', sink}}},
	}
	w := newWorld(t)
	_, name := w.serve(newEverything(), everyone())
	c := rawConn(t, w, name)
	for _, test := range tests {
		f, err := c.Acquire(w.client)
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range test.frames {
			if err := f.WriteFrame(one.kind, one.payload); err != nil {
				t.Fatal(err)
			}
		}
		eventually(t, test.what+" is refused and logged", func() bool { return w.log.contains("ending a flow of") })
		<-f.WasReset()
		c.Release(f, false)
	}
	if err := call(w.client, name, "Nothing", nil, nil); err != nil {
		t.Errorf("the server is harmed: %v", err)
	}
}

func TestOutsidersAreRefusedOnEveryMethod(t *testing.T) {
	w := newWorld(t)
	_, name := w.serve(newEverything(), security.DefaultAuthorizer())
	outsider, err := v23.WithPrincipal(w.client, testutil.NewPrincipal("root:server"))
	if err != nil {
		t.Fatal(err)
	}
	if err := security.AddToRoots(v23.GetPrincipal(outsider), rootBlessings(w)); err != nil {
		t.Fatal(err)
	}
	for method := range map[string]int{
		"Nothing": 0, "Two": 0, "Deadline": 0, "Hang": 0, "Sum": 0, "Sink": 0, rpc.ReservedSignature: 0,
	} {
		wantID(t, method, call(outsider, name, method, nil, nil), verror.ErrNoAccess)
	}
}

// rootBlessings are the blessings of the server, whose root others may come to know.
func rootBlessings(w *world) security.Blessings {
	b, _ := v23.GetPrincipal(w.server).BlessingStore().Default()
	return b
}
