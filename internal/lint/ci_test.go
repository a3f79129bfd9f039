package lint

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// write puts files into a directory, making the directories between.
func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o777); err != nil {
			t.Fatal(err)
		}
	}
}

// plantedCheckout writes three modules, in which the test of one fails or not,
// beside a copy of .ci/run.
func plantedCheckout(t *testing.T, failing string) string {
	t.Helper()
	dir := t.TempDir()
	for module, at := range map[string]string{"r": "", "v": "vanadium/", "l": "vanadium/x/lib/"} {
		body := "func TestA(t *testing.T) {}"
		if module == failing {
			body = "func TestA(t *testing.T) { t.Fatal(\"planted\") }"
		}
		write(t, dir, map[string]string{
			at + "go.mod":    "module " + module + "\n\ngo 1.26\n",
			at + "a_test.go": "package a\n\nimport \"testing\"\n\n" + body + "\n",
		})
	}
	write(t, dir, map[string]string{".ci/run": read(t, ".ci/run")})
	return dir
}

// TestCIFailsWithATest plants a failing test into each module in turn and
// expects .ci/run to fail and to say so.
func TestCIFailsWithATest(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Logf("without bash .ci/run cannot be run on this machine at all: %v", err)
		return
	}
	for _, failing := range []string{"", "r", "v", "l"} {
		t.Run("failing="+failing, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(bash, filepath.Join(plantedCheckout(t, failing), ".ci", "run"), "test")
			out, err := cmd.CombinedOutput()
			if failing == "" {
				if err != nil || !strings.Contains(string(out), "all green") {
					t.Fatalf("good modules: %v\n%s", err, out)
				}
				return
			}
			var exit *exec.ExitError
			if !errors.As(err, &exit) || !strings.Contains(string(out), "FAILED (1)") {
				t.Fatalf("a failing test in module %s: got %v\n%s", failing, err, out)
			}
		})
	}
}

// TestCIKnowsItsSteps expects an unknown step to be an error, not a run of
// nothing.
func TestCIKnowsItsSteps(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Logf("without bash .ci/run cannot be run on this machine at all: %v", err)
		return
	}
	out, err := exec.Command(bash, filepath.Join(above, ".ci", "run"), "tset").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "unknown step") {
		t.Fatalf("got %v\n%s", err, out)
	}
}

// copyCheckout copies the checkout, without its history.
func copyCheckout(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	from := os.DirFS(above)
	err := fs.WalkDir(from, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case name == ".git" && entry.IsDir():
			return fs.SkipDir
		case !entry.Type().IsRegular():
			return nil
		}
		text, err := fs.ReadFile(from, name)
		if err == nil {
			write(t, dir, map[string]string{name: string(text)})
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestCIFailsWithStaleVDL expects .ci/run to fail, and to name the file, when a
// .vdl file and the Go that was generated from it disagree.
func TestCIFailsWithStaleVDL(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Logf("without bash .ci/run cannot be run on this machine at all: %v", err)
		return
	}
	dir := copyCheckout(t)
	run := func() (string, error) {
		out, err := exec.Command(bash, filepath.Join(dir, ".ci", "run"), "vdl").CombinedOutput()
		return string(out), err
	}
	if out, err := run(); err != nil {
		t.Fatalf("the checkout as it is: %v\n%s", err, out)
	}
	for _, file := range []string{"raft.vdl", "raft.vdl.go", "vanadium/v23/naming/naming.vdl.go"} {
		text := read(t, file)
		write(t, dir, map[string]string{file: text + "\n// A line more.\ntype Surplus uint64\n"})
		generated := strings.TrimPrefix(strings.TrimSuffix(file, ".go"), "vanadium/") // Seen from its module.
		var exit *exec.ExitError
		if out, err := run(); !errors.As(err, &exit) || !strings.Contains(out, generated+".go") {
			t.Errorf("a changed %s: got %v\n%s", file, err, out)
		}
		write(t, dir, map[string]string{file: text})
	}
}
