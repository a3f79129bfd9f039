package v23cmd_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	v23 "v.io/v23"
	"v.io/v23/context"
	"v.io/x/lib/cmdline"

	"v.io/x/ref/lib/v23cmd"
	_ "v.io/x/ref/runtime/factories/generic"
	"v.io/x/ref/test"
)

var greet = &cmdline.Command{
	Name:     "greet",
	Short:    "greets",
	Long:     "Command greet greets.",
	ArgsName: "<name>",
	Runner: v23cmd.RunnerFunc(func(ctx *context.T, env *cmdline.Env, args []string) error {
		if v23.GetPrincipal(ctx) == nil {
			return errors.New("there is no principal")
		}
		_, err := fmt.Fprintln(env.Stdout, "hello", strings.Join(args, " "))
		return err
	}),
}

func environment(out *bytes.Buffer) *cmdline.Env {
	return &cmdline.Env{Stdout: out, Stderr: out, Vars: map[string]string{}}
}

func TestRunnerInitializesTheRuntime(t *testing.T) {
	var out bytes.Buffer
	if err := cmdline.ParseAndRun(greet, environment(&out), []string{"you"}); err != nil || out.String() != "hello you\n" {
		t.Fatalf("%q, %v", out.String(), err)
	}
	// It was shut down again.
	_, shutdown, err := v23.TryInit()
	if err != nil {
		t.Fatal(err)
	}
	shutdown()
}

func TestFailureToInitialize(t *testing.T) {
	failure := errors.New("no runtime today")
	runner := v23cmd.RunnerFuncWithInit(func(*context.T, *cmdline.Env, []string) error {
		t.Error("the command ran")
		return nil
	}, func() (*context.T, v23.Shutdown, error) { return nil, nil, failure })
	var out bytes.Buffer
	if err := runner.Run(environment(&out), nil); !errors.Is(err, failure) {
		t.Errorf("got %v", err)
	}
}

func ExampleParseAndRunForTest() {
	ctx, shutdown := test.V23Init()
	defer shutdown()
	var out bytes.Buffer
	if err := v23cmd.ParseAndRunForTest(greet, ctx, environment(&out), []string{"world"}); err != nil {
		fmt.Println(err)
	}
	fmt.Print(out.String())
	// Output: hello world
}
