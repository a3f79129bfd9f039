package sim

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"time"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/replica"
	"v.io/x/ref/lib/raft/sim/check"
)

// world is one run.
type world struct {
	course
	plan    *Plan
	members []*member
	network *network
	initial entry.Configuration
	checks  *check.Suite
	healer  healer
	options Options
	// waylay is told of the next leader that has begun a joint configuration, nil for nobody.
	waylay func(*process)
	tally
}

// tally is what has happened so far.
type tally struct {
	turned, jobs          uint64
	operations, remaining int
	// shrinks is how many requests to take voters away are under way.
	shrinks int
	// joiner is the leader that began the newest joint configuration.
	joiner               entry.MemberID
	acknowledged, reads  int
	converged, healedAll Instant
}

// Options say what to do beside running a plan.
type Options struct {
	// Log receives one line for each event; nil for none.
	Log io.Writer
	// Beside makes a state machine that runs beside the simulator's own at each start of a member: it is
	// given what Payload adds to each command, and its images and errors are a part of the member's. Nil
	// for none. Snapshot's finish is called by the simulator's goroutine, like everything else.
	Beside func(member int) replica.Machine
	// Payload returns what the n-th write carries for the machine beside, in place of padding.
	Payload func(n uint64) []byte
}

// Result is how a run ended.
type Result struct {
	Plan *Plan
	// Violation is the first broken promise, nil when all were kept.
	Violation error
	// Hash is that of everything that happened: equal plans give equal hashes.
	Hash   uint64
	Events uint64
	// Virtual is the length of the run.
	Virtual Instant
	// Converged is how long a healed quorum, and then the whole cluster, took to be equal.
	Converged, ConvergedAll Instant
	// Counts is how often each fault and each notable thing happened, by name.
	Counts map[string]int
}

// Run runs a plan to its end, or to the first violation.
func Run(plan Plan, o Options) *Result {
	w := newWorld(&plan, o)
	w.loop()
	if w.violation == nil {
		w.violation = w.checks.History.Check()
	}
	if w.violation == nil && plan.Election.Size > 0 {
		w.elect()
	}
	if w.violation == nil && w.trace.failed != nil {
		w.violation = fmt.Errorf("writing the log: %w", w.trace.failed)
	}
	return w.result()
}

// newWorld makes everything, and an agenda with what the plan says.
func newWorld(plan *Plan, o Options) *world {
	w := &world{plan: plan, options: o, checks: check.New(), course: course{counts: make(map[string]int)}}
	w.trace.out = o.Log
	w.initial.Cluster, w.initial.Lease = entry.ClusterID{1, byte(plan.Seed)}, plan.Setting.Lease
	machines := plan.Setting.Members + plan.Setting.Spares
	w.network = newNetwork(w, machines)
	for i := range machines {
		m := newMember(w, i)
		w.members = append(w.members, m)
		if m.spare = i >= plan.Setting.Members; m.spare && m.dice.chance(0.7) {
			m.level = levelMax
		}
		if !m.spare {
			w.initial.Members = append(w.initial.Members, entry.Member{ID: m.id})
		}
	}
	for _, m := range w.members {
		m.hold() // A fault may come before its first start, and end after it.
		w.in(m.dice.between(0, 20*Millisecond), m.release)
	}
	for i := range plan.Setting.Clients {
		newClient(w, i).advance()
	}
	for i := range plan.Faults {
		w.schedule(i)
	}
	w.agenda.add(plan.Setting.Duration, w.heal)
	return w
}

func (w *world) result() *Result {
	r := &Result{
		Plan: w.plan, Violation: w.violation, Hash: w.trace.hash, Events: w.trace.events, Virtual: w.now,
		Converged: w.converged, ConvergedAll: w.healedAll, Counts: w.counts,
	}
	for name, n := range map[string]int{
		"~turns": int(w.turned), "~jobs": int(w.jobs), "~operations": w.operations, "~writes acknowledged": w.acknowledged,
		"~reads": w.reads, "~terms with a leader": w.checks.Leaders.Elections,
		"~entries compared": w.checks.Entries.Compared, "~restarts compared": w.checks.Disks.Recoveries,
		"~entries committed": int(w.checks.Commits.Last()), "~votes checked": w.checks.Promises.Votes,
		"~acks checked": w.checks.Promises.Acks, "~configurations compared": w.checks.Configurations.Changes,
		"~joint configurations": w.checks.Configurations.Joint,
	} {
		r.Counts[name] = n
	}
	return r
}

func (w *world) find(id entry.MemberID) *member {
	for _, m := range w.members {
		if m.id == id {
			return m
		}
	}
	return nil
}

// leader returns the running leader of the newest term, nil when there is none.
func (w *world) leader() *member {
	var found *member
	for _, m := range w.members {
		if m.process == nil || m.process.status.Role != core.Leader {
			continue
		}
		if found == nil || m.process.status.Term > found.process.status.Term {
			found = m
		}
	}
	return found
}

// logger shows what a replica logs as lines of the trace, when somebody reads it. It is not part of
// the hash.
func (w *world) logger(m *member) *slog.Logger {
	if w.trace.out == nil {
		return nil
	}
	return slog.New(&lineHandler{world: w, who: m.name()})
}

// lineHandler is a slog.Handler that writes into the trace.
type lineHandler struct {
	world *world
	who   string
}

// Enabled implements slog.Handler.
func (*lineHandler) Enabled(context.Context, slog.Level) bool { return true }

// WithAttrs implements slog.Handler.
func (h *lineHandler) WithAttrs([]slog.Attr) slog.Handler { return h }

// WithGroup implements slog.Handler.
func (h *lineHandler) WithGroup(string) slog.Handler { return h }

// Handle implements slog.Handler.
func (h *lineHandler) Handle(_ context.Context, r slog.Record) error {
	text := ""
	r.Attrs(func(a slog.Attr) bool {
		if a.Key != "member" && a.Key != "stack" {
			text += fmt.Sprintf(" %s=%v", a.Key, a.Value)
		}
		return true
	})
	_, err := fmt.Fprintf(h.world.trace.out, "%12.6f %-4s says     %s%s\n", float64(h.world.now)/1e9, h.who,
		r.Message, text)
	return err
}

func duration(d Instant) time.Duration { return time.Duration(d) }
