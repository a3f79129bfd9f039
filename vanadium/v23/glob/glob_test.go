package glob_test

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"

	"v.io/v23/glob"
)

// matches reports whether a pattern matches a name as a whole.
func matches(g *glob.Glob, name string) bool {
	if name != "" {
		for element := range strings.SplitSeq(name, "/") {
			if g.Empty() || !g.Head().Match(element) {
				return false
			}
			g = g.Tail()
		}
	}
	return g.Len() == 0
}

// TestMatch checks which names patterns match.
func TestMatch(t *testing.T) {
	names := []string{"", "a", "b", "ab", "a/b", "a/b/c", "...", "a*"}
	for pattern, want := range map[string][]string{
		"":          {""},
		"a":         {"a"},
		"a//b/":     {"a/b"},
		"*":         {"a", "b", "ab", "...", "a*"},
		"a*":        {"a", "ab", "a*"},
		"a\\*":      {"a*"},
		"?":         {"a", "b"},
		"[ab]":      {"a", "b"},
		"*/b":       {"a/b"},
		"...":       names,
		"a/...":     {"a", "a/b", "a/b/c"},
		"***":       names,
		"a/*/...":   {"a/b", "a/b/c"},
		"...a":      nil,
		"\\.\\.\\.": {"..."},
	} {
		g, err := glob.Parse(pattern)
		if err != nil {
			t.Errorf("%s: %v", pattern, err)
			continue
		}
		var got []string
		for _, name := range names {
			if matches(g, name) {
				got = append(got, name)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s matches %q", pattern, got)
		}
	}
}

// TestParts checks what a pattern tells about itself.
func TestParts(t *testing.T) {
	for _, test := range []struct {
		pattern               string
		text                  string
		length                int
		recursive, restricted bool
		empty                 bool
		fixed                 string
		rest                  string
	}{
		{"", "", 0, false, false, true, "[]", ""},
		{"a/b", "a/b", 2, false, false, false, "[a b]", ""},
		{"a/b*/c", "a/b*/c", 3, false, false, false, "[a]", "b*/c"},
		{"a\\*//x/", "a\\*/x", 2, false, false, false, "[a* x]", ""},
		{"a/...", "a/...", 1, true, false, false, "[a]", "..."},
		{"***", "***", 0, true, true, false, "[]", "***"},
	} {
		g, err := glob.Parse(test.pattern)
		if err != nil {
			t.Errorf("%s: %v", test.pattern, err)
			continue
		}
		fixed, rest := g.SplitFixedElements()
		if g.String() != test.text || g.Len() != test.length || g.Recursive() != test.recursive ||
			g.Restricted() != test.restricted || g.Empty() != test.empty || fmt.Sprint(fixed) != test.fixed ||
			rest.String() != test.rest {
			t.Errorf("%s: %s %d %v %v %v %q %s", test.pattern, g, g.Len(), g.Recursive(), g.Restricted(), g.Empty(),
				fixed, rest)
		}
	}
}

// TestFixedPrefix checks what all names begin with that an element matches.
func TestFixedPrefix(t *testing.T) {
	for pattern, want := range map[string]string{
		"ab": "ab true", "ab*": "ab false", "*": " false", "a\\?c?": "a?c false",
	} {
		g, err := glob.Parse(pattern)
		if err != nil {
			t.Fatal(err)
		}
		prefix, full := g.Head().FixedPrefix()
		if got := fmt.Sprint(prefix, " ", full); got != want || g.Head().String() != pattern {
			t.Errorf("%s: %s", pattern, got)
		}
	}
}

// TestBadPatterns checks that patterns that cannot be are refused.
func TestBadPatterns(t *testing.T) {
	for _, pattern := range []string{"/a", "[", "a/[b", "a\\", "[]a]"} {
		if _, err := glob.Parse(pattern); !errors.Is(err, path.ErrBadPattern) {
			t.Errorf("%q: %v", pattern, err)
		}
	}
}

// FuzzParse checks that every pattern that is understood is written so that it means the same.
func FuzzParse(f *testing.F) {
	f.Add("a/b*/[x-z]/...", "a/b/x")
	f.Fuzz(func(t *testing.T, pattern, name string) {
		g, err := glob.Parse(pattern)
		if err != nil {
			return
		}
		again, err := glob.Parse(g.String())
		if err != nil || again.String() != g.String() || matches(again, name) != matches(g, name) {
			t.Errorf("%q is %q, %v", pattern, g, err)
		}
		if prefix, full := g.Head().FixedPrefix(); full && !g.Head().Match(prefix) {
			t.Errorf("%q does not match its prefix %q", g.Head(), prefix)
		}
	})
}

// ExampleParse matches names.
func ExampleParse() {
	g, err := glob.Parse("users/*/photos")
	if err != nil {
		fmt.Println(err)
		return
	}
	names, rest := g.SplitFixedElements()
	fmt.Println(names, rest, rest.Head().Match("alice"))
	// Output: [users] */photos true
}
