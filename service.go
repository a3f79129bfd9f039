package raft

import (
	stdcontext "context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"v.io/v23/context"
	"v.io/v23/rpc"
	"v.io/v23/security"
	"v.io/v23/verror"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/replica"
)

// service is what a member serves over Vanadium RPC: the methods of raftProto. Before a method runs,
// authority has checked the caller's right; the methods for peers also check that the caller is the
// member it speaks for.
//
// All methods are called by the RPC server's goroutines.
type service struct {
	host     host
	identity *identity
	auth     *authority
	log      *slog.Logger

	// delivering is held for reading while a message is handed to receiver, so that none is once shut
	// has returned.
	delivering sync.RWMutex
	// receiver is nil until the transport starts and after it was closed. Guarded by delivering.
	receiver replica.Receiver

	mu sync.Mutex
	// conversations holds the cancel function of each peer's conversations: a new one ends the old.
	// Guarded by mu.
	conversations map[speaker]*context.CancelFunc
	// refusals are why peers were refused last, by the id that they claimed; at most OutsidersMax.
	// Guarded by mu.
	refusals map[string]string
}

var _ raftProtoServerMethods = (*service)(nil)

// speaker is who speaks in a conversation: a peer has one for its urgent messages, and one for the others.
type speaker struct {
	id     entry.MemberID
	urgent bool
}

// host is the member that a service serves for.
type host interface {
	append(ctx *context.T, cmd []byte) (outcome, error)
	ReadIndex(ctx *context.T) (Index, error)
	Barrier(ctx *context.T) (Index, error)
	Snapshot(ctx *context.T) (Index, error)
	backup(ctx *context.T, out backupSender) error
	Members() []MemberInfo
	AddMember(ctx *context.T, id string) error
	AddLearner(ctx *context.T, id string) error
	RemoveMember(ctx *context.T, id string) error
	TransferLeadership(ctx *context.T, id string) error
	memberStatus() MemberStatus
	// state describes where the member stands in its life, for an error.
	state() string
	// hears returns nil when a peer may be heard that says it is id, of a cluster, zero for none yet.
	hears(id entry.MemberID, cluster entry.ClusterID) error
}

func newService(h host, id *identity, auth *authority, log *slog.Logger) *service {
	return &service{host: h, identity: id, auth: auth, log: log,
		conversations: map[speaker]*context.CancelFunc{}, refusals: map[string]string{}}
}

// Append implements Member.
func (s *service) Append(ctx *context.T, _ rpc.ServerCall, cmd []byte) (Term, Index, string, error) {
	outcome, err := s.host.append(ctx, cmd)
	if err != nil {
		return 0, 0, "", err
	}
	applied := ""
	if outcome.applied != nil {
		applied = outcome.applied.Error()
	}
	return Term(outcome.at.Term), Index(outcome.at.Index), applied, nil
}

// ReadIndex implements Member.
func (s *service) ReadIndex(ctx *context.T, _ rpc.ServerCall) (Index, error) {
	return s.host.ReadIndex(ctx)
}

// Status implements Member.
func (s *service) Status(*context.T, rpc.ServerCall) (MemberStatus, error) {
	return s.host.memberStatus(), nil
}

// Barrier implements Member.
func (s *service) Barrier(ctx *context.T, _ rpc.ServerCall) (Index, error) {
	return s.host.Barrier(ctx)
}

// Snapshot implements Member.
func (s *service) Snapshot(ctx *context.T, _ rpc.ServerCall) (Index, error) {
	return s.host.Snapshot(ctx)
}

// Members implements Member.
func (s *service) Members(*context.T, rpc.ServerCall) ([]MemberInfo, error) {
	return s.host.Members(), nil
}

// AddMember implements Member.
func (s *service) AddMember(ctx *context.T, _ rpc.ServerCall, id string) error {
	return s.host.AddMember(ctx, id)
}

// AddLearner implements Member.
func (s *service) AddLearner(ctx *context.T, _ rpc.ServerCall, id string) error {
	return s.host.AddLearner(ctx, id)
}

// RemoveMember implements Member.
func (s *service) RemoveMember(ctx *context.T, _ rpc.ServerCall, id string) error {
	return s.host.RemoveMember(ctx, id)
}

// TransferLeadership implements Member.
func (s *service) TransferLeadership(ctx *context.T, _ rpc.ServerCall, to string) error {
	return s.host.TransferLeadership(ctx, to)
}

// open makes the service take messages for r.
func (s *service) open(r replica.Receiver) {
	s.delivering.Lock()
	defer s.delivering.Unlock()
	s.receiver = r
}

