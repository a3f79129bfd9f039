package raft

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"time"

	"v.io/v23"
	"v.io/v23/context"
	"v.io/v23/naming"
	"v.io/v23/options"
	"v.io/v23/rpc"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/replica"
)

// raft is one member: it puts the rooms together and translates between the public contract of
// model.go and replica. It decides nothing.
type raft struct {
	ctx      *context.T
	cancel   context.CancelFunc
	settings settings
	log      *slog.Logger
	store    persistence
	identity *identity
	auth     *authority
	peers    *peers
	replica  *replica.Replica
	server   rpc.Server

	// following is done when the goroutine has ended that follows the configuration.
	following sync.WaitGroup
	stopped   sync.Once

	mu sync.Mutex
	// life is guarded by mu.
	life life
}

// life is what changes on the way from NewRaft to Stop.
type life struct {
	phase phase
	// added are the ids given to AddMember.
	added []entry.MemberID
	// failure is why Start failed, nil otherwise.
	failure error
}

// phase is where a member stands in its life; it only moves forward.
type phase string

const (
	phaseNew     phase = "not started yet"
	phaseStarted phase = "running"
	phaseStopped phase = "stopped"
)

// NewRaft creates a member that keeps its files in config.LogDir and calls client. It opens the
// directory, listens on config.HostPort, and restores the newest snapshot into client, so everything
// that can fail fails here; Start only begins. When NewRaft fails it leaves nothing open.
//
// ctx names the principal and the namespace; its end does not stop the member, the end of the
// runtime does.
func NewRaft(ctx *context.T, config *RaftConfig, client RaftClient) (Raft, error) {
	return newRaft(ctx, config, client, openDirectory)
}

// newRaft is NewRaft over what open finds in LogDir.
func newRaft(ctx *context.T, config *RaftConfig, client RaftClient, open opener) (Raft, error) {
	s, err := newSettings(ctx, config)
	if err != nil {
		return nil, err
	}
	if client == nil {
		return nil, badConfig(ctx, "client", "nil", "a RaftClient is needed")
	}
	ctx, cancel := context.WithRootCancel(ctx)
	r := &raft{ctx: ctx, cancel: cancel, settings: s, log: s.log, life: life{phase: phaseNew}}
	if err := r.assemble(client, open); err != nil {
		r.dismantle()
		return nil, err
	}
	return r, nil
}

// assemble opens the rooms, each in the order in which the next one needs it. What was opened when
// it fails is closed by dismantle.
func (r *raft) assemble(client RaftClient, open opener) error {
	// The directory first: it may know the member's id, and its lock keeps out a second member.
	store, err := open(r.ctx, r.settings.LogDir)
	if err != nil {
		return err
	}
	r.store = store
	recorded := store.Recorded()
	r.identity = &identity{incarnation: recorded.Incarnation, former: recorded.Former, cluster: recorded.Cluster,
		leaseBeat: r.settings.leaseBeat()}
	r.tellRenewal(&recorded)
	r.auth = newAuthority(r.settings.rights, r.log)
	// The server next: a new member's id may be the address it is bound to. It refuses every call
	// until the member is started.
	service := newService(r, r.identity, r.auth, r.log)
	if err := r.listen(service); err != nil {
		return err
	}
	if err := r.identify(); err != nil {
		return err
	}
	r.log = r.log.With("member", string(r.identity.id))
	r.peers = newPeers(r.ctx, r.identity, r.auth, service, r.log)
	// The replica last: it recovers the log and restores the client.
	if r.replica, err = replica.New(r.replicaConfig(client)); err != nil {
		return err
	}
	return r.checkLease(r.replica.Status().Configuration)
}

// tellRenewal logs that the member begins anew.
func (r *raft) tellRenewal(recorded *record) {
	if n := recorded.Renewal; n != nil {
		r.log.Error("the member's newest vote is lost; it goes on under a new incarnation, with an empty log, and the "+
			"leader lets it catch up", "member", string(recorded.ID), "incarnation", fmt.Sprintf("%016x", recorded.Incarnation),
			"former", fmt.Sprintf("%016x", recorded.Former), "its files", n.aside, "err", n.cause)
	}
}

