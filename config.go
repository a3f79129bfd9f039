package raft

import (
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strconv"

	"v.io/v23/context"
	"v.io/v23/security"
	"v.io/v23/security/access"
)

// settings are a RaftConfig after its defaults were filled in and every field was checked.
type settings struct {
	RaftConfig
	peerACL access.AccessList
	log     *slog.Logger
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
	for _, check := range []func(*context.T) error{s.checkPlace, s.checkTimes, s.checkLists} {
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

// checkLists checks ACL and PeerACL. Open access must be asked for, because a list that holds "..."
// admits callers without a name, and it is never granted to peers.
func (s *settings) checkLists(ctx *context.T) error {
	s.peerACL = s.ACL
	peerField := "ACL"
	if s.PeerACL != nil {
		s.peerACL, peerField = *s.PeerACL, "PeerACL"
	}
	if slices.Contains(s.ACL.In, security.AllPrincipals) && !s.OpenAccess {
		return badConfig(ctx, "ACL", fmt.Sprint(s.ACL.In), `"..." admits everybody; set OpenAccess if that is meant`)
	}
	if slices.Contains(s.peerACL.In, security.AllPrincipals) {
		return badConfig(ctx, peerField, fmt.Sprint(s.peerACL.In),
			`"..." would let everybody vote and replicate; list the members' blessings in PeerACL`)
	}
	for _, list := range []struct {
		field string
		acl   access.AccessList
	}{{"ACL", s.ACL}, {"PeerACL", s.peerACL}} {
		for _, pattern := range list.acl.In {
			if !pattern.IsValid() {
				return badConfig(ctx, list.field, string(pattern), "not a blessing pattern")
			}
		}
	}
	return nil
}
