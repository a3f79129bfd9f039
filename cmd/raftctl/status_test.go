package main

import (
	"strings"
	"testing"

	"v.io/x/ref/lib/raft"
)

// TestDescribe: the line of a member has the figures of damage, and why it does not serve.
func TestDescribe(t *testing.T) {
	line := describe(raft.MemberStatus{Id: "a:1", Role: "follower", Term: 3, Damaged: 4, Healed: 5, Images: 6,
		Former: 0xfeed, Ready: "it heals"})
	for _, text := range []string{"a:1 follower term=3 ", " leader=unknown ", " damaged=4 healed=5 images=6 former=feed ",
		" not ready: it heals"} {
		if !strings.Contains(line, text) {
			t.Errorf("%q does not have %q", line, text)
		}
	}
}