// checkLease refuses a LeaseReads that the recorded configuration contradicts.
func (r *raft) checkLease(recorded entry.Configuration) error {
	if len(recorded.Members) == 0 || recorded.Lease == r.settings.LeaseReads {
		return nil
	}
	return badConfig(r.ctx, "LeaseReads", strconv.FormatBool(r.settings.LeaseReads),
		fmt.Sprintf("the cluster in %s was founded with %t, for good", r.settings.LogDir, recorded.Lease))
}

// ownKey returns the public key that this member's connections prove, as PKIX DER.
func (r *raft) ownKey() []byte {
	key, err := v23.GetPrincipal(r.ctx).PublicKey().MarshalBinary()
	if err != nil {
		r.log.Error("the own public key cannot be recorded", "err", err)
		return nil
	}
	return key
}

// replicaConfig describes this member to replica.
func (r *raft) replicaConfig(client RaftClient) replica.Config {
	return replica.Config{
		ID: r.identity.id,
		Self: replica.Self{
			Incarnation: r.identity.incarnation, Former: r.identity.former, Key: r.ownKey(), Level: core.Level,
		},
		Origin:    randomNumber(),
		Log:       r.store.Log(),
		Snapshots: r.store.Snapshots(),
		Transport: r.peers,
		Machine:   &machine{ctx: r.ctx, client: client, log: r.log},
		Seed:      randomNumber(),
		Heartbeat: r.settings.Heartbeat,
		Limits: replica.Limits{
			Command:     CommandMax,
			QueueBytes:  QueueBytesMax,
			QueueCount:  QueueCountMax,
			Uncommitted: UncommittedBytesMax,
			Tail:        TailBytesMax,
			Message:     MessageBytesMax,
			StopWait:    StopBound,
			Patience:    AppendBound,
			ReadLimits:  replica.ReadLimits{ScrubRate: ScrubRate},
		},
		Snapshot: replica.SnapshotPolicy{Entries: r.settings.SnapshotThreshold, Bytes: r.settings.SnapshotBytes},
		Election: replica.Election{Rank: r.settings.Rank},
		Logger:   r.settings.log,
	}
}

// randomNumber returns a number that nobody can guess and that is never 0.
func randomNumber() uint64 {
	var b [8]byte
	rand.Read(b[:]) // Never fails: crypto/rand ends the process instead.
	return binary.LittleEndian.Uint64(b[:]) | 1
}

// listen starts the RPC server and puts its context, which speaks with the server's blessings and
// shares its connections, in place of the member's.
func (r *raft) listen(s *service) error {
	address := r.settings.HostPort
	if recorded := r.store.Recorded().ID; isAnyPort(address) && isAddress(recorded) {
		address = string(recorded) // The member's id is where its peers look for it.
	}
	ctx := v23.WithListenSpec(r.ctx, rpc.ListenSpec{Addrs: rpc.ListenAddrs{{Protocol: "tcp", Address: address}}})
	ctx, server, err := v23.WithNewServer(ctx, "", raftProtoServer(s), r.auth, options.LameDuckTimeout(0))
	if err != nil {
		return fmt.Errorf("raft: serving on %s: %w", address, err)
	}
	r.ctx, r.server = ctx, server
	for _, err := range server.Status().ListenErrors {
		return badConfig(r.ctx, "HostPort", address, err.Error())
	}
	return nil
}

