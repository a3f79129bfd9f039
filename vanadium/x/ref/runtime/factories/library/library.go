// Package library initializes the Vanadium runtime from flags and the environment. The
// other factories register its Init; programs import one of those.
package library

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	v23 "v.io/v23"
	"v.io/v23/context"
	"v.io/v23/rpc"
	"v.io/x/lib/vlog"

	"v.io/x/ref"
	"v.io/x/ref/lib/flags"
	"v.io/x/ref/runtime/internal/rt"
)

// The knobs below are set by factories before Init is called, and not changed after.
var (
	// AllowMultipleInitializations lets Init be called again after the runtime was shut
	// down.
	AllowMultipleInitializations = false

	// EnableCommandlineFlags makes Init parse flag.CommandLine, unless it was parsed
	// already, and look at the flags that RegisterFlags defined.
	EnableCommandlineFlags = true

	// RefreshAddresses is how often servers that listen on all interfaces look for other
	// addresses of the host; 0 for never.
	RefreshAddresses time.Duration

	// ReservedNameDispatcher serves reserved names on all servers of the process; nil
	// for none.
	ReservedNameDispatcher rpc.Dispatcher
)

// How often credentials are read again, and names mounted again, unless the
// environment says otherwise.
const (
	defaultReload  = 5 * time.Minute
	defaultPublish = time.Minute
)

var state struct {
	sync.Mutex
	flags       *flags.Flags
	initialized bool
}

// RegisterFlags defines the runtime's flags on flag.CommandLine, once. The factories
// call it when they are imported.
func RegisterFlags() {
	state.Lock()
	defer state.Unlock()
	if state.flags == nil {
		state.flags = flags.Register(flag.CommandLine)
	}
}

// Init is a v23.RuntimeFactory.
func Init(*context.T) (v23.Runtime, *context.T, v23.Shutdown, error) {
	f, err := begin()
	if err != nil {
		return nil, nil, nil, err
	}
	reload, err := interval(ref.EnvCredentialsReloadInterval, defaultReload)
	if err != nil {
		return nil, nil, nil, err
	}
	publish, err := interval(ref.EnvPublishPeriod, defaultPublish)
	if err != nil {
		return nil, nil, nil, err
	}
	r, ctx, shutdown, err := rt.Init(rt.Config{
		Logger:         vlog.Log,
		Credentials:    f.Credentials(),
		ReloadInterval: reload,
		NamespaceRoots: f.NamespaceRoots(),
		ListenSpec:     f.ListenSpec(),
		Permissions:    f.PermissionsSpec(),
		Reserved:       ReservedNameDispatcher,

		RefreshAddresses: RefreshAddresses,
		PublishPeriod:    publish,
	})
	if err != nil {
		return nil, nil, nil, err
	}
	return r, ctx, shutdown, nil
}

// begin parses the flags and notes that the runtime is initialized.
func begin() (*flags.Flags, error) {
	RegisterFlags()
	state.Lock()
	defer state.Unlock()
	if state.initialized && !AllowMultipleInitializations {
		return nil, fmt.Errorf("the runtime was initialized before, and this factory allows that once")
	}
	f := state.flags
	if EnableCommandlineFlags && !flag.Parsed() {
		if err := flag.CommandLine.Parse(os.Args[1:]); err != nil {
			return nil, err
		}
	}
	if err := errors.Join(f.Validate(), configureLog()); err != nil {
		return nil, err
	}
	state.initialized = true
	return f, nil
}

// logFlags are the flags of the logger, except for its verbosity in tests.
var logFlags = []string{
	"v", "log_dir", "logtostderr", "alsologtostderr", "stderrthreshold", "vmodule", "vpath",
	"log_backtrace_at", "max_stack_buf_size",
}

// configureLog configures the logger if one of its flags was given. Otherwise, or if the
// program did so itself, the logger stays as it is.
func configureLog() error {
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || slices.Contains(logFlags, f.Name) })
	if !given || !EnableCommandlineFlags || testFlags() {
		return nil
	}
	if err := vlog.ConfigureLibraryLoggerFromFlags(); err != nil && !errors.Is(err, vlog.ErrConfigured) {
		return fmt.Errorf("configuring the log: %w", err)
	}
	return nil
}

// testFlags tells whether this is a test, in which -v is not the logger's.
func testFlags() bool { return flag.Lookup("test.v") != nil }

// interval is the positive duration in an environment variable, or otherwise when it is
// empty.
func interval(name string, otherwise time.Duration) (time.Duration, error) {
	v := ref.Getenv(name)
	if v == "" {
		return otherwise, nil
	}
	d, err := time.ParseDuration(v)
	if err == nil && d <= 0 {
		err = errors.New("it must be positive")
	}
	if err != nil {
		return 0, fmt.Errorf("$%v=%q: %w", name, v, err)
	}
	return d, nil
}
