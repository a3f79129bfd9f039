package namespace_test

import (
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"v.io/v23"
	"v.io/v23/context"
	"v.io/v23/glob"
	"v.io/v23/naming"
	"v.io/v23/options"
	"v.io/v23/rpc"
	"v.io/v23/verror"
)

// table is a server whose answer to questions and searches is the test's.
type table struct {
	answer func(*context.T) (naming.MountEntry, error)
}

// ResolveStep implements a part of the mount table's interface.
func (o table) ResolveStep(ctx *context.T, _ rpc.ServerCall) (naming.MountEntry, error) {
	return o.answer(ctx)
}

// Glob__ implements rpc.AllGlobber.
func (o table) Glob__(ctx *context.T, _ rpc.GlobServerCall, _ *glob.Glob) error {
	_, err := o.answer(ctx)
	return err
}

// line is the way to a server, which can be cut.
type line struct {
	to string

	mu   sync.Mutex // guards ends
	ends []net.Conn
}

// newLine returns the way to the server and the server's name at its near end.
func newLine(t *testing.T, server naming.Endpoint) (*line, string) {
	t.Helper()
	near, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &line{to: server.Address}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			in, err := near.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { l.carry(in) })
		}
	})
	t.Cleanup(func() {
		near.Close()
		l.cut()
		wg.Wait()
	})
	server.Address = near.Addr().String()
	return l, server.Name()
}

// carry passes on what comes, both ways, until the line is cut or an end closes.
func (l *line) carry(in net.Conn) {
	out, err := net.Dial("tcp", l.to)
	if err != nil {
		in.Close()
		return
	}
	l.mu.Lock()
	l.ends = append(l.ends, in, out)
	l.mu.Unlock()
	back := make(chan struct{})
	go func() {
		defer close(back)
		_, _ = io.Copy(in, out)
		in.Close()
	}()
	_, _ = io.Copy(out, in)
	out.Close()
	<-back
}

// cut closes all connections. New ones may be made.
func (l *line) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, end := range l.ends {
		end.Close()
	}
	l.ends = nil
}

// serveTable starts a server of the table, which says of itself that it is a mount table if it is to, and returns the
// line to it.
func (w *world) serveTable(o table, isTable bool) (*line, string) {
	w.t.Helper()
	_, server, err := v23.WithNewDispatchingServer(w.ctx, "", everywhere{o}, options.ServesMountTable(isTable))
	if err != nil {
		w.t.Fatal(err)
	}
	return newLine(w.t, server.Status().Endpoints[0])
}

// cutAt returns a table that cuts the line to itself instead of answering the first n questions, and then answers.
func (w *world) cutAt(n int64, isTable bool, entry naming.MountEntry) string {
	var l *line
	var asked atomic.Int64
	ready := make(chan struct{})
	l, name := w.serveTable(table{func(ctx *context.T) (naming.MountEntry, error) {
		<-ready
		if asked.Add(1) > n {
			return entry, nil
		}
		l.cut()
		<-ctx.Done()
		return naming.MountEntry{}, ctx.Err()
	}}, isTable)
	close(ready)
	return name
}

// always is more often than anybody asks.
const always = 1 << 20

// TestMountTableThatDoesNotAnswer checks that a name does not lead to the mount table itself because each connection to
// that broke before it answered.
func TestMountTableThatDoesNotAnswer(t *testing.T) {
	w := newWorld(t)
	root := w.cutAt(always, true, naming.MountEntry{})
	for what, resolve := range map[string]func(*context.T, string, ...naming.NamespaceOpt) (*naming.MountEntry, error){
		"Resolve": w.ns.Resolve, "ShallowResolve": w.ns.ShallowResolve, "ResolveToMountTable": w.ns.ResolveToMountTable,
	} {
		if entry, err := resolve(w.ctx, root+"/a/name"); !errors.Is(err, verror.ErrNoServers) {
			t.Errorf("%s: %+v, %v", what, entry, err)
		}
	}
}

// TestCallOutlivesBrokenConnections checks that a call asks for its name again when the mount table did not answer.
func TestCallOutlivesBrokenConnections(t *testing.T) {
	w := newWorld(t)
	leaf, _ := naming.SplitAddressName(w.server(echo{}))
	root := w.cutAt(3, true, naming.MountEntry{Name: "name", Servers: []naming.MountedServer{{Server: leaf}}})
	if err := w.ns.SetRoots(root); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(w.ctx, time.Minute)
	defer cancel()
	var suffix string
	err := v23.GetClient(ctx).Call(ctx, "a/name", "Suffix", nil, []interface{}{&suffix})
	if err != nil || suffix != "name" {
		t.Errorf("got %q, %v", suffix, err)
	}
}

// TestSearchTellsOfBrokenConnections checks that a search says that a server did not answer, unlike one that does not
// know how to search.
func TestSearchTellsOfBrokenConnections(t *testing.T) {
	w := newWorld(t)
	w.mount("x", w.cutAt(always, false, naming.MountEntry{}))
	if names, failures := w.glob("x/*"); len(names) != 0 || len(failures) != 1 {
		t.Errorf("found %q, with the errors %v", names, failures)
	}
}

// TestMountTableThatAnswersNonsense checks that the answer is refused, and that the name does not lead to the mount
// table itself for that.
func TestMountTableThatAnswersNonsense(t *testing.T) {
	w := newWorld(t)
	server := []naming.MountedServer{{Server: "host:1"}}
	for _, test := range []struct {
		what  string
		entry naming.MountEntry
		want  error
	}{
		{"no servers", naming.MountEntry{Name: "name"}, naming.ErrNoSuchName},
		{"another name", naming.MountEntry{Name: "other", Servers: server}, verror.ErrInternal},
		{"a longer name", naming.MountEntry{Name: "b/a/name", Servers: server}, verror.ErrInternal},
		{"a part of an element", naming.MountEntry{Name: "me", Servers: server}, verror.ErrInternal},
	} {
		root := w.cutAt(0, true, test.entry)
		if entry, err := w.ns.Resolve(w.ctx, root+"/a/name"); !errors.Is(err, test.want) {
			t.Errorf("%s: %+v, %v", test.what, entry, err)
		}
	}
}

// TestMountTableEndsWhileItIsAsked is TestMountTableThatDoesNotAnswer with a server that is stopped.
func TestMountTableEndsWhileItIsAsked(t *testing.T) {
	w := newWorld(t)
	asked := make(chan struct{}, 1)
	o := table{func(ctx *context.T) (naming.MountEntry, error) {
		asked <- struct{}{}
		<-ctx.Done()
		return naming.MountEntry{}, ctx.Err()
	}}
	ctx, stop := context.WithCancel(w.ctx)
	_, server, err := v23.WithNewDispatchingServer(ctx, "", everywhere{o}, options.ServesMountTable(true),
		options.LameDuckTimeout(0))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := w.ns.Resolve(w.ctx, server.Status().Endpoints[0].Name()+"/a/name")
		done <- err
	}()
	<-asked
	stop()
	<-server.Closed()
	if err := <-done; err == nil {
		t.Error("the name leads somewhere")
	}
}
