package lint

import (
	"strings"
	"testing"
)

// mark stands in plants that a search of the checkout for the same things would
// find; planted takes it out.
const mark = "§"

// plants are one or more bad sources for each rule, and good ones beside them.
// The key of want is a file, its value a part of the finding about it; a file
// that is not a key must not be found.
var plants = []struct {
	rule  string
	files map[string]string
	want  map[string]string
}{
	{
		rule: "imports",
		files: map[string]string{
			"core/clock.go":                      `package core; import "time"`,
			"core/rand.go":                       `package core; import "math/rand/v2"`,
			"core/net.go":                        `package core; import "net/netip"`,
			"core/up.go":                         `package core; import "v.io/x/ref/lib/raft/replica"`,
			"core/good.go":                       `package core; import ("fmt"; "v.io/x/ref/lib/raft/entry")`,
			"core/core_test.go":                  `package core; import "time"`,
			"entry/entry.go":                     `package entry; import "v.io/x/ref/lib/raft/core"`,
			"storage/wal/wal.go":                 `package wal; import "v.io/x/ref/lib/raft/core"`,
			"storage/snapshot/file.go":           `package snapshot; import "os"`,
			"replica/loop.go":                    `package replica; import "v.io/x/ref/lib/raft/transport/mem"`,
			"replica/good.go":                    `package replica; import ("context"; "v.io/x/ref/lib/raft/core")`,
			"kv/kv.go":                           `package kv; import "v.io/v23/context"`,
			"kv/kv_test.go":                      `package kv_test; import "v.io/v23/context"`,
			"raft.go":                            `package raft; import "v.io/v23/context"`,
			"cmd/raftd/main.go":                  `package main; import ("v.io/v23"; "v.io/x/ref/lib/raft/cmd/raftd/dev")`,
			"fsm/fsm_test.go":                    `package fsm; import "v.io/x/ref/lib/raft/bench"`,
			"graft/graft.go":                     `package graft; import "v.io/x/ref/lib/raft/sim"`,
			"cmd/raftsim/main.go":                `package main; import "v.io/x/ref/lib/raft/sim"`,
			"vanadium/v23/v23_test.go":           `package v23; import "v.io/x/ref/lib/raft/entry"`,
			"vanadium/x/ref/cmd/vdl/gen_test.go": `package main; import "v.io/x/ref/lib/raft"`,
			"vanadium/x/ref/cmd/vdl/main.go":     `package main; import "v.io/x/ref/lib/raft"`,
			"vanadium/x/lib/vlog/vlog.go":        `package vlog; import "v.io/v23/context"`,
			"vanadium/v23/verror/verror.go":      `package verror; import "v.io/x/lib/vlog"`,
		},
		want: map[string]string{
			"core/clock.go":                  "must not import time: what decides",
			"core/rand.go":                   "math/rand/v2",
			"core/net.go":                    "net/netip",
			"core/up.go":                     "the algorithm stands on",
			"entry/entry.go":                 "depends on nobody",
			"storage/wal/wal.go":             "does not know the algorithm",
			"storage/snapshot/file.go":       "internal/vfs",
			"replica/loop.go":                "never sees an implementation",
			"kv/kv.go":                       "Vanadium is one door",
			"fsm/fsm_test.go":                "end of every path",
			"graft/graft.go":                 "nothing in the library leans on it",
			"vanadium/v23/v23_test.go":       "replaced by upstream",
			"vanadium/x/ref/cmd/vdl/main.go": "only the tests of the vdl tool",
			"vanadium/x/lib/vlog/vlog.go":    "lowest of the three",
		},
	},
	{
		rule: "function-size",
		files: map[string]string{
			"a/long.go":         "package a\n\n" + function("f", 71),
			"a/long_test.go":    "package a\n\n" + function("f", 71),
			"a/full.go":         "package a\n\n" + function("f", 70),
			"a/wire.vdl.go":     "package a\n\n" + function("f", 71),
			"a/wire.pb.go":      "package a\n\n" + function("f", 71),
			"a/testdata/bad.go": "package a\n\n" + function("f", 71),
		},
		want: map[string]string{"a/long.go": "f has 71 lines", "a/long_test.go": "f has 71 lines"},
	},
	{
		rule: "median-function",
		files: map[string]string{
			"a/a.go":          "package a\n\n" + function("f", 15) + function("g", 15) + function("h", 3),
			"a/a_test.go":     "package a\n\n" + function("i", 3) + function("j", 3) + function("k", 3),
			"vanadium/b/b.go": "package b\n\n" + function("f", 14) + function("g", 60),
		},
		want: map[string]string{"go.mod": "15 lines"},
	},
	{
		rule: "file-size",
		files: map[string]string{
			"a/big.go":       "package a\n" + lines(600, ""),
			"a/full.go":      "package a\n" + lines(599, ""),
			"a/full_test.go": "package a\n" + lines(799, ""),
			"a/big_test.go":  "package a\n" + lines(800, ""),
		},
		want: map[string]string{"a/big.go": "601 lines", "a/big_test.go": "801 lines"},
	},
	{
		rule: "struct-size",
		files: map[string]string{
			"a/wide.go":  "package a\n\n" + fields("wide", 16),
			"a/full.go":  "package a\n\n" + fields("full", 15),
			"a/inner.go": "package a\n\nfunc f() {\n" + fields("wide", 16) + "}\n",
			"a/embed.go": "package a\n\ntype e struct {\n\ta, b, c, d, e, f, g, h, i, j, k, l, m, n, o int\n\tfull\n}\n",
		},
		want: map[string]string{"a/wide.go": "16 fields", "a/inner.go": "16 fields", "a/embed.go": "16 fields"},
	},
	{
		rule: "line-size",
		files: map[string]string{
			"a/long.go":   "package a\n\n// " + strings.Repeat("ab ", 40) + "\n",
			"a/full.go":   "package a\n\n// " + strings.Repeat("ab ", 39) + "\n",
			"a/vector.go": "package a\n\nconst v = \"" + strings.Repeat("ab", 100) + "\"\n",
		},
		want: map[string]string{"a/long.go": "characters"},
	},
	{
		rule: "names",
		files: map[string]string{
			"util/x.go":           "package util",
			"a/helpers_test.go":   "package a",
			"a/common.go":         "package a",
			"testutil/testing.go": "package testutil",
		},
		want: map[string]string{"util/x.go": `"util"`, "a/helpers_test.go": `"helpers"`, "a/common.go": `"common"`},
	},
	{
		rule: "doc",
		files: map[string]string{
			"a/func.go":      "package a\n\nfunc F() {}\n",
			"a/method.go":    "package a\n\nfunc (t *T) M() {}\n",
			"a/type.go":      "package a\n\ntype T struct{}\n",
			"a/group.go":     "package a\n\n// Some types.\ntype (\n\tA int\n)\n",
			"a/const.go":     "package a\n\nconst C = 1\n",
			"a/var.go":       "package a\n\nvar (\n\ta = 1\n\tB = 2\n)\n",
			"a/interface.go": "package a\n\n// I is.\ntype I interface {\n\tM()\n\tN()\n}\n",
			"a/good.go": "package a\n\n// G is.\ntype G int\n\n// Kinds.\nconst (\n\tX = 1\n\tY = 2\n)\n\n" +
				"func (g *g) M() {}\n\n// J is.\ntype J interface {\n\tM() // does\n\t// N does.\n\tN()\n}\n\n" +
				"// K is.\ntype K interface{ M() }\n",
			"a/a_test.go": "package a\n\nfunc TestX() {}\n",
			"cmd/main.go": "package main\n\nfunc F() {}\n",
		},
		want: map[string]string{
			"a/func.go": "F", "a/method.go": "T.M", "a/type.go": "T", "a/group.go": "A", "a/const.go": "C",
			"a/var.go": "B", "a/interface.go": "I.M",
		},
	},
	{
		rule: "package-doc",
		files: map[string]string{
			"none/a.go":       "package none\n",
			"cut/a.go":        "// Package cut is cut off.\n\npackage cut\n",
			"form/a.go":       "// This is form.\npackage form\n",
			"good/a.go":       "package good\n",
			"good/b.go":       "// Package good is.\npackage good\n",
			"cmd/c/main.go":   "// C does.\npackage main\n",
			"cmd/d/main.go":   "package main\n",
			"only/x_test.go":  "package only\n",
			"gen/gen.vdl.go":  "// Package gen is.\npackage gen\n",
			"good/good_a.go":  "package good\n",
			"vanadium/v/v.go": "package v\n",
		},
		want: map[string]string{
			"none/a.go": "none", "cut/a.go": "cut", "form/a.go": "form", "cmd/d/main.go": "main", "vanadium/v/v.go": "v",
		},
	},
	{
		rule: "example",
		files: map[string]string{
			"none/a.go":           "package none\n",
			"mute/a.go":           "package mute\n",
			"mute/a_test.go":      "package mute\n\nfunc Example() {\n}\n\n// Output: x\n",
			"good/a.go":           "package good\n",
			"good/a_test.go":      "package good_test\n\nfunc ExampleA() {\n\tprintln()\n\t// Output: x\n}\n",
			"internal/in/a.go":    "package in\n",
			"cmd/raftd/main.go":   "package main\n",
			"vanadium/v23/v23.go": "package v23\n",
			"gen/gen.vdl.go":      "package gen\n",
		},
		want: map[string]string{"none/a.go": "none", "mute/a.go": "mute", "vanadium/v23/v23.go": "v23"},
	},
	{
		rule: "skip",
		files: map[string]string{
			"a/a_test.go": "package a\n\nfunc TestA(t *testing.T) {\n\tt.§Skip()\n}\n",
			"a/b_test.go": "package a\n\nfunc TestB(b *testing.B) {\n\tb.§Skipf(\"x\")\n}\n",
			"a/c_test.go": "package a\n\nfunc TestC(d decoder) {\n\td.Skip()\n}\n",
		},
		want: map[string]string{"a/a_test.go": "t.§Skip", "a/b_test.go": "b.§Skipf"},
	},
	{
		rule: "sleep",
		files: map[string]string{
			"a/a_test.go": "package a\n\nimport \"time\"\n\nfunc f() {\n\ttime.§Sleep(1)\n}\n",
			"a/a.go":      "package a\n\nimport clock \"time\"\n\nfunc f() {\n\tclock.§Sleep(1)\n}\n",
			"a/s_test.go": "package a\n\nimport (\n\t\"testing/synctest\"\n\t\"time\"\n)\n\n" +
				"func f() {\n\tsynctest.Test(t, func() { time.§Sleep(1) })\n}\n",
			"a/couple_test.go": "package a\n\nfunc couple(t *testing.T, f func()) {\n\tsynctest.Test(t, func() { f() })\n}\n",
			"a/p_test.go": "package a\n\nimport \"time\"\n\nfunc TestP(t *testing.T) {\n" +
				"\tcouple(t, func() { time.§Sleep(1) })\n}\n",
			"a/q_test.go": "package a\n\nimport \"time\"\n\nfunc TestQ(t *testing.T) {\n" +
				"\tcouple(t, func() {})\n\ttime.§Sleep(1)\n}\n",
			"a/o.go": "package a\n\nfunc f(time x) {\n\ttime.§Sleep(1)\n}\n",
		},
		want: map[string]string{"a/a_test.go": "time.Sleep", "a/a.go": "time.Sleep", "a/q_test.go": "time.Sleep"},
	},
	{
		rule: "ignored-error",
		files: map[string]string{
			"a/close.go": "package a\n\nfunc f() {\n\t_§ = x.Close()\n}\n",
			"a/sync.go":  "package a\n\nfunc f() {\n\t_§ = x.y().Sync()\n}\n",
			"a/write.go": "package a\n\nfunc f() {\n\t_, _§ = x.Write(nil)\n}\n",
			"a/err.go":   "package a\n\nfunc f() {\n\t_§ = err\n}\n",
			"a/good.go":  "package a\n\nvar _§ = x.Close()\n\nfunc f() {\n\t_, err = x.Write(nil)\n\t_ = x.Len()\n}\n",
		},
		want: map[string]string{
			"a/close.go": "Close", "a/sync.go": "Sync", "a/write.go": "Write", "a/err.go": "err is assigned",
		},
	},
	{
		rule: "words",
		files: map[string]string{
			"a/a.go":       "package a\n\n// TO§DO: finish.\n",
			"a/b.go":       "package a\n\nvar x = 1 //no§lint:all\n",
			"a/c.go":       "package a\n\n//lint:ignore U1000 x\nvar x = 1\n",
			"docs/x.md":    "FIX§ME\n",
			".ci/run":      "# X§XX\n",
			"a/good.go":    "package a\n\n// Todo lists and X§XXL shirts.\n",
			"a/testdata/x": "TO§DO\n",
		},
		want: map[string]string{
			"a/a.go": "TO§DO", "a/b.go": "no§lint", "a/c.go": "lint:ignore", "docs/x.md": "FIX§ME", ".ci/run": "X§XX",
		},
	},
	{
		rule: "places",
		files: map[string]string{
			"a/a.go":       "package a\n\nvar x = \"/home/me/x\"\n",
			"docs/x.md":    "see /work/shared\n",
			"docs/y.md":    "cd /root/go\n",
			".ci/run":      "export GOPROXY=off\n",
			"docs/z.md":    "from https://registry.example.org\n",
			"docs/good.md": "vanadium/work/x and https://example.com/home/page and name/root/x\n",
		},
		want: map[string]string{
			"a/a.go": "/home/", "docs/x.md": "/work/", "docs/y.md": "/root/", ".ci/run": "GOPROXY=", "docs/z.md": "registry",
		},
	},
	{
		rule: "corpora",
		files: map[string]string{
			"a/a_test.go":               "package a\n\nfunc FuzzA() {}\n",
			"b/b_test.go":               "package b\n\nfunc FuzzB() {}\n\nfunc TestC() {}\n",
			"b/testdata/fuzz/FuzzB/one": "go test fuzz v1\n",
			"other/go.mod":              "module o\n",
			"other/d_test.go":           "package o\n\nfunc FuzzD() {}\n",
		},
		want: map[string]string{"a/a_test.go": "FuzzA has no corpus"},
	},
	{
		rule: "drawings",
		files: map[string]string{
			"core/testdata/bare.txt":   "cluster a b\n----\nok\n",
			"core/testdata/prose.txt":  "# A story.\n# It goes on.\n\ncluster a b\n----\nok\n",
			"core/testdata/late.txt":   "# A story.\n\n#     a  leads\n#     b  follows\n\ncluster a b\n----\nok\n",
			"core/testdata/short.txt":  "# A story.\n#\n#     a  leads\n\ncluster a b\n----\nok\n",
			"core/testdata/sketch.txt": "#     a  leads\n#     b  follows\n\ncluster a b\n----\nok\n",
			"core/testdata/others.txt": "# A story.\n#\n#     x  leads\n#     y  follows\n\ncluster a b\n----\nok\n",
			"core/testdata/good.txt":   "# A story.\n#\n#    (a)  leads\n#         follows\n\ncluster a b\n----\nok\n",
			"core/testdata/notes.md":   "none\n",
			"other/testdata/bare.txt":  "cluster a b\n----\nok\n",
		},
		want: map[string]string{
			"core/testdata/bare.txt": "no sentence", "core/testdata/prose.txt": "0 lines",
			"core/testdata/late.txt": "0 lines", "core/testdata/short.txt": "1 lines",
			"core/testdata/sketch.txt": "no sentence", "core/testdata/others.txt": "none of the members [a b]",
		},
	},
	{
		rule: "workspace",
		files: map[string]string{
			"go.work":           "go 1.26\n",
			"bench/go.mod":      "module b\n\nreplace v.io/x/ref/lib/raft => ../\n",
			"vanadium/b/go.mod": "module c\n\nreplace v.io => ../../../v\n",
			"vanadium/c/go.mod": "module d\n\nreplace v.io => /v\n",
			"vanadium/d/go.mod": "module e\n\nreplace a/b => c/d v1.2.3\n",
		},
		want: map[string]string{"go.work": "workspace", "vanadium/b/go.mod": "leaves", "vanadium/c/go.mod": "leaves"},
	},
}

// TestPlanted checks that every rule finds what was planted for it, and nothing
// else.
func TestPlanted(t *testing.T) {
	rules := make(map[string]Rule)
	for _, r := range Rules() {
		rules[r.Name] = r
	}
	for _, p := range plants {
		t.Run(p.rule, func(t *testing.T) {
			got := make(map[string]string)
			for _, f := range Check(planted(t, p.files), []Rule{rules[p.rule]}, nil) {
				got[f.File] += f.Text + "\n"
			}
			for file, want := range p.want {
				if !strings.Contains(got[file], strings.ReplaceAll(want, mark, "")) {
					t.Errorf("%s: found %q, want something about %q", file, got[file], want)
				}
			}
			for file, text := range got {
				if _, ok := p.want[file]; !ok {
					t.Errorf("%s: found although it is good: %s", file, text)
				}
			}
		})
		delete(rules, p.rule)
	}
	for name := range rules {
		t.Errorf("no bad source is planted for the rule %s", name)
	}
}
