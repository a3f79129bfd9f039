package lint

import (
	"fmt"
	"go/ast"
	"go/build"
	"go/constant"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestLimitsAreInTheTable compares docs/limits.md with the constants: every
// exported one of the files of limits has its row, and every row is true.
func TestLimitsAreInTheTable(t *testing.T) {
	rows := make(map[string]string)
	for line := range strings.Lines(read(t, "docs/limits.md")) {
		if cells := strings.Split(line, " | "); strings.HasPrefix(line, "| `") {
			rows[strings.Trim(cells[0], "| `")] = cells[1]
		}
	}
	known := make(map[string][]string)
	for _, file := range []string{"limits.go", "vanadium/x/ref/runtime/internal/conn/limits.go"} {
		for name, values := range constants(t, file) {
			known[name] = values
			if rows[name] == "" {
				t.Errorf("%s: %s is not in docs/limits.md", file, name)
			}
		}
	}
	for _, file := range []string{"entry/block.go", "entry/configuration.go", "entry/frame.go", "session/limits.go"} {
		for name, values := range constants(t, file) {
			known[name] = values
		}
	}
	for name, value := range rows {
		if !slices.Contains(known[name], value) {
			t.Errorf("docs/limits.md: %s is %s, in the code it is one of %q", name, value, known[name])
		}
	}
}

// constants returns the exported numeric constants that a file declares, each with
// the forms in which a table may give it. What the file needs of others is left
// unresolved.
func constants(t *testing.T, file string) map[string][]string {
	t.Helper()
	findStandardLibrary(t)
	set := token.NewFileSet()
	f, err := parser.ParseFile(set, filepath.Join(above, filepath.FromSlash(file)), nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	config := types.Config{Importer: importer.ForCompiler(set, "source", nil), Error: func(error) {}}
	pkg, err := config.Check(file, set, []*ast.File{f}, nil)
	if pkg == nil {
		t.Fatal(err)
	}
	values := make(map[string][]string)
	for _, name := range pkg.Scope().Names() {
		c, ok := pkg.Scope().Lookup(name).(*types.Const)
		if !ok || !c.Exported() || c.Val().Kind() != constant.Int {
			continue
		}
		if n, exact := constant.Int64Val(c.Val()); exact {
			values[name] = forms(n, types.TypeString(c.Type(), nil) == "time.Duration")
		}
	}
	return values
}

// findStandardLibrary tells the importer where the sources of the standard library are, which a test
// that was built with -trimpath does not know.
func findStandardLibrary(t *testing.T) {
	t.Helper()
	if build.Default.GOROOT != "" {
		return
	}
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	build.Default.GOROOT = strings.TrimSpace(string(out))
}

// forms returns how a table may write a number.
func forms(n int64, isDuration bool) []string {
	if isDuration {
		return []string{time.Duration(n).String()}
	}
	all := []string{fmt.Sprint(n)}
	if n%(1<<20) == 0 {
		all = append(all, fmt.Sprintf("%d MiB", n>>20))
	}
	if n%(1<<10) == 0 {
		all = append(all, fmt.Sprintf("%d KiB", n>>10))
	}
	return all
}
