package llog_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"

	"v.io/x/lib/llog"
)

// here returns the line of its caller.
func here(t *testing.T) int {
	_, _, line, ok := runtime.Caller(1)
	if !ok {
		t.Fatal("no caller")
	}
	return line
}

// TestFormat checks the form of a message, and that it has the source position of the caller.
func TestFormat(t *testing.T) {
	var out bytes.Buffer
	l := llog.New("prog", &out)
	line := here(t)
	l.Print(llog.ErrorLog, 0, "text")
	func() { l.Print(llog.InfoLog, 1, "two\nlines\n") }()
	const header = `%s\d{4} \d\d:\d\d:\d\d\.\d{6} \d+ llog_test\.go:%d\] `
	want := regexp.MustCompile(fmt.Sprintf("^"+header+"text\n"+header+"two\nlines\n$", "E", line+1, "I", line+2))
	if !want.MatchString(out.String()) {
		t.Errorf("wrote\n%s", out.String())
	}
}

// read returns the content of the only file in dir whose name ends so, without headers of lines; "" if there is none.
func read(t *testing.T, dir, ending string) string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "prog.*"+ending))
	if err != nil || len(paths) > 1 {
		t.Fatalf("%v, %v", paths, err)
	}
	if len(paths) == 0 {
		return ""
	}
	content, err := os.ReadFile(paths[0])
	if err != nil {
		t.Fatal(err)
	}
	return regexp.MustCompile(`(?m)^.* llog_test\.go:\d+\] `).ReplaceAllString(string(content), "")
}

// TestOutputs checks where messages go.
func TestOutputs(t *testing.T) {
	for name, test := range map[string]struct {
		settings           llog.Settings // with files if Dir is not empty
		stderr, info, errs string
	}{
		"standard error": {llog.Settings{ToStderr: true, Dir: "x"}, "IE", "", ""},
		"no directory":   {llog.Settings{Threshold: llog.FatalLog}, "IE", "", ""},
		"files":          {llog.Settings{Dir: "x", Threshold: llog.ErrorLog}, "E", "IE", "E"},
		"both":           {llog.Settings{Dir: "x", Threshold: llog.ErrorLog, Also: true}, "IE", "IE", "E"},
		"high threshold": {llog.Settings{Dir: "x", Threshold: llog.FatalLog}, "", "IE", "E"},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			l := llog.New("prog", &out)
			dir := t.TempDir()
			if test.settings.Dir != "" {
				test.settings.Dir = dir
			}
			if err := l.Configure(test.settings); err != nil {
				t.Fatal(err)
			}
			l.Print(llog.InfoLog, 0, "I\n")
			l.Print(llog.ErrorLog, 0, "E\n")
			if err := l.Flush(); err != nil {
				t.Error(err)
			}
			if err := l.Configure(llog.Settings{}); err != nil {
				t.Error(err)
			}
			lines := regexp.MustCompile(`(?m)^.*\] `).ReplaceAllString(out.String(), "")
			got := []string{lines, read(t, dir, ".INFO.log"), read(t, dir, ".ERROR.log")}
			for i, want := range []string{test.stderr, test.info, test.errs} {
				if strings.ReplaceAll(got[i], "\n", "") != want {
					t.Errorf("output %d is %q, want %q", i, got[i], want)
				}
			}
		})
	}
}

// TestRotation checks that files are bounded.
func TestRotation(t *testing.T) {
	l := llog.New("prog", &bytes.Buffer{})
	dir := t.TempDir()
	if err := l.Configure(llog.Settings{Dir: dir, Threshold: llog.FatalLog}); err != nil {
		t.Fatal(err)
	}
	big := strings.Repeat("x", llog.MaxFileSize/4)
	for range 10 {
		l.Print(llog.InfoLog, 0, big)
	}
	if err := l.Configure(llog.Settings{}); err != nil {
		t.Fatal(err)
	}
	total := int64(0)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil {
			t.Fatal(err)
		}
		total += info.Size()
	}
	if len(entries) != 2 || total > 2*llog.MaxFileSize {
		t.Errorf("there are %d files of %d bytes", len(entries), total)
	}
}

// TestUnwritableDir checks that messages are not lost when files cannot be written.
func TestUnwritableDir(t *testing.T) {
	var out bytes.Buffer
	l := llog.New("prog", &out)
	missing := filepath.Join(t.TempDir(), "missing")
	if err := l.Configure(llog.Settings{Dir: missing, Threshold: llog.FatalLog}); err != nil {
		t.Fatal(err)
	}
	l.Print(llog.InfoLog, 0, "text")
	if !strings.Contains(out.String(), "] text\n") || !strings.Contains(out.String(), "cannot write to the log file") {
		t.Errorf("wrote\n%s", out.String())
	}
}

