package vlog

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"

	"v.io/x/lib/llog"
)

// lines returns the messages in the output, as "severity file text", and empties it.
func lines(out *bytes.Buffer) string {
	defer out.Reset()
	return regexp.MustCompile(`(?m)^(.).* (\w+\.go):\d+\] `).ReplaceAllString(out.String(), "$1 $2 ")
}

// capture makes Log write to the returned buffer for the test.
func capture(t *testing.T) *bytes.Buffer {
	t.Helper()
	before := Log
	t.Cleanup(func() { Log = before })
	out := &bytes.Buffer{}
	Log = NewLogger("prog", out)
	return out
}

// TestMessages checks that all ways to log give the severity and the source position of the caller.
func TestMessages(t *testing.T) {
	out := capture(t)
	deeper := func(log func()) { log() }
	for want, log := range map[string][]func(){
		"I vlog_test.go a1\n": {
			func() { Info("a", 1) }, func() { Infof("a%d", 1) }, func() { InfoDepth(0, "a1") },
			func() { deeper(func() { InfoDepth(1, "a1") }) }, func() { VI(0).Info("a1") }, func() { VIDepth(0, 0).Infof("a1") },
			func() { Log.Info("a", 1) }, func() { Log.Infof("a%d", 1) }, func() { Log.InfoDepth(0, "a1") },
			func() { Log.VI(0).Info("a1") }, func() { Log.VIDepth(0, 0).InfoDepth(0, "a1") },
		},
		"E vlog_test.go a1\n": {
			func() { Error("a", 1) }, func() { Errorf("a%d", 1) }, func() { ErrorDepth(0, "a1") },
			func() { Log.Error("a", 1) }, func() { Log.Errorf("a%d", 1) }, func() { Log.ErrorDepth(0, "a1") },
		},
		"": {
			func() { VI(1).Info("a") }, func() { VI(1).Infof("a") }, func() { VI(1).InfoDepth(0, "a") },
			func() { VI(1).InfoStack(true) }, func() { Log.VI(1).Info("a") }, FlushLog,
		},
	} {
		for i, f := range log {
			if f(); want != "" {
				if got := lines(out); got != want {
					t.Errorf("%d: %q, want %q", i, got, want)
				}
			} else if got := lines(out); got != "" {
				t.Errorf("%d: %q is written", i, got)
			}
		}
	}
	InfoStack(false)
	if got := out.String(); !strings.Contains(got, "TestMessages") {
		t.Errorf("the stack is %q", got)
	}
}

// TestLevels checks which levels are wanted.
func TestLevels(t *testing.T) {
	capture(t)
	if err := Configure(Level(2)); err != nil {
		t.Fatal(err)
	}
	if !V(2) || V(3) || !VDepth(0, 2) || !Log.V(2) || Log.V(3) || Log.VDepth(0, 3) {
		t.Error("the level is not 2")
	}
	spec := ModuleSpec{llog.Filter{{Pattern: "vlog_test", Level: 4}}}
	if err := Configure(OverridePriorConfiguration(true), spec); err != nil {
		t.Fatal(err)
	}
	if !V(4) || V(5) || !VDepth(0, 4) || !Log.V(4) || func() bool { return VDepth(1, 5) }() {
		t.Error("the level is not that of this file")
	}
}

