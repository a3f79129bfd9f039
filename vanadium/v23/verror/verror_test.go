package verror_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"testing"

	"v.io/v23/verror"
)

// TestIdentity checks which errors are which, however they are wrapped.
func TestIdentity(t *testing.T) {
	other := verror.NewID("example.com/store.Other")
	made := errFull.Errorf(nil, "full")
	var e verror.E
	if !errors.As(made, &e) {
		t.Fatalf("it is a %T", made)
	}
	for name, err := range map[string]error{
		"declaration": errFull, "made": made, "pointer": &e, "wrapped": fmt.Errorf("x: %w", made),
		"wrapped twice": fmt.Errorf("x: %w", fmt.Errorf("y: %w", errFull)), "inside": other.Errorf(nil, "%w", made),
		"beside": fmt.Errorf("%w and %w", io.EOF, &e), "sub-error": verror.WithSubErrors(other.Errorf(nil, ""), made),
	} {
		if !errors.Is(err, errFull) || !errors.Is(err, made) || !errors.Is(err, &e) {
			t.Errorf("%s: not recognised", name)
		}
		if errors.Is(err, verror.ErrUnknown) || errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("%s: taken for another", name)
		}
		id, action := verror.ErrorID(err), verror.Action(err)
		outer := name == "inside" || name == "sub-error"
		if outer && (id != other.ID || action != verror.NoRetry) ||
			!outer && (id != errFull.ID || action != verror.RetryBackoff) {
			t.Errorf("%s: %v %v", name, id, action)
		}
		if verror.IsAny(err) == (name == "declaration" || name == "wrapped twice") {
			t.Errorf("%s: IsAny is %v", name, verror.IsAny(err))
		}
	}
	if verror.ErrorID(nil) != "" || verror.Action(nil) != verror.NoRetry || verror.IsAny(nil) ||
		verror.Params(nil) != nil {
		t.Error("nil is an error")
	}
	if verror.ErrorID(io.EOF) != verror.ErrUnknown.ID || verror.Action(io.EOF) != verror.NoRetry {
		t.Error("an error of another package has an identity")
	}
}

// TestWrapping checks that %w wraps one error and several.
func TestWrapping(t *testing.T) {
	one := errFull.Errorf(nil, "at %d: %w", 7, context.Canceled)
	if !errors.Is(one, context.Canceled) || !errors.Is(one, errFull) ||
		!strings.HasSuffix(one.Error(), "at 7: context canceled") {
		t.Errorf("one: %v", one)
	}
	if got := verror.Params(one); len(got) != 4 || got[2] != 7 || got[3] != context.Canceled {
		t.Errorf("params: %v", got)
	}
	two := verror.Errorf(nil, "%w, %w", fs.ErrExist, io.EOF)
	if !errors.Is(two, fs.ErrExist) || !errors.Is(two, io.EOF) || verror.ErrorID(two) != verror.ErrUnknown.ID {
		t.Errorf("two: %v", two)
	}
	if none := errFull.Errorf(nil, "%v", io.EOF); errors.Is(none, io.EOF) || errors.Unwrap(none) != nil {
		t.Errorf("%%v wraps: %v", none)
	}
}

// TestMessage checks how messages begin, and that those of Message are not formatted.
func TestMessage(t *testing.T) {
	ctx := component(t, "prog")
	if got := errFull.Errorf(ctx, "%d%%", 5).Error(); got != "prog: 5%" {
		t.Errorf("Errorf: %q", got)
	}
	if got := errFull.Message(ctx, "5%d", 6).Error(); got != "prog: 5%d" {
		t.Errorf("Message: %q", got)
	}
	if got := verror.Message(ctx, "text").Error(); got != "prog: text" {
		t.Errorf("verror.Message: %q", got)
	}
	verror.SetDefaultContext(component(t, "default"))
	defer verror.SetDefaultContext(nil)
	if got := errFull.Errorf(nil, "x").Error(); got != "default: x" {
		t.Errorf("with the default context: %q", got)
	}
	if got := (verror.E{ID: "a.B"}).Error(); got != "a.B" {
		t.Errorf("without a message: %q", got)
	}
}

