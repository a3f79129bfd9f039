package context

import (
	"testing"

	"v.io/v23/logging"
)

// lastWords is a logger that keeps the last message.
type lastWords struct {
	logging.Logger
	text string
}

func (l *lastWords) FatalDepth(_ int, args ...interface{}) { l.text, _ = args[0].(string) }

// TestFatal checks that the fatal methods log and exit.
func TestFatal(t *testing.T) {
	defer func(before func(int)) { exit = before }(exit)
	var code int
	exit = func(c int) { code = c }
	root, cancel := RootContext()
	defer cancel()
	words := &lastWords{}
	ctx := WithLogger(root, words)
	for want, log := range map[string]func(){
		"a1": func() { ctx.Fatal("a", 1) },
		"2":  func() { ctx.Fatalf("%d", 2) },
		"x":  func() { ctx.FatalDepth(0, "x") },
	} {
		code = 0
		if log(); words.text != want || code != 255 {
			t.Errorf("%s: logged %q and exited with %d", want, words.text, code)
		}
	}
}
