package access

import (
	"maps"
	"slices"

	"v.io/v23/context"
	"v.io/v23/security"
)

// Includes reports whether a principal with the given names is on the list:
// names that NotIn selects are dropped, and one of the others must match In. The
// pattern "..." lets even a principal without any name in.
func (x AccessList) Includes(names ...string) bool {
	counting := slices.DeleteFunc(slices.Clone(names), x.excludes)
	return slices.ContainsFunc(x.In, func(pattern security.BlessingPattern) bool {
		return pattern.MatchedBy(counting...)
	})
}

// excludes reports whether NotIn selects name. Entries select like patterns, so
// that excluding a:b excludes a:b:c; otherwise everyone could evade the entry by
// blessing itself with an extension.
func (x AccessList) excludes(name string) bool {
	return slices.ContainsFunc(x.NotIn, func(excluded string) bool {
		return security.BlessingPattern(excluded).MatchedBy(name)
	})
}

// Authorize implements security.Authorizer: it lets in a remote principal that
// is on the list.
func (x AccessList) Authorize(ctx *context.T, call security.Call) error {
	names, rejected := security.RemoteBlessingNames(ctx, call)
	if x.Includes(names...) {
		return nil
	}
	return ErrAccessListMatch.Errorf(ctx, "principal with names %v (rejected: %v) is not on the access list %v",
		names, rejected, x)
}

// Enforceable returns nil if the list means what it says to principal: it holds
// no pattern for names that no root of principal could vouch for, and it does
// not let everyone in except some.
func (x AccessList) Enforceable(ctx *context.T, principal security.Principal) error {
	if slices.Contains(x.In, security.AllPrincipals) {
		if len(x.NotIn) > 0 {
			return ErrInvalidOpenAccessList.Errorf(ctx,
				"the access list %v lets everyone in, so it cannot keep out %v", x, x.NotIn)
		}
		return nil
	}
	roots := slices.Collect(maps.Keys(principal.Roots().Dump()))
	var unenforceable []security.BlessingPattern
	for _, pattern := range x.In {
		if !isEnforceable(pattern, roots) {
			unenforceable = append(unenforceable, pattern)
		}
	}
	if len(unenforceable) > 0 {
		return ErrUnenforceablePatterns.Errorf(ctx,
			"no root is recognised for names that match %v", unenforceable)
	}
	return nil
}

// isEnforceable reports whether some root may vouch for some name that pattern
// selects: one of the two is about extensions of the other.
func isEnforceable(pattern security.BlessingPattern, roots []security.BlessingPattern) bool {
	name := nameOf(pattern)
	for _, root := range roots {
		if root.MatchedBy(name) || pattern.MatchedBy(nameOf(root)) {
			return true
		}
	}
	return false
}

// nameOf returns the shortest name that pattern selects.
func nameOf(pattern security.BlessingPattern) string {
	prefixes := pattern.PrefixPatterns()
	exact := string(prefixes[len(prefixes)-1].MakeNonExtendable())
	end := security.ChainSeparator + string(security.NoExtension)
	return exact[:max(0, len(exact)-len(end))]
}
