package core

import (
	"errors"
	"fmt"
	"math"

	"v.io/x/ref/lib/raft/entry"
)

// Core is one member's part of the algorithm. It is not safe for concurrent use: one goroutine
// owns it. The zero value is not usable; see [New].
type Core struct {
	config Config
	random random
	// now is the time of the newest Step. Invariant: it never decreases.
	now Instant
	// hard is the term and vote as decided, ahead of what is durable.
	hard entry.HardState
	role Role
	// leader is the leader of hard.Term, "" while unknown. Invariant: within a term it names at
	// most one member, and it is this one exactly when role is Leader.
	leader entry.MemberID
	log    logState
	// commit is the greatest index known to be committed. Invariant: it decreases only with a log that
	// loses what it had no room to write, and log.base.Index <= commit <= log.last.
	commit   entry.Index
	members  membership
	disk     durability
	election election
	lead     leading
	reads    followerReads
	step     stepState
	report   report
}

// stepState is what one Step remembers until its end.
type stepState struct {
	// written is the last entry of earlier batches that this Step has left in place.
	written entry.Index
	// ack is the success to report to the leader, one for all its messages of this Step.
	ack ack
	// reset is true in the first Step of a member whose log does not contain its snapshot.
	reset bool
	// before is how the member stood when the Step began.
	before posture
	// installed is the last entry of the snapshot that replaced the log.
	installed entry.Index
}

// report is what core tells about itself beside its effects.
type report struct {
	counters Counters
	fatal    error
}

// Forever is the deadline of a core that waits for no time.
const Forever Instant = math.MaxInt64

// ElectionTimeout is how long a member of rank 0 waits at most for a leader, in heartbeats: what is not
// decided by then is given up.
const ElectionTimeout = electionMin + electionSpan

// The time-outs, in heartbeats; [Config.Heartbeat] explains them.
const (
	electionMin  = 6
	electionSpan = 6
	quorumMax    = ElectionTimeout
	askAgain     = 3
	suspectMin   = 1
	suspectSpan  = 2
)

// ErrFatal is wrapped by Effects.Fatal.
var ErrFatal = errors.New("core: the member cannot go on")

// Start is what a member knows when it starts.
type Start struct {
	Recovered entry.Recovered
	// Snapshot is the newest durable snapshot, nil for none. The machine has been restored from it.
	Snapshot *entry.SnapshotMeta
	// Lost describes the snapshot that the log goes on from, when it is damaged and none is in its place:
	// the machine is empty. The member votes and acknowledges, since its log is whole, but does not
	// campaign before Input.Installed brings an image that reaches up to the log. Only the position and, if
	// it has members, Configuration are used.
	Lost *entry.SnapshotMeta
	// Initial is the configuration that was given from outside, used until the log or the snapshot
	// holds one. The first leader's first entry carries it.
	Initial entry.Configuration
	// Former is the incarnation that this member had before it lost its newest vote, 0 when it has lost none.
	// Where the log has recorded no incarnation of it yet, it is the former one that has voted and
	// acknowledged. A member with one must have no Initial: it founds nothing.
	Former entry.Incarnation
	// Configurations are those of the log, in order.
	Configurations []ConfigurationAt
}

// New returns a follower that goes on from start. The error says in which way log and snapshot do
// not fit together; nothing can be done about it but to restore one of them.
func New(config Config, start Start) (*Core, error) {
	rec := &start.Recovered
	if err := config.checkUnnamed(&start.Initial); err != nil {
		return nil, err
	}
	if start.Former != 0 && len(start.Initial.Members) > 0 {
		return nil, fmt.Errorf("core: a member that has lost its newest vote (as incarnation %x) founds no cluster, "+
			"and is given one of %d members", start.Former, len(start.Initial.Members))
	}
	if config.Rank > RankMax {
		return nil, fmt.Errorf("core: Config.Rank is %d, at most %d", config.Rank, RankMax)
	}
	c := &Core{config: config, random: newRandom(config.Seed, config.ID), hard: rec.Hard, commit: rec.Commit}
	c.reads.id = c.random.next()
	c.log = logState{base: rec.Base, last: rec.Last, runs: append([]entry.TermRun(nil), rec.Terms...), held: rec.Held}
	c.log.tail.first = rec.Last + 1
	if err := checkRecovered(rec, config.ElectionOnly); err != nil {
		return nil, err
	}
	all := []ConfigurationAt{{Value: start.Initial}}
	if err := c.recoverSnapshot(&start, &all[0]); err != nil {
		return nil, err
	}
	for _, at := range start.Configurations {
		if at.Index > all[len(all)-1].Index && at.Index <= c.log.last {
			all = append(all, at)
		}
	}
	for _, at := range all {
		// A member listed twice would be counted twice.
		if err := at.Value.Validate(); err != nil {
			return nil, fmt.Errorf("core: the configuration of index %d: %w", at.Index, err)
		}
		if config.below(&at.Value) {
			return nil, fmt.Errorf("core: %s", levelText(at.Index, at.Value.Level, config.level()))
		}
	}
	c.members = newMembership(all)
	c.members.former = start.Former
	c.disk.last, c.disk.written = c.log.last, rec.Hard
	return c, nil
}

