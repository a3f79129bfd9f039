package cmdline

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// helpName is the name of the command that every command with children or topics has.
const helpName = "help"

// hasHelp reports whether the command has the command help.
func hasHelp(cmd *Command) bool { return len(cmd.Children) > 0 || len(cmd.Topics) > 0 }

// shownGlobals are the global flags that usages show; nil shows all.
var shownGlobals struct {
	sync.Mutex
	patterns []*regexp.Regexp
}

// HideGlobalFlagsExcept keeps the flags of flag.CommandLine out of usages, except for those whose names a regexp
// matches. Help in the style full shows all.
func HideGlobalFlagsExcept(regexps ...*regexp.Regexp) {
	shownGlobals.Lock()
	defer shownGlobals.Unlock()
	shownGlobals.patterns = append(make([]*regexp.Regexp, 0, len(regexps)), regexps...)
}

// showsGlobal reports whether usages show the global flag.
func showsGlobal(name string) bool {
	shownGlobals.Lock()
	defer shownGlobals.Unlock()
	return shownGlobals.patterns == nil ||
		slices.ContainsFunc(shownGlobals.patterns, func(r *regexp.Regexp) bool { return r.MatchString(name) })
}

// help is the Runner of help about the last command of the path.
type help struct {
	path   []*Command
	global *flag.FlagSet
	full   bool
}

// parseHelp parses the arguments of help.
func (p *parser) parseHelp(path []*Command, args []string) (Runner, []string, error) {
	flags := flag.NewFlagSet(helpName, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	style := flags.String("style", "compact", "compact, or full with all flags")
	err := flags.Parse(args)
	if err == nil && *style != "compact" && *style != "full" {
		err = fmt.Errorf("there is no style %q: use compact or full", *style)
	}
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		return nil, nil, p.env.UsageErrorf("%s %s: %v", pathName(path), helpName, err)
	}
	return &help{path: path, global: p.global, full: *style == "full"}, flags.Args(), nil
}

// Run writes help: about the command, or about the commands or the topic below it that the arguments lead to, or about
// everything if the only argument is "...".
func (h *help) Run(env *Env, args []string) error {
	path := h.path
	for i, arg := range args {
		cmd := path[len(path)-1]
		if arg == "..." && i == len(args)-1 {
			return h.writeAll(env.Stdout, path)
		}
		if child := findChild(cmd, arg); child != nil {
			path = append(slices.Clone(path), child)
			continue
		}
		for _, topic := range cmd.Topics {
			if topic.Name == arg {
				_, err := fmt.Fprintln(env.Stdout, strings.TrimSpace(topic.Long))
				return err
			}
		}
		return env.UsageErrorf("%s: unknown command or topic %q", pathName(path), arg)
	}
	return (&usage{path: path, global: h.global, full: h.full}).write(env.Stdout)
}

// writeAll writes the usages of the last command and of all below it.
func (h *help) writeAll(w io.Writer, path []*Command) error {
	if err := (&usage{path: path, global: h.global, full: h.full}).write(w); err != nil {
		return err
	}
	for _, child := range path[len(path)-1].Children {
		if _, err := fmt.Fprintln(w, strings.Repeat("=", 80)); err != nil {
			return err
		}
		if err := h.writeAll(w, append(slices.Clone(path), child)); err != nil {
			return err
		}
	}
	return nil
}

// usage is the text of how the last command of the path is used.
type usage struct {
	path   []*Command
	global *flag.FlagSet
	full   bool // whether hidden flags are shown
}

// write writes the text.
func (u *usage) write(w io.Writer) error {
	cmd := u.path[len(u.path)-1]
	var text strings.Builder
	if long := strings.TrimSpace(cmd.Long); long != "" {
		text.WriteString(long + "\n\n")
	}
	u.synopsis(&text, cmd)
	u.children(&text, cmd)
	if long := strings.TrimSpace(cmd.ArgsLong); long != "" {
		fmt.Fprintf(&text, "\n%s\n", long)
	}
	u.topics(&text, cmd)
	own := func(string) bool { return true }
	section(&text, fmt.Sprintf("The %s flags are:", pathName(u.path)), visibleFlags(u.path, new(flag.FlagSet)), own)
	globals := showsGlobal
	if u.full {
		globals = own
	}
	section(&text, "The global flags are:", u.global, globals)
	_, err := io.WriteString(w, text.String())
	return err
}

// synopsis writes the forms of the command.
func (u *usage) synopsis(text *strings.Builder, cmd *Command) {
	line := "   " + pathName(u.path)
	if hasFlags(visibleFlags(u.path, u.global)) {
		line += " [flags]"
	}
	text.WriteString("Usage:\n")
	if cmd.Runner != nil {
		text.WriteString(strings.TrimRight(line+" "+cmd.ArgsName, " ") + "\n")
	}
	if len(cmd.Children) > 0 {
		text.WriteString(line + " <command>\n")
	}
}

// hasFlags reports whether there are any.
func hasFlags(flags *flag.FlagSet) bool {
	found := false
	flags.VisitAll(func(*flag.Flag) { found = true })
	return found
}

// children writes the list of commands.
func (u *usage) children(text *strings.Builder, cmd *Command) {
	if !hasHelp(cmd) {
		return
	}
	name := pathName(u.path)
	fmt.Fprintf(text, "\nThe %s commands are:\n", name)
	for _, child := range cmd.Children {
		fmt.Fprintf(text, "   %-11s %s\n", child.Name, strings.TrimSpace(child.Short))
	}
	fmt.Fprintf(text, "   %-11s %s\n", helpName, "Display help for commands or topics")
	fmt.Fprintf(text, "Run \"%s help [command]\" for command usage.\n", name)
}

// topics writes the list of topics.
func (u *usage) topics(text *strings.Builder, cmd *Command) {
	if len(cmd.Topics) == 0 {
		return
	}
	name := pathName(u.path)
	fmt.Fprintf(text, "\nThe %s additional help topics are:\n", name)
	for _, topic := range cmd.Topics {
		fmt.Fprintf(text, "   %-11s %s\n", topic.Name, strings.TrimSpace(topic.Short))
	}
	fmt.Fprintf(text, "Run \"%s help [topic]\" for topic details.\n", name)
}

// section writes the flags that are shown, if there are any.
func section(text *strings.Builder, title string, flags *flag.FlagSet, shown func(name string) bool) {
	flags.VisitAll(func(f *flag.Flag) {
		if !shown(f.Name) {
			return
		}
		if title != "" {
			fmt.Fprintf(text, "\n%s\n", title)
			title = ""
		}
		fmt.Fprintf(text, " -%s=%s\n   %s\n", f.Name, f.DefValue, strings.TrimSpace(f.Usage))
	})
}
