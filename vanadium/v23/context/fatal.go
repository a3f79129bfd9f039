package context

import (
	"fmt"
	"os"
)

// exit ends the process; tests replace it.
var exit = os.Exit

// fatal ends the process after a last message. A context without a logger writes to standard error, since a process
// must not vanish without a word.
func (t *T) fatal(depth int, text string) {
	if t != nil && t.contextLogger != nil {
		t.contextLogger.InfoDepth(t, depth+2, text)
		t.contextLogger.FlushLog()
	}
	if t != nil && t.logger != nil {
		t.logger.FatalDepth(depth+2, text)
	}
	if _, err := fmt.Fprintln(os.Stderr, text); err != nil {
		exit(254)
	}
	exit(255)
}

// panics panics with a last message.
func (t *T) panics(depth int, text string) {
	if t != nil && t.contextLogger != nil {
		t.contextLogger.InfoDepth(t, depth+2, text)
	}
	if t != nil && t.logger != nil {
		t.logger.PanicDepth(depth+2, text)
	}
	panic(text)
}

// Fatal writes its arguments in the manner of fmt.Sprint and ends the process.
func (t *T) Fatal(args ...interface{}) {
	t.fatal(0, t.prefixed(fmt.Sprint(args...)))
}

// Fatalf writes its arguments in the manner of fmt.Sprintf and ends the process.
func (t *T) Fatalf(format string, args ...interface{}) {
	t.fatal(0, t.prefixed(fmt.Sprintf(format, args...)))
}

// FatalDepth is Fatal with the source position of the caller depth levels above the direct caller.
func (t *T) FatalDepth(depth int, args ...interface{}) {
	t.fatal(depth, t.prefixed(fmt.Sprint(args...)))
}

// Panic writes its arguments in the manner of fmt.Sprint and panics with the text.
func (t *T) Panic(args ...interface{}) {
	t.panics(0, t.prefixed(fmt.Sprint(args...)))
}

// Panicf writes its arguments in the manner of fmt.Sprintf and panics with the text.
func (t *T) Panicf(format string, args ...interface{}) {
	t.panics(0, t.prefixed(fmt.Sprintf(format, args...)))
}

// PanicDepth is Panic with the source position of the caller depth levels above the direct caller.
func (t *T) PanicDepth(depth int, args ...interface{}) {
	t.panics(depth, t.prefixed(fmt.Sprint(args...)))
}
