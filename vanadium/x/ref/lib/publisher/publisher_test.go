package publisher_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"v.io/v23/context"
	"v.io/v23/namespace"
	"v.io/v23/naming"
	"v.io/v23/rpc"
	"v.io/x/ref/lib/publisher"
)

// recorder is a namespace that records mounts and unmounts. Its other methods must not be called.
type recorder struct {
	namespace.T
	mu     sync.Mutex
	begun  time.Time
	events []string
	fail   func(n int) error // decides about the n-th mount
	mounts int
	block  chan struct{} // if not nil, unmounts wait for it
}

func (r *recorder) note(format string, args ...interface{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	at := time.Since(r.begun).Round(time.Millisecond)
	r.events = append(r.events, fmt.Sprintf("%v ", at)+fmt.Sprintf(format, args...))
}

// Mount implements namespace.T.
func (r *recorder) Mount(_ *context.T, name, server string, ttl time.Duration, opts ...naming.NamespaceOpt) error {
	r.note("mount %s at %s for %v %v", server, name, ttl, opts)
	r.mu.Lock()
	r.mounts++
	n := r.mounts
	r.mu.Unlock()
	if r.fail != nil {
		return r.fail(n)
	}
	return nil
}

// Unmount implements namespace.T.
func (r *recorder) Unmount(ctx *context.T, name, server string, _ ...naming.NamespaceOpt) error {
	if r.block != nil {
		select {
		case <-r.block:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	r.note("unmount %s at %s", server, name)
	return nil
}

// take returns the events so far, sorted, and forgets them.
func (r *recorder) take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	events := r.events
	r.events = nil
	slices.Sort(events)
	return events
}

// bubble runs the test with a publisher in fake time.
func bubble(t *testing.T, test func(*testing.T, *recorder, publisher.T)) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.RootContext()
		defer cancel()
		r := &recorder{begun: time.Now()}
		p := publisher.New(ctx, r, time.Minute)
		test(t, r, p)
		p.Stop()
		<-p.Closed()
	})
}

// expect compares the events since the last time.
func expect(t *testing.T, r *recorder, want ...string) {
	t.Helper()
	synctest.Wait()
	if got := r.take(); !slices.Equal(got, want) {
		t.Errorf("got\n%q, want\n%q", got, want)
	}
}

// TestPublish checks that every name is mounted for every server, again and again, and unmounted in the end.
func TestPublish(t *testing.T) {
	bubble(t, func(t *testing.T, r *recorder, p publisher.T) {
		p.AddName("n", true, false)
		p.AddServer("s1")
		p.AddServer("s1")
		expect(t, r, "0s mount s1 at n for 1m20s [true false]")
		time.Sleep(59 * time.Second)
		p.AddName("m", false, true)
		p.AddServer("s2")
		expect(t, r, "59s mount s1 at m for 1m20s [false true]", "59s mount s2 at m for 1m20s [false true]",
			"59s mount s2 at n for 1m20s [true false]")
		time.Sleep(2 * time.Second)
		expect(t, r, "1m0s mount s1 at n for 1m20s [true false]")
		p.RemoveName("m")
		expect(t, r, "1m1s unmount s1 at m", "1m1s unmount s2 at m")
		p.RemoveServer("s1")
		expect(t, r, "1m1s unmount s1 at n")
		p.Stop()
		p.AddName("late", false, false)
		p.AddServer("late")
		<-p.Closed()
		expect(t, r, "1m1s unmount s2 at n")
	})
}