// TestLastWords checks that fatal messages exit, and panics panic.
func TestLastWords(t *testing.T) {
	out := capture(t)
	code := 0
	Log.exit = func(c int) { code = c }
	for i, log := range []func(){
		func() { Fatal("a", 1) }, func() { Fatalf("a%d", 1) }, func() { FatalDepth(0, "a1") },
		func() { Log.Fatal("a", 1) }, func() { Log.Fatalf("a%d", 1) }, func() { Log.FatalDepth(0, "a1") },
	} {
		code = 0
		log()
		if got := lines(out); code != 255 || !strings.HasPrefix(got, "F vlog_test.go a1\ngoroutine ") {
			t.Errorf("%d: exited with %d after %.40q", i, code, got)
		}
	}
	for i, log := range []func(){
		func() { Panic("a", 1) }, func() { Panicf("a%d", 1) }, func() { PanicDepth(0, "a1") },
		func() { Log.Panic("a", 1) }, func() { Log.Panicf("a%d", 1) }, func() { Log.PanicDepth(0, "a1") },
	} {
		func() {
			defer func() {
				if got := recover(); got != "a1" || lines(out) != "E vlog_test.go a1\n" {
					t.Errorf("%d: panicked with %v", i, got)
				}
			}()
			log()
		}()
	}
}

// TestConfigure checks that options change what they say, and that a second configuration must be meant.
func TestConfigure(t *testing.T) {
	l := NewLogger("prog", io.Discard)
	dir := t.TempDir()
	err := l.Configure(LogDir(dir), LogToStderr(false), AlsoLogToStderr(true), StderrThreshold(llog.FatalLog),
		MaxStackBufSize(7), AutoFlush(true), FilepathSpec{llog.Filter{{Pattern: "a/b", Level: 1}}},
		TraceLocation{llog.SourceLines{{File: "x.go", Line: 1}}})
	if err != nil {
		t.Fatal(err)
	}
	got := l.log.Settings()
	if got.Dir != dir || got.ToStderr || !got.Also || got.Threshold != llog.FatalLog || got.MaxStack != 7 ||
		len(got.Paths) != 1 || len(got.Traces) != 1 {
		t.Errorf("settings are %+v", got)
	}
	if err := l.Configure(Level(1)); !errors.Is(err, ErrConfigured) {
		t.Errorf("a second configuration: %v", err)
	}
	if err := l.Configure(Level(1), OverridePriorConfiguration(true)); err != nil {
		t.Error(err)
	}
	if got := l.log.Settings(); got.Level != 1 || got.Dir != dir {
		t.Errorf("settings are %+v", got)
	}
}

// TestFlags checks that flags set what they say, and the name of the one that test binaries have otherwise.
func TestFlags(t *testing.T) {
	for program, want := range map[string]string{"prog": "v", "prog.test": "vlevel", "prog.test.exe": "vlevel"} {
		if got := verbosityFlag([]string{program}); got != want {
			t.Errorf("%s has -%s", program, got)
		}
	}
	if flag.Lookup("vlevel") == nil || flag.Lookup("logtostderr") == nil {
		t.Error("this test binary has no flags")
	}
	var s llog.Settings
	flags := flag.NewFlagSet("test", flag.ContinueOnError)
	registerFlags(flags, &s, "v")
	err := flags.Parse([]string{"-v=2", "-vmodule=a=1", "-vpath=b/c=2", "-log_backtrace_at=x.go:3", "-log_dir=d",
		"-logtostderr", "-alsologtostderr=false", "-stderrthreshold=FATAL", "-max_stack_buf_size=9"})
	want := "{2 a=1 b/c=2 x.go:3 d true false FATAL 9}"
	if got := fmt.Sprint(s); err != nil || got != want {
		t.Errorf("got %s, want %s, %v", got, want, err)
	}
	out := &bytes.Buffer{}
	l := NewLogger("prog", out)
	if err := l.ConfigureFromFlags(Level(3)); err != nil || !l.V(3) {
		t.Errorf("from the command line: %v", err)
	}
	capture(t)
	if err := ConfigureLibraryLoggerFromFlags(); err != nil {
		t.Error(err)
	}
}

// Example writes messages.
func Example() {
	l := NewLogger("greet", os.Stdout)
	if err := l.Configure(LogToStderr(true), Level(1)); err != nil {
		fmt.Println(err)
	}
	fmt.Println(l.V(1), l.V(2))
	l.VI(2).Info("too much detail")
	// Output: true false
}
