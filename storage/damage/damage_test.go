package damage_test

import (
	"errors"
	"strings"
	"testing"

	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/storage/damage"
)

// TestAdvice: a copy may be put back, but not where the newest vote is lost; a new member may take over always.
func TestAdvice(t *testing.T) {
	for _, c := range []struct {
		cause error
		copy  bool
	}{{nil, true}, {damage.ErrVoteLost, false}} {
		err := error(&damage.Error{File: "1.log", Offset: 512, What: "it is not what was written", Cause: c.cause})
		text := err.Error()
		if strings.Contains(text, "from a copy") != c.copy || !strings.Contains(text, "join again as a new one") {
			t.Errorf("cause %v: %s", c.cause, text)
		}
		if !errors.Is(err, entry.ErrCorrupt) || c.cause != nil && !errors.Is(err, c.cause) {
			t.Errorf("cause %v: %v wraps something else", c.cause, err)
		}
	}
}
