package context

import (
	"context"
	"fmt"

	"v.io/v23/logging"
)

// Logger is a logger that is given the context of a message, for example to attach the message to the trace of a call.
// It has no errors: the logging methods of T pass every message as information.
type Logger interface {
	// InfoDepth writes its arguments in the manner of fmt.Sprint, with the source position of the caller depth levels
	// above the direct caller.
	InfoDepth(ctx *T, depth int, args ...interface{})
	// InfoStack writes the stack of the current goroutine, or of all if all is true.
	InfoStack(ctx *T, all bool)
	// VDepth reports whether messages of the level are wanted by the caller depth levels above the direct caller.
	VDepth(ctx *T, depth int, level int) bool
	// VIDepth returns the logger itself if VDepth is true, and otherwise one that discards.
	VIDepth(ctx *T, depth int, level int) Logger
	// FlushLog writes out what is buffered.
	FlushLog()
}

// WithLogger returns a child of parent whose logging methods write to logger. A context without a logger discards.
func WithLogger(parent *T, logger logging.Logger) *T {
	child := parent.derive(parent)
	child.logger = logger
	return child
}

// LoggerFromContext returns the logger that WithLogger gave to ctx or to an ancestor, or nil.
func LoggerFromContext(ctx context.Context) interface{} {
	t, ok := ctx.Value(selfKey{}).(*T)
	if !ok || t.logger == nil {
		return nil
	}
	return t.logger
}

// WithContextLogger returns a child of parent whose logging methods write to logger, in addition to the one of
// WithLogger.
func WithContextLogger(parent *T, logger Logger) *T {
	child := parent.derive(parent)
	child.contextLogger = logger
	return child
}

// WithLoggingPrefix returns a child of parent whose messages begin with the prefix, printed in the manner of
// fmt.Sprint, and ": ".
func WithLoggingPrefix(parent *T, prefix interface{}) *T {
	child := parent.derive(parent)
	child.prefix = prefix
	return child
}

// LoggingPrefix returns the prefix that WithLoggingPrefix gave to ctx or to an ancestor, or nil.
func LoggingPrefix(ctx *T) interface{} {
	return ctx.prefix
}

// prefixed returns the text of a message with the prefix before it.
func (t *T) prefixed(text string) string {
	if t == nil || t.prefix == nil {
		return text
	}
	return fmt.Sprint(t.prefix) + ": " + text
}

// quiet reports whether nobody listens, so that no text need be made.
func (t *T) quiet() bool {
	return t == nil || t.logger == nil && t.contextLogger == nil
}

// inform passes a text on. Depth 0 stands for the caller of inform's caller.
func (t *T) inform(depth int, text string) {
	if t.logger != nil {
		t.logger.InfoDepth(depth+2, text)
	}
	if t.contextLogger != nil {
		t.contextLogger.InfoDepth(t, depth+2, text)
	}
}

// complain passes the text of an error on. Depth 0 stands for the caller of complain's caller.
func (t *T) complain(depth int, text string) {
	if t.logger != nil {
		t.logger.ErrorDepth(depth+2, text)
	}
	if t.contextLogger != nil {
		t.contextLogger.InfoDepth(t, depth+2, text)
	}
}

// Info writes its arguments to the loggers of t in the manner of fmt.Sprint.
func (t *T) Info(args ...interface{}) {
	if !t.quiet() {
		t.inform(0, t.prefixed(fmt.Sprint(args...)))
	}
}

// Infof writes its arguments to the loggers of t in the manner of fmt.Sprintf.
func (t *T) Infof(format string, args ...interface{}) {
	if !t.quiet() {
		t.inform(0, t.prefixed(fmt.Sprintf(format, args...)))
	}
}

// InfoDepth is Info with the source position of the caller depth levels above the direct caller.
func (t *T) InfoDepth(depth int, args ...interface{}) {
	if !t.quiet() {
		t.inform(depth, t.prefixed(fmt.Sprint(args...)))
	}
}

// InfoStack writes the stack of the current goroutine, or of all if all is true.
func (t *T) InfoStack(all bool) {
	if t.quiet() {
		return
	}
	if t.logger != nil {
		t.logger.InfoStack(all)
	}
	if t.contextLogger != nil {
		t.contextLogger.InfoStack(t, all)
	}
}

// Error writes its arguments to the loggers of t in the manner of fmt.Sprint, as an error.
func (t *T) Error(args ...interface{}) {
	if !t.quiet() {
		t.complain(0, t.prefixed(fmt.Sprint(args...)))
	}
}

// Errorf writes its arguments to the loggers of t in the manner of fmt.Sprintf, as an error.
func (t *T) Errorf(format string, args ...interface{}) {
	if !t.quiet() {
		t.complain(0, t.prefixed(fmt.Sprintf(format, args...)))
	}
}

// ErrorDepth is Error with the source position of the caller depth levels above the direct caller.
func (t *T) ErrorDepth(depth int, args ...interface{}) {
	if !t.quiet() {
		t.complain(depth, t.prefixed(fmt.Sprint(args...)))
	}
}

// FlushLog writes out what the loggers of t buffer.
func (t *T) FlushLog() {
	if t.quiet() {
		return
	}
	if t.logger != nil {
		t.logger.FlushLog()
	}
	if t.contextLogger != nil {
		t.contextLogger.FlushLog()
	}
}
