package rpc

import (
	"fmt"
	"slices"
	"time"

	"v.io/v23/naming"
)

// ServerState is a stage in the life of a server.
type ServerState int

// The states, in order.
const (
	ServerInitializing ServerState = iota // getting ready to accept calls
	ServerReady                           // accepting calls
	ServerStopping                        // unmounting, and waiting for calls in progress
	ServerStopped                         // done
)

// String returns the name of the state.
func (s ServerState) String() string {
	switch s {
	case ServerInitializing:
		return "Initializing"
	case ServerReady:
		return "Ready"
	case ServerStopping:
		return "Stopping"
	case ServerStopped:
		return "Stopped"
	}
	return fmt.Sprintf("ServerState(%d)", int(s))
}

// ServerStatus is the state of a server at one time.
type ServerStatus struct {
	State            ServerState
	ServesMountTable bool // whether it is mounted as a mount table

	// PublisherStatus has one entry per name and endpoint.
	PublisherStatus []PublisherEntry
	// Endpoints are where the server listens. There is always at least one, which may be a placeholder.
	Endpoints []naming.Endpoint
	// ListenErrors has the last error for each address of the ListenSpec on which listening failed.
	ListenErrors map[struct{ Protocol, Address string }]error
	// ProxyErrors has the last error for each proxy that cannot be used.
	ProxyErrors map[string]error
	// Dirty is closed when the status has changed.
	Dirty <-chan struct{}
}

// PublisherState is the state of one name of a server in the mount table.
type PublisherState int

// The states of a name.
const (
	PublisherUnmounted  PublisherState = iota // not mounted
	PublisherMounting                         // to be mounted, not yet successful
	PublisherMounted                          // mounted
	PublisherUnmounting                       // to be unmounted
)

// String returns the name of the state.
func (s PublisherState) String() string {
	switch s {
	case PublisherUnmounted:
		return "Unmounted"
	case PublisherMounting:
		return "Mounting"
	case PublisherMounted:
		return "Mounted"
	case PublisherUnmounting:
		return "Unmounting"
	}
	return fmt.Sprintf("PublisherState(%d)", int(s))
}

// PublisherEntry is the state of one name at one endpoint of a server.
type PublisherEntry struct {
	Name           string         // the name it is mounted on
	Server         string         // the endpoint that is mounted
	LastMount      time.Time      // when a mount was last tried
	LastMountErr   error          // how that failed, or nil
	TTL            time.Duration  // how long the mount lives
	LastUnmount    time.Time      // when an unmount was last tried
	LastUnmountErr error          // how that failed, or nil
	LastState      PublisherState // what was reached
	DesiredState   PublisherState // what is wanted
}

// String returns the entry in one line.
func (e PublisherEntry) String() string {
	return fmt.Sprintf("{%s at %s: %v, wanted %v, ttl %v, mounted %v (%v), unmounted %v (%v)}",
		e.Name, e.Server, e.LastState, e.DesiredState, e.TTL,
		e.LastMount, e.LastMountErr, e.LastUnmount, e.LastUnmountErr)
}

// PublisherNames returns the names of the entries, each once, sorted.
func PublisherNames(entries []PublisherEntry) []string {
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// PublisherServers returns the servers of the entries, each once, sorted.
func PublisherServers(entries []PublisherEntry) []string {
	servers := make([]string, len(entries))
	for i, e := range entries {
		servers[i] = e.Server
	}
	slices.Sort(servers)
	return slices.Compact(servers)
}
