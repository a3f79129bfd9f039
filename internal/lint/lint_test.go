package lint

import (
	"fmt"
	"go/ast"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// above is the root of the checkout, seen from this package.
var above = filepath.Join("..", "..")

// TestCheckout runs every rule over the checkout.
func TestCheckout(t *testing.T) {
	c, err := Load(os.DirFS(above))
	if err != nil {
		t.Fatal(err)
	}
	byRule := make(map[string][]Finding)
	for _, f := range Check(c, Rules(), exemptions) {
		byRule[f.Rule] = append(byRule[f.Rule], f)
	}
	for _, r := range Rules() {
		t.Run(r.Name, func(t *testing.T) {
			for _, f := range byRule[r.Name] {
				t.Errorf("%v", f)
			}
			if t.Failed() {
				t.Logf("%s: %s", r.Name, r.Why)
			}
		})
	}
}

// TestExemptionsHaveReasons keeps the table of exemptions honest.
func TestExemptionsHaveReasons(t *testing.T) {
	for _, e := range exemptions {
		if e.Reason == "" {
			t.Errorf("the exemption of %s %s from %s has no reason", e.File, e.Subject, e.Rule)
		}
	}
}

// TestReadmeTestsAreWhatCIRuns compares the README's line with CI's.
func TestReadmeTestsAreWhatCIRuns(t *testing.T) {
	readme := read(t, "README.md")
	body := regexp.MustCompile(`(?s)readme_tests\(\) \{\n\t(.*?)\n\}`).FindStringSubmatch(read(t, ".ci/run"))
	if body == nil {
		t.Fatal(".ci/run has no function readme_tests")
	}
	if !strings.Contains(readme, "\n    "+body[1]+"\n") && !strings.Contains(readme, "\n"+body[1]+"\n") {
		t.Errorf("README.md does not give the line that CI runs: %s", body[1])
	}
}

// TestRaceRunLeavesOutOnlyWhatIsNamed compares the tests that CI leaves out of the race run, a package and its tests
// on each line, with those that there are: the go command is told the names only, so that a test of such a name in
// another package would be left out, too.
func TestRaceRunLeavesOutOnlyWhatIsNamed(t *testing.T) {
	c, err := Load(os.DirFS(above))
	if err != nil {
		t.Fatal(err)
	}
	ci := read(t, ".ci/run")
	for _, complaint := range leftOutByName(c, ci) {
		t.Error(complaint)
	}
	planted := strings.Replace(ci, "without_race='\n", "without_race='\ncore TestNowhere\nkv TestCheckout\n", 1)
	want := []string{"TestCheckout", "TestCheckout", "TestNowhere"}
	var got []string
	for _, complaint := range leftOutByName(c, planted) {
		got = append(got, regexp.MustCompile(`Test\w+`).FindString(complaint))
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("with two wrong lines the complaints are about %v, want %v", got, want)
	}
}

// leftOutByName returns what is wrong with the tests that CI leaves out of the race run.
func leftOutByName(c *Checkout, ci string) []string {
	table := regexp.MustCompile(`(?s)without_race='\n(.*?)'\n`).FindStringSubmatch(ci)
	if table == nil {
		return []string{".ci/run has no table without_race"}
	}
	listed, names := map[string]bool{}, map[string]bool{}
	for line := range strings.Lines(table[1]) {
		words := strings.Fields(line)
		for _, name := range words[1:] {
			listed[words[0]+" "+name], names[name] = true, true
		}
	}
	var complaints []string
	for _, s := range c.Sources {
		if !s.IsTest() {
			continue
		}
		for _, d := range s.Syntax.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Recv != nil || !names[f.Name.Name] {
				continue
			}
			if place := s.Dir() + " " + f.Name.Name; listed[place] {
				delete(listed, place)
			} else {
				complaints = append(complaints, fmt.Sprintf("%s: %s is left out of the race run, because another package has"+
					" a test of that name in .ci/run: give it another name, or list it there", s.Path, f.Name.Name))
			}
		}
	}
	for place := range listed {
		complaints = append(complaints, fmt.Sprintf(".ci/run leaves %s out of the race run, which is not there", place))
	}
	return complaints
}

