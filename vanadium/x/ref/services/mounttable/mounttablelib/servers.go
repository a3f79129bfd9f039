package mounttablelib

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"

	"v.io/v23"
	"v.io/v23/context"
	"v.io/v23/options"
	"v.io/v23/rpc"
	"v.io/v23/verror"
	"v.io/x/ref/lib/signals"
)

// StartServers starts a mount table that listens where listenSpec says, and mounts it on mountName unless that is "".
// permsFile and persistDir are as for NewMountTableDispatcher. There is no neighborhood, a mount table of the local
// network without configuration, so nhName must be ""; debugPrefix and logLevel, which are of the neighborhood and of
// statistics, are without effect. It returns the name of the mount table and a function that stops it. When ctx ends
// meanwhile, the error wraps its.
func StartServers(ctx *context.T, listenSpec rpc.ListenSpec, mountName, nhName, permsFile, persistDir,
	debugPrefix string, logLevel int) (string, func(), error) {
	if nhName != "" {
		return "", nil, verror.ErrNotImplemented.Errorf(ctx, "there is no neighborhood for the name %q", nhName)
	}
	ctx, cancel := context.WithCancel(ctx)
	dispatcher, err := NewMountTableDispatcher(ctx, permsFile, persistDir, debugPrefix)
	if err != nil {
		cancel()
		return "", nil, err
	}
	_, server, err := v23.WithNewDispatchingServer(v23.WithListenSpec(ctx, listenSpec), mountName, dispatcher,
		options.ServesMountTable(true))
	if err != nil {
		cancel()
		return "", nil, err
	}
	stop := func() {
		cancel()
		<-server.Closed()
	}
	name, err := nameOf(server)
	if err != nil {
		if ctx.Err() != nil { // Then the server has no addresses any more, whatever the ListenSpec says.
			err = fmt.Errorf("mounttable: ended while it started: %w", ctx.Err())
		}
		stop()
		return "", nil, err
	}
	return name, stop, nil
}

// nameOf returns the name of the server. A mount table that does not listen everywhere it should is of no use.
func nameOf(server rpc.Server) (string, error) {
	status := server.Status()
	if len(status.ListenErrors) > 0 {
		failures := slices.Collect(maps.Values(status.ListenErrors))
		return "", fmt.Errorf("mounttable: cannot listen: %w", errors.Join(failures...))
	}
	if len(status.Endpoints) == 0 || status.Endpoints[0].Address == "" {
		return "", errors.New("mounttable: there is nowhere to listen: the ListenSpec has no addresses")
	}
	return status.Endpoints[0].Name(), nil
}

// Opts are the options of Main.
type Opts struct {
	MountName  string // where to mount the mount table; "" is nowhere
	AclFile    string // the permissions file; "" is open to all
	NhName     string // must be "", since there is no neighborhood
	PersistDir string // where to keep permissions; "" is nowhere
	LogLevel   int    // without effect
}

// InitFlags registers flags for the options.
func (o *Opts) InitFlags(f *flag.FlagSet) {
	f.StringVar(&o.MountName, "name", o.MountName, "name to mount the mount table on")
	f.StringVar(&o.AclFile, "acls", o.AclFile, "permissions file; without one all names are open to all")
	f.StringVar(&o.NhName, "neighborhood-name", o.NhName, "must be empty: there is no neighborhood")
	f.StringVar(&o.PersistDir, "persist-dir", o.PersistDir, "directory in which to keep permissions")
	f.IntVar(&o.LogLevel, "mounttable-log-level", o.LogLevel, "without effect")
}

// Main starts the runtime, runs a mount table, and returns after a signal to stop.
func Main(opts Opts) error {
	ctx, shutdown, err := v23.TryInit()
	if err != nil {
		return err
	}
	defer shutdown()
	return MainWithCtx(ctx, opts)
}

// MainWithCtx runs a mount table that listens where the context says, prints NAME= and its name on standard output, and
// returns after a signal to stop or when the context ends.
func MainWithCtx(ctx *context.T, opts Opts) error {
	name, stop, err := StartServers(ctx, v23.GetListenSpec(ctx), opts.MountName, opts.NhName, opts.AclFile,
		opts.PersistDir, "mounttable", opts.LogLevel)
	if ended := ctx.Err(); ended != nil && errors.Is(err, ended) {
		return nil
	}
	if err != nil {
		return err
	}
	defer stop()
	if _, err := fmt.Fprintf(os.Stdout, "NAME=%s\n", name); err != nil {
		return err
	}
	<-signals.ShutdownOnSignals(ctx)
	return nil
}