// TestRetry checks that a failed mount is tried again soon, but ever more slowly, and then normally.
func TestRetry(t *testing.T) {
	bubble(t, func(t *testing.T, r *recorder, p publisher.T) {
		r.fail = func(n int) error {
			if n <= 10 {
				return errors.New("no mount table")
			}
			return nil
		}
		p.AddServer("s")
		p.AddName("n", false, false)
		time.Sleep(5 * time.Minute)
		var times []string
		for _, event := range r.take() {
			var at string
			if _, err := fmt.Sscan(event, &at); err != nil {
				t.Fatal(err)
			}
			times = append(times, at)
		}
		// 250 ms, doubled up to a minute; the 11th succeeds.
		for _, want := range []string{"0s", "250ms", "750ms", "1.75s", "3.75s", "7.75s", "15.75s", "31.75s",
			"1m3.75s", "2m3.75s", "3m3.75s", "4m3.75s"} {
			if !slices.Contains(times, want) {
				t.Errorf("no mount at %s, only at %v", want, times)
			}
		}
	})
}

// TestStatus checks what is told about names, and that changes are announced.
func TestStatus(t *testing.T) {
	bubble(t, func(t *testing.T, r *recorder, p publisher.T) {
		r.fail = func(n int) error {
			if n == 1 {
				return errors.New("no mount table")
			}
			return nil
		}
		p.AddServer("s")
		_, dirty := p.Status()
		p.AddName("n", false, false)
		<-dirty
		synctest.Wait()
		status, dirty := p.Status()
		if len(status) != 1 || status[0].LastMountErr == nil || status[0].LastState != rpc.PublisherMounting ||
			status[0].DesiredState != rpc.PublisherMounted {
			t.Errorf("after a failure: %v", status)
		}
		<-dirty
		time.Sleep(time.Second)
		status, _ = p.Status()
		if len(status) != 1 || status[0].LastMountErr != nil || status[0].LastState != rpc.PublisherMounted ||
			status[0].TTL != 80*time.Second || status[0].LastMount.IsZero() {
			t.Errorf("after a success: %v", status)
		}
		p.RemoveName("n")
		synctest.Wait()
		if status, _ := p.Status(); len(status) != 0 {
			t.Errorf("after the removal: %v", status)
		}
	})
}

// TestReturn checks that a name that comes back is mounted only after it was unmounted.
func TestReturn(t *testing.T) {
	bubble(t, func(t *testing.T, r *recorder, p publisher.T) {
		r.block = make(chan struct{})
		p.AddServer("s")
		p.AddName("n", false, false)
		expect(t, r, "0s mount s at n for 1m20s [false false]")
		p.RemoveName("n")
		p.AddName("n", false, true)
		expect(t, r)
		time.Sleep(time.Second)
		close(r.block)
		expect(t, r, "1s mount s at n for 1m20s [false true]", "1s unmount s at n")
	})
}

// TestStuckUnmount checks that Stop ends even if mount tables do not answer.
func TestStuckUnmount(t *testing.T) {
	bubble(t, func(t *testing.T, r *recorder, p publisher.T) {
		r.block = make(chan struct{})
		p.AddServer("s")
		p.AddName("n", false, false)
		synctest.Wait()
		began := time.Now()
		p.Stop()
		<-p.Closed()
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

// TestContextEnds checks that the publisher ends with its context.
func TestContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.RootContext()
		r := &recorder{begun: time.Now()}
		p := publisher.New(ctx, r, time.Minute)
		p.AddServer("s")
		p.AddName("n", false, false)
		synctest.Wait()
		cancel()
		<-p.Closed()
		expect(t, r, "0s mount s at n for 1m20s [false false]")
	})
}

// ExampleNew publishes a server under one name.
func ExampleNew() {
	ctx, cancel := context.RootContext()
	defer cancel()
	r := &recorder{}
	p := publisher.New(ctx, r, time.Minute)
	p.AddServer("/host:8101")
	p.AddName("greeter", false, true)
	for status, dirty := p.Status(); status[0].LastState != rpc.PublisherMounted; status, dirty = p.Status() {
		<-dirty
	}
	status, _ := p.Status()
	fmt.Println(status[0].Name, status[0].LastState)
	p.Stop()
	<-p.Closed()
	// Output: greeter Mounted
}