// shut ends that: when it has returned no message is handed over any more, although the server still
// answers, and conversations end with their next message.
func (s *service) shut() { s.open(nil) }

// receiving returns who takes messages, nil for nobody.
func (s *service) receiving() replica.Receiver {
	s.delivering.RLock()
	defer s.delivering.RUnlock()
	return s.receiver
}

// deliver hands a message over.
func (s *service) deliver(ctx *context.T, peer replica.Peer, m core.Message) error {
	s.delivering.RLock()
	defer s.delivering.RUnlock()
	if s.receiver == nil {
		return s.notRunning(ctx)
	}
	s.receiver.Receive(peer, []core.Message{m})
	return nil
}

func (s *service) notRunning(ctx *context.T) error {
	return ErrorfNotRunning(ctx, "the member is %s", s.host.state())
}

// admit checks everything about a peer that opens a conversation, in the order from cheap to dear,
// and returns what is proven. Refusals are logged.
func (s *service) admit(ctx *context.T, call security.Call, hello Hello) (replica.Peer, replica.Receiver, error) {
	peer, receiver, err := s.admitted(ctx, call, hello)
	if err != nil {
		level := slog.LevelWarn
		if errors.Is(err, ErrNotRunning) || s.repeated(hello.From, err) {
			level = slog.LevelDebug // Members do not start at the same moment, and a refused one asks again.
		}
		s.log.Log(ctx, level, "peer refused", "claims", hello.From, "caller", caller(ctx, call), "why", err)
	}
	return peer, receiver, err
}

// repeated reports whether a peer that claims this id was refused for the same reason the last time.
func (s *service) repeated(claims string, why error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	before, again := s.refusals[claims]
	if len(s.refusals) >= OutsidersMax && !again {
		clear(s.refusals)
	}
	s.refusals[claims] = why.Error()
	return again && before == why.Error()
}

func (s *service) admitted(ctx *context.T, call security.Call, hello Hello) (replica.Peer, replica.Receiver, error) {
	receiver := s.receiving()
	if receiver == nil {
		return replica.Peer{}, nil, s.notRunning(ctx)
	}
	if err := s.identity.compare(ctx, hello); err != nil {
		return replica.Peer{}, nil, err
	}
	from := entry.MemberID(hello.From)
	var cluster entry.ClusterID
	copy(cluster[:], hello.Cluster)
	if err := s.host.hears(from, cluster); err != nil {
		if different := s.identity.compareSets(ctx, hello); different != nil {
			return replica.Peer{}, nil, different
		}
		return replica.Peer{}, nil, verror.ErrNoAccess.Errorf(ctx,
			"%s claims to be member %q, which is not heard: %v", caller(ctx, call), hello.From, err)
	}
	ctx, cancel := context.WithTimeout(ctx, DialBound)
	defer cancel()
	if err := s.auth.prove(ctx, call, from); err != nil {
		return replica.Peer{}, nil, err
	}
	key, err := keyOf(call)
	if err != nil {
		return replica.Peer{}, nil, verror.ErrNoAccess.Errorf(ctx, "%v", err)
	}
	peer := replica.Peer{ID: from, Cluster: cluster, Incarnation: entry.Incarnation(hello.Incarnation),
		Former: entry.Incarnation(hello.Former), Key: key, Level: hello.Level}
	return peer, receiver, nil
}

// Converse implements raftProto: it answers the hello and then takes the peer's messages until the
// peer ends, is replaced by a newer conversation, loses its right, or sends what cannot be meant.
func (s *service) Converse(ctx *context.T, call raftProtoConverseServerCall, hello Hello, urgent bool) error {
	peer, _, err := s.admit(ctx, call.Security(), hello)
	if err != nil {
		return err
	}
	ctx, done := s.enter(ctx, speaker{peer.ID, urgent})
	defer done()
	if err := call.SendStream().Send(s.identity.hello(peer.ID)); err != nil {
		return err
	}
	checked := time.Now()
	packets := call.RecvStream()
	for packets.Advance() {
		if ctx.Err() != nil {
			return verror.ErrAborted.Errorf(ctx, "a newer conversation of member %s replaced this one", peer.ID)
		}
		if time.Since(checked) > ReauthorizeEvery {
			checked = time.Now()
			if err := s.recheck(ctx, call.Security(), peer); err != nil {
				return err
			}
		}
		packet := packets.Value()
		message, err := packet.message(peer.ID, s.identity.id)
		if err != nil {
			s.log.Warn("packet refused", "peer", peer.ID, "why", err)
			return verror.ErrBadProtocol.Errorf(ctx, "%v", err)
		}
		if err := s.deliver(ctx, peer, message); err != nil {
			return err
		}
	}
	return packets.Err()
}

