package lint

import (
	"slices"
	"strconv"
	"strings"
)

// The module paths that the import law speaks of.
const (
	root     = "v.io/x/ref/lib/raft"
	vanadium = "v.io"
)

// A ban forbids some packages to import some others. Patterns are import paths;
// one that ends in "/..." also means everything below.
type ban struct {
	from   []string // the importing packages
	except []string // but not these
	tests  bool     // whether tests are bound too
	what   []string // the imported packages
	but    []string // but not these
	reason string
}

// law is the architecture as a table. The reason of a ban is printed with each
// finding.
var law = []ban{
	{
		from: []string{root + "/core/...", root + "/entry/...", root + "/session/..."},
		what: []string{
			"time", "os/...", "net/...", "sync/...", "context", "math/rand/...", "crypto/rand",
			"io/fs", "log/...", "syscall", "runtime/...", "unsafe", "golang.org/x/sys/...",
		},
		reason: "what decides is a function of its arguments: time and randomness come in, effects go out",
	},
	{
		from:   []string{root + "/core/..."},
		what:   []string{vanadium + "/..."},
		but:    []string{root + "/core/...", root + "/entry", root + "/internal/invariant"},
		reason: "the algorithm stands on the entry frame alone",
	},
	{
		from:   []string{root + "/entry/..."},
		what:   []string{vanadium + "/..."},
		but:    []string{root + "/entry/..."},
		reason: "the frame is the one thing that everybody shares, so it depends on nobody",
	},
	{
		from:   []string{root + "/session/..."},
		what:   []string{vanadium + "/..."},
		but:    []string{root + "/session/...", root + "/entry"},
		reason: "what was applied already is a function of the entries alone, the same on every member",
	},
	{
		from:   []string{root + "/storage/..."},
		what:   []string{root, root + "/core/...", root + "/transport/..."},
		reason: "storage keeps indexes, bytes and a hard state; it does not know the algorithm",
	},
	{
		from:   []string{root + "/storage/..."},
		what:   []string{"os/...", "syscall", "golang.org/x/sys/..."},
		reason: "all file I/O goes through internal/vfs, so that tests can lose power at every sync",
	},
	{
		from:   []string{root + "/replica/..."},
		what:   []string{root, root + "/storage/...", root + "/transport/..."},
		reason: "the loop declares the interfaces that it needs and never sees an implementation",
	},
	{
		from: []string{root + "/..."},
		except: []string{
			root, root + "/cmd/...", root + "/internal/testcluster/...", root + "/bench/...", root + "/raftcheck/...",
		},
		what:   []string{vanadium + "/..."},
		but:    []string{root + "/..."},
		reason: "Vanadium is one door; the other rooms work without it",
	},
	{
		from:   []string{root + "/raftcheck/..."},
		what:   []string{vanadium + "/..."},
		but:    []string{root + "/...", vanadium + "/v23/context"},
		reason: "what checks a RaftClient needs the contexts that its methods are given, and nothing else of Vanadium",
	},
	{
		from:   []string{vanadium + "/..."},
		except: []string{root + "/cmd/...", root + "/bench/..."},
		tests:  true,
		what:   []string{root + "/cmd/...", root + "/bench/..."},
		reason: "commands and benchmarks stand at the end of every path",
	},
	{
		from:   []string{vanadium + "/..."},
		except: []string{root + "/sim/...", root + "/cmd/raftsim/...", root + "/raftcheck/..."},
		tests:  true,
		what:   []string{root + "/sim/..."},
		reason: "the simulator drives the library; nothing in the library leans on it, but what lets users run it does",
	},
	{
		from:   []string{vanadium, vanadium + "/v23/...", vanadium + "/x/..."},
		except: []string{root + "/...", vanadium + "/x/ref/cmd/vdl/..."},
		tests:  true,
		what:   []string{root + "/..."},
		reason: "vanadium/ can be replaced by upstream, which knows nothing of this module",
	},
	{
		from:   []string{vanadium + "/x/ref/cmd/vdl/..."},
		what:   []string{root + "/..."},
		reason: "only the tests of the vdl tool may look at the library",
	},
	{
		from:   []string{vanadium + "/x/lib/..."},
		tests:  true,
		what:   []string{vanadium + "/..."},
		but:    []string{vanadium + "/x/lib/..."},
		reason: "v.io/x/lib is the lowest of the three modules",
	},
}

// checkImports reports every import that the law bans.
func checkImports(c *Checkout) []Finding {
	var found []Finding
	for _, s := range c.Sources {
		if !s.IsGo() {
			continue
		}
		for _, spec := range s.Syntax.Imports {
			what, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				found = append(found, c.at(spec.Pos(), "", "unreadable import %s: %v", spec.Path.Value, err))
				continue
			}
			for _, b := range law {
				if b.forbids(s.Package(), what, s.IsTest()) {
					found = append(found, c.at(spec.Pos(), what, "must not import %s: %s", what, b.reason))
				}
			}
		}
	}
	return found
}

// forbids reports whether the ban forbids a file of package from to import
// what.
func (b ban) forbids(from, what string, test bool) bool {
	if test && !b.tests {
		return false
	}
	return within(from, b.from) && !within(from, b.except) && within(what, b.what) && !within(what, b.but)
}

// within reports whether an import path matches one of the patterns.
func within(importPath string, patterns []string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		prefix, below := strings.CutSuffix(pattern, "/...")
		return importPath == prefix || below && strings.HasPrefix(importPath, prefix+"/")
	})
}
