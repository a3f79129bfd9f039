package test

import (
	"fmt"

	v23 "v.io/v23"
	"v.io/v23/context"
	"v.io/v23/options"

	"v.io/x/ref/services/mounttable/mounttablelib"
)

// V23InitWithMounttable is V23Init with a mount table in the process, which is the root of
// the namespace and open to everyone.
func V23InitWithMounttable() (*context.T, v23.Shutdown) {
	ctx, shutdown := V23Init()
	if err := startMounttable(ctx); err != nil {
		shutdown()
		panic(fmt.Errorf("test: %w", err))
	}
	return ctx, shutdown
}

// startMounttable starts a mount table and makes it the namespace's root.
func startMounttable(ctx *context.T) error {
	disp, err := mounttablelib.NewMountTableDispatcher(ctx, "", "", "mounttable")
	if err != nil {
		return fmt.Errorf("mount table: %w", err)
	}
	_, server, err := v23.WithNewDispatchingServer(ctx, "", disp, options.ServesMountTable(true))
	if err != nil {
		return fmt.Errorf("serving the mount table: %w", err)
	}
	status := server.Status()
	if len(status.ListenErrors) > 0 {
		return fmt.Errorf("serving the mount table: %v", status.ListenErrors)
	}
	return v23.GetNamespace(ctx).SetRoots(status.Endpoints[0].Name())
}
