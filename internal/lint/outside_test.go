package lint

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// readmeProgram returns the program that README.md shows, made whole by the imports
// of the package's example.
func readmeProgram(t *testing.T) string {
	t.Helper()
	shown := regexp.MustCompile("(?s)```go\n(.*?)```").FindStringSubmatch(read(t, "README.md"))
	imports := regexp.MustCompile(`(?s)import \(.*?\n\)\n`).FindString(read(t, "example_test.go"))
	if shown == nil || imports == "" {
		t.Fatal("README.md shows no program, or example_test.go imports nothing")
	}
	return "package main\n\n" + imports + "\n" + shown[1]
}

// TestReadmeProgramIsTheExample compares the program of README.md with the one that
// is run as an example.
func TestReadmeProgramIsTheExample(t *testing.T) {
	example := strings.ReplaceAll(read(t, "example_test.go"), "func Example()", "func main()")
	example = regexp.MustCompile(`\t// Output:.*\n`).ReplaceAllString(example, "")
	_, program, _ := strings.Cut(readmeProgram(t), "\n)\n\n")
	if !strings.Contains(example, strings.TrimSpace(program)) {
		t.Error("README.md shows another program than example_test.go runs")
	}
}

// TestOutsideModule builds and runs the program of README.md in a module outside of
// the checkout, with the lines that README.md gives put into its go.mod as they are
// but for the place of the checkout.
func TestOutsideModule(t *testing.T) {
	block := regexp.MustCompile(`(?s)(    require v\.io/x/ref/lib/raft v0\.0\.0\n.*?\n    \)\n)`)
	lines := block.FindString(read(t, "README.md"))
	if lines == "" {
		t.Fatal("README.md does not show the require and replace lines")
	}
	checkout, err := filepath.Abs(above)
	if err != nil {
		t.Fatal(err)
	}
	quoted := regexp.MustCompile(`\.\./raft\S*`).ReplaceAllStringFunc(lines, func(place string) string {
		return `"` + filepath.ToSlash(checkout) + strings.TrimPrefix(place, "../raft") + `"`
	})
	dir := t.TempDir()
	write(t, dir, map[string]string{
		"go.mod":  "module example.com/app\n\ngo 1.26.0\n\n" + quoted,
		"go.sum":  read(t, "go.sum"),
		"main.go": readmeProgram(t),
	})
	cmd := exec.Command("go", "build", "-mod=mod", "-o", filepath.Join(dir, "app"), ".")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build of an outside module: %v\n%s\n%s", err, out, quoted)
	}
	if out, err := exec.Command(filepath.Join(dir, "app")).Output(); err != nil || string(out) != "5\n" {
		t.Fatalf("the program of README.md prints %q, %v", out, err)
	}
}
