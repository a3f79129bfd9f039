package main

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"v.io/x/ref/lib/raft/sim/planted"
)

// One bug that nothing finds makes the whole list fail, with status 1, and so does one that does not apply any more;
// a list of which all are found ends with 0. (The bugs here are of package entry, whose tests are built quickly.)
func TestStatusOfABugNotFound(t *testing.T) {
	find := planted.Finder{Kind: "test", Target: "entry", Test: "TestHeaderLimits"}
	bug := func(old, replacement string) planted.Bug {
		return planted.Bug{
			Name: "here", About: "A bug of this test.", Find: find,
			Changes: []planted.Change{{File: "entry/frame.go", Old: old, New: replacement}},
		}
	}
	const limit = "	case h.Size > PayloadMax:\n"
	found, harmless := bug(limit, "	case h.Size > PayloadMax+1:\n"), bug(limit, "\n"+limit)
	moved := bug("	case h.Size > PayloadLeast:\n", limit)
	for _, row := range []struct {
		bugs []planted.Bug
		code int
		says string
	}{
		{[]planted.Bug{found}, 0, "all 1 planted bugs were found"},
		{[]planted.Bug{harmless, found}, 1, "1 of 2 planted bugs were NOT found"},
		{[]planted.Bug{moved}, 1, "1 of 1 planted bugs were NOT found"},
	} {
		var out bytes.Buffer
		var p planting
		code := p.plant(context.Background(), &out, row.bugs)
		if code != row.code || !strings.Contains(out.String(), row.says) {
			t.Errorf("status %d, want %d; it says\n%s", code, row.code, out.String())
		}
	}
}
