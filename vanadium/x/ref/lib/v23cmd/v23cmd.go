// Package v23cmd runs commands of package cmdline within a Vanadium runtime.
package v23cmd

import (
	"fmt"

	v23 "v.io/v23"
	"v.io/v23/context"
	"v.io/x/lib/cmdline"
)

// InitFunc initializes the runtime; v23.TryInit is one.
type InitFunc func() (*context.T, v23.Shutdown, error)

// RunnerFunc makes a cmdline.Runner of a function that needs a context: the runtime
// is initialized before it runs, after the flags were parsed, and shut down after.
func RunnerFunc(run func(*context.T, *cmdline.Env, []string) error) cmdline.Runner {
	return RunnerFuncWithInit(run, v23.TryInit)
}

// RunnerFuncWithInit is like RunnerFunc, with another way to initialize the runtime.
func RunnerFuncWithInit(run func(*context.T, *cmdline.Env, []string) error, init InitFunc) cmdline.Runner {
	return &runner{run: run, init: init}
}

// runner implements cmdline.Runner.
type runner struct {
	run  func(*context.T, *cmdline.Env, []string) error
	init InitFunc
}

// Run implements cmdline.Runner.
func (r *runner) Run(env *cmdline.Env, args []string) error {
	ctx, shutdown, err := r.init()
	if err != nil {
		return fmt.Errorf("initializing the runtime: %w", err)
	}
	defer shutdown()
	return r.run(ctx, env, args)
}

// ParseAndRunForTest parses args and runs the command they select, with a context
// that the test has. Commands made by RunnerFunc do not initialize the runtime then.
func ParseAndRunForTest(cmd *cmdline.Command, ctx *context.T, env *cmdline.Env, args []string) error {
	selected, rest, err := cmdline.Parse(cmd, env, args)
	if err != nil {
		return err
	}
	if r, ok := selected.(*runner); ok {
		return r.run(ctx, env, rest)
	}
	return selected.Run(env, rest)
}
