package testutil

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"v.io/v23"
	"v.io/v23/context"
	"v.io/v23/naming"
	"v.io/v23/rpc"
	"v.io/v23/security"
	"v.io/v23/verror"
)

// WaitForServerReady waits until server accepts calls, or stops, and returns its
// status then.
func WaitForServerReady(server rpc.Server) rpc.ServerStatus {
	return waitForStatus(server, func(status *rpc.ServerStatus) bool {
		return status.State >= rpc.ServerReady
	})
}

// WaitForServerPublished waits until server accepts calls and all its names are
// mounted at all its endpoints, or until it stops, and returns its status then.
func WaitForServerPublished(server rpc.Server) rpc.ServerStatus {
	return waitForStatus(server, func(status *rpc.ServerStatus) bool {
		if status.State != rpc.ServerReady {
			return status.State > rpc.ServerReady
		}
		return !slices.ContainsFunc(status.PublisherStatus, func(entry rpc.PublisherEntry) bool {
			return entry.LastState != entry.DesiredState || entry.LastMountErr != nil
		})
	})
}

func waitForStatus(server rpc.Server, reached func(*rpc.ServerStatus) bool) rpc.ServerStatus {
	for {
		status := server.Status()
		if reached(&status) {
			return status
		}
		select {
		case <-status.Dirty:
		case <-server.Closed():
			return server.Status()
		}
	}
}

// LeafDispatcher returns a dispatcher that serves object under the empty suffix
// alone, as v23.WithNewServer does.
func LeafDispatcher(object any, authorizer security.Authorizer) rpc.Dispatcher {
	return &leafDispatcher{object, authorizer}
}

type leafDispatcher struct {
	object     any
	authorizer security.Authorizer
}

func (d *leafDispatcher) Lookup(ctx *context.T, suffix string) (any, security.Authorizer, error) {
	if suffix != "" {
		return nil, nil, verror.ErrUnknownSuffix.Errorf(ctx, "a leaf has nothing at suffix %q", suffix)
	}
	return d.object, d.authorizer, nil
}

// GlobName asks the object at name for the names below it that match pattern. It
// returns them sorted, what the object could not search, and what went wrong
// with the call itself.
func GlobName(ctx *context.T, name, pattern string) ([]string, []*naming.GlobError, error) {
	call, err := v23.GetClient(ctx).StartCall(ctx, name, rpc.GlobMethod, []any{pattern})
	if err != nil {
		return nil, nil, err
	}
	var names []string
	var failures []*naming.GlobError
	for {
		var reply naming.GlobReply
		err := call.Recv(&reply)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, nil, errors.Join(err, call.Finish())
		}
		switch reply := reply.(type) {
		case naming.GlobReplyEntry:
			names = append(names, reply.Value.Name)
		case naming.GlobReplyError:
			failures = append(failures, &reply.Value)
		default:
			return nil, nil, errors.Join(fmt.Errorf("testutil: glob replied with a %T", reply), call.Finish())
		}
	}
	slices.Sort(names)
	return names, failures, call.Finish()
}