// TestLinksLead checks that every relative link of the documents leads to a
// file of the checkout.
func TestLinksLead(t *testing.T) {
	c, err := Load(os.DirFS(above))
	if err != nil {
		t.Fatal(err)
	}
	link := regexp.MustCompile(`\]\(([^)#\s]+)(#[^)]*)?\)`)
	for _, s := range c.Sources {
		if !strings.HasSuffix(s.Path, ".md") {
			continue
		}
		for _, m := range link.FindAllStringSubmatch(s.Text, -1) {
			if strings.Contains(m[1], "://") || strings.HasPrefix(m[1], "mailto:") {
				continue
			}
			if _, err := os.Stat(filepath.Join(above, s.Dir(), m[1])); err != nil {
				t.Errorf("%s: link to %s leads nowhere: %v", s.Path, m[1], err)
			}
		}
	}
}

// TestDependenciesHaveReasons checks that every module that a go.mod requires
// directly has its line in docs/dependencies.md, with its version or a reference to
// go.mod.
func TestDependenciesHaveReasons(t *testing.T) {
	doc := read(t, "docs/dependencies.md")
	required := map[string]bool{"honnef.co/go/tools": true} // by internal/lint/tools, as a tool
	require := regexp.MustCompile(`(?m)^(?:require |\t)(\S+) (v\d\S*)(.*)$`)
	for _, file := range []string{"go.mod", "vanadium/go.mod", "vanadium/x/lib/go.mod", "bench/go.mod"} {
		for _, m := range require.FindAllStringSubmatch(read(t, file), -1) {
			if strings.HasPrefix(m[1], "v.io") || strings.Contains(m[3], "indirect") {
				continue
			}
			if !strings.Contains(doc, "| `"+m[1]+"` | "+m[2]+" |") && !strings.Contains(doc, "| `"+m[1]+"` | see `go.mod` |") {
				t.Errorf("%s requires %s %s, docs/dependencies.md does not say why", file, m[1], m[2])
			}
			required[m[1]] = true
		}
	}
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\| (?:v|see)").FindAllStringSubmatch(doc, -1) {
		if !required[m[1]] {
			t.Errorf("docs/dependencies.md gives a reason for %s, which nothing requires", m[1])
		}
	}
}

// read returns a file of the checkout.
func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(above, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// planted builds a checkout of three empty modules and the given files.
func planted(t *testing.T, files map[string]string) *Checkout {
	t.Helper()
	tree := fstest.MapFS{
		"go.mod":                {Data: []byte("module v.io/x/ref/lib/raft\n")},
		"vanadium/go.mod":       {Data: []byte("module v.io\n")},
		"vanadium/x/lib/go.mod": {Data: []byte("module v.io/x/lib\n")},
	}
	for name, text := range files {
		tree[name] = &fstest.MapFile{Data: []byte(strings.ReplaceAll(text, mark, ""))}
	}
	c, err := Load(tree)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// lines returns n copies of a line.
func lines(n int, line string) string { return strings.Repeat(line+"\n", n) }

// function returns the source of a function of n lines.
func function(name string, n int) string {
	return fmt.Sprintf("func %s() {\n%s}\n", name, lines(n-2, "\tprintln()"))
}

// fields returns the source of a struct type with n fields.
func fields(name string, n int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "type %s struct {\n", name)
	for i := range n {
		fmt.Fprintf(&b, "\tf%d int\n", i)
	}
	return b.String() + "}\n"
}

func TestExemptions(t *testing.T) {
	c := planted(t, map[string]string{
		"a/a.go": "package a\n\n" + function("long", 71) + function("other", 71),
		"b/b.go": "package b\n\n" + fields("wide", 16),
	})
	table := []Exemption{
		{Rule: "function-size", File: "a/*.go", Subject: "long", Reason: "r"},
		{Rule: "struct-size", File: "b/b.go", Reason: "r"},
		{Rule: "file-size", File: "gone.go", Reason: "r"},
	}
	var got []string
	for _, f := range Check(c, []Rule{
		{"function-size", "", checkFunctionSize}, {"struct-size", "", checkStructSize}, {"file-size", "", checkFileSize},
	}, table) {
		got = append(got, f.Rule+" "+f.File+" "+f.Subject)
	}
	want := "function-size a/a.go other; file-size gone.go "
	if s := strings.Join(got, "; "); s != want {
		t.Errorf("got %q, want %q", s, want)
	}
}
