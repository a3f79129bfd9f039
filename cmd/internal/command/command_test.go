package command

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"testing"
)

func TestDispatch(t *testing.T) {
	planted := errors.New("planted")
	subs := []Sub{
		{"good", "succeeds", func(_ context.Context, std Streams, args []string) error {
			_, err := fmt.Fprintln(std.Out, args)
			return err
		}},
		{"bad", "fails", func(context.Context, Streams, []string) error { return planted }},
		{"stopped", "is interrupted", func(context.Context, Streams, []string) error { return context.Canceled }},
		{"help", "asks", func(context.Context, Streams, []string) error { return flag.ErrHelp }},
	}
	for _, test := range []struct {
		args       []string
		code       int
		out, notes string
	}{
		{args: []string{"good", "a", "b"}, out: "[a b]\n"},
		{args: []string{"bad"}, code: ExitFailed, notes: "p: planted"},
		{args: []string{"stopped"}, code: ExitFailed, notes: "p: interrupted"},
		{args: []string{"help"}},
		{args: []string{"other"}, code: ExitUsage, notes: "p good     succeeds"},
		{args: nil, code: ExitUsage, notes: "p bad      fails"},
	} {
		var out, notes strings.Builder
		err := Dispatch(t.Context(), Streams{In: strings.NewReader(""), Out: &out, Err: &notes}, "p", subs, test.args)
		code := ExitCode(&notes, "p", err)
		if code != test.code || out.String() != test.out || !strings.Contains(notes.String(), test.notes) {
			t.Errorf("%q: code %d, out %q, notes %q", test.args, code, out.String(), notes.String())
		}
	}
}

func TestParse(t *testing.T) {
	for _, test := range []struct {
		args []string
		bad  string
	}{
		{args: []string{"--dir", "d", "x"}},
		{args: []string{"x"}, bad: "needs --dir"},
		{args: []string{"--dir", "d"}, bad: "takes 1 arguments"},
		{args: []string{"--dir", "d", "x", "y"}, bad: "takes 1 arguments"},
		{args: []string{"--what", "x"}, bad: "not defined"},
	} {
		set := flag.NewFlagSet("p sub", flag.ContinueOnError)
		set.SetOutput(io.Discard)
		set.String("dir", "", "")
		rest, err := Parse(set, test.args, 1, "dir")
		if test.bad == "" {
			if err != nil || len(rest) != 1 || rest[0] != "x" {
				t.Errorf("%q: %q, %v", test.args, rest, err)
			}
			continue
		}
		if !errors.Is(err, ErrUsage) || !strings.Contains(err.Error(), test.bad) {
			t.Errorf("%q: %v, want an error about %q", test.args, err, test.bad)
		}
	}
}
