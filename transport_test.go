package raft

import (
	"errors"
	"log/slog"
	"testing"

	"v.io/v23"
	"v.io/v23/context"
	"v.io/v23/naming"
	"v.io/v23/options"
	"v.io/v23/rpc"
	"v.io/v23/security"
	"v.io/v23/security/access"
	"v.io/x/ref/test"
	"v.io/x/ref/test/testutil"

	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/transport/conformance"
)

// stubHost is a member without a replica: it knows everybody and serves no client.
type stubHost struct{}

var errStub = errors.New("this host serves no clients")

func (stubHost) append(*context.T, []byte) (outcome, error)  { return outcome{}, errStub }
func (stubHost) ReadIndex(*context.T) (Index, error)         { return 0, errStub }
func (stubHost) Barrier(*context.T) (Index, error)           { return 0, errStub }
func (stubHost) Snapshot(*context.T) (Index, error)          { return 0, errStub }
func (stubHost) backup(*context.T, backupSender) error       { return errStub }
func (stubHost) Members() []MemberInfo                       { return nil }
func (stubHost) AddMember(*context.T, string) error          { return errStub }
func (stubHost) AddLearner(*context.T, string) error         { return errStub }
func (stubHost) RemoveMember(*context.T, string) error       { return errStub }
func (stubHost) TransferLeadership(*context.T, string) error { return errStub }
func (stubHost) memberStatus() MemberStatus                  { return MemberStatus{} }
func (stubHost) state() string                               { return "a stub" }
func (stubHost) hears(entry.MemberID, entry.ClusterID) error { return nil }

// serveStub starts a transport and the service that it belongs to, on an address of its own, and
// returns the server's name.
func serveStub(ctx *context.T, id entry.MemberID, acl access.AccessList) (*peers, rpc.Server, error) {
	log := slog.New(slog.DiscardHandler)
	identity := &identity{id: id, incarnation: 1, cluster: entry.ClusterID{1}}
	auth := newAuthority(map[Right]access.AccessList{PeerRight: acl}, log)
	s := newService(stubHost{}, identity, auth, log)
	ctx, server, err := v23.WithNewServer(ctx, "", raftProtoServer(s), auth, options.LameDuckTimeout(0))
	if err != nil {
		return nil, nil, err
	}
	return newPeers(ctx, identity, auth, s, log), server, nil
}

// TestTransportConforms runs the suite of every transport over real connections.
func TestTransportConforms(t *testing.T) {
	ctx, shutdown := test.V23Init()
	defer shutdown()
	conformance.Run(t, func(ids ...entry.MemberID) (*conformance.Cluster, error) {
		cluster, _, err := stubCluster(ctx, ids...)
		return cluster, err
	})
}

// stubCluster makes the transports of members that are principals of their own. Ids need not be addresses: names,
// which may be changed before the transports start, says where each is dialled.
func stubCluster(ctx *context.T, ids ...entry.MemberID) (*conformance.Cluster, map[entry.MemberID]string, error) {
	root := testutil.NewIDProvider("root")
	acl := access.AccessList{In: []security.BlessingPattern{"root"}}
	cluster := &conformance.Cluster{}
	names := map[entry.MemberID]string{}
	ctx, cancel := context.WithCancel(ctx)
	var servers []rpc.Server
	cluster.Close = func() error {
		cancel()
		for _, s := range servers {
			<-s.Closed()
		}
		return nil
	}
	for _, id := range ids {
		p := testutil.NewPrincipal()
		err := root.Bless(p, "member")
		if err != nil {
			return nil, nil, err
		}
		ctx, err := v23.WithPrincipal(ctx, p)
		if err != nil {
			return nil, nil, err
		}
		transport, server, err := serveStub(ctx, id, acl)
		if err != nil {
			return nil, nil, err
		}
		names[id] = naming.JoinAddressName(boundAddress(server.Status().Endpoints), "")
		transport.name = func(to entry.MemberID) string { return names[to] }
		transport.assign(ids)
		servers = append(servers, server)
		cluster.Transports = append(cluster.Transports, transport)
	}
	return cluster, names, nil
}