func checkRecovered(rec *entry.Recovered, electionOnly bool) error {
	switch {
	case rec.Last < rec.Base.Index || rec.Commit > rec.Last || rec.Last > entry.NumberMax:
		return fmt.Errorf("core: recovered log from %d to %d with commit index %d is impossible",
			rec.Base.Index+1, rec.Last, rec.Commit)
	case rec.Hard.Term > entry.NumberMax:
		return fmt.Errorf("core: recovered term %d is above %d", rec.Hard.Term, uint64(entry.NumberMax))
	case rec.Held.Index > entry.NumberMax || rec.Held.Term > rec.Hard.Term ||
		(rec.Held.Index == 0) != (rec.Held.Term == 0):
		return fmt.Errorf("core: recovered log may have held up to (index %d, term %d) in term %d, which is impossible",
			rec.Held.Index, rec.Held.Term, rec.Hard.Term)
	case electionOnly && rec.Last != 0:
		return fmt.Errorf("core: a member that only elects recovered %d entries", rec.Last)
	}
	first, term := rec.Base.Index+1, rec.Base.Term
	for i, run := range rec.Terms {
		if run.First > rec.Last || i == 0 && run.First != first || i > 0 && run.First < first || run.Term < term ||
			run.Term > rec.Hard.Term {
			return fmt.Errorf("core: recovered run %d (first index %d, term %d) does not fit a log from %d to %d in term %d",
				i, run.First, run.Term, rec.Base.Index+1, rec.Last, rec.Hard.Term)
		}
		first, term = run.First+1, run.Term+1
	}
	if len(rec.Terms) == 0 && rec.Last != rec.Base.Index {
		return fmt.Errorf("core: recovered log from %d to %d has no terms", rec.Base.Index+1, rec.Last)
	}
	return nil
}

// recoverSnapshot fits the newest snapshot to the log. A snapshot that the log does not contain was
// made durable just before a crash, and before the log was reset: the reset is due now.
func (c *Core) recoverSnapshot(start *Start, first *ConfigurationAt) error {
	snapshot := start.Snapshot
	if snapshot == nil {
		if start.Lost != nil {
			c.recoverWithout(start.Lost, first)
			return nil
		}
		if c.log.base.Index > 0 {
			return fmt.Errorf("core: the log begins after index %d but there is no snapshot", c.log.base.Index)
		}
		return nil
	}
	if snapshot.Index < c.log.base.Index {
		return fmt.Errorf("core: the log begins after index %d but the newest snapshot ends at %d",
			c.log.base.Index, snapshot.Index)
	}
	if !c.log.holds(snapshot.Position()) {
		c.log.reset(snapshot.Position())
		c.step.reset = true
	}
	if snapshot.Term > c.hard.Term {
		c.hard = entry.HardState{Term: snapshot.Term}
	}
	c.commit = max(min(c.commit, c.log.last), snapshot.Index)
	if len(snapshot.Configuration.Members) > 0 {
		*first = ConfigurationAt{Index: snapshot.Index, Value: snapshot.Configuration}
	}
	return nil
}

// recoverWithout begins with a log whose first entries have gone into an image that is lost.
func (c *Core) recoverWithout(lost *entry.SnapshotMeta, first *ConfigurationAt) {
	c.log.bare = true
	c.commit = max(c.commit, c.log.base.Index)
	if len(lost.Configuration.Members) > 0 && lost.Index <= c.log.last {
		*first = ConfigurationAt{Index: lost.Index, Value: lost.Configuration}
	}
}

