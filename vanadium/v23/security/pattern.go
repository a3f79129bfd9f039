package security

import (
	"regexp"
	"strings"

	"v.io/v23/naming"
)

const (
	// AllPrincipals is the pattern that everyone matches, even a principal
	// without any blessing.
	AllPrincipals BlessingPattern = "..."
	// NoExtension, as the last element of a pattern, keeps it from matching
	// extensions of the name before it.
	NoExtension BlessingPattern = "$"
	// ChainSeparator stands between the extensions of a blessing name.
	ChainSeparator = ":"
)

// BlessingPattern selects blessing names. "a:b" selects a:b and every name
// that begins with a:b:, "a:b:$" selects a:b alone, "$" selects none, "..." is
// [AllPrincipals]. A pattern that is not valid selects nothing.
type BlessingPattern string

// MatchedBy reports whether p selects at least one of names.
func (p BlessingPattern) MatchedBy(names ...string) bool {
	if p == AllPrincipals {
		return true
	}
	if p == NoExtension || !p.IsValid() {
		return false
	}
	fixed, exact := strings.CutSuffix(string(p), ChainSeparator+string(NoExtension))
	for _, name := range names {
		if name == fixed || !exact && isExtension(fixed, name) {
			return true
		}
	}
	return false
}

// isExtension reports whether name extends the shorter name base.
func isExtension(base, name string) bool {
	return len(name) > len(base)+len(ChainSeparator) && strings.HasPrefix(name, base) &&
		strings.HasPrefix(name[len(base):], ChainSeparator)
}

// IsValid reports whether p is well formed: "...", "$", or a name as
// certificates may carry it, possibly followed by ":$".
func (p BlessingPattern) IsValid() bool {
	if p == AllPrincipals || p == NoExtension {
		return true
	}
	name := strings.TrimSuffix(string(p), ChainSeparator+string(NoExtension))
	for element := range strings.SplitSeq(name, ChainSeparator) {
		if validateExtension(element) != nil {
			return false
		}
	}
	return true
}

// MakeNonExtendable returns the pattern that selects what p does, without
// extensions: "a:b" becomes "a:b:$". "..." and "" become "$".
func (p BlessingPattern) MakeNonExtendable() BlessingPattern {
	switch {
	case p == "" || p == AllPrincipals || p == NoExtension:
		return NoExtension
	case strings.HasSuffix(string(p), ChainSeparator+string(NoExtension)):
		return p
	default:
		return p + ChainSeparator + NoExtension
	}
}

// PrefixPatterns returns the patterns that select the names which p selects or
// which can be extended to one that p selects, shortest first. For "a:b:c" they
// are "a:$", "a:b:$" and "a:b:c".
func (p BlessingPattern) PrefixPatterns() []BlessingPattern {
	elements := strings.Split(string(p), ChainSeparator)
	last := len(elements) - 1
	if last > 0 && elements[last] == string(NoExtension) {
		last--
	}
	patterns := make([]BlessingPattern, 0, last+1)
	for i := range last {
		prefix := BlessingPattern(strings.Join(elements[:i+1], ChainSeparator))
		patterns = append(patterns, prefix.MakeNonExtendable())
	}
	return append(patterns, p)
}

// namePattern matches a name whose first element is a server pattern.
var namePattern = regexp.MustCompile(`^__\(([^)]*)\)(?:/+(.*))?$`)

// SplitPatternName splits an object name of the form "__(pattern)/rest", or
// the same behind an address ("/address/__(pattern)/rest"), into the pattern
// that the server's blessings must match and the name without it. The pattern
// is empty if the name has none.
func SplitPatternName(origName string) (BlessingPattern, string) {
	address, rest := naming.SplitAddressName(origName)
	found := namePattern.FindStringSubmatch(rest)
	if found == nil {
		return "", origName
	}
	rest = naming.Clean(found[2])
	if address == "" {
		return BlessingPattern(found[1]), rest
	}
	return BlessingPattern(found[1]), naming.JoinAddressName(address, rest)
}

// JoinPatternName is the inverse of [SplitPatternName]. An empty pattern
// leaves name as it is.
func JoinPatternName(pattern BlessingPattern, name string) string {
	if pattern == "" {
		return name
	}
	element := "__(" + string(pattern) + ")"
	address, rest := naming.SplitAddressName(name)
	if address == "" {
		return naming.Join(element, rest)
	}
	return naming.JoinAddressName(address, naming.Join(element, rest))
}
