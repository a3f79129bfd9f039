package cmdline

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os/exec"
	"reflect"
	"strings"
	"time"
)

// parser parses one command line.
type parser struct {
	env    *Env
	global *flag.FlagSet
}

// parse parses the arguments of the last command of the path.
func (p *parser) parse(path []*Command, args []string) (Runner, []string, error) {
	cmd := path[len(path)-1]
	usage := &usage{path: path, global: p.global}
	p.env.Usage = func(_ *Env, w io.Writer) {
		if err := usage.write(w); err != nil {
			return // w has failed, which its owner learns from it
		}
	}
	flags := visibleFlags(path, p.global)
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return &help{path: path, global: p.global}, nil, nil
	case err != nil:
		return nil, nil, p.env.UsageErrorf("%s: %v", pathName(path), err)
	}
	cmd.ParsedFlags = flags
	return p.choose(path, flags.Args())
}

// choose selects what the arguments after the flags are for.
func (p *parser) choose(path []*Command, args []string) (Runner, []string, error) {
	cmd := path[len(path)-1]
	if len(args) == 0 {
		if cmd.Runner == nil {
			return nil, nil, p.env.UsageErrorf("%s: no command specified", pathName(path))
		}
		return cmd.Runner, nil, nil
	}
	if child := findChild(cmd, args[0]); child != nil {
		return p.parse(append(path, child), args[1:])
	}
	if args[0] == helpName && hasHelp(cmd) {
		return p.parseHelp(path, args[1:])
	}
	if cmd.LookPath {
		if found, err := exec.LookPath(cmd.Name + "-" + args[0]); err == nil {
			return program{found}, args[1:], nil
		}
	}
	switch {
	case cmd.Runner == nil:
		return nil, nil, p.env.UsageErrorf("%s: unknown command %q", pathName(path), args[0])
	case cmd.ArgsName == "":
		return nil, nil, p.env.UsageErrorf("%s: doesn't take arguments, and was given %q", pathName(path), args)
	}
	return cmd.Runner, args, nil
}

// visibleFlags returns the flags that the last command of the path understands.
func visibleFlags(path []*Command, global *flag.FlagSet) *flag.FlagSet {
	cmd := path[len(path)-1]
	flags := flag.NewFlagSet(pathName(path), flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	share(flags, &cmd.Flags)
	for i := len(path) - 2; i >= 0; i-- {
		if path[i+1].DontInheritFlags || path[i].DontPropagateFlags {
			break
		}
		share(flags, &path[i].Flags)
	}
	share(flags, global)
	return flags
}

// share adds those flags of owner to flags that have new names.
func share(flags, owner *flag.FlagSet) {
	owner.VisitAll(func(f *flag.Flag) {
		if flags.Lookup(f.Name) == nil {
			flags.Var(&shared{owner: owner, flag: f}, f.Name, f.Usage)
			flags.Lookup(f.Name).DefValue = f.DefValue
		}
	})
}

// shared is the value of a flag of another set.
type shared struct {
	owner *flag.FlagSet
	flag  *flag.Flag
}

// Set sets the flag in its own set, which then knows that it was.
func (s *shared) Set(text string) error { return s.owner.Set(s.flag.Name, text) }

// String returns the value.
func (s *shared) String() string {
	if s.flag == nil {
		return "" // package flag asks a zero value
	}
	return s.flag.Value.String()
}

// Get returns the value as what it is.
func (s *shared) Get() interface{} {
	if getter, ok := s.flag.Value.(flag.Getter); ok {
		return getter.Get()
	}
	return s.String()
}

// IsBoolFlag reports whether the flag needs no value.
func (s *shared) IsBoolFlag() bool {
	boolean, ok := s.flag.Value.(interface{ IsBoolFlag() bool })
	return ok && boolean.IsBoolFlag()
}

// FlagDefinitions are flags that are fields of a struct.
type FlagDefinitions struct {
	// Flags is a pointer to a struct whose fields with the tag
	//	cmdline:"name,default,usage"
	// are flags of the types bool, int, int64, uint, uint64, float64, string, time.Duration, or of any type whose
	// pointer is a flag.Value. The usage may have commas. Nil has no flags.
	Flags interface{}
	// ValueDefaults are defaults by the name of the flag, in place of those in tags.
	ValueDefaults map[string]interface{}
	// UsageDefaults are what usages call the defaults, by the name of the flag.
	UsageDefaults map[string]string
}

// defineFlags adds the flags of FlagDefs to Flags, unless they are there already.
func (cmd *Command) defineFlags() error {
	if cmd.FlagDefs.Flags == nil {
		return nil
	}
	pointer := reflect.ValueOf(cmd.FlagDefs.Flags)
	if pointer.Kind() != reflect.Pointer || pointer.Elem().Kind() != reflect.Struct {
		return fmt.Errorf("FlagDefs.Flags is a %T, and not a pointer to a struct", cmd.FlagDefs.Flags)
	}
	fields := pointer.Elem()
	for i := range fields.NumField() {
		tag, ok := fields.Type().Field(i).Tag.Lookup("cmdline")
		if !ok {
			continue
		}
		parts := append(strings.SplitN(tag, ",", 3), "", "")
		name, value, usage := parts[0], parts[1], parts[2]
		if cmd.Flags.Lookup(name) != nil {
			continue
		}
		if other, ok := cmd.FlagDefs.ValueDefaults[name]; ok {
			value = fmt.Sprint(other)
		}
		if err := defineFlag(&cmd.Flags, fields.Field(i).Addr().Interface(), name, usage); err != nil {
			return fmt.Errorf("field %s: %w", fields.Type().Field(i).Name, err)
		}
		if err := setDefault(cmd.Flags.Lookup(name), value, cmd.FlagDefs.UsageDefaults[name]); err != nil {
			return fmt.Errorf("field %s: %w", fields.Type().Field(i).Name, err)
		}
	}
	return nil
}

// defineFlag adds the flag whose value is what the pointer points to.
func defineFlag(flags *flag.FlagSet, pointer interface{}, name, usage string) error {
	if name == "" {
		return errors.New("the tag has no name for the flag")
	}
	switch p := pointer.(type) {
	case flag.Value:
		flags.Var(p, name, usage)
	case *bool:
		flags.BoolVar(p, name, *p, usage)
	case *int:
		flags.IntVar(p, name, *p, usage)
	case *int64:
		flags.Int64Var(p, name, *p, usage)
	case *uint:
		flags.UintVar(p, name, *p, usage)
	case *uint64:
		flags.Uint64Var(p, name, *p, usage)
	case *float64:
		flags.Float64Var(p, name, *p, usage)
	case *string:
		flags.StringVar(p, name, *p, usage)
	case *time.Duration:
		flags.DurationVar(p, name, *p, usage)
	default:
		return fmt.Errorf("a %T cannot be a flag", pointer)
	}
	return nil
}

// setDefault sets the default value of a new flag, and what usages call it.
func setDefault(f *flag.Flag, value, called string) error {
	if value != "" {
		if err := f.Value.Set(value); err != nil {
			return fmt.Errorf("the default of the flag -%s: %w", f.Name, err)
		}
		f.DefValue = f.Value.String()
	}
	if called != "" {
		f.DefValue = called
	}
	return nil
}
