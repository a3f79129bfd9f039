package context_test

import (
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	gocontext "context"

	"v.io/v23/context"
	"v.io/v23/logging"
)

// record is a logger that keeps messages with the file of their source positions.
type record struct {
	logging.Logger // nil: what is not overridden must not be called
	level          int
	lines          []string
}

func (r *record) add(kind string, depth int, args []interface{}) {
	_, file, _, _ := runtime.Caller(depth + 2)
	r.lines = append(r.lines, fmt.Sprint(kind, " ", filepath.Base(file), " ", fmt.Sprint(args...)))
}

func (r *record) InfoDepth(depth int, args ...interface{})  { r.add("I", depth, args) }
func (r *record) ErrorDepth(depth int, args ...interface{}) { r.add("E", depth, args) }
func (r *record) PanicDepth(depth int, args ...interface{}) { r.add("P", depth, args); panic("logged") }
func (r *record) InfoStack(all bool)                        { r.lines = append(r.lines, fmt.Sprint("stack ", all)) }
func (r *record) FlushLog()                                 { r.lines = append(r.lines, "flush") }
func (r *record) VDepth(_, level int) bool                  { return level <= r.level }

// withContext is a context.Logger that writes to a record.
type withContext struct{ *record }

func (c withContext) InfoDepth(ctx *context.T, depth int, args ...interface{}) {
	c.add(fmt.Sprint("C", ctx.Value(keyType("id"))), depth, args)
}
func (c withContext) InfoStack(_ *context.T, all bool)            { c.record.InfoStack(all) }
func (c withContext) VDepth(_ *context.T, _ int, level int) bool  { return level <= c.level }
func (c withContext) VIDepth(*context.T, int, int) context.Logger { return c }

// take returns the lines and forgets them.
func (r *record) take() []string {
	lines := r.lines
	r.lines = nil
	return lines
}

// TestLogging checks that messages get to the loggers, with the right source position and prefix.
func TestLogging(t *testing.T) {
	r := &record{level: 1}
	ctx := context.WithLogger(root(t), r)
	check := func(want ...string) {
		t.Helper()
		if got := r.take(); !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	ctx.Info("a", 1)
	ctx.Infof("%d", 2)
	ctx.InfoDepth(0, "x")
	func() { ctx.InfoDepth(1, "y") }()
	check("I log_test.go a1", "I log_test.go 2", "I log_test.go x", "I log_test.go y")
	ctx.Error("a")
	ctx.Errorf("%d", 2)
	ctx.ErrorDepth(0, "x")
	check("E log_test.go a", "E log_test.go 2", "E log_test.go x")
	ctx.VI(1).Info("wanted")
	ctx.VI(2).Info("not wanted")
	ctx.VI(2).Infof("not wanted")
	ctx.VI(2).InfoDepth(0, "not wanted")
	ctx.VI(2).InfoStack(true)
	if !ctx.V(1) || ctx.V(2) || !ctx.VDepth(0, 1) {
		t.Error("the level is not that of the logger")
	}
	check("I log_test.go wanted")
	ctx.InfoStack(true)
	ctx.FlushLog()
	check("stack true", "flush")
	prefixed := context.WithLoggingPrefix(ctx, "p")
	prefixed.Info("a")
	prefixed.Errorf("%d", 2)
	check("I log_test.go p: a", "E log_test.go p: 2")
	if context.LoggingPrefix(prefixed) != "p" || context.LoggingPrefix(ctx) != nil {
		t.Error("the prefix is not told")
	}
	context.FromGoContext(gocontext.WithValue(ctx, keyType("k"), 1)).Info("through")
	check("I log_test.go through")
	if context.LoggerFromContext(prefixed) != r || context.LoggerFromContext(gocontext.Background()) != nil ||
		context.LoggerFromContext(root(t)) != nil {
		t.Error("the logger is not told")
	}
}

// TestContextLogger checks the logger that is told the context.
func TestContextLogger(t *testing.T) {
	r := &record{level: 1}
	ctx := context.WithContextLogger(context.WithValue(root(t), keyType("id"), 7), withContext{r})
	ctx.Info("a")
	ctx.Errorf("%d", 2)
	ctx.InfoStack(false)
	ctx.FlushLog()
	if got := r.take(); !slices.Equal(got, []string{"C7 log_test.go a", "C7 log_test.go 2", "stack false", "flush"}) {
		t.Errorf("got %q", got)
	}
	if !ctx.V(1) || ctx.V(2) {
		t.Error("the level is not that of the logger")
	}
}

// TestNoLogger checks that a context without a logger, and no context at all, discard.
func TestNoLogger(t *testing.T) {
	var none *context.T
	for _, ctx := range []*context.T{none, root(t)} {
		ctx.Info("a")
		ctx.Infof("a")
		ctx.InfoDepth(0, "a")
		ctx.InfoStack(true)
		ctx.Error("a")
		ctx.Errorf("a")
		ctx.ErrorDepth(0, "a")
		ctx.FlushLog()
		if ctx.V(0) {
			t.Error("messages are wanted")
		}
	}
}

// TestPanic checks that the panic methods panic, with and without a logger.
func TestPanic(t *testing.T) {
	r := &record{}
	for name, test := range map[string]struct {
		log  func()
		want interface{}
	}{
		"without":  {func() { root(t).Panic("a", 1) }, "a1"},
		"format":   {func() { root(t).Panicf("%d", 2) }, "2"},
		"depth":    {func() { root(t).PanicDepth(0, "x") }, "x"},
		"a logger": {func() { context.WithLogger(root(t), r).Panic("a") }, "logged"},
	} {
		func() {
			defer func() {
				if got := recover(); got != test.want {
					t.Errorf("%s: panicked with %v", name, got)
				}
			}()
			test.log()
		}()
	}
	if got := r.take(); !slices.Equal(got, []string{"P log_test.go a"}) {
		t.Errorf("got %q", got)
	}
}
