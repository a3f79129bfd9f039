// Package cmdline runs programs that have commands, flags and help.
//
// A program is a tree of Commands. Each has a Runner, or Children, or both:
//
//	var root = &cmdline.Command{
//		Name:     "greet",
//		Short:    "greets people",
//		Long:     "Command greet greets people.",
//		Children: []*cmdline.Command{hello, bye},
//	}
//
//	func main() { cmdline.Main(root) }
//
// Flags may be given after the command that has them, and after all commands below it. The flags of flag.CommandLine
// are understood everywhere. A program with children also has the command help.
package cmdline

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

// Command is a command of a program. The text of Short, Long, ArgsLong and of usages is trimmed of space.
type Command struct {
	Name     string // what it is called by; for the root, the name of the program
	Short    string // what it does, in a few words for lists of commands
	Long     string // what it does, in full
	ArgsName string // what its arguments are called, such as "<name> [value]"; "" takes none
	ArgsLong string // what its arguments mean

	Flags       flag.FlagSet    // its flags
	FlagDefs    FlagDefinitions // more of its flags
	ParsedFlags *flag.FlagSet   // all flags that it understands, set when it is selected

	DontPropagateFlags bool // whether commands below it do not understand its flags
	DontInheritFlags   bool // whether it does not understand the flags of commands above it

	Children []*Command // the commands below it
	LookPath bool       // whether an unknown child is looked for as a program called Name-child
	Runner   Runner     // what it does; nil needs a child to be given
	Topics   []Topic    // further texts that help knows
}

// Topic is a text that help knows besides commands.
type Topic struct {
	Name  string // what it is called by
	Short string // what it is about
	Long  string // the text
}

// Runner is what a command does.
type Runner interface {
	// Run does it. An error that is an ErrExitCode has been reported already; any other is reported by Main.
	Run(env *Env, args []string) error
}

// RunnerFunc is a Runner that calls itself.
type RunnerFunc func(env *Env, args []string) error

// Run calls f.
func (f RunnerFunc) Run(env *Env, args []string) error { return f(env, args) }

// ErrExitCode is an error that has been reported, and the status that the process is to exit with.
type ErrExitCode int

// Error returns the status in words.
func (code ErrExitCode) Error() string { return fmt.Sprintf("exit code %d", int(code)) }

// ErrUsage is returned for a command line that cannot be understood.
const ErrUsage = ErrExitCode(2)

// Env is what a command needs of its process.
type Env struct {
	Stdin  io.Reader
	Stdout io.Writer
	Stderr io.Writer
	Vars   map[string]string // environment variables
	// Usage writes how the command is used. Parse sets it.
	Usage func(env *Env, w io.Writer)
}

// EnvFromOS returns the environment of this process.
func EnvFromOS() *Env {
	vars := make(map[string]string)
	for _, v := range os.Environ() {
		name, value, _ := strings.Cut(v, "=")
		vars[name] = value
	}
	return &Env{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Vars: vars}
}

// UsageErrorf writes the message and how the command is used to Stderr. It returns ErrUsage, which is for the Runner to
// return, or the error of writing.
func (e *Env) UsageErrorf(format string, args ...interface{}) error {
	if _, err := fmt.Fprintf(e.Stderr, "ERROR: %s\n\n", fmt.Sprintf(format, args...)); err != nil {
		return err
	}
	if e.Usage == nil {
		return ErrUsage
	}
	w := &watched{w: e.Stderr}
	if e.Usage(e, w); w.err != nil {
		return w.err
	}
	return ErrUsage
}

// watched is a writer that remembers how it failed.
type watched struct {
	w   io.Writer
	err error
}

// Write writes to w.
func (w *watched) Write(p []byte) (int, error) {
	n, err := w.w.Write(p)
	if err != nil {
		w.err = err
	}
	return n, err
}

// Main runs the program with the arguments of the process, and exits.
func Main(root *Command) {
	env := EnvFromOS()
	os.Exit(ExitCode(ParseAndRun(root, env, os.Args[1:]), env.Stderr))
}

// ExitCode returns the status to exit with: 0 for nil, that of an ErrExitCode, and 1 for any other error, which is
// written to w first.
func ExitCode(err error, w io.Writer) int {
	if err == nil {
		return 0
	}
	var code ErrExitCode
	if errors.As(err, &code) {
		return int(code)
	}
	fmt.Fprintf(w, "ERROR: %v\n", err) // should that fail, too, then only the status is left to tell
	return 1
}

// ParseAndRun parses the arguments and runs the command that they select.
func ParseAndRun(root *Command, env *Env, args []string) error {
	runner, args, err := Parse(root, env, args)
	if err != nil {
		return err
	}
	return runner.Run(env, args)
}

// Parse sets the flags that are among the arguments, and returns the Runner of the command that they select and its
// arguments. If they cannot be understood then it writes why to env.Stderr, and returns ErrUsage.
func Parse(root *Command, env *Env, args []string) (Runner, []string, error) {
	if err := check(root, nil); err != nil {
		return nil, nil, err
	}
	p := &parser{env: env, global: flag.CommandLine}
	runner, rest, err := p.parse([]*Command{root}, args)
	if err != nil {
		return nil, nil, err
	}
	// The flags have been set; what is left to do is to let everyone know that they have.
	return runner, rest, flag.CommandLine.Parse(nil)
}

// check returns an error if the program has a mistake in itself.
func check(cmd *Command, above []string) error {
	path := append(above, cmd.Name)
	name := strings.Join(path, " ")
	if cmd.Name == "" {
		return fmt.Errorf("cmdline: a command below %q has no name", strings.Join(above, " "))
	}
	if cmd.Runner == nil && len(cmd.Children) == 0 {
		return fmt.Errorf("cmdline: the command %q has neither a Runner nor Children", name)
	}
	if cmd.Runner != nil && len(cmd.Children) > 0 && cmd.ArgsName == "" {
		return fmt.Errorf("cmdline: the command %q has a Runner and Children, and so needs an ArgsName", name)
	}
	if err := cmd.defineFlags(); err != nil {
		return fmt.Errorf("cmdline: the command %q: %w", name, err)
	}
	for _, child := range cmd.Children {
		if err := check(child, path); err != nil {
			return err
		}
	}
	return nil
}

// pathName returns the names of the commands from the root on.
func pathName(path []*Command) string {
	names := make([]string, len(path))
	for i, cmd := range path {
		names[i] = cmd.Name
	}
	return strings.Join(names, " ")
}

// findChild returns the child with the name.
func findChild(cmd *Command, name string) *Command {
	for _, child := range cmd.Children {
		if child.Name == name {
			return child
		}
	}
	return nil
}

// program is the Runner of a command that is a program of its own.
type program struct{ path string }

// Run runs the program.
func (p program) Run(env *Env, args []string) error {
	cmd := exec.Command(p.path, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = env.Stdin, env.Stdout, env.Stderr
	for name, value := range env.Vars {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() > 0 {
		return ErrExitCode(exit.ExitCode())
	}
	return err
}
