package cmdline_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"v.io/x/lib/cmdline"
)

// TestMain hides the flags of the test binary. Called by the name of a child it is the program of that child.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "greet-dance" {
		fmt.Println("dancing with", os.Args[1:], os.Getenv("MUSIC"))
		os.Exit(3)
	}
	cmdline.HideGlobalFlagsExcept(regexp.MustCompile(`^planet$`))
	os.Exit(m.Run())
}

var planet = flag.String("planet", "earth", "where it happens")

// greeter is a program for tests: greet [-loud] hello [-times=N] <name>, and greet bye.
func greeter() *cmdline.Command {
	hello := &cmdline.Command{
		Name:     "hello",
		Short:    "says hello",
		Long:     "Command hello says hello.",
		ArgsName: "<name>",
		ArgsLong: "<name> is who is greeted.",
	}
	times := hello.Flags.Int("times", 1, "how often")
	root := &cmdline.Command{
		Name:  "greet",
		Short: "greets",
		Long:  "Command greet greets people.",
		Children: []*cmdline.Command{hello, {
			Name:             "bye",
			Short:            "says bye",
			DontInheritFlags: true,
			Runner:           cmdline.RunnerFunc(func(*cmdline.Env, []string) error { return errors.New("not yet") }),
		}},
		Topics: []cmdline.Topic{{Name: "manners", Short: "about manners", Long: "Always greet."}},
	}
	loud := root.Flags.Bool("loud", false, "whether to shout")
	hello.Runner = cmdline.RunnerFunc(func(env *cmdline.Env, args []string) error {
		if len(args) != 1 {
			return env.UsageErrorf("%d names", len(args))
		}
		text := "hello " + args[0]
		if *loud {
			text = strings.ToUpper(text)
		}
		_, err := fmt.Fprint(env.Stdout, strings.Repeat(text+" on "+*planet+"\n", *times))
		return err
	})
	return root
}

// run runs a program.
func run(root *cmdline.Command, args ...string) (code int, stdout, stderr string) {
	var out, failures bytes.Buffer
	env := &cmdline.Env{Stdin: strings.NewReader(""), Stdout: &out, Stderr: &failures}
	err := cmdline.ParseAndRun(root, env, args)
	return cmdline.ExitCode(err, &failures), out.String(), failures.String()
}

// TestRun checks which command runs, with which flags, and how mistakes are reported.
func TestRun(t *testing.T) {
	for _, test := range []struct {
		args   string
		code   int
		stdout string // whole
		stderr string // part
	}{
		{"hello ann", 0, "hello ann on earth\n", ""},
		{"hello -times=2 ann", 0, "hello ann on earth\nhello ann on earth\n", ""},
		{"-loud hello ann", 0, "HELLO ANN on earth\n", ""},
		{"hello -loud ann", 0, "HELLO ANN on earth\n", ""},
		{"hello -planet mars ann", 0, "hello ann on mars\n", ""},
		{"-planet=mars hello ann", 0, "hello ann on mars\n", ""},
		{"hello", 2, "", "ERROR: 0 names\n\nCommand hello says hello."},
		{"", 2, "", "ERROR: greet: no command specified"},
		{"dance", 2, "", `ERROR: greet: unknown command "dance"`},
		{"-quiet hello ann", 2, "", "ERROR: greet: flag provided but not defined: -quiet"},
		{"hello -times=many ann", 2, "", "invalid value"},
		{"bye", 1, "", "ERROR: not yet\n"},
		{"bye -loud", 2, "", "ERROR: greet bye: flag provided but not defined: -loud"},
		{"bye now", 2, "", `ERROR: greet bye: doesn't take arguments, and was given ["now"]`},
		{"help dance", 2, "", `ERROR: greet: unknown command or topic "dance"`},
		{"help -style=baroque", 2, "", "use compact or full"},
		{"help manners", 0, "Always greet.\n", ""},
	} {
		t.Run(test.args, func(t *testing.T) {
			defer func(before string) { *planet = before }(*planet)
			code, stdout, stderr := run(greeter(), strings.Fields(test.args)...)
			if code != test.code || stdout != test.stdout || !strings.Contains(stderr, test.stderr) ||
				test.stderr == "" && stderr != "" {
				t.Errorf("code %d\nstdout:\n%s\nstderr:\n%s", code, stdout, stderr)
			}
		})
	}
}

