package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"v.io/v23"
	vcontext "v.io/v23/context"
	"v.io/v23/options"
	"v.io/v23/rpc"
	"v.io/v23/security"
	"v.io/v23/security/access"

	"v.io/x/ref/lib/raft"
	"v.io/x/ref/lib/raft/cmd/internal/boot"
	"v.io/x/ref/lib/raft/cmd/internal/command"
	"v.io/x/ref/lib/raft/cmd/internal/keyvalue"
	"v.io/x/ref/lib/raft/internal/vfs"
)

// logDir is where a member keeps its log, in its directory.
const logDir = "log"

// lockBound is how long a member waits for the one before it, which may be ending,
// to let go of the directory.
const lockBound = 5 * time.Second

// lockRetry is how often it looks.
const lockRetry = 50 * time.Millisecond

// lameDuck is how long calls under way may go on when a member stops.
const lameDuck = 200 * time.Millisecond

// memberFlags are the flags of "raftd member".
type memberFlags struct {
	dir, credentials, namespace string
	id, name, members           string
	clients, peers, admins      string
	join                        bool
}

// parseMemberFlags parses the arguments of "raftd member".
func parseMemberFlags(std command.Streams, args []string) (memberFlags, error) {
	var f memberFlags
	set := flag.NewFlagSet("raftd member", flag.ContinueOnError)
	set.SetOutput(std.Err)
	set.StringVar(&f.dir, "dir", "", "the member's `directory`")
	set.StringVar(&f.credentials, "credentials", "", "the `directory` of the member's principal")
	set.StringVar(&f.namespace, "namespace", "", "the `name` of the mount table")
	set.StringVar(&f.id, "id", "", "the member's id and address, `host:port`")
	set.StringVar(&f.name, "name", "raft", "the `name` to mount all members under")
	set.StringVar(&f.members, "members", "", "the ids of all members, separated by commas")
	set.StringVar(&f.clients, "clients", "", "who may read and write: a blessing `pattern`")
	set.StringVar(&f.peers, "peers", "", "who may be a member: a blessing `pattern`")
	set.StringVar(&f.admins, "admins", "", "who may change the set of members: a blessing `pattern`; --peers when empty")
	set.BoolVar(&f.join, "join", false, "wait to be added to a set (raftctl add) instead of founding one")
	if _, err := command.Parse(set, args, 0, "dir", "credentials", "id", "clients", "peers"); err != nil {
		return f, err
	}
	if f.join == (f.members != "") {
		return f, fmt.Errorf("%w: raftd member: give either --members or --join", command.ErrUsage)
	}
	return f, nil
}

// runMember runs one member until it is told to stop on its standard input, or
// ctx ends. When the input ends without a word, the parent has died, and the
// process ends at once: whoever starts the directory's next member waits for it.
func runMember(ctx context.Context, std command.Streams, args []string) error {
	f, err := parseMemberFlags(std, args)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		if orderly(std.In) {
			cancel()
			return
		}
		fmt.Fprintf(std.Err, "raftd member %s: the parent is gone\n", f.id)
		os.Exit(command.ExitFailed)
	}()
	var roots []string
	if f.namespace != "" {
		roots = append(roots, f.namespace)
	}
	// Not under ctx: a member that is told to end still says goodbye.
	vctx, shutdown, err := boot.Open(context.WithoutCancel(ctx), f.credentials, roots...)
	if err != nil {
		return err
	}
	defer shutdown()
	return serveMember(ctx, vctx, std, f)
}

// serveMember brings the member up in a straight line, waits for ctx to end, and
// takes it down in the reverse order.
func serveMember(ctx context.Context, vctx *vcontext.T, std command.Streams, f memberFlags) error {
	store := keyvalue.NewStore()
	clients := access.AccessList{In: []security.BlessingPattern{security.BlessingPattern(f.clients)}}
	peers := access.AccessList{In: []security.BlessingPattern{security.BlessingPattern(f.peers)}}
	admins := &peers
	if f.admins != "" {
		admins = &access.AccessList{In: []security.BlessingPattern{security.BlessingPattern(f.admins)}}
	}

	// The log first: only one process may have the directory.
	member, err := openMember(ctx, vctx, &raft.RaftConfig{
		LogDir:     filepath.Join(f.dir, logDir),
		HostPort:   f.id,
		ID:         f.id,
		ServerName: f.name,
		ACL:        clients,
		PeerACL:    &peers,
		AdminACL:   admins,
		Join:       f.join,
	}, keyvalue.Machine{Store: store})
	if err != nil {
		return err
	}
	defer member.Stop()
	if !f.join {
		for _, id := range strings.Split(f.members, ",") {
			if err := member.AddMember(vctx, id); err != nil {
				return err
			}
		}
	}
	member.Start()

	// Clients next, since they are answered through the log.
	endpoint, stop, err := serveKeyValue(vctx, keyvalue.Service{Raft: member, Store: store}, clients)
	if err != nil {
		return err
	}
	defer stop()

	// Then the parent is told.
	if _, err := fmt.Fprintf(std.Out, "%s%s\n", readyPrefix, endpoint); err != nil {
		return err
	}
	return watch(ctx, member)
}

// watch returns when ctx ends, or with the reason when the member fails by itself.
func watch(ctx context.Context, member raft.Raft) error {
	ticks := time.NewTicker(time.Second)
	defer ticks.Stop()
	dead := 0
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticks.C:
		}
		err := member.Live()
		if err == nil {
			dead = 0
			continue
		}
		// A process that was paused finds its member late, once.
		if dead++; dead > 1 || member.Stats().Failure != nil {
			return fmt.Errorf("member %s failed: %w", member.ID(), err)
		}
	}
}

// openMember opens the member, waiting a while for a directory that is locked.
func openMember(
	ctx context.Context, vctx *vcontext.T, config *raft.RaftConfig, client raft.RaftClient,
) (raft.Raft, error) {
	ctx, cancel := context.WithTimeout(ctx, lockBound)
	defer cancel()
	for {
		member, err := raft.NewRaft(vctx, config, client)
		if !errors.Is(err, vfs.ErrLocked) {
			return member, err
		}
		select {
		case <-time.After(lockRetry):
		case <-ctx.Done():
			return nil, fmt.Errorf("%w (waited %v for the process that holds it)", err, lockBound)
		}
	}
}

// serveKeyValue serves the store to clients and returns the name to call.
func serveKeyValue(ctx *vcontext.T, service keyvalue.Service, clients access.AccessList) (string, func(), error) {
	ctx, cancel := vcontext.WithCancel(ctx)
	_, server, err := v23.WithNewServer(ctx, "", keyvalue.KeyValueServer(service), clients,
		options.LameDuckTimeout(lameDuck))
	if err != nil {
		cancel()
		return "", nil, err
	}
	stop := func() {
		cancel()
		<-server.Closed()
	}
	name, err := listening(server)
	if err != nil {
		stop()
		return "", nil, err
	}
	return name, stop, nil
}

// listening returns the name of a server's first endpoint.
func listening(server rpc.Server) (string, error) {
	status := server.Status()
	for where, err := range status.ListenErrors {
		return "", fmt.Errorf("listen on %s: %w", where.Address, err)
	}
	if len(status.Endpoints) == 0 {
		return "", errors.New("the server has no endpoint")
	}
	return status.Endpoints[0].Name(), nil
}
