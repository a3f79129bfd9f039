// Package llog writes log messages to standard error and to files. Programs use it through v.io/x/lib/vlog.
//
// A message is one line
//
//	I0102 15:04:05.000000 pid file.go:123] text
//
// which begins with the letter of its severity and the local month and day. Further lines of a text are written as
// they are.
package llog

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// Severity ranks messages.
type Severity int32

// The severities.
const (
	InfoLog Severity = iota
	WarningLog
	ErrorLog
	FatalLog
	numSeverities
)

var severityNames = [numSeverities]string{"INFO", "WARNING", "ERROR", "FATAL"}

// String returns the name of the severity.
func (s Severity) String() string {
	if s < 0 || s >= numSeverities {
		return strconv.Itoa(int(s))
	}
	return severityNames[s]
}

// Set assigns the severity of the name or number; it makes Severity a flag value.
func (s *Severity) Set(text string) error {
	for i, name := range severityNames {
		if text == name || text == strconv.Itoa(i) {
			*s = Severity(i)
			return nil
		}
	}
	return fmt.Errorf("llog: %q is not a severity: use one of %v", text, severityNames)
}

// Level is how much detail is wanted or given: a message of a level is written if the level that is set is not lower.
type Level int32

// String returns the number.
func (l Level) String() string { return strconv.Itoa(int(l)) }

// Set assigns the number; it makes Level a flag value.
func (l *Level) Set(text string) error {
	number, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		return fmt.Errorf("llog: %q is not a level: %w", text, err)
	}
	*l = Level(number)
	return nil
}

// Settings say what is written where.
type Settings struct {
	Level     Level       // what V compares with, unless a filter matches
	Modules   Filter      // levels by file name
	Paths     Filter      // levels by path
	Traces    SourceLines // where messages are followed by a stack
	Dir       string      // directory of log files; "" writes none
	ToStderr  bool        // write everything to standard error, and nothing to files
	Also      bool        // write everything to standard error, too
	Threshold Severity    // without ToStderr and Also, write what is at least as severe to standard error
	MaxStack  int         // bound of stacks of all goroutines, in bytes; 0 is DefaultMaxStack
}

// DefaultMaxStack bounds stacks, in bytes.
const DefaultMaxStack = 4 << 20

// Log writes messages. Its methods may be called by several goroutines at once.
type Log struct {
	program  string
	stderr   io.Writer
	now      func() time.Time
	settings atomic.Pointer[Settings] // what it points to never changes

	mu    sync.Mutex // serialises output, so that messages stay in one piece
	files [numSeverities]*logFile
}

// New returns a Log of the program that writes to stderr as long as there are no other Settings.
func New(program string, stderr io.Writer) *Log {
	l := &Log{program: program, stderr: stderr, now: time.Now}
	l.settings.Store(&Settings{ToStderr: true})
	return l
}

// Configure changes the settings. Files in another directory are closed.
func (l *Log) Configure(s Settings) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.settings.Store(&s)
	return l.closeFiles()
}

// Settings returns those in effect.
func (l *Log) Settings() Settings { return *l.settings.Load() }

// VDepth reports whether messages of the level are written from the source position of the caller depth levels above
// the direct caller.
func (l *Log) VDepth(depth int, level Level) bool {
	s := l.settings.Load()
	if len(s.Modules) == 0 && len(s.Paths) == 0 {
		return level <= s.Level
	}
	_, file, _, ok := runtime.Caller(depth + 1)
	if !ok {
		return level <= s.Level
	}
	if set, found := s.Paths.levelOf(file); found {
		return level <= set
	}
	if set, found := s.Modules.levelOf(filepath.Base(file)); found {
		return level <= set
	}
	return level <= s.Level
}

// Print writes the text with the source position of the caller depth levels above the direct caller.
func (l *Log) Print(severity Severity, depth int, text string) {
	_, file, line, ok := runtime.Caller(depth + 1)
	if !ok {
		file, line = "???", 0
	}
	name := filepath.Base(file)
	message := l.format(severity, name, line, text)
	s := l.settings.Load()
	if s.Traces.has(name, line) {
		message = append(message, stack(false, s.MaxStack)...)
	}
	l.write(severity, message)
}

// PrintStack writes the stack of the current goroutine, or of all.
func (l *Log) PrintStack(severity Severity, all bool) {
	l.write(severity, stack(all, l.settings.Load().MaxStack))
}

// format returns the lines of a message.
func (l *Log) format(severity Severity, file string, line int, text string) []byte {
	now := l.now()
	message := make([]byte, 0, 64+len(text))
	message = append(message, severity.String()[0])
	message = now.AppendFormat(message, "0102 15:04:05.000000")
	message = fmt.Appendf(message, " %d %s:%d] ", os.Getpid(), file, line)
	message = append(message, text...)
	if message[len(message)-1] != '\n' {
		message = append(message, '\n')
	}
	return message
}

// write writes a message wherever it belongs. A log has nowhere to report its own failure but standard error, and
// nowhere at all if that fails.
func (l *Log) write(severity Severity, message []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.settings.Load()
	var failure error
	if !s.ToStderr && s.Dir != "" {
		failure = l.writeFiles(s.Dir, severity, message)
	}
	if s.ToStderr || s.Also || s.Dir == "" || severity >= s.Threshold || failure != nil {
		if failure != nil {
			message = fmt.Appendf(message, "llog: cannot write to the log file: %v\n", failure)
		}
		if _, err := l.stderr.Write(message); err != nil {
			return
		}
	}
}

// stack returns the stack of the current goroutine, or of all, of at most max bytes.
func stack(all bool, max int) []byte {
	if max <= 0 {
		max = DefaultMaxStack
	}
	for size := min(64<<10, max); ; size = min(2*size, max) {
		buffer := make([]byte, size)
		if n := runtime.Stack(buffer, all); n < size || size == max {
			return buffer[:n]
		}
	}
}
