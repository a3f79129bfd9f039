package context_test

import (
	gocontext "context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"v.io/v23/context"
)

type keyType string

// root returns a root that ends with the test.
func root(t *testing.T) *context.T {
	ctx, cancel := context.RootContext()
	t.Cleanup(func() { cancel() })
	return ctx
}

// ended reports whether the context has ended, with the error.
func ended(ctx *context.T, want error) bool {
	select {
	case <-ctx.Done():
		return errors.Is(ctx.Err(), want)
	default:
		return false
	}
}

// TestCancel checks which contexts end with which.
func TestCancel(t *testing.T) {
	base, cancelBase := context.RootContext()
	parent, cancelParent := context.WithCancel(base)
	child, cancelChild := context.WithCancel(context.WithValue(parent, keyType("k"), 1))
	sibling, cancelSibling := context.WithCancel(parent)
	escaped, cancelEscaped := context.WithRootCancel(parent)
	other, cancelOther := context.WithRootCancel(parent)
	below, cancelBelow := context.WithCancel(escaped)
	defer cancelSibling()
	defer cancelEscaped()
	defer cancelBelow()
	steps := []struct {
		cancel context.CancelFunc
		gone   []*context.T
		alive  []*context.T
	}{
		{cancelChild, []*context.T{child}, []*context.T{parent, sibling, escaped, other, below}},
		{cancelOther, []*context.T{other}, []*context.T{parent, sibling, escaped, below}},
		{cancelParent, []*context.T{parent, sibling}, []*context.T{escaped, below, base}},
	}
	for i, step := range steps {
		step.cancel()
		step.cancel()
		for _, ctx := range step.gone {
			if !ended(ctx, context.Canceled) {
				t.Errorf("step %d: a context goes on", i)
			}
		}
		for _, ctx := range step.alive {
			if ctx.Err() != nil {
				t.Errorf("step %d: a context has ended", i)
			}
		}
	}
	cancelBase()
	<-escaped.Done()
	<-below.Done()
	if !ended(escaped, context.Canceled) || !ended(below, context.Canceled) {
		t.Error("contexts outlive the root")
	}
}

// TestDeadline checks that contexts end in time.
func TestDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		base, cancelBase := context.RootContext()
		defer cancelBase()
		ctx, cancel := context.WithTimeout(base, time.Second)
		defer cancel()
		later, cancelLater := context.WithDeadline(ctx, time.Now().Add(time.Hour))
		defer cancelLater()
		escaped, cancelEscaped := context.WithRootCancel(ctx)
		defer cancelEscaped()
		if deadline, ok := later.Deadline(); !ok || time.Until(deadline) != time.Second {
			t.Errorf("the deadline of a child is %v, %v", deadline, ok)
		}
		if _, ok := escaped.Deadline(); ok {
			t.Error("a context that escaped has the deadline")
		}
		<-later.Done()
		if !ended(later, context.DeadlineExceeded) || !ended(ctx, context.DeadlineExceeded) || escaped.Err() != nil {
			t.Errorf("%v %v %v", later.Err(), ctx.Err(), escaped.Err())
		}
	})
}

// TestValues checks that values are found through all ways of derivation.
func TestValues(t *testing.T) {
	ctx := context.WithValue(root(t), keyType("a"), 1)
	ctx = context.WithValue(ctx, keyType("b"), 2)
	escaped, cancel := context.WithRootCancel(ctx)
	defer cancel()
	std := gocontext.WithValue(ctx, keyType("c"), 3)
	for name, derived := range map[string]*context.T{
		"itself": ctx, "escaped": escaped, "through the standard": context.FromGoContext(std),
		"merged": context.FromGoContextWithValues(gocontext.Background(), ctx),
	} {
		if derived.Value(keyType("a")) != 1 || derived.Value(keyType("b")) != 2 || derived.Value(keyType("z")) != nil {
			t.Errorf("%s: %v %v", name, derived.Value(keyType("a")), derived.Value(keyType("b")))
		}
	}
	if context.WithValue(ctx, keyType("a"), 9).Value(keyType("a")) != 9 || ctx.Value(keyType("a")) != 1 {
		t.Error("a value of a child does not hide that of the parent, or changes it")
	}
}

// TestFromGoContext checks where the end and the root of a converted context come from.
func TestFromGoContext(t *testing.T) {
	base, cancelBase := context.RootContext()
	defer cancelBase()
	if context.FromGoContext(base) != base {
		t.Error("a context is converted that need not be")
	}
	std, cancelStd := gocontext.WithCancel(gocontext.Background())
	foreign := context.FromGoContext(std)
	merged := context.FromGoContextWithValues(gocontext.WithValue(std, keyType("s"), 5), base)
	below, cancelBelow := context.WithCancel(merged)
	defer cancelBelow()
	escaped, cancelEscaped := context.WithRootCancel(foreign)
	defer cancelEscaped()
	if merged.Value(keyType("s")) != 5 {
		t.Error("a value of the standard context is hidden")
	}
	cancelStd()
	<-escaped.Done()
	if !ended(foreign, context.Canceled) || !ended(merged, context.Canceled) || !ended(below, context.Canceled) {
		t.Error("a converted context does not end with the standard one")
	}
	wrapped, cancelWrapped := gocontext.WithCancel(base)
	converted := context.FromGoContext(wrapped)
	free, cancelFree := context.WithRootCancel(converted)
	defer cancelFree()
	cancelWrapped()
	if !ended(converted, context.Canceled) || free.Err() != nil {
		t.Error("the root of a converted context is not that of the one inside")
	}
}

// TestInitialized checks which contexts count.
func TestInitialized(t *testing.T) {
	var none *context.T
	if none.Initialized() || new(context.T).Initialized() || !root(t).Initialized() {
		t.Error("wrong")
	}
}

// ExampleWithTimeout bounds some work.
func ExampleWithTimeout() {
	ctx, cancelRoot := context.RootContext()
	defer cancelRoot()
	ctx, cancel := context.WithTimeout(ctx, time.Millisecond)
	defer cancel()
	<-ctx.Done()
	fmt.Println(ctx.Err())
	// Output: context deadline exceeded
}
