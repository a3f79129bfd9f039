package rpc

import (
	"net"
	"testing"
	"testing/synctest"

	"v.io/v23/context"
	"v.io/v23/rpc"

	"v.io/x/ref/runtime/internal/conn"
)

// slowListener takes its time to close, although Accept fails at once.
type slowListener struct {
	closing, closed chan struct{}
}

func (l *slowListener) Accept() (net.Conn, error) {
	<-l.closing
	return nil, net.ErrClosed
}

func (l *slowListener) Close() error {
	close(l.closing)
	<-l.closed
	return nil
}

func (l *slowListener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }

// TestStoppedServerHasClosedItsListener: whoever waits for a server to stop finds its address free, although
// Accept can fail before the listener is closed.
func TestStoppedServerHasClosedItsListener(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root, stopRoot := context.RootContext()
		defer stopRoot()
		ctx, stop := context.WithCancel(root)
		s := &server{ctx: ctx, acceptor: conn.NewAcceptor(ctx, conn.AcceptOptions{})}
		s.state.init(rpc.ListenSpec{})
		l := &slowListener{make(chan struct{}), make(chan struct{})}
		s.wg.Go(func() { s.acceptOn(listenAddr{Protocol: "tcp", Address: "127.0.0.1:1"}, l) })
		stopped := make(chan struct{})
		go func() {
			s.wg.Wait()
			close(stopped)
		}()
		stop()
		synctest.Wait()
		select {
		case <-stopped:
			t.Error("the server has stopped, and its listener is open")
		default:
		}
		close(l.closed)
		<-stopped
	})
}