// identify settles the member's id: the recorded one, else the configured one, else the address
// that the server is bound to. A new directory records it.
func (r *raft) identify() error {
	recorded := r.store.Recorded()
	id := recorded.ID
	bound := boundAddress(r.server.Status().Endpoints)
	if r.settings.ID != "" {
		configured, err := memberID(r.settings.ID)
		if err != nil {
			return badConfig(r.ctx, "ID", r.settings.ID, err.Error())
		}
		if recorded.ID != "" && recorded.ID != configured {
			return badConfig(r.ctx, "ID", r.settings.ID,
				fmt.Sprintf("the directory %s belongs to member %q", r.settings.LogDir, recorded.ID))
		}
		id = configured
	}
	if id == "" {
		id = entry.MemberID(bound)
	}
	if id == "" {
		return badConfig(r.ctx, "HostPort", r.settings.HostPort, "the server is not bound to a TCP address")
	}
	r.identity.id = id
	if recorded.ID != "" {
		if isAddress(id) && string(id) != bound {
			r.log.Warn("the member listens on another address than its id, where its peers look for it",
				"id", id, "address", bound)
		}
		return nil
	}
	return r.store.SetMember(id)
}

// boundAddress returns the TCP address of a server, "" when it has none.
func boundAddress(endpoints []naming.Endpoint) string {
	for _, ep := range endpoints {
		if ep.Protocol == "tcp" && ep.Address != "" {
			return ep.Address
		}
	}
	return ""
}

// dismantle closes whatever assemble opened, newest first.
func (r *raft) dismantle() {
	if r.replica != nil {
		if err := r.replica.Stop(); err != nil {
			r.log.Error("the client's code did not return in time", "err", err, "bound", time.Duration(StopBound))
		}
	} else if r.peers != nil {
		r.report("closing the transport", r.peers.Close())
	}
	r.cancel()
	if r.server != nil {
		<-r.server.Closed()
	}
	if r.store == nil {
		return
	}
	if r.replica == nil {
		r.report("closing the log", r.store.Log().Close())
	}
	r.report("releasing the directory", r.store.Close())
}

// report logs an error of something that ends anyway.
func (r *raft) report(doing string, err error) {
	if err != nil {
		r.log.Error("failed "+doing, "err", err)
	}
}

// ID implements Raft.
func (r *raft) ID() string { return string(r.identity.id) }

// Start implements Raft.
func (r *raft) Start() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.life.phase != phaseNew {
		return
	}
	r.life.phase = phaseStarted
	if err := r.begin(); err != nil {
		r.life.failure = fmt.Errorf("raft: start: %w", err)
		r.log.Error("the member could not start", "err", err)
	}
}

// begin settles the initial set and starts the loop. The caller holds mu.
func (r *raft) begin() error {
	initial, err := r.settleInitial()
	if err != nil {
		return err
	}
	if r.identity.former == 0 && len(initial) > 0 {
		if err := r.found(initial); err != nil {
			return err
		}
	}
	r.peers.assign(initial)
	if err := r.replica.Start(); err != nil {
		return err
	}
	names := mounts{server: r.server, shared: r.settings.ServerName, own: ownName(r.identity.id)}
	if err := names.start(); err != nil {
		return err
	}
	if err := names.share(r.isMember(r.replica.Status().Configuration)); err != nil {
		return err
	}
	r.following.Go(func() { r.follow(&names) })
	return nil
}

// found gives the configuration with which this member founds a cluster, if its log has none.
func (r *raft) found(initial []entry.MemberID) error {
	r.identity.start(initial)
	configuration := entry.Configuration{Lease: r.settings.LeaseReads}
	rand.Read(configuration.Cluster[:])
	for _, id := range initial {
		configuration.Members = append(configuration.Members, entry.Member{ID: id})
	}
	return r.replica.Initialize(configuration)
}

// settleInitial returns the initial set: the recorded one when there is one (a difference to the
// one that was added is logged), else the added one and this member, recorded from now on.
func (r *raft) settleInitial() ([]entry.MemberID, error) {
	recorded := r.store.Recorded()
	if r.settings.Join || recorded.Former != 0 {
		return recorded.Initial, nil
	}
	added := sortedSet(append(r.life.added, r.identity.id))
	if len(recorded.Initial) > 0 || !recorded.Cluster.IsZero() {
		if len(r.life.added) > 0 && !slices.Equal(added, recorded.Initial) {
			r.log.Warn("the directory's member set is in force, not the one given to AddMember",
				"recorded", recorded.Initial, "added", added)
		}
		return recorded.Initial, nil
	}
	return added, r.store.SetInitial(added)
}