// enter registers a peer's conversation, ending the one before.
func (s *service) enter(ctx *context.T, by speaker) (*context.T, func()) {
	ctx, cancel := context.WithCancel(ctx)
	mine := &cancel
	s.mu.Lock()
	defer s.mu.Unlock()
	if old := s.conversations[by]; old != nil {
		(*old)()
	}
	s.conversations[by] = mine
	return ctx, func() {
		cancel()
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.conversations[by] == mine {
			delete(s.conversations, by)
		}
	}
}

// recheck authorises an open conversation again: blessings expire, keys and sets change.
func (s *service) recheck(ctx *context.T, call security.Call, peer replica.Peer) error {
	err := s.auth.reauthorize(ctx, call, PeerRight)
	if err == nil {
		err = s.host.hears(peer.ID, peer.Cluster)
	}
	if err == nil {
		err = s.auth.prove(ctx, call, peer.ID)
	}
	if err == nil {
		return nil
	}
	s.log.Warn("peer refused", "claims", peer.ID, "caller", caller(ctx, call), "why", err)
	return verror.ErrNoAccess.Errorf(ctx, "%s may not go on as member %s: %v", caller(ctx, call), peer.ID, err)
}

// InstallSnapshot implements raftProto.
func (s *service) InstallSnapshot(ctx *context.T, call raftProtoInstallSnapshotServerCall, hello Hello,
	head SnapshotHead) error {
	peer, receiver, err := s.admit(ctx, call.Security(), hello)
	if err != nil {
		return err
	}
	meta, err := head.meta()
	if err != nil {
		return verror.ErrBadArg.Errorf(ctx, "snapshot %q from member %s: %v", head.Id, peer.ID, err)
	}
	return receiver.ReceiveSnapshot(stdcontext.Context(ctx), peer, replica.IncomingSnapshot{
		Term: entry.Term(head.Term),
		Meta: meta,
		From: func(at int64) (io.Reader, error) {
			if err := call.SendStream().Send(uint64(at)); err != nil {
				return nil, err
			}
			return &pieceReader{pieces: call.RecvStream()}, nil
		},
	})
}

// pieceReceiver is the receiving half of an image's transfer.
type pieceReceiver interface {
	Advance() bool
	Value() SnapshotPiece
	Err() error
}

// pieceReader reads an image from its pieces. It returns io.EOF only after the piece marked last: a
// stream that ends earlier was cut, even if it ended without an error.
type pieceReader struct {
	pieces pieceReceiver
	rest   []byte
	last   bool
}

// Read implements io.Reader.
func (r *pieceReader) Read(p []byte) (int, error) {
	for len(r.rest) == 0 {
		if r.last {
			return 0, io.EOF
		}
		if !r.pieces.Advance() {
			if err := r.pieces.Err(); err != nil {
				return 0, err
			}
			return 0, io.ErrUnexpectedEOF
		}
		piece := r.pieces.Value()
		r.rest, r.last = piece.Data, piece.Last
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// newSnapshotHead describes an image to its receiver.
func newSnapshotHead(s replica.OutgoingSnapshot) SnapshotHead {
	return SnapshotHead{
		Term:          Term(s.Term),
		Id:            s.Meta.ID,
		LastIndex:     Index(s.Meta.Index),
		LastTerm:      Term(s.Meta.Term),
		Configuration: entry.AppendConfiguration(nil, s.Meta.Configuration),
		Sessions:      s.Meta.Sessions,
		Size:          uint64(s.Meta.Size),
		Checksum:      s.Meta.Checksum,
	}
}

// meta returns the description that a head carries, its numbers checked.
func (h SnapshotHead) meta() (entry.SnapshotMeta, error) {
	for _, n := range [...]uint64{uint64(h.Term), uint64(h.LastIndex), uint64(h.LastTerm), h.Size} {
		if n > entry.NumberMax {
			return entry.SnapshotMeta{}, fmt.Errorf("number %d, at most %d", n, uint64(entry.NumberMax))
		}
	}
	if len(h.Id) == 0 || len(h.Id) > 255 {
		return entry.SnapshotMeta{}, fmt.Errorf("id of %d bytes, want 1 to 255", len(h.Id))
	}
	configuration, err := entry.DecodeConfiguration(h.Configuration)
	if err != nil {
		return entry.SnapshotMeta{}, err
	}
	return entry.SnapshotMeta{ID: h.Id, Index: entry.Index(h.LastIndex), Term: entry.Term(h.LastTerm),
		Configuration: configuration, Sessions: h.Sessions, Size: int64(h.Size), Checksum: h.Checksum}, nil
}