// TestNewIDAction checks which ids are refused.
func TestNewIDAction(t *testing.T) {
	for _, id := range []verror.ID{"", "Full", ".Full", "example.com/store."} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("the id %q is taken", id)
				}
			}()
			verror.NewIDAction(id, verror.NoRetry)
		}()
	}
}

// TestActionCode checks the names of actions.
func TestActionCode(t *testing.T) {
	for action, want := range map[verror.ActionCode]string{
		verror.NoRetry: "NoRetry", verror.RetryConnection: "RetryConnection", verror.RetryRefetch: "RetryRefetch",
		verror.RetryBackoff: "RetryBackoff", verror.RetryBackoff | 0x80: "RetryBackoff",
	} {
		if action.String() != want {
			t.Errorf("%d is %s", action, action)
		}
	}
}

// TestWithSubErrors checks messages and parameters of errors with parts.
func TestWithSubErrors(t *testing.T) {
	ctx := component(t, "prog")
	whole := errFull.Errorf(ctx, "full")
	parted := verror.WithSubErrors(whole, io.EOF, nil,
		verror.SubErr{Name: "shown", Err: fs.ErrExist, Options: verror.Print},
		verror.SubErr{Name: "hidden", Err: fs.ErrClosed})
	if want := "prog: full [EOF] [shown: file already exists]"; parted.Error() != want {
		t.Errorf("the message is %q", parted)
	}
	for _, part := range []error{io.EOF, fs.ErrExist, fs.ErrClosed, errFull} {
		if !errors.Is(parted, part) {
			t.Errorf("%v is not found", part)
		}
	}
	if n := len(verror.Params(parted)); n != 5 || len(verror.Params(whole)) != 2 {
		t.Errorf("there are %d parameters", n)
	}
	foreign := verror.WithSubErrors(fs.ErrExist, io.EOF)
	if !errors.Is(foreign, fs.ErrExist) || !errors.Is(foreign, io.EOF) {
		t.Errorf("of another package: %v", foreign)
	}
	if verror.WithSubErrors(nil, io.EOF) != nil {
		t.Error("parts make an error of nil")
	}
	arrived := carry(t, parted)
	sub, ok := verror.Params(arrived)[3].(verror.SubErr)
	if !ok || sub.Name != "shown" || sub.Err.Error() != fs.ErrExist.Error() || sub.Options != verror.Print {
		t.Errorf("a part arrives as %#v", verror.Params(arrived)[3])
	}
}

// TestStack checks that errors know where they were made.
func TestStack(t *testing.T) {
	for name, err := range map[string]error{
		"Errorf": errFull.Errorf(nil, "x"), "Message": errFull.Message(nil, "x"),
		"package Errorf": verror.Errorf(nil, "x"), "package Message": verror.Message(nil, "x"),
	} {
		first, _, _ := strings.Cut(verror.Stack(err).String(), "\n")
		if !strings.Contains(first, "verror_test.go") || !strings.Contains(first, "TestStack") {
			t.Errorf("%s begins at %q", name, first)
		}
	}
	if verror.Stack(io.EOF) != nil || verror.Stack(carry(t, errFull.Errorf(nil, ""))) != nil {
		t.Error("an error made elsewhere has a stack")
	}
	inner := fmt.Errorf("middle: %w", errors.Join(io.EOF, fs.ErrExist))
	text := verror.DebugString(errFull.Errorf(nil, "outer: %w", inner))
	for _, want := range []string{string(errFull.ID), "TestStack", "\n  middle: EOF", "\n      EOF\n", "already exists"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
}

// ExampleIDAction declares an error, makes one, and recognises it.
func ExampleIDAction() {
	errTooBig := verror.NewID("example.com/store.TooBig")
	err := errTooBig.Errorf(nil, "the value has %d bytes", 1<<20)
	err = fmt.Errorf("cannot store x: %w", err)
	fmt.Println(errors.Is(err, errTooBig), verror.Params(err)[2])
	// Output: true 1048576
}
