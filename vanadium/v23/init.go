package v23

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime"
	"sync"

	"v.io/v23/context"
	"v.io/v23/verror"
)

// Shutdown stops the runtime, with everything that was made by it and still runs. It is called once.
type Shutdown func()

// RuntimeFactory makes a runtime. The context that it returns descends from the one it is given, which ends when the
// Shutdown is called.
type RuntimeFactory func(ctx *context.T) (Runtime, *context.T, Shutdown, error)

// errNoFactory says how a program gets a runtime.
var errNoFactory = errors.New("v23: no runtime factory is registered: " +
	"import a package below v.io/x/ref/runtime/factories for its side effect")

// state is the runtime of a process.
type state struct {
	mu sync.Mutex
	// factory makes runtimes; nil until one is registered. factorySite says where that was.
	factory     RuntimeFactory
	factorySite string
	// runtime is the one that is up; nil if none is. While it is made, starting is true. startSite says where that was.
	runtime   Runtime
	starting  bool
	startSite string
}

// process is the state of this process.
var process state

// RegisterRuntimeFactory registers the factory of the process, usually from the init function of its package. It panics
// if one is registered already, since a program has to decide.
func RegisterRuntimeFactory(f RuntimeFactory) {
	if err := process.register(f, callSite()); err != nil {
		panic(err)
	}
}

// Init starts the runtime and returns its context. It panics if that fails, and exits with status 1 if the reason is
// that the command line asked for help.
func Init() (*context.T, Shutdown) {
	ctx, shutdown, err := process.start(callSite())
	if errors.Is(err, flag.ErrHelp) {
		os.Exit(1)
	}
	if err != nil {
		panic(err)
	}
	return ctx, shutdown
}

// TryInit is Init that returns the error. It fails if no factory is registered, and while a runtime is up. Whether a
// new runtime may be started after the Shutdown of the last one depends on the factory.
func TryInit() (*context.T, Shutdown, error) {
	return process.start(callSite())
}

// callSite returns the source position of the caller's caller.
func callSite() string {
	_, file, line, ok := runtime.Caller(2)
	if !ok {
		return "an unknown place"
	}
	return fmt.Sprintf("%s:%d", file, line)
}

// register sets the factory.
func (s *state) register(f RuntimeFactory, site string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f == nil {
		return fmt.Errorf("v23: a nil runtime factory was registered at %s", site)
	}
	if s.factory != nil {
		return fmt.Errorf("v23: a second runtime factory was registered at %s; the first one was at %s",
			site, s.factorySite)
	}
	s.factory, s.factorySite = f, site
	return nil
}

// start makes the runtime. The lock is not held meanwhile, since factories use this package.
func (s *state) start(site string) (*context.T, Shutdown, error) {
	factory, err := s.begin(site)
	if err != nil {
		return nil, nil, err
	}
	root, cancel := context.RootContext()
	rt, ctx, stop, err := factory(root)
	s.mu.Lock()
	s.starting = false
	if err == nil {
		s.runtime = rt
	}
	s.mu.Unlock()
	if err != nil {
		cancel()
		return nil, nil, err
	}
	verror.SetDefaultContext(ctx)
	var once sync.Once
	return ctx, func() {
		once.Do(func() {
			cancel()
			stop()
			s.end()
		})
	}, nil
}

// begin claims the right to start a runtime.
func (s *state) begin(site string) (RuntimeFactory, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.factory == nil {
		return nil, errNoFactory
	}
	if s.starting || s.runtime != nil {
		return nil, fmt.Errorf("v23: a runtime is up already, started at %s; shut it down first", s.startSite)
	}
	s.starting, s.startSite = true, site
	return s.factory, nil
}

// end forgets the runtime.
func (s *state) end() {
	verror.SetDefaultContext(nil)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.runtime = nil
}

// current returns the runtime that is up. It panics if none is: that is a mistake in the program, which has no way
// to go on.
func (s *state) current() Runtime {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.runtime == nil {
		panic("v23: no runtime is up: call v23.Init first")
	}
	return s.runtime
}
