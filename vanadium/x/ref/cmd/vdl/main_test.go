package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// module writes a module with files and returns its directory.
func module(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	files["go.mod"] = "module example.com/m\n"
	for name, text := range files {
		file := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// command runs the command and returns what it prints.
func command(args ...string) (stdout, stderr string, err error) {
	var out, errOut bytes.Buffer
	err = run(args, &out, &errOut)
	return out.String(), errOut.String(), err
}

func TestGenerateAndCheck(t *testing.T) {
	root := module(t, map[string]string{
		"kv/kv.vdl":          "package kv\ntype Key string\nconst None = Key(\"\")",
		"kv/more.vdl":        "package kv\ntype Keys []Key",
		"kv/testdata/no.vdl": "not VDL",
		"kv/.hidden/no.vdl":  "not VDL",
		"hand/hand.vdl":      "package hand\n//vdl:handwritten\n",
		"nested/go.mod":      "module example.com/nested\n",
		"nested/no.vdl":      "not VDL",
	})
	all, file := root+"/...", filepath.Join(root, "kv", "kv.vdl.go")
	if _, _, err := command("generate", "-check", all); err == nil || !strings.Contains(err.Error(), file+":1: not what") {
		t.Errorf("check before generating: %v", err)
	}
	if out, _, err := command("generate", "--lang=go", all); out != file+"\n" || err != nil {
		t.Fatalf("generate printed %q, %v", out, err)
	}
	if out, _, err := command("generate", "-check", all, filepath.Join(root, "kv")); out != "" || err != nil {
		t.Errorf("check after generating: %q, %v", out, err)
	}
	if out, _, err := command("generate", all); out != "" || err != nil {
		t.Errorf("generating again: %q, %v", out, err)
	}
	code, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	edited := bytes.Replace(code, []byte("type Keys []Key\n"), []byte("type Keys []string\n"), 1)
	if err := os.WriteFile(file, edited, 0o644); err != nil {
		t.Fatal(err)
	}
	_, _, err = command("generate", "-check", all)
	if err == nil || !strings.Contains(err.Error(), "\n- type Keys []string\n+ type Keys []Key") {
		t.Errorf("check of an edited file: %v", err)
	}
}

func TestMistakes(t *testing.T) {
	root := module(t, map[string]string{
		"a/a.vdl":       "package a\ntype T struct { ID string }",
		"b/b.vdl":       "package b\ntype E enum { Ab }\ntype EAb string",
		"hand/hand.vdl": "package hand\n//vdl:handwritten\n",
		"none/none.txt": "",
	})
	for dir, want := range map[string]string{
		"/a":        "a.vdl:2:17: the acronym in ID must use CamelCase",
		"/b":        "EAb needs the Go name EAb, which is already used for",
		"/hand":     "the files say //vdl:handwritten, so there is nothing to generate",
		"/none":     "no .vdl files in",
		"/none/...": "no .vdl files below",
		"/missing":  "no such file",
	} {
		if _, _, err := command("generate", root+dir); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("generate %s: %v, want %q", dir, err, want)
		}
	}
	_, _, err := command("generate", root+"/a", root+"/b")
	if err == nil || !strings.Contains(err.Error(), "a.vdl") || !strings.Contains(err.Error(), "b.vdl") {
		t.Errorf("generate a b: %v, want the mistakes of both", err)
	}
}

func TestUsage(t *testing.T) {
	for line, want := range map[string]string{
		"":                          "a command is missing",
		"compile":                   `unknown command "compile"`,
		"generate":                  "a package directory is missing",
		"generate --lang=java .":    "-lang=java is not supported, only go",
		"generate --no-such-flag .": "flag provided but not defined",
	} {
		_, stderr, err := command(strings.Fields(line)...)
		if !errors.Is(err, errUsage) || !strings.Contains(stderr, want) || !strings.Contains(stderr, "vdl -h") {
			t.Errorf("%q: %v, %q, want %q", line, err, stderr, want)
		}
	}
}

// TestHelp compiles the example of the help text.
func TestHelp(t *testing.T) {
	for _, args := range [][]string{{"-h"}, {"help"}, {"generate", "-h"}} {
		if out, _, err := command(args...); out != help || err != nil {
			t.Errorf("%q: %v, %q", args, err, out)
		}
	}
	_, example, _ := strings.Cut(help, "$ cat kv/kv.vdl\n")
	example, _, _ = strings.Cut(example, "  $ vdl generate")
	root := module(t, map[string]string{"kv/kv.vdl": example})
	if _, _, err := command("generate", filepath.Join(root, "kv")); err != nil {
		t.Errorf("the example of the help text: %v", err)
	}
}

func Example() {
	dir := filepath.Join("..", "..", "..", "..", "v23", "services", "permissions")
	if err := run([]string{"generate", "-check", dir}, os.Stdout, os.Stderr); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("permissions.vdl.go is what vdl generates")
	// Output: permissions.vdl.go is what vdl generates
}
