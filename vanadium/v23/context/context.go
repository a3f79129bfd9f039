// Package context is the context that Vanadium calls carry: cancellation, a deadline, values and a logger.
//
// A *T is a context.Context of the standard library and is derived with the functions of this package, which look like
// those of the standard package but give a *T. A T also knows the root it descends from, see WithRootCancel.
//
//	ctx, cancel := context.WithTimeout(ctx, time.Second)
//	defer cancel()
//
// A standard Context is turned into a *T with FromGoContext, or with FromGoContextWithValues if the values of another
// *T should be visible through it.
package context

import (
	"context"
	"time"

	"v.io/v23/logging"
)

// Canceled is what Err returns for a context that was cancelled. It is the standard library's error.
var Canceled = context.Canceled

// DeadlineExceeded is what Err returns for a context whose deadline has passed. It is the standard library's error.
var DeadlineExceeded = context.DeadlineExceeded

// CancelFunc cancels a context and releases what the context holds. It may be called any number of times and by
// several goroutines.
type CancelFunc context.CancelFunc

// T is a context. It is used through pointers only, never changes, and may be used by several goroutines at once.
type T struct {
	context.Context

	// root ends when the context's root ends. It is nil for the zero T only.
	root context.Context
	// logger receives what the logging methods are given; nil discards.
	logger logging.Logger
	// contextLogger also receives it, together with the context; nil discards.
	contextLogger Logger
	// prefix comes before all messages; nil is no prefix.
	prefix interface{}
}

// selfKey is the key under which the nearest *T is found through contexts of the standard library that wrap it.
type selfKey struct{}

// Value returns the value that WithValue associated with the key, or nil.
func (t *T) Value(key interface{}) interface{} {
	if key == (selfKey{}) {
		return t
	}
	return t.Context.Value(key)
}

// Initialized reports whether t was made by this package. It is false for nil and for the zero value.
func (t *T) Initialized() bool {
	return t != nil && t.Context != nil
}

// derive returns a context like t with another standard context inside.
func (t *T) derive(inner context.Context) *T {
	child := *t
	child.Context = inner
	return &child
}

// RootContext returns a new root: a context without values and deadline, which ends when the CancelFunc is called.
func RootContext() (*T, CancelFunc) {
	inner, cancel := context.WithCancel(context.Background())
	return &T{Context: inner, root: inner}, CancelFunc(cancel)
}

// WithCancel returns a child of parent that ends when parent ends or the CancelFunc is called.
func WithCancel(parent *T) (*T, CancelFunc) {
	inner, cancel := context.WithCancel(parent)
	return parent.derive(inner), CancelFunc(cancel)
}

// WithRootCancel returns a context with the values of parent that does not end with it, but only when the CancelFunc
// is called or the root ends that parent descends from. Work that must outlive the call that started it uses it.
func WithRootCancel(parent *T) (*T, CancelFunc) {
	inner, cancel := context.WithCancel(context.WithoutCancel(parent))
	stop := context.AfterFunc(parent.root, cancel)
	return parent.derive(inner), func() {
		stop()
		cancel()
	}
}

// WithDeadline returns a child of parent that ends no later than at the deadline.
func WithDeadline(parent *T, deadline time.Time) (*T, CancelFunc) {
	inner, cancel := context.WithDeadline(parent, deadline)
	return parent.derive(inner), CancelFunc(cancel)
}

// WithTimeout returns a child of parent that ends no later than after the timeout.
func WithTimeout(parent *T, timeout time.Duration) (*T, CancelFunc) {
	return WithDeadline(parent, time.Now().Add(timeout))
}

// WithValue returns a child of parent in which key has the value. The key must be comparable; as in the standard
// library it should have a type of its own.
func WithValue(parent *T, key, val interface{}) *T {
	return parent.derive(context.WithValue(parent, key, val))
}

// FromGoContext returns a *T with the cancellation, deadline and values of ctx. If ctx is or descends from a *T, then
// the logger and root are those of that *T; otherwise ctx itself is the root.
func FromGoContext(ctx context.Context) *T {
	if t, ok := ctx.(*T); ok {
		return t
	}
	if ancestor, ok := ctx.Value(selfKey{}).(*T); ok {
		return ancestor.derive(ctx)
	}
	return &T{Context: ctx, root: ctx}
}

// FromGoContextWithValues returns a *T with the cancellation and the deadline of ctx and the values, logger and root of
// values. Values that only ctx has are visible, too.
func FromGoContextWithValues(ctx context.Context, values *T) *T {
	return values.derive(&merged{Context: ctx, values: context.WithoutCancel(values)})
}

// merged ends as its Context does and has the values of two contexts.
type merged struct {
	context.Context
	values context.Context
}

// Value looks in values first.
func (m *merged) Value(key interface{}) interface{} {
	if val := m.values.Value(key); val != nil {
		return val
	}
	return m.Context.Value(key)
}