// follow keeps the transport, the authority, the directory and the names in step with the configuration,
// until the replica stops.
func (r *raft) follow(names *mounts) {
	for {
		status, changed := r.replica.Watch()
		r.auth.configure(status.Configuration)
		r.peers.assign(r.peerIDs(status.Configuration))
		recorded, err := r.recordCluster(status)
		if err != nil {
			r.log.Error("the cluster's id could not be recorded", "err", err)
		}
		r.report("mounting the member", names.share(r.isMember(status.Configuration)))
		var again <-chan time.Time
		if !recorded {
			again = time.After(r.settings.Heartbeat) // Commits are not announced.
		}
		select {
		case <-changed:
		case <-again:
		case <-r.replica.Done():
			return
		}
	}
}

// recordCluster records the cluster's id once it is certain: it stands in the log's first entry, so
// it can no longer change when anything is committed. It reports whether the id is recorded.
func (r *raft) recordCluster(status replica.Status) (bool, error) {
	cluster := status.Configuration.Cluster
	if status.Commit == 0 || cluster.IsZero() {
		return false, nil
	}
	if r.store.Recorded().Cluster == cluster {
		return true, nil
	}
	r.identity.learnCluster(cluster)
	err := r.store.SetCluster(cluster)
	return err == nil, err
}

// Stop implements Raft.
func (r *raft) Stop() {
	r.stopped.Do(func() {
		r.mu.Lock()
		r.life.phase = phaseStopped
		r.mu.Unlock()
		r.dismantle()
		r.following.Wait()
	})
}

// StartElection implements Raft.
func (r *raft) StartElection() { r.replica.Campaign() }

// state describes where the member stands in its life, for an error.
func (r *raft) state() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.life.failure != nil {
		return r.life.failure.Error()
	}
	return string(r.life.phase)
}

// role returns the role of a member as the API has it.
func role(s replica.Status) int {
	if !s.Running {
		return RoleStopped
	}
	return coreRole(s.Role)
}

// peerIDs returns the ids of the members to talk to: those of the configuration in force, or of the initial
// set while there is none.
func (r *raft) peerIDs(c entry.Configuration) []entry.MemberID {
	if len(c.Members) == 0 {
		return r.store.Recorded().Initial
	}
	var ids []entry.MemberID
	for _, m := range c.Members {
		ids = append(ids, m.ID)
	}
	return ids
}

// isMember reports whether this member belongs to the configuration, or to the initial set while there is
// none.
func (r *raft) isMember(c entry.Configuration) bool {
	return slices.Contains(r.peerIDs(c), r.identity.id)
}

// hears returns nil when a peer with this id and this cluster id may be heard, if it proves to be who it
// says. One that this member does not know is heard when it belongs to a cluster: this member's set may be
// old, or not known yet (paper, section 6). That holds for one that was removed, too: it may still lead
// until its removal is committed, or have come back. core drops what it must not say.
func (r *raft) hears(id entry.MemberID, cluster entry.ClusterID) error {
	c := r.replica.Status().Configuration
	switch {
	case id == r.identity.id:
		return errors.New("that is this member itself")
	case slices.Contains(r.peerIDs(c), id):
		return nil
	case cluster.IsZero():
		return errors.New("it is none of the set's")
	}
	return r.peers.meet(id)
}

// Live implements Raft.
func (r *raft) Live() error {
	r.mu.Lock()
	failure, current := r.life.failure, r.life.phase
	r.mu.Unlock()
	switch {
	case failure != nil:
		return failure
	case current == phaseStopped:
		return ErrorfNotRunning(r.ctx, "the member is %s", string(current))
	case current == phaseNew:
		return nil
	}
	return errors.Join(r.replica.Err(), r.replica.Live())
}

// Ready implements Raft.
func (r *raft) Ready() error {
	if err := r.Live(); err != nil {
		return err
	}
	return r.replica.Ready()
}