// clothe takes the configuration of an image that the log goes on from: it ends the want of an image, and the
// entry that held the configuration may be one that could not be read when the member started, which nobody
// has any more. The log's own configurations behind the image stay in force.
func (c *Core) clothe(meta *entry.SnapshotMeta) {
	at := meta.Position()
	held := c.role != Leader && at.Index > c.log.base.Index && (at.Index <= c.commit || c.log.holds(at))
	switch {
	case c.log.bare && at.Index >= c.log.base.Index:
		c.log.bare = false
	case !held || c.members.knowsAt(at.Index, &meta.Configuration):
		return
	}
	all := []ConfigurationAt{{Index: meta.Index, Value: meta.Configuration}}
	for _, at := range c.members.all {
		if at.Index > meta.Index {
			all = append(all, at)
		}
	}
	c.members.restart(all)
}

// Step takes everything that happened since the last Step and fills in what must now be done. What
// out held before is overwritten. It never panics, whatever it is given.
func (c *Core) Step(in *Input, out *Effects) {
	out.clear()
	if c.report.fatal != nil {
		out.Fatal = c.report.fatal
		return
	}
	c.begin(in, out)
	c.meet(in.Peers)
	for i := range in.Received {
		c.receive(&in.Received[i], out)
	}
	for i := range in.Loaded {
		c.loaded(&in.Loaded[i], out)
	}
	for _, to := range in.Lost {
		c.lost(to)
	}
	for _, a := range in.Answers {
		c.answer(a, out)
	}
	c.propose(in.Proposals, out)
	c.ask(in.Reads, out)
	c.change(in.Changes, out)
	if in.Campaign {
		c.election.wish = wish{until: c.now + quorumMax*c.config.Heartbeat}
	}
	c.pursueWish(out)
	c.startTransfers(in.Transfers, out)
	c.tick(out)
	c.finish(out)
}

// clear empties the effects and keeps their memory.
func (e *Effects) clear() {
	*e = Effects{
		Write:           Write{Appended: e.Write.Appended[:0], Received: e.Write.Received[:0]},
		Send:            e.Send[:0],
		Refused:         e.Refused[:0],
		RefusedForwards: e.RefusedForwards[:0],
		Forward:         Forward{Proposals: e.Forward.Proposals[:0]},
		Reads:           e.Reads[:0],
		Loads:           e.Loads[:0],
		Snapshots:       e.Snapshots[:0],
		Transferred:     e.Transferred[:0],
		Changed:         e.Changed[:0],
		Remarks:         Remarks{Notices: e.Notices[:0], Questions: e.Questions[:0]},
	}
}

// begin takes note of time and disk, before anything that may depend on them.
func (c *Core) begin(in *Input, out *Effects) {
	before := c.stand()
	c.now = max(c.now, in.Now)
	if c.election.timeout == 0 {
		c.resetElection()
		c.promiseAtStart()
	}
	if c.step.reset {
		base := c.log.base
		out.Write.Reset = &base
	}
	c.step = stepState{written: c.log.last, before: before}
	c.disk.advance(in.Stored, c.now)
	c.makeUp()
	c.disk.noRoom, c.disk.impaired = in.NoRoom, in.Impaired
	for i := range in.Learned {
		c.learn(&in.Learned[i])
	}
	if in.Unwritten {
		c.dropUnwritten(out)
	}
	if in.Installed != nil {
		c.install(in.Installed, out)
	}
	if at := in.Compacted; at > c.log.base.Index && at <= min(c.commit, c.disk.last) {
		term, _ := c.log.term(at)
		c.log.compact(entry.Position{Index: at, Term: term})
		c.members.compact(at)
	}
	if c.role == Candidate {
		c.tally(out)
	}
}

