// Package logging declares what a logger of the Vanadium libraries can do. Package v.io/x/lib/vlog has an
// implementation; a context carries the logger to use, see v.io/v23/context.WithLogger.
package logging

// InfoLog writes messages about the normal course of events. Every method may be called by several goroutines at once.
type InfoLog interface {
	// Info writes its arguments in the manner of fmt.Sprint.
	Info(args ...interface{})
	// Infof writes its arguments in the manner of fmt.Sprintf.
	Infof(format string, args ...interface{})
	// InfoDepth is Info with the source position of the caller depth levels above the direct caller.
	InfoDepth(depth int, args ...interface{})
	// InfoStack writes the stack of the current goroutine, or of all if all is true.
	InfoStack(all bool)
}

// ErrorLog writes messages about failures that the program survives.
type ErrorLog interface {
	// Error writes its arguments in the manner of fmt.Sprint.
	Error(args ...interface{})
	// Errorf writes its arguments in the manner of fmt.Sprintf.
	Errorf(format string, args ...interface{})
	// ErrorDepth is Error with the source position of the caller depth levels above the direct caller.
	ErrorDepth(depth int, args ...interface{})
}

// FatalLog writes a last message. The Fatal methods end the process with status 255 after writing the stacks of all
// goroutines, the Panic methods panic with the message.
type FatalLog interface {
	// Fatal writes its arguments in the manner of fmt.Sprint and ends the process.
	Fatal(args ...interface{})
	// Fatalf writes its arguments in the manner of fmt.Sprintf and ends the process.
	Fatalf(format string, args ...interface{})
	// FatalDepth is Fatal with the source position of the caller depth levels above the direct caller.
	FatalDepth(depth int, args ...interface{})
	// Panic writes its arguments in the manner of fmt.Sprint and panics.
	Panic(args ...interface{})
	// Panicf writes its arguments in the manner of fmt.Sprintf and panics.
	Panicf(format string, args ...interface{})
	// PanicDepth is Panic with the source position of the caller depth levels above the direct caller.
	PanicDepth(depth int, args ...interface{})
}

// Verbosity tells which messages are wanted. A message of a level is written if the configured level is at least as
// high; level 0 is always written.
type Verbosity interface {
	// V reports whether messages of the level are written at the caller's source position.
	V(level int) bool
	// VDepth is V for the caller depth levels above the direct caller.
	VDepth(depth, level int) bool
	// VI returns a log for messages of the level, which discards them if they are not wanted.
	VI(level int) interface {
		Info(args ...interface{})
		Infof(format string, args ...interface{})
		InfoDepth(depth int, args ...interface{})
		InfoStack(all bool)
	}
	// VIDepth is VI for the caller depth levels above the direct caller.
	VIDepth(depth, level int) interface {
		Info(args ...interface{})
		Infof(format string, args ...interface{})
		InfoDepth(depth int, args ...interface{})
		InfoStack(all bool)
	}
}

// Logger is all of the above.
type Logger interface {
	InfoLog
	ErrorLog
	FatalLog
	Verbosity
	// FlushLog writes out what is buffered.
	FlushLog()
}
