package lint

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// outsideProgram uses the library as a module outside would: by its own import
// path, and by Vanadium's, which it needs for the context.
const outsideProgram = `package main

import (
	"fmt"

	"v.io/v23/context"
	"v.io/x/ref/lib/raft"
)

func open(ctx *context.T, dir string, client raft.RaftClient) (raft.Raft, error) {
	return raft.NewRaft(ctx, &raft.RaftConfig{LogDir: dir, HostPort: "localhost:0"}, client)
}

func main() { fmt.Println(open != nil) }
`

// TestOutsideModule builds a module outside of the checkout with the lines that
// README.md gives, put into its go.mod as they are but for the place of the
// checkout.
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
		"main.go": outsideProgram,
	})
	cmd := exec.Command("go", "build", "-mod=mod", "-o", filepath.Join(dir, "app"), ".")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build of an outside module: %v\n%s\n%s", err, out, quoted)
	}
}
