package raft

import (
	"bytes"
	"errors"
	"fmt"

	"v.io/v23/context"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/replica"
)

// AddMember implements Raft.
func (r *raft) AddMember(ctx *context.T, id string) error {
	member, err := memberID(id)
	if err != nil {
		return badConfig(ctx, "AddMember", id, err.Error())
	}
	if found, err := r.addInitial(ctx, member); found {
		return err
	}
	return r.change(ctx, member, core.Change{Add: []entry.Member{{ID: member}}})
}

// addInitial adds a member to the initial set. It reports false when it is too late for that.
func (r *raft) addInitial(ctx *context.T, member entry.MemberID) (bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.life.phase != phaseNew:
		return false, nil
	case r.settings.Join:
		return true, badConfig(ctx, "Join", "true",
			fmt.Sprintf("a member that joins has no initial set, so AddMember(%q) cannot hold", member))
	case len(r.life.added) >= entry.MembersMax:
		return true, badConfig(ctx, "AddMember", string(member), fmt.Sprintf("at most %d members", entry.MembersMax))
	}
	r.life.added = append(r.life.added, member)
	return true, nil
}

// AddLearner implements Raft.
func (r *raft) AddLearner(ctx *context.T, id string) error {
	member, err := memberID(id)
	if err != nil {
		return badConfig(ctx, "AddLearner", id, err.Error())
	}
	return r.change(ctx, member, core.Change{Add: []entry.Member{{ID: member, Learner: true}}})
}

// RemoveMember implements Raft.
func (r *raft) RemoveMember(ctx *context.T, id string) error {
	member, err := memberID(id)
	if err != nil {
		return badConfig(ctx, "RemoveMember", id, err.Error())
	}
	return r.change(ctx, member, core.Change{Remove: []entry.MemberID{member}})
}

// change changes the member set, in whose errors member is named.
func (r *raft) change(ctx *context.T, member entry.MemberID, wanted core.Change) error {
	if c := r.replica.Status().Configuration; len(c.Members) > 0 && !r.isMember(c) {
		// Nobody would answer it.
		return r.translate(ctx, replica.ErrRemoved)
	}
	_, err := r.replica.Change(ctx, wanted)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, replica.ErrChangeGoesOn) && ctx.Err() != nil:
		return ErrorfChangeGoesOn(ctx, "the change of member %s is not done; it may have begun and then goes on"+
			" (asking again joins it): %w", string(member), ctx.Err())
	case errors.Is(err, replica.ErrChangeGoesOn):
		return ErrorfChangeGoesOn(ctx, "the change of member %s is not done; it may have begun and then goes on"+
			" (ask another member): %w", string(member), ErrorfNotRunning(ctx, "this member is %s", r.lifeOrFailure()))
	case errors.Is(err, replica.ErrChangeRefused):
		return ErrorfChangeRefused(ctx, "the change of member %s: %s", string(member), err.Error())
	}
	return r.translate(ctx, err)
}

// Members implements Raft.
func (r *raft) Members() []MemberInfo {
	var out []MemberInfo
	configuration := r.replica.Status().Configuration
	for i := range configuration.Members {
		m := &configuration.Members[i]
		out = append(out, MemberInfo{Id: string(m.ID), Standing: standing(m), Incarnation: uint64(m.Incarnation),
			Key: bytes.Clone(m.Key)})
	}
	return out
}

// standing names what a member is in its set, in the words of raft.vdl.
func standing(m *entry.Member) string {
	switch {
	case m.Leaving:
		return "leaving"
	case m.Promote:
		return "arriving"
	case m.Learner:
		return "learner"
	}
	return "voter"
}

// TransferLeadership implements Raft.
func (r *raft) TransferLeadership(ctx *context.T, id string) error {
	to := entry.MemberID("")
	if id != "" {
		var err error
		if to, err = memberID(id); err != nil {
			return badConfig(ctx, "TransferLeadership", id, err.Error())
		}
	}
	err := r.replica.Transfer(ctx, to)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, replica.ErrNotTransferred), ctx.Err() != nil:
		return ErrorfNotTransferred(ctx, "leadership has not moved to %q: %w", string(to), err)
	}
	return r.translate(ctx, err)
}
