package vlog

import (
	"flag"
	"os"
	"strings"

	"v.io/x/lib/llog"
)

// LoggingOpts is an option of Configure. It is one of the types below.
type LoggingOpts interface {
	LoggingOpt()
}

type (
	// OverridePriorConfiguration allows to configure a logger again.
	OverridePriorConfiguration bool
	// LogToStderr writes to standard error instead of files.
	LogToStderr bool
	// AlsoLogToStderr writes to standard error as well as to files.
	AlsoLogToStderr bool
	// LogDir is the directory of log files. Without one everything goes to standard error.
	LogDir string
	// AutoFlush is accepted for compatibility: every message is written when it is logged.
	AutoFlush bool
	// MaxStackBufSize bounds the stacks of all goroutines, in bytes.
	MaxStackBufSize int
	// StderrThreshold is the severity from which on messages go to standard error.
	StderrThreshold llog.Severity
	// ModuleSpec gives levels to files by their names.
	ModuleSpec struct{ llog.Filter }
	// FilepathSpec gives levels to files by their paths.
	FilepathSpec struct{ llog.Filter }
	// TraceLocation are source positions where messages are followed by the stack.
	TraceLocation struct{ llog.SourceLines }
)

// LoggingOpt makes this an option of Configure.
func (OverridePriorConfiguration) LoggingOpt() {}

// LoggingOpt makes this an option of Configure.
func (LogToStderr) LoggingOpt() {}

// LoggingOpt makes this an option of Configure.
func (AlsoLogToStderr) LoggingOpt() {}

// LoggingOpt makes this an option of Configure.
func (LogDir) LoggingOpt() {}

// LoggingOpt makes this an option of Configure.
func (AutoFlush) LoggingOpt() {}

// LoggingOpt makes this an option of Configure.
func (MaxStackBufSize) LoggingOpt() {}

// LoggingOpt makes this an option of Configure.
func (StderrThreshold) LoggingOpt() {}

// LoggingOpt makes this an option of Configure.
func (ModuleSpec) LoggingOpt() {}

// LoggingOpt makes this an option of Configure.
func (FilepathSpec) LoggingOpt() {}

// LoggingOpt makes this an option of Configure.
func (TraceLocation) LoggingOpt() {}

// LoggingOpt makes this an option of Configure.
func (Level) LoggingOpt() {}

// Configure changes what is written where. What no option says is as it was. It returns ErrConfigured if the logger was
// configured before and OverridePriorConfiguration is not among the options.
func (l *Logger) Configure(opts ...LoggingOpts) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	settings := l.log.Settings()
	override := false
	if !l.configured {
		settings.ToStderr = false // which is only for the time before
	}
	for _, opt := range opts {
		if o, ok := opt.(OverridePriorConfiguration); ok {
			override = bool(o)
			continue
		}
		apply(&settings, opt)
	}
	if l.configured && !override {
		return ErrConfigured
	}
	l.configured = true
	return l.log.Configure(settings)
}

// apply changes the settings by one option.
func apply(s *llog.Settings, opt LoggingOpts) {
	switch o := opt.(type) {
	case Level:
		s.Level = llog.Level(o)
	case LogToStderr:
		s.ToStderr = bool(o)
	case AlsoLogToStderr:
		s.Also = bool(o)
	case LogDir:
		s.Dir = string(o)
	case MaxStackBufSize:
		s.MaxStack = int(o)
	case StderrThreshold:
		s.Threshold = llog.Severity(o)
	case ModuleSpec:
		s.Modules = o.Filter
	case FilepathSpec:
		s.Paths = o.Filter
	case TraceLocation:
		s.Traces = o.SourceLines
	}
}

// flagValues are the values of the flags, as settings.
var flagValues = llog.Settings{Also: true, Threshold: llog.ErrorLog, MaxStack: llog.DefaultMaxStack}

func init() { registerFlags(flag.CommandLine, &flagValues, verbosityFlag(os.Args)) }

// verbosityFlag returns the name of the flag for the level. Test binaries have a -v of their own.
func verbosityFlag(args []string) string {
	if len(args) > 0 && strings.HasSuffix(strings.TrimSuffix(args[0], ".exe"), ".test") {
		return "vlevel"
	}
	return "v"
}

// registerFlags registers the flags.
func registerFlags(fs *flag.FlagSet, s *llog.Settings, verbosity string) {
	fs.Var(&s.Level, verbosity, "write messages of levels up to this")
	fs.Var(&s.Modules, "vmodule", "levels of files, as name=level separated by commas")
	fs.Var(&s.Paths, "vpath", "levels of files, as path=level separated by commas")
	fs.Var(&s.Traces, "log_backtrace_at", "source positions whose messages are followed by the stack, as file.go:line")
	fs.StringVar(&s.Dir, "log_dir", s.Dir, "directory of log files; none are written without it")
	fs.BoolVar(&s.ToStderr, "logtostderr", s.ToStderr, "write to standard error instead of files")
	fs.BoolVar(&s.Also, "alsologtostderr", s.Also, "write to standard error as well as to files")
	fs.Var(&s.Threshold, "stderrthreshold", "severity from which on messages go to standard error")
	fs.IntVar(&s.MaxStack, "max_stack_buf_size", s.MaxStack, "bound of the stacks of all goroutines, in bytes")
}

// ConfigureLibraryLoggerFromFlags configures Log by the flags of the command line, which must have been parsed.
func ConfigureLibraryLoggerFromFlags() error { return Log.ConfigureFromFlags() }

// ConfigureFromFlags configures the logger by the flags of the command line, which must have been parsed. It returns
// ErrConfigured if the logger was configured before and OverridePriorConfiguration is not among the further options,
// which count more than flags.
func (l *Logger) ConfigureFromFlags(opts ...LoggingOpts) error {
	s := flagValues
	flags := []LoggingOpts{
		Level(s.Level), ModuleSpec{s.Modules}, FilepathSpec{s.Paths}, TraceLocation{s.Traces}, LogDir(s.Dir),
		LogToStderr(s.ToStderr), AlsoLogToStderr(s.Also), StderrThreshold(s.Threshold), MaxStackBufSize(s.MaxStack),
	}
	return l.Configure(append(flags, opts...)...)
}