// TestLevels checks which levels are wanted, by default and by filter.
func TestLevels(t *testing.T) {
	for _, test := range []struct {
		modules, paths string
		want           llog.Level // the highest that is wanted, with 1 by default
	}{
		{"", "", 1},
		{"llog_test=3", "", 3},
		{"llog_test.go=3", "", 3},
		{"llog*=2,*=5", "", 2},
		{"other=3", "", 1},
		{"llog_test=0", "", 0},
		{"llog_test=2", "llog/llog_test=4", 4},
		{"", "lib/llog/*=4", 4},
		{"", "elsewhere/*=4", 1},
	} {
		var settings llog.Settings
		settings.Level = 1
		if err := errors.Join(settings.Modules.Set(test.modules), settings.Paths.Set(test.paths)); err != nil {
			t.Fatal(err)
		}
		if settings.Modules.String() != test.modules || settings.Paths.String() != test.paths {
			t.Errorf("written as %s and %s", settings.Modules, settings.Paths)
		}
		l := llog.New("prog", &bytes.Buffer{})
		if err := l.Configure(settings); err != nil {
			t.Fatal(err)
		}
		if !l.VDepth(0, test.want) || l.VDepth(0, test.want+1) {
			t.Errorf("%+v: not exactly up to %d", test, test.want)
		}
	}
}

// TestFlagValues checks texts that are refused.
func TestFlagValues(t *testing.T) {
	var filter llog.Filter
	var lines llog.SourceLines
	var level llog.Level
	var severity llog.Severity
	for _, bad := range []struct {
		set  func(string) error
		text string
	}{
		{filter.Set, "a"}, {filter.Set, "=1"}, {filter.Set, "a=x"}, {filter.Set, "[=1"},
		{lines.Set, "a.go"}, {lines.Set, "a.go:x"}, {lines.Set, "a.go:0"}, {lines.Set, ":1"},
		{level.Set, "x"}, {level.Set, "99999999999"}, {severity.Set, "LOUD"}, {severity.Set, "9"},
	} {
		if err := bad.set(bad.text); err == nil {
			t.Errorf("%q is taken", bad.text)
		}
	}
	err := errors.Join(lines.Set("a.go:1,b.go:2"), level.Set("-3"), severity.Set("WARNING"))
	if got := fmt.Sprint(lines, level, severity); err != nil || got != "a.go:1,b.go:2 -3 WARNING" {
		t.Errorf("got %s, %v", got, err)
	}
	if got := fmt.Sprint(llog.Severity(9)); got != "9" {
		t.Error(got)
	}
}

// TestTrace checks that a message at a chosen source position is followed by the stack.
func TestTrace(t *testing.T) {
	var out bytes.Buffer
	l := llog.New("prog", &out)
	traced := here(t) + 5
	settings := llog.Settings{ToStderr: true, Traces: llog.SourceLines{{File: "llog_test.go", Line: traced}}}
	if err := l.Configure(settings); err != nil {
		t.Fatal(err)
	}
	l.Print(llog.InfoLog, 0, "here")
	l.Print(llog.InfoLog, 0, "not here")
	if got := strings.Count(out.String(), "TestTrace"); got == 0 || !strings.HasSuffix(out.String(), "] not here\n") {
		t.Errorf("wrote\n%s", out.String())
	}
}

// TestStackBound checks that stacks are bounded.
func TestStackBound(t *testing.T) {
	var out bytes.Buffer
	l := llog.New("prog", &out)
	if err := l.Configure(llog.Settings{ToStderr: true, MaxStack: 100}); err != nil {
		t.Fatal(err)
	}
	l.PrintStack(llog.InfoLog, true)
	if out.Len() != 100 {
		t.Errorf("the stack has %d bytes", out.Len())
	}
}

// TestConcurrent checks that messages stay in one piece.
func TestConcurrent(t *testing.T) {
	var out bytes.Buffer
	l := llog.New("prog", &out)
	var writers sync.WaitGroup
	for range 8 {
		writers.Go(func() {
			for range 100 {
				l.Print(llog.InfoLog, 0, strings.Repeat("x", 100))
			}
		})
	}
	writers.Wait()
	for line := range strings.Lines(out.String()) {
		if !strings.HasSuffix(line, "] "+strings.Repeat("x", 100)+"\n") {
			t.Fatalf("line %q", line)
		}
	}
}

// ExampleFilter gives levels to files.
func ExampleFilter() {
	var filter llog.Filter
	if err := filter.Set("replica=2,conn*=1"); err != nil {
		fmt.Println(err)
	}
	fmt.Println(filter[1].Pattern, filter[1].Level)
	// Output: conn* 1
}
