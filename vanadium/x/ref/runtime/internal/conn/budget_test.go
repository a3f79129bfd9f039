package conn

import (
	"sync"
	"sync/atomic"
	"testing"

	"v.io/x/ref/test/testutil"
)

func TestBudgetIsNeverExceeded(t *testing.T) {
	const whole = 100
	b := budget{left: whole}
	var held atomic.Int64
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			n := 1 + i*2
			if !b.acquire(n, nil) {
				t.Error("not acquired")
				return
			}
			if held.Add(int64(n)) > whole {
				t.Error("more is held than there is")
			}
			held.Add(-int64(n))
			b.release(n)
		})
	}
	wg.Wait()
	if b.left != whole || len(b.waiting) != 0 {
		t.Errorf("left %d, %d waiting", b.left, len(b.waiting))
	}
}

func TestBudgetServesInOrderAndLetsGo(t *testing.T) {
	b := budget{left: 10}
	if !b.acquire(10, nil) {
		t.Fatal("not acquired")
	}
	stop := make(chan struct{})
	large, small := make(chan bool, 1), make(chan bool, 1)
	go func() { large <- b.acquire(10, stop) }()
	eventually(t, "the large request waits", func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		return len(b.waiting) == 1
	})
	go func() { small <- b.acquire(1, nil) }()
	eventually(t, "the small request waits behind it", func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		return len(b.waiting) == 2
	})
	b.release(5)
	select {
	case <-small:
		t.Error("the small request overtook the large one")
	default:
	}
	close(stop)
	if <-large {
		t.Error("the large request was granted what there is not")
	}
	if !<-small {
		t.Error("the small request was not granted")
	}
}

func TestUnfinishedMessagesOfAPeerAreBounded(t *testing.T) {
	began := make(chan struct{}, 64)
	s := serve(t, AcceptOptions{Serve: func(f *Flow) {
		if _, n, err := f.ReadHeader(); err == nil {
			began <- struct{}{}
			if _, err := f.ReadPayload(n, nil); err == nil {
				t.Error("a message arrived whole")
			}
		}
	}})
	c := dialTo(t, s.ep, dialOptions(testutil.NewPrincipal("client")))
	const flows = receiveBudget/MaxMessageSize + 3
	for range flows {
		f := acquire(t, c)
		var header [HeaderSize]byte
		putHeader(header[:], 'x', MaxMessageSize)
		if _, err := f.stream.Write(header[:]); err != nil {
			t.Fatal(err)
		}
		<-began
	}
	accepted := s.Conns()[0]
	eventually(t, "what is too much waits", func() bool {
		accepted.received.mu.Lock()
		defer accepted.received.mu.Unlock()
		return len(accepted.received.waiting) == 3 && accepted.received.left == 0
	})
}
