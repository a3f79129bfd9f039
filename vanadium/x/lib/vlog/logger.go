// Package vlog is the log of a program.
//
// The functions of the package write to Log. What is written is set by flags that the package registers on
// flag.CommandLine and that take effect with ConfigureLibraryLoggerFromFlags, or by Configure. Until then messages go
// to standard error.
//
//	-v N                 write messages of V(n) for n up to N; called -vlevel in test binaries
//	-vmodule a=N,b*=M    the same for files of those names
//	-vpath x/a=N         the same for files with those paths
//	-logtostderr         write to standard error instead of files
//	-alsologtostderr     write to standard error as well as to files
//	-stderrthreshold S   write to standard error what is at least of severity S
//	-log_dir D           write files in the directory; without it everything goes to standard error
//	-log_backtrace_at F  write the stack after messages at these source positions, file.go:line
//	-max_stack_buf_size  bound of the stacks of all goroutines, in bytes
package vlog

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"v.io/x/lib/llog"
)

// Level is how much detail a message has.
type Level llog.Level

// String returns the number.
func (l Level) String() string { return llog.Level(l).String() }

// Set assigns the number; it makes Level a flag value.
func (l *Level) Set(text string) error { return (*llog.Level)(l).Set(text) }

// ErrConfigured says that a logger has been configured before.
var ErrConfigured = errors.New("vlog: the logger is configured already, and OverridePriorConfiguration was not given")

// Logger writes messages. Its methods may be called by several goroutines at once.
type Logger struct {
	log  *llog.Log
	exit func(code int)

	mu         sync.Mutex // guards what follows
	configured bool
}

// Log is the logger of the functions of this package.
var Log = NewLogger(programName(), os.Stderr)

// NewLogger returns a logger of the program, which writes to stderr until it is configured.
func NewLogger(program string, stderr io.Writer) *Logger {
	return &Logger{log: llog.New(program, stderr), exit: os.Exit}
}

// programName returns the name of the running program.
func programName() string {
	if len(os.Args) == 0 {
		return "unknown"
	}
	return strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe")
}

// Info writes its arguments in the manner of fmt.Sprint.
func (l *Logger) Info(args ...interface{}) { l.log.Print(llog.InfoLog, 1, fmt.Sprint(args...)) }

// Infof writes its arguments in the manner of fmt.Sprintf.
func (l *Logger) Infof(format string, args ...interface{}) {
	l.log.Print(llog.InfoLog, 1, fmt.Sprintf(format, args...))
}

// InfoDepth is Info with the source position of the caller depth levels above the direct caller.
func (l *Logger) InfoDepth(depth int, args ...interface{}) {
	l.log.Print(llog.InfoLog, depth+1, fmt.Sprint(args...))
}

// InfoStack writes the stack of the current goroutine, or of all if all is true.
func (l *Logger) InfoStack(all bool) { l.log.PrintStack(llog.InfoLog, all) }

// Error writes its arguments in the manner of fmt.Sprint, as an error.
func (l *Logger) Error(args ...interface{}) { l.log.Print(llog.ErrorLog, 1, fmt.Sprint(args...)) }

// Errorf writes its arguments in the manner of fmt.Sprintf, as an error.
func (l *Logger) Errorf(format string, args ...interface{}) {
	l.log.Print(llog.ErrorLog, 1, fmt.Sprintf(format, args...))
}

// ErrorDepth is Error with the source position of the caller depth levels above the direct caller.
func (l *Logger) ErrorDepth(depth int, args ...interface{}) {
	l.log.Print(llog.ErrorLog, depth+1, fmt.Sprint(args...))
}

// Fatal writes its arguments in the manner of fmt.Sprint and the stacks of all goroutines, and exits with status 255.
func (l *Logger) Fatal(args ...interface{}) { l.fatal(1, fmt.Sprint(args...)) }

// Fatalf is Fatal in the manner of fmt.Sprintf.
func (l *Logger) Fatalf(format string, args ...interface{}) {
	l.fatal(1, fmt.Sprintf(format, args...))
}

// FatalDepth is Fatal with the source position of the caller depth levels above the direct caller.
func (l *Logger) FatalDepth(depth int, args ...interface{}) {
	l.fatal(depth+1, fmt.Sprint(args...))
}

// fatal ends the process.
func (l *Logger) fatal(depth int, text string) {
	l.log.Print(llog.FatalLog, depth+1, text)
	l.log.PrintStack(llog.FatalLog, true)
	l.FlushLog()
	l.exit(255)
}

// Panic writes its arguments in the manner of fmt.Sprint, as an error, and panics with them.
func (l *Logger) Panic(args ...interface{}) { l.panic(1, fmt.Sprint(args...)) }

// Panicf is Panic in the manner of fmt.Sprintf.
func (l *Logger) Panicf(format string, args ...interface{}) {
	l.panic(1, fmt.Sprintf(format, args...))
}

// PanicDepth is Panic with the source position of the caller depth levels above the direct caller.
func (l *Logger) PanicDepth(depth int, args ...interface{}) {
	l.panic(depth+1, fmt.Sprint(args...))
}

// panic panics with the text.
func (l *Logger) panic(depth int, text string) {
	l.log.Print(llog.ErrorLog, depth+1, text)
	panic(text)
}

// V reports whether messages of the level are written at the caller's source position.
func (l *Logger) V(level int) bool { return l.log.VDepth(1, llog.Level(level)) }

// VDepth is V for the caller depth levels above the direct caller.
func (l *Logger) VDepth(depth int, level int) bool {
	return l.log.VDepth(depth+1, llog.Level(level))
}

// VI returns the logger, or one that discards if messages of the level are not written at the caller's source position.
func (l *Logger) VI(level int) interface {
	Info(args ...interface{})
	Infof(format string, args ...interface{})
	InfoDepth(depth int, args ...interface{})
	InfoStack(all bool)
} {
	return l.VIDepth(1, level)
}

// VIDepth is VI for the caller depth levels above the direct caller.
func (l *Logger) VIDepth(depth int, level int) interface {
	Info(args ...interface{})
	Infof(format string, args ...interface{})
	InfoDepth(depth int, args ...interface{})
	InfoStack(all bool)
} {
	if l.log.VDepth(depth+1, llog.Level(level)) {
		return l
	}
	return discard{}
}

// FlushLog makes the log files durable.
func (l *Logger) FlushLog() {
	if err := l.log.Flush(); err != nil {
		l.log.Print(llog.ErrorLog, 1, fmt.Sprintf("vlog: cannot flush: %v", err))
	}
}

// discard is the log of messages that nobody wants.
type discard struct{}

func (discard) Info(...interface{})           {}
func (discard) Infof(string, ...interface{})  {}
func (discard) InfoDepth(int, ...interface{}) {}
func (discard) InfoStack(bool)                {}
