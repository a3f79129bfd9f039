package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestParseLine(t *testing.T) {
	for _, test := range []struct {
		text string
		want line
		bad  string
	}{
		{text: "", want: line{}},
		{text: "  # nothing", want: line{}},
		{text: "set k v", want: line{verb: verbSet, key: "k", value: "v"}},
		{text: " set k a b  ", want: line{verb: verbSet, key: "k", value: "a b"}},
		{text: "get k", want: line{verb: verbGet, key: "k"}},
		{text: "get k @3", want: line{verb: verbGet, key: "k", member: 3}},
		{text: "kill 2", want: line{verb: verbKill, member: 2}},
		{text: "kill leader", want: line{verb: verbKill, member: theLeader}},
		{text: "start 1", want: line{verb: verbStart, member: 1}},
		{text: "start all", want: line{verb: verbStart, member: allMembers}},
		{text: "status", want: line{verb: verbStatus}},
		{text: "help", want: line{verb: verbHelp}},
		{text: "quit", want: line{verb: verbQuit}},
		{text: "put k v", bad: "the verbs are"},
		{text: "set k", bad: "want set K V"},
		{text: "set", bad: "want set K V"},
		{text: "get", bad: "want get K"},
		{text: "get k v", bad: "want get K"},
		{text: "get k @0", bad: "1 to 3"},
		{text: "get k @4", bad: "1 to 3"},
		{text: "get k @x", bad: "1 to 3"},
		{text: "kill", bad: "leader"},
		{text: "kill all", bad: "leader"},
		{text: "start leader", bad: "all"},
		{text: "start 9", bad: "1 to 3"},
		{text: "quit now", bad: "takes nothing"},
	} {
		got, err := parseLine(test.text, 3)
		if test.bad != "" {
			if !errors.Is(err, errLine) || !strings.Contains(err.Error(), test.bad) {
				t.Errorf("%q: %v, want an error about %q", test.text, err, test.bad)
			}
			continue
		}
		if err != nil || got != test.want {
			t.Errorf("%q: %+v, %v, want %+v", test.text, got, err, test.want)
		}
	}
}

// A fakeCluster is a map and a list of what was asked.
type fakeCluster struct {
	values map[string]string
	asked  []string
	fail   error // of every set
}

func (f *fakeCluster) Members() int { return 3 }

func (f *fakeCluster) ask(ctx context.Context, format string, args ...any) {
	if _, bounded := ctx.Deadline(); !bounded {
		format += " without a bound"
	}
	f.asked = append(f.asked, fmt.Sprintf(format, args...))
}

func (f *fakeCluster) Set(ctx context.Context, key, value string) error {
	f.ask(ctx, "set")
	if f.fail == nil {
		f.values[key] = value
	}
	return f.fail
}

func (f *fakeCluster) Get(ctx context.Context, key string, member int) (string, bool, error) {
	f.ask(ctx, "get %d", member)
	value, found := f.values[key]
	return value, found, nil
}

func (f *fakeCluster) Kill(ctx context.Context, member int) (int, error) {
	f.ask(ctx, "kill %d", member)
	return 2, nil
}

func (f *fakeCluster) Start(ctx context.Context, member int) error {
	f.ask(ctx, "start %d", member)
	return nil
}

func (f *fakeCluster) Status(ctx context.Context) (string, error) {
	f.ask(ctx, "status")
	return "member 1 leads", nil
}

// converse runs a session over lines.
func converse(f *fakeCluster, strict bool, lines string) (results, notes string, err error) {
	f.values = make(map[string]string)
	var out, rest strings.Builder
	s := &session{cluster: f, results: &out, notes: &rest, strict: strict}
	err = s.run(context.Background(), strings.NewReader(lines))
	return out.String(), rest.String(), err
}

func TestSession(t *testing.T) {
	var f fakeCluster
	results, notes, err := converse(&f, true,
		"set a 1 2\nget a\nget a @3\n\n# note\nget b\nkill leader\nstart all\nkill 1\nstatus\nhelp\nquit\nset c 3\n")
	if err != nil {
		t.Fatal(err)
	}
	if want := "ok set a\na=1 2\na=1 2\nb absent\n"; results != want {
		t.Errorf("results %q, want %q", results, want)
	}
	want := "set; get 0; get 3; get 0; kill -1; start -2; kill 1; status"
	if got := strings.Join(f.asked, "; "); got != want {
		t.Errorf("asked %q, want %q", got, want)
	}
	for _, want := range []string{"member 2 was killed", "member 1 leads", "kill leader   kill"} {
		if !strings.Contains(notes, want) {
			t.Errorf("no note says %q: %s", want, notes)
		}
	}
}

func TestSessionFailures(t *testing.T) {
	planted := errors.New("planted")
	const lines = "get a\nset a 1\nget a\n"
	t.Run("script", func(t *testing.T) {
		results, _, err := converse(&fakeCluster{fail: planted}, true, lines)
		if !errors.Is(err, planted) || !errors.Is(err, errFailed) || !strings.Contains(err.Error(), "line 2") {
			t.Errorf("got %v, want a failure of line 2", err)
		}
		if results != "a absent\n" {
			t.Errorf("results %q: a script goes on after a failure", results)
		}
	})
	t.Run("by hand", func(t *testing.T) {
		results, notes, err := converse(&fakeCluster{fail: planted}, false, lines)
		if !errors.Is(err, planted) || !strings.Contains(notes, "planted") {
			t.Errorf("got %v, notes %q, want the failure in both", err, notes)
		}
		if results != "a absent\na absent\n" {
			t.Errorf("results %q: a person's session ends with a failure", results)
		}
	})
	t.Run("mute", func(t *testing.T) {
		s := &session{cluster: &fakeCluster{}, results: brokenWriter{}, notes: &strings.Builder{}, strict: true}
		if err := s.run(context.Background(), strings.NewReader("get a\n")); !errors.Is(err, errBroken) {
			t.Errorf("got %v: an answer that nobody sees is no success", err)
		}
	})
	t.Run("interrupted", func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		s := &session{cluster: &fakeCluster{}, results: &strings.Builder{}, notes: &strings.Builder{}}
		if err := s.run(ctx, strings.NewReader("get a\n")); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}

var errBroken = errors.New("broken")

// A brokenWriter writes nothing.
type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errBroken }