// TestHelp checks the text of usages.
func TestHelp(t *testing.T) {
	want := `Command greet greets people.

Usage:
   greet [flags] <command>

The greet commands are:
   hello       says hello
   bye         says bye
   help        Display help for commands or topics
Run "greet help [command]" for command usage.

The greet additional help topics are:
   manners     about manners
Run "greet help [topic]" for topic details.

The greet flags are:
 -loud=false
   whether to shout

The global flags are:
 -planet=earth
   where it happens
`
	for _, args := range [][]string{{"help"}, {"-help"}, {"-h"}, {"--help"}} {
		code, stdout, stderr := run(greeter(), args...)
		if code != 0 || stdout != want || stderr != "" {
			t.Errorf("%v: code %d, stderr %q, stdout:\n%s", args, code, stderr, stdout)
		}
	}
	wantHello := `Command hello says hello.

Usage:
   greet hello [flags] <name>

<name> is who is greeted.

The greet hello flags are:
 -loud=false
   whether to shout
 -times=1
   how often

The global flags are:
 -planet=earth
   where it happens
`
	for _, args := range [][]string{{"help", "hello"}, {"hello", "-h"}} {
		if _, stdout, _ := run(greeter(), args...); stdout != wantHello {
			t.Errorf("%v:\n%s", args, stdout)
		}
	}
	if _, stdout, _ := run(greeter(), "help", "..."); !strings.Contains(stdout, "greets people") ||
		!strings.Contains(stdout, wantHello) {
		t.Errorf("help ... shows:\n%s", stdout)
	}
	if _, stdout, _ := run(greeter(), "help", "-style=full"); !strings.Contains(stdout, "-test.v=") {
		t.Errorf("help -style=full hides flags:\n%s", stdout)
	}
}

// TestParse checks what Parse leaves behind: the flags of the command, and a flag.CommandLine that was parsed.
func TestParse(t *testing.T) {
	root := greeter()
	env := cmdline.EnvFromOS()
	runner, args, err := cmdline.Parse(root, env, []string{"hello", "-times=3", "ann", "-x"})
	if err != nil || runner == nil || len(args) != 2 || args[0] != "ann" || args[1] != "-x" {
		t.Fatalf("got %v %v %v", runner, args, err)
	}
	f := root.Children[0].ParsedFlags.Lookup("times")
	if f == nil || f.Value.String() != "3" || f.Value.(flag.Getter).Get() != 3 {
		t.Errorf("the flag is %v", f)
	}
	if !flag.Parsed() {
		t.Error("flag.CommandLine does not count as parsed")
	}
}

