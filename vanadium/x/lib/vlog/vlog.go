package vlog

import "fmt"

// Info writes its arguments to Log in the manner of fmt.Sprint.
func Info(args ...interface{}) { Log.InfoDepth(1, args...) }

// Infof writes its arguments to Log in the manner of fmt.Sprintf.
func Infof(format string, args ...interface{}) { Log.InfoDepth(1, fmt.Sprintf(format, args...)) }

// InfoDepth is Info with the source position of the caller depth levels above the direct caller.
func InfoDepth(depth int, args ...interface{}) { Log.InfoDepth(depth+1, args...) }

// InfoStack writes the stack of the current goroutine to Log, or of all if all is true.
func InfoStack(all bool) { Log.InfoStack(all) }

// Error writes its arguments to Log in the manner of fmt.Sprint, as an error.
func Error(args ...interface{}) { Log.ErrorDepth(1, args...) }

// Errorf writes its arguments to Log in the manner of fmt.Sprintf, as an error.
func Errorf(format string, args ...interface{}) { Log.ErrorDepth(1, fmt.Sprintf(format, args...)) }

// ErrorDepth is Error with the source position of the caller depth levels above the direct caller.
func ErrorDepth(depth int, args ...interface{}) { Log.ErrorDepth(depth+1, args...) }

// Fatal writes its arguments to Log in the manner of fmt.Sprint, with the stacks of all goroutines, and exits with
// status 255.
func Fatal(args ...interface{}) { Log.FatalDepth(1, args...) }

// Fatalf is Fatal in the manner of fmt.Sprintf.
func Fatalf(format string, args ...interface{}) { Log.FatalDepth(1, fmt.Sprintf(format, args...)) }

// FatalDepth is Fatal with the source position of the caller depth levels above the direct caller.
func FatalDepth(depth int, args ...interface{}) { Log.FatalDepth(depth+1, args...) }

// Panic writes its arguments to Log in the manner of fmt.Sprint, as an error, and panics with them.
func Panic(args ...interface{}) { Log.PanicDepth(1, args...) }

// Panicf is Panic in the manner of fmt.Sprintf.
func Panicf(format string, args ...interface{}) { Log.PanicDepth(1, fmt.Sprintf(format, args...)) }

// PanicDepth is Panic with the source position of the caller depth levels above the direct caller.
func PanicDepth(depth int, args ...interface{}) { Log.PanicDepth(depth+1, args...) }

// V reports whether messages of the level are written at the caller's source position.
func V(level Level) bool { return Log.VDepth(1, int(level)) }

// VDepth is V for the caller depth levels above the direct caller.
func VDepth(depth int, level Level) bool { return Log.VDepth(depth+1, int(level)) }

// VI returns Log, or a log that discards if messages of the level are not written at the caller's source position.
func VI(level Level) interface {
	Info(args ...interface{})
	Infof(format string, args ...interface{})
	InfoDepth(depth int, args ...interface{})
	InfoStack(all bool)
} {
	return Log.VIDepth(1, int(level))
}

// VIDepth is VI for the caller depth levels above the direct caller.
func VIDepth(depth int, level Level) interface {
	Info(args ...interface{})
	Infof(format string, args ...interface{})
	InfoDepth(depth int, args ...interface{})
	InfoStack(all bool)
} {
	return Log.VIDepth(depth+1, int(level))
}

// FlushLog makes the log files of Log durable.
func FlushLog() { Log.FlushLog() }

// Configure configures Log, see Logger.Configure.
func Configure(opts ...LoggingOpts) error { return Log.Configure(opts...) }
