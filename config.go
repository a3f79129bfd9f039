package raft

import (
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"time"

	"v.io/v23/context"
	"v.io/v23/security"
	"v.io/v23/security/access"
)

// settings are a RaftConfig after its defaults were filled in and every field was checked.
type settings struct {
	RaftConfig
	// rights are the access lists, AdminACL and PeerACL filled in.
	rights map[Right]access.AccessList
	log    *slog.Logger
}

// newSettings checks config field by field. The error is ErrBadConfig and names field and value.
func newSettings(ctx *context.T, config *RaftConfig) (settings, error) {
	if config == nil {
		return settings{}, badConfig(ctx, "config", "nil", "a RaftConfig is needed")
	}
	s := settings{RaftConfig: *config, log: config.Logger}
	if s.log == nil {
		s.log = slog.New(contextHandler{ctx: ctx})
	}
	for _, check := range []func(*context.T) error{s.checkPlace, s.checkTimes, s.checkRank, s.checkLists} {
		if err := check(ctx); err != nil {
			return settings{}, err
		}
	}
	return s, nil
}

func badConfig(ctx *context.T, field, value, why string) error {
	return ErrorfBadConfig(ctx, "RaftConfig.%s = %q: %s", field, value, why)
}

// checkPlace checks LogDir, HostPort and ID. That LogDir can be opened is found by opening it.
func (s *settings) checkPlace(ctx *context.T) error {
	if s.LogDir == "" {
		return badConfig(ctx, "LogDir", "", "a directory for log and snapshot files is needed")
	}
	_, port, err := net.SplitHostPort(s.HostPort)
	if err != nil {
		return badConfig(ctx, "HostPort", s.HostPort, fmt.Sprintf("want host:port, port 0 for any: %v", err))
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return badConfig(ctx, "HostPort", s.HostPort, fmt.Sprintf("port %q is not a number from 0 to 65535", port))
	}
	if s.ID == "" {
		return nil
	}
	if _, err := memberID(s.ID); err != nil {
		return badConfig(ctx, "ID", s.ID, err.Error())
	}
	return nil
}

// checkTimes checks Heartbeat and the thresholds, and fills in their defaults.
func (s *settings) checkTimes(ctx *context.T) error {
	if s.Heartbeat == 0 {
		s.Heartbeat = HeartbeatDefault
	}
	if s.Heartbeat < HeartbeatMin || s.Heartbeat > HeartbeatMax {
		return badConfig(ctx, "Heartbeat", s.Heartbeat.String(),
			fmt.Sprintf("want %v to %v, or 0 for %v", HeartbeatMin, HeartbeatMax, HeartbeatDefault))
	}
	if s.SnapshotThreshold < 0 {
		return badConfig(ctx, "SnapshotThreshold", strconv.FormatInt(s.SnapshotThreshold, 10),
			fmt.Sprintf("want a number of entries, or 0 for %d", SnapshotEntriesDefault))
	}
	if s.SnapshotBytes < 0 {
		return badConfig(ctx, "SnapshotBytes", strconv.FormatInt(s.SnapshotBytes, 10),
			fmt.Sprintf("want a number of bytes, or 0 for %d", SnapshotBytesDefault))
	}
	if s.SnapshotThreshold == 0 {
		s.SnapshotThreshold = SnapshotEntriesDefault
	}
	if s.SnapshotBytes == 0 {
		s.SnapshotBytes = SnapshotBytesDefault
	}
	return nil
}

// checkRank checks Rank.
func (s *settings) checkRank(ctx *context.T) error {
	if s.Rank > RankMax {
		return badConfig(ctx, "Rank", strconv.FormatUint(s.Rank, 10), fmt.Sprintf("want 0 to %d", RankMax))
	}
	return nil
}

// leaseBeat is the heartbeat where leases are on, else 0.
func (s *settings) leaseBeat() time.Duration {
	if !s.LeaseReads {
		return 0
	}
	return s.Heartbeat
}

// list is one access list with the field that it comes from.
type list struct {
	right Right
	field string
	acl   access.AccessList
}

// lists returns the access list of each right. A list that is not given is that of another field.
func (s *settings) lists() []list {
	client := list{ClientRight, "ACL", s.ACL}
	peer := list{PeerRight, "ACL", s.ACL}
	if s.PeerACL != nil {
		peer.field, peer.acl = "PeerACL", *s.PeerACL
	}
	admin := list{AdminRight, peer.field, peer.acl}
	if s.AdminACL != nil {
		admin.field, admin.acl = "AdminACL", *s.AdminACL
	}
	return []list{client, peer, admin}
}

// checkLists checks ACL, PeerACL and AdminACL. Open access must be asked for, because a list that holds
// "..." admits callers without a name, and it is never granted to peers and administrators.
func (s *settings) checkLists(ctx *context.T) error {
	s.rights = map[Right]access.AccessList{}
	for _, l := range s.lists() {
		open := slices.Contains(l.acl.In, security.AllPrincipals)
		switch {
		case open && l.right == ClientRight && !s.OpenAccess:
			return badConfig(ctx, l.field, fmt.Sprint(l.acl.In), `"..." admits everybody; set OpenAccess if that is meant`)
		case open && l.right == PeerRight:
			return badConfig(ctx, l.field, fmt.Sprint(l.acl.In),
				`"..." would let everybody vote and replicate; list the members' blessings in PeerACL`)
		case open && l.right == AdminRight:
			return badConfig(ctx, l.field, fmt.Sprint(l.acl.In), `"..." would let everybody change the member set`)
		}
		for _, pattern := range l.acl.In {
			if !pattern.IsValid() {
				return badConfig(ctx, l.field, string(pattern), "not a blessing pattern")
			}
		}
		s.rights[l.right] = l.acl
	}
	return nil
}