// TestMistakes checks that mistakes in the program itself are errors.
func TestMistakes(t *testing.T) {
	does := cmdline.RunnerFunc(func(*cmdline.Env, []string) error { return nil })
	for name, root := range map[string]*cmdline.Command{
		"no name":                   {Runner: does},
		"neither a Runner":          {Name: "x"},
		"needs an ArgsName":         {Name: "x", Runner: does, Children: []*cmdline.Command{{Name: "y", Runner: does}}},
		"below \"x\" has no name":   {Name: "x", Children: []*cmdline.Command{{Runner: does}}},
		"not a pointer to a struct": {Name: "x", Runner: does, FlagDefs: cmdline.FlagDefinitions{Flags: 1}},
		"cannot be a flag": {Name: "x", Runner: does, FlagDefs: cmdline.FlagDefinitions{Flags: &struct {
			C chan int `cmdline:"c"`
		}{}}},
		"the default of the flag -n": {Name: "x", Runner: does, FlagDefs: cmdline.FlagDefinitions{Flags: &struct {
			N int `cmdline:"n,many"`
		}{}}},
	} {
		_, _, err := cmdline.Parse(root, cmdline.EnvFromOS(), nil)
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestFlagDefs checks flags that are fields.
func TestFlagDefs(t *testing.T) {
	var flags struct {
		Wait  time.Duration `cmdline:"wait,2s,how long, at most"`
		Name  string        `cmdline:"name,,of whom"`
		Other int
	}
	root := &cmdline.Command{Name: "x", Runner: cmdline.RunnerFunc(func(*cmdline.Env, []string) error { return nil })}
	root.FlagDefs = cmdline.FlagDefinitions{
		Flags:         &flags,
		ValueDefaults: map[string]interface{}{"name": "ann"},
		UsageDefaults: map[string]string{"name": "$USER"},
	}
	if code, _, stderr := run(root); code != 0 || flags.Wait != 2*time.Second || flags.Name != "ann" {
		t.Errorf("code %d, %+v, %s", code, flags, stderr)
	}
	if code, _, stderr := run(root, "-wait=3m"); code != 0 || flags.Wait != 3*time.Minute {
		t.Errorf("code %d, %+v, %s", code, flags, stderr)
	}
	_, stdout, _ := run(root, "-h")
	if !strings.Contains(stdout, " -name=$USER\n   of whom\n -wait=2s\n   how long, at most\n") {
		t.Errorf("help:\n%s", stdout)
	}
}

// TestLookPath checks that a child may be a program of its own.
func TestLookPath(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Symlink(self, filepath.Join(dir, "greet-dance")); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir)
	root := greeter()
	if code, _, _ := run(root, "dance"); code != 2 {
		t.Errorf("a program is run that nobody looks for: code %d", code)
	}
	root.LookPath = true
	var out bytes.Buffer
	env := &cmdline.Env{Stdout: &out, Stderr: io.Discard, Vars: map[string]string{"MUSIC": "tango"}}
	err = cmdline.ParseAndRun(root, env, []string{"dance", "-fast", "ann"})
	if !errors.Is(err, cmdline.ErrExitCode(3)) || out.String() != "dancing with [-fast ann] tango\n" {
		t.Errorf("%v, wrote %q", err, out.String())
	}
}

// failing is a writer that fails.
type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errors.New("disk full") }

// TestFailingWriter checks that a usage that cannot be written is an error of its own.
func TestFailingWriter(t *testing.T) {
	env := &cmdline.Env{Stdout: failing{}, Stderr: failing{}}
	if err := cmdline.ParseAndRun(greeter(), env, []string{"help"}); err == nil || err.Error() != "disk full" {
		t.Errorf("help: %v", err)
	}
	if err := cmdline.ParseAndRun(greeter(), env, []string{"dance"}); err == nil || err.Error() != "disk full" {
		t.Errorf("mistake: %v", err)
	}
}

// TestExitCode checks the status of errors.
func TestExitCode(t *testing.T) {
	var text bytes.Buffer
	for _, test := range []struct {
		err  error
		code int
	}{
		{nil, 0}, {errors.New("bad"), 1}, {cmdline.ErrUsage, 2},
		{fmt.Errorf("wrapped: %w", cmdline.ErrExitCode(7)), 7},
	} {
		if code := cmdline.ExitCode(test.err, &text); code != test.code {
			t.Errorf("%v: code %d", test.err, code)
		}
	}
	if text.String() != "ERROR: bad\n" {
		t.Errorf("wrote %q", text.String())
	}
}

// Example runs a program with one command.
func Example() {
	root := &cmdline.Command{
		Name:     "sum",
		Short:    "adds",
		ArgsName: "<number> ...",
		Runner: cmdline.RunnerFunc(func(env *cmdline.Env, args []string) error {
			sum := 0
			for _, arg := range args {
				var n int
				if _, err := fmt.Sscan(arg, &n); err != nil {
					return env.UsageErrorf("%q is not a number", arg)
				}
				sum += n
			}
			_, err := fmt.Fprintln(env.Stdout, sum)
			return err
		}),
	}
	if err := cmdline.ParseAndRun(root, cmdline.EnvFromOS(), []string{"1", "2", "3"}); err != nil {
		fmt.Println(err)
	}
	// Output: 6
}