// finish draws the conclusions that many small events share: one commit, one round of sends, one
// batch.
func (c *Core) finish(out *Effects) {
	if c.role == Leader {
		c.advanceCommit()
		c.renewLease()
		c.confirmReads(out)
		c.advanceChanges(out)
		c.retire()
		c.advanceHandover(out)
		c.replicateAll(out)
		c.leave(out)
	}
	c.settleTransfers(out)
	c.closeBatch(out)
	c.sendAck(out)
	c.log.tail.bound(c.config.Tail, min(c.disk.last, c.commit)+1)
	out.Commit = c.commit
	out.TailFirst = c.log.tail.first
	if c.members.changed {
		current := *c.members.current()
		out.Configuration, c.members.changed = &current, false
	}
	c.tellNotices(out)
	if c.commit > c.log.last || c.disk.last > c.log.last || c.commit < c.log.base.Index {
		c.fail("commit index %d and durable index %d of a log from %d to %d", c.commit, c.disk.last,
			c.log.base.Index+1, c.log.last)
	}
	out.Fatal = c.report.fatal
}

// fail stops the member: what it saw contradicts what must never be contradicted.
func (c *Core) fail(format string, args ...any) {
	if c.report.fatal == nil {
		c.report.fatal = fmt.Errorf("%w: %s", ErrFatal, fmt.Sprintf(format, args...))
	}
}

// tick does what is due by now.
func (c *Core) tick(out *Effects) {
	switch {
	case c.role == Leader:
		c.tickLeader(out)
	case c.now >= c.election.deadline:
		c.timeOut(out)
	}
	if c.reads.asked.due != 0 && c.now >= c.reads.asked.due {
		c.sendRead(out)
	}
}

// Deadline returns when Step must be called even if nothing happens: the caller needs one timer.
func (c *Core) Deadline() Instant {
	if c.report.fatal != nil {
		return Forever
	}
	if c.role == Leader {
		return min(c.lead.heartbeat, c.transferDue())
	}
	deadline := min(c.election.deadline, c.transferDue())
	if c.role == Follower && c.election.wish.until != 0 {
		deadline = min(deadline, c.election.wish.again)
	}
	if due := c.reads.asked.due; due != 0 {
		deadline = min(deadline, due)
	}
	return deadline
}

// install takes over a snapshot that has replaced the machine's state.
func (c *Core) install(meta *entry.SnapshotMeta, out *Effects) {
	at := meta.Position()
	c.clothe(meta)
	if at.Index <= c.commit || c.config.ElectionOnly {
		return
	}
	if c.role != Follower || at.Term > c.hard.Term {
		c.becomeFollower(max(at.Term, c.hard.Term), "", out)
	}
	c.commit = at.Index
	if c.log.holds(at) {
		return
	}
	c.log.reset(at)
	c.disk.truncate(at.Index + 1)
	c.disk.last, c.step.written = at.Index, at.Index
	out.Write.Reset = &at
	c.step.installed = at.Index
	c.members.restart([]ConfigurationAt{{Index: at.Index, Value: meta.Configuration}})
	if c.config.below(&meta.Configuration) {
		c.fail("%s", levelText(at.Index, meta.Configuration.Level, c.config.level()))
	}
	for i := range c.disk.pending {
		c.disk.pending[i].last = 0
	}
}

// Status returns the part of the state that others may read.
func (c *Core) Status() Status {
	s := Status{
		Role: c.role, Term: c.hard.Term, Leader: c.leader, Vote: c.hard.Vote,
		Last: c.log.position(), Commit: c.commit, Durable: c.disk.last, LastContact: c.election.heard,
		Transferring: c.lead.handover.to, Stalled: c.stalled(), Held: c.log.held,
	}
	if c.role == Leader {
		s.LastContact = c.quorumHeard()
	}
	return s
}

// Match returns the last entry that a leader knows the member to hold durably, 0 on any other role and
// for a member that it does not replicate to.
func (c *Core) Match(id entry.MemberID) entry.Index {
	if p := c.peer(id); c.role == Leader && p != nil {
		return p.match
	}
	return 0
}

// TermAt returns the term of entry i, and false when i is neither in the log nor the entry before its
// first: checkers compare the logs of members with it.
func (c *Core) TermAt(i entry.Index) (entry.Term, bool) { return c.log.term(i) }

// Base returns the entry before the log's first.
func (c *Core) Base() entry.Position { return c.log.base }

// Counters returns how many messages were refused, by reason.
func (c *Core) Counters() Counters { return c.report.counters }

// Configuration returns the configuration in force, which must not be modified.
func (c *Core) Configuration() ConfigurationAt { return *c.members.current() }
