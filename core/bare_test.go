package core_test

import (
	"testing"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
)

// bareSetting is a member whose log goes on from entry 10 and whose image of those before is lost.
func bareSetting() setting {
	return setting{
		base: at(10, 2), terms: []entry.Term{2, 3}, commit: 11,
		lost: &entry.SnapshotMeta{Index: 11, Term: 2, Configuration: entry.Configuration{
			Cluster: cluster, Members: voters("a", "b", "c", "d"),
		}},
	}
}

// TestBareMember: a member whose image is lost neither campaigns nor stands when it is asked to, votes and
// acknowledges as its log entitles it to, and does all of it again once it has an image.
func TestBareMember(t *testing.T) {
	p := newSolo(t, bareSetting())
	if got := len(p.peers()); got != 3 {
		t.Fatalf("%d peers: the lost image's configuration is not in force", got)
	}
	for range 10 {
		p.expire()
		p.want(core.Follower)
	}
	p.step(core.Input{Campaign: true})
	p.want(core.Follower)
	p.receive(core.Message{Kind: core.MsgVote, From: "b", Term: 5, Index: 11, LogTerm: 2})
	if !p.only(core.MsgVoteReply, "b").Reject {
		t.Error("it voted for a log that is behind its own")
	}
	p.receive(core.Message{Kind: core.MsgVote, From: "c", Term: 6, Index: 12, LogTerm: 3})
	if p.only(core.MsgVoteReply, "c").Reject {
		t.Error("it did not vote for a log as long as its own")
	}
	p.receive(appendOf("c", 6, at(12, 3), 12, 6))
	p.sync()
	p.receive(appendOf("c", 6, at(13, 6), 12))
	if p.only(core.MsgAppendReply, "c").Match != 13 {
		t.Error("it did not acknowledge what it stored")
	}
	p.wantCommit(12)
	p.receive(core.Message{Kind: core.MsgTransfer, From: "c", Term: 6})
	p.want(core.Follower)
	p.step(core.Input{Installed: &entry.SnapshotMeta{Index: 9, Term: 2}})
	p.receive(core.Message{Kind: core.MsgTransfer, From: "c", Term: 6})
	p.want(core.Follower) // That image does not reach up to the log.
	out := p.step(core.Input{Installed: &entry.SnapshotMeta{Index: 12, Term: 3, Configuration: entry.Configuration{
		Cluster: cluster, Members: voters("a", "c", "e"),
	}}})
	if out.Write.Reset != nil || p.last() != at(13, 6) {
		t.Errorf("the image took the log away: %+v", out.Write)
	}
	if got := p.peers(); len(got) != 2 {
		t.Errorf("after the image the peers are %v", got)
	}
	p.receive(core.Message{Kind: core.MsgTransfer, From: "c", Term: 6})
	p.want(core.Candidate)
}

// TestBareMemberAlone: the only voter waits, too: it has nothing to apply its log to.
func TestBareMemberAlone(t *testing.T) {
	s := bareSetting()
	s.members, s.lost.Configuration = voters("a"), entry.Configuration{}
	p := newSolo(t, s)
	for range 5 {
		p.expire()
		p.want(core.Follower)
	}
}

// TestBareMemberBehind: an image beyond the log replaces it, as for any member.
func TestBareMemberBehind(t *testing.T) {
	p := newSolo(t, bareSetting())
	out := p.step(core.Input{Installed: &entry.SnapshotMeta{Index: 40, Term: 4, Configuration: entry.Configuration{
		Cluster: cluster, Members: voters("a", "b"),
	}}})
	if out.Write.Reset == nil || *out.Write.Reset != at(40, 4) {
		t.Fatalf("writes %+v", out.Write)
	}
	p.sync()
	p.wantCommit(40)
	p.candidate()
}

// TestImageTellsTheConfiguration: the entry that held the configuration cannot be read by this member, and the
// others have compacted it. The image that they send instead says what was in force, although the log goes on
// from within it: else the member would stand with the list of its first start, and write that into the log.
func TestImageTellsTheConfiguration(t *testing.T) {
	for _, index := range []entry.Index{3, 4} { // below the commit index, and above it
		p := newSolo(t, setting{terms: []entry.Term{1, 1, 1, 1, 1}, commit: 3})
		p.step(core.Input{Installed: &entry.SnapshotMeta{Index: index, Term: 1, Configuration: entry.Configuration{
			Cluster: entry.ClusterID{7}, Members: voters("a", "b", "d", "e", "f"),
		}}})
		if p.out.Write.Reset != nil {
			t.Fatalf("image at %d: the log is reset to %v", index, *p.out.Write.Reset)
		}
		if c := p.core.Configuration().Value; len(c.Members) != 5 || c.Cluster != (entry.ClusterID{7}) {
			t.Errorf("image at %d: the configuration in force is %+v", index, c)
		}
		if got := len(p.peers()); got != 4 {
			t.Errorf("image at %d: %d peers", index, got)
		}
	}
	// What is in the log behind the image stays in force.
	p := newSolo(t, setting{terms: []entry.Term{1, 1, 1}, commit: 1})
	p.step(core.Input{Space: core.Space{Learned: []core.ConfigurationAt{{Index: 3, Value: entry.Configuration{
		Cluster: cluster, Members: voters("a", "b"),
	}}}}})
	p.step(core.Input{Installed: &entry.SnapshotMeta{Index: 2, Term: 1, Configuration: entry.Configuration{
		Cluster: cluster, Members: voters("a", "b", "c", "d"),
	}}})
	if c := p.core.Configuration().Value; len(c.Members) != 2 {
		t.Errorf("behind the image the log says otherwise, and in force is %+v", c)
	}
}
