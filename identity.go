package raft

import (
	"fmt"
	"math"
	"net"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	"v.io/v23/context"
	"v.io/v23/naming"
	"v.io/v23/verror"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
)

// helloFormat is the version of the words in raft.vdl.
const helloFormat = 1

// identity is what a member says of itself to others, and demands of them. All methods may be
// called by any goroutine.
type identity struct {
	id          entry.MemberID
	incarnation entry.Incarnation
	// former is the incarnation whose newest vote the directory lost, 0 for none.
	former entry.Incarnation
	// leaseBeat is the heartbeat of a member that reads from leases, 0 for one that does not.
	leaseBeat time.Duration

	mu sync.Mutex
	// initial is the sorted set that the member was started with, empty for one that joins. It is
	// complete before the transport starts. Guarded by mu.
	initial []entry.MemberID
	// cluster is zero until the first entry of the log is known. Guarded by mu.
	cluster entry.ClusterID
}

// hello returns what this member says first to member to.
func (i *identity) hello(to entry.MemberID) Hello {
	i.mu.Lock()
	defer i.mu.Unlock()
	h := Hello{Format: helloFormat, From: string(i.id), To: string(to), Incarnation: uint64(i.incarnation),
		Former: uint64(i.former), Level: core.Level, LeaseBeat: uint64(i.leaseBeat)}
	if !i.cluster.IsZero() {
		h.Cluster = append([]byte(nil), i.cluster[:]...)
	}
	for _, id := range i.initial {
		h.Members = append(h.Members, string(id))
	}
	return h
}

// learnCluster records the cluster's id.
func (i *identity) learnCluster(c entry.ClusterID) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.cluster = c
}

// start records the initial set, sorted.
func (i *identity) start(initial []entry.MemberID) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.initial = initial
}

// compare returns an error when the sender of hello cannot belong to the same set as this member,
// naming what differs. It says nothing about whether the sender is who it claims to be.
func (i *identity) compare(ctx *context.T, hello Hello) error {
	mine := i.hello(entry.MemberID(hello.From))
	switch {
	case hello.Format != helloFormat:
		return verror.ErrBadVersion.Errorf(ctx, "member %s speaks format %d, this member %s speaks %d: upgrade one",
			hello.From, hello.Format, i.id, helloFormat)
	case hello.To != string(i.id):
		return verror.ErrBadArg.Errorf(ctx, "member %s means to reach %q, this is member %q: check the addresses",
			hello.From, hello.To, i.id)
	case len(hello.Cluster) != 0 && len(hello.Cluster) != len(entry.ClusterID{}):
		return verror.ErrBadArg.Errorf(ctx, "member %s has a cluster id of %d bytes", hello.From, len(hello.Cluster))
	case len(hello.Cluster) > 0 && len(mine.Cluster) > 0 && !slices.Equal(hello.Cluster, mine.Cluster):
		return verror.ErrNoAccess.Errorf(ctx, "member %s belongs to cluster %x, this member %s to %x",
			hello.From, hello.Cluster, i.id, mine.Cluster)
	case hello.LeaseBeat != mine.LeaseBeat:
		return verror.ErrBadArg.Errorf(ctx, "member %s has %s, this member %s has %s: a lease holds only where all"+
			" members have the same LeaseReads and Heartbeat", hello.From, leaseWords(hello.LeaseBeat), i.id,
			leaseWords(mine.LeaseBeat))
	case len(hello.Cluster) == 0 && len(mine.Cluster) == 0:
		return i.compareSets(ctx, hello)
	}
	return nil
}

// leaseWords says what a Hello's LeaseBeat means.
func leaseWords(beat uint64) string {
	if beat == 0 {
		return "no lease reads"
	}
	return fmt.Sprintf("lease reads with a heartbeat of %v", time.Duration(min(beat, math.MaxInt64)))
}

// compareSets returns an error when the sender of hello was started with another initial set. That matters
// while a cluster is founded: once there is one, its log says who its members are.
func (i *identity) compareSets(ctx *context.T, hello Hello) error {
	mine := i.hello(entry.MemberID(hello.From))
	if len(hello.Members) == 0 || len(mine.Members) == 0 || slices.Equal(hello.Members, mine.Members) {
		return nil
	}
	return ErrorfDifferentMembers(ctx, "this member was started with the set %v, the other with %v:"+
		" give every member the same", mine.Members, hello.Members)
}

// memberID returns the canonical form of an id that a user gives: "host:port" for the forms
// "host:port", "/host:port" and an endpoint name; any other name cleaned.
func memberID(id string) (entry.MemberID, error) {
	name := strings.TrimSpace(id)
	if naming.Rooted(name) {
		address, rest := naming.SplitAddressName(name)
		if rest != "" {
			return "", fmt.Errorf("member id %q names %q below an address; give the address alone", id, rest)
		}
		name = address
	}
	if strings.HasPrefix(name, "@") || strings.HasPrefix(name, "(") {
		ep, err := naming.ParseEndpoint(name)
		if err != nil {
			return "", fmt.Errorf("member id %q is not an endpoint: %w", id, err)
		}
		name = ep.Address
	}
	name = naming.Clean(name)
	switch {
	case name == "":
		return "", fmt.Errorf("member id %q is empty", id)
	case name != strings.TrimSpace(name):
		return "", fmt.Errorf("member id %q is %q with a space at an end; remove the space", id, name)
	case len(name) > entry.MemberIDMax:
		return "", fmt.Errorf("member id of %d bytes, at most %d", len(name), entry.MemberIDMax)
	}
	return entry.MemberID(name), nil
}

// isAddress reports whether a member is reached at its id, "host:port", rather than by resolving it
// as a name.
func isAddress(id entry.MemberID) bool {
	host, port, err := net.SplitHostPort(string(id))
	return err == nil && port != "" && !strings.Contains(host, "/") && !strings.Contains(port, "/")
}

// rpcName returns the Vanadium name under which a member is called.
func rpcName(id entry.MemberID) string {
	if isAddress(id) {
		return naming.JoinAddressName(string(id), "")
	}
	return string(id)
}

// sortedSet returns the ids sorted and each once.
func sortedSet(ids []entry.MemberID) []entry.MemberID {
	out := slices.Clone(ids)
	sort.Slice(out, func(i, j int) bool { return out[i] < out[j] })
	return slices.Compact(out)
}

// isAnyPort reports whether a HostPort leaves the port to the system.
func isAnyPort(hostPort string) bool {
	_, port, err := net.SplitHostPort(hostPort)
	return err == nil && (port == "0" || port == "")
}
