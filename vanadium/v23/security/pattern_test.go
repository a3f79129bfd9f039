package security_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"v.io/v23/security"
)

func TestExtensions(t *testing.T) {
	principal := newPrincipal(t)
	for extension, valid := range map[string]bool{
		"a":           true,
		"a:b":         true,
		"a b":         true,
		"a@b":         true,
		"a$":          true,
		"a:$":         false,
		"ü":           true,
		"":            false,
		":":           false,
		":a":          false,
		"a:":          false,
		"$":           false,
		"...":         false,
		"a...":        false,
		"a::b":        false,
		"a,b":         false,
		"a@@b":        false,
		"a(b":         false,
		"a)b":         false,
		"a<b":         false,
		"a>b":         false,
		"a/b":         false,
		longName(4e3): false,
	} {
		if _, err := principal.BlessSelf(extension); (err == nil) != valid {
			t.Errorf("extension %.20q: error %v, want valid %t", extension, err, valid)
		}
	}
}

func longName(size int) string { return strings.Repeat("x", size) }

func TestPatternMatchedBy(t *testing.T) {
	for _, test := range []struct {
		pattern security.BlessingPattern
		matched string // names, space separated.
		refused string
	}{
		{"...", "a a:b", ""},
		{"a", "a a:b a:b:c", "b ab aa :a"},
		{"a:b", "a:b a:b:c", "a a:bc b:a"},
		{"a:b:$", "a:b", "a a:b:c a:b:$"},
		{"a:$", "a", "a:b"},
		{"$", "", "a a:b $"},
		{"", "", "a a:b"},
		{"a:", "", "a a:b a:"},
		{":a", "", "a :a"},
		{"a:...", "", "a a:b a:..."},
		{"a...", "", "a a..."},
		{"a:$:b", "", "a a:b a:$:b"},
		{"$:a", "", "a $:a"},
	} {
		for _, name := range strings.Fields(test.matched) {
			if !test.pattern.MatchedBy(name) {
				t.Errorf("%q is not matched by %q", test.pattern, name)
			}
			if !test.pattern.MatchedBy("other", name) {
				t.Errorf("%q is not matched by %q among others", test.pattern, name)
			}
		}
		for _, name := range strings.Fields(test.refused) {
			if test.pattern.MatchedBy(name) {
				t.Errorf("%q is matched by %q", test.pattern, name)
			}
		}
		if everyone := test.pattern == "..."; test.pattern.MatchedBy() != everyone {
			t.Errorf("%q is matched by a principal without names: %t", test.pattern, !everyone)
		}
	}
}

func TestPatternIsValid(t *testing.T) {
	for pattern, valid := range map[security.BlessingPattern]bool{
		"...": true, "$": true, "a": true, "a:b": true, "a:$": true, "a:b:$": true, "a b": true,
		"": false, ":": false, "a:": false, ":a": false, "a::b": false, "a:...": false, "...:a": false,
		"a:$:b": false, "$:a": false, ":$": false, "$:$": false, "a/b": false, "a,b": false,
	} {
		if pattern.IsValid() != valid {
			t.Errorf("%q: valid is %t, want %t", pattern, !valid, valid)
		}
	}
}

func TestPatternMakeNonExtendable(t *testing.T) {
	for pattern, want := range map[security.BlessingPattern]security.BlessingPattern{
		"a": "a:$", "a:b": "a:b:$", "a:$": "a:$", "...": "$", "": "$", "$": "$",
	} {
		if got := pattern.MakeNonExtendable(); got != want {
			t.Errorf("%q becomes %q, want %q", pattern, got, want)
		}
	}
}

func TestPatternPrefixes(t *testing.T) {
	for pattern, want := range map[security.BlessingPattern][]security.BlessingPattern{
		"a":       {"a"},
		"a:$":     {"a:$"},
		"a:b:c":   {"a:$", "a:b:$", "a:b:c"},
		"a:b:c:$": {"a:$", "a:b:$", "a:b:c:$"},
		"...":     {"..."},
		"$":       {"$"},
	} {
		if got := pattern.PrefixPatterns(); !slices.Equal(got, want) {
			t.Errorf("prefixes of %q are %q, want %q", pattern, got, want)
		}
	}
}

func TestPatternNames(t *testing.T) {
	for _, test := range []struct {
		full    string
		pattern security.BlessingPattern
		name    string
	}{
		{"__(a:b)/x/y", "a:b", "x/y"},
		{"__(a:b)", "a:b", ""},
		{"x/y", "", "x/y"},
		{"", "", ""},
		{"/host:1/__(a)/x", "a", "/host:1/x"},
		{"x/__(a)/y", "", "x/__(a)/y"},
	} {
		pattern, name := security.SplitPatternName(test.full)
		if pattern != test.pattern || name != test.name {
			t.Errorf("%q splits into %q, %q; want %q, %q", test.full, pattern, name, test.pattern, test.name)
		}
		if got := security.JoinPatternName(test.pattern, test.name); got != test.full {
			t.Errorf("%q and %q join to %q, want %q", test.pattern, test.name, got, test.full)
		}
	}
}

func ExampleBlessingPattern_MatchedBy() {
	members := security.BlessingPattern("root:raft")
	fmt.Println(members.MatchedBy("root:raft:member1"), members.MatchedBy("root:guest"))
	fmt.Println(members.MakeNonExtendable().MatchedBy("root:raft:member1"))
	// Output:
	// true false
	// false
}
