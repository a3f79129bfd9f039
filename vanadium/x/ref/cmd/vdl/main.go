// Command vdl generates Go code from VDL files.
//
//	vdl generate [-check] [-lang=go] PKGDIR...
//
// For each package directory it reads the .vdl files and writes PACKAGE.vdl.go beside them. PKGDIR/... stands for
// all directories below PKGDIR that hold .vdl files. With -check nothing is written: the command fails if a file is
// not what it would write, which is how continuous integration notices files that were forgotten or edited.
//
// Run vdl -h for the rest.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
)

const help = `vdl generates Go code from VDL files.

Usage:
  vdl generate [-check] [-lang=go] PKGDIR...

PKGDIR holds .vdl files and is inside a Go module. The code is written to
PKGDIR/PACKAGE.vdl.go. PKGDIR/... means PKGDIR and all directories below it
that hold .vdl files, up to the borders of the module.

Flags of generate:
  -check    write nothing, but fail if a file differs from what would be
            written, and show the first difference
  -lang=go  the language to generate; go is the only one

Example:
  $ cat kv/kv.vdl
  package kv

  type Entry struct {
    Key  string
    Data []byte
  }

  type Store interface {
    // Get returns the entry of the key.
    Get(key string) (Entry | error)
    // Watch streams the entries whose key begins with prefix as they change.
    Watch(prefix string) stream<_, Entry> error
  }

  error NotFound(key string) {"en": "no {key}"}
  $ vdl generate ./kv
  kv/kv.vdl.go

A Go server implements kv.StoreServerMethods and serves kv.StoreServer(impl);
a client calls kv.StoreClient(name).Get(ctx, key) and compares errors with
errors.Is(err, kv.ErrNotFound).

Exit status: 0 success, 1 a mistake in the files or a difference, 2 bad usage.
`

// errUsage is returned when the command line makes no sense; the reason has been printed.
var errUsage = errors.New("bad usage")

func main() {
	switch err := run(os.Args[1:], os.Stdout, os.Stderr); {
	case err == nil:
	case errors.Is(err, errUsage):
		os.Exit(2)
	default:
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run executes the command line without the name of the program.
func run(args []string, stdout, stderr io.Writer) error {
	switch {
	case len(args) == 0:
		return usage(stderr, "a command is missing")
	case args[0] == "generate":
		return runGenerate(args[1:], stdout, stderr)
	case args[0] == "-h" || args[0] == "-help" || args[0] == "--help" || args[0] == "help":
		_, err := io.WriteString(stdout, help)
		return err
	}
	return usage(stderr, fmt.Sprintf("unknown command %q", args[0]))
}

func usage(stderr io.Writer, reason string) error {
	if _, err := fmt.Fprintf(stderr, "vdl: %s; run vdl -h for help\n", reason); err != nil {
		return err
	}
	return errUsage
}

func runGenerate(args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("generate", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	check := flags.Bool("check", false, "")
	lang := flags.String("lang", "go", "")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		_, err := io.WriteString(stdout, help)
		return err
	case err != nil:
		return usage(stderr, err.Error())
	case *lang != "go":
		return usage(stderr, fmt.Sprintf("-lang=%s is not supported, only go", *lang))
	case flags.NArg() == 0:
		return usage(stderr, "a package directory is missing")
	}
	return generateAll(flags.Args(), *check, stdout)
}
