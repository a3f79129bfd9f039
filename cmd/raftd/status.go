package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	vcontext "v.io/v23/context"
	"v.io/v23/naming"

	"v.io/x/ref/lib/raft"
)

// An answer is what a running member says of itself, or why it does not.
type answer struct {
	n      int
	status raft.MemberStatus
	err    error
}

// look asks every running member how it is, all at once.
func (m *members) look(ctx context.Context) []answer {
	ctx, cancel := context.WithTimeout(ctx, askBound)
	defer cancel()
	running := m.running()
	answers := make([]answer, len(running))
	var wait sync.WaitGroup
	for i, p := range running {
		wait.Go(func() {
			vctx := vcontext.FromGoContextWithValues(ctx, m.ctx)
			name := naming.JoinAddressName(m.place.Members[p.n-1], "")
			status, err := raft.MemberClient(name).Status(vctx, callOptions()...)
			answers[i] = answer{p.n, status, err}
		})
	}
	wait.Wait()
	return answers
}

// leaderOf returns the member that says that it leads, in the highest term, or 0.
func leaderOf(answers []answer) (n int, term raft.Term) {
	for _, a := range answers {
		if a.err == nil && a.status.Id != "" && a.status.Leader == a.status.Id && a.status.Term >= term {
			n, term = a.n, a.status.Term
		}
	}
	return n, term
}

// tellFirst says who leads as soon as one member does.
func (m *members) tellFirst(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, lineBound)
	defer cancel()
	if _, err := m.awaitLeader(ctx); err != nil {
		return err
	}
	m.tell(ctx)
	return nil
}

// tellLeaders says who leads whenever that changes, until ctx ends.
func (m *members) tellLeaders(ctx context.Context) {
	ticks := time.NewTicker(watchPause)
	defer ticks.Stop()
	for {
		select {
		case <-ticks.C:
			m.tell(ctx)
		case <-ctx.Done():
			return
		}
	}
}

// tell looks who leads, and says so if it is news.
func (m *members) tell(ctx context.Context) {
	n, term := leaderOf(m.look(ctx))
	m.mu.Lock()
	news := n != 0 && term >= m.term && (n != m.leads || term != m.term)
	if news {
		m.leads, m.term = n, term
	}
	m.mu.Unlock()
	if news {
		fmt.Fprintf(m.notes, "member %d leads in term %d\n", n, term)
	}
}

// Status implements cluster.
func (m *members) Status(ctx context.Context) (string, error) {
	answers := m.look(ctx)
	leader, _ := leaderOf(answers)
	var lines []string
	for n := 1; n <= m.Members(); n++ {
		i := slices.IndexFunc(answers, func(a answer) bool { return a.n == n })
		lines = append(lines, fmt.Sprintf("member %d %s: %s", n, m.place.Members[n-1], describe(answers, i, n == leader)))
	}
	return strings.Join(lines, "\n"), nil
}

// describe says how the member at answers[i] is; i is -1 for one that does not
// run.
func describe(answers []answer, i int, leads bool) string {
	switch {
	case i < 0:
		return "does not run"
	case answers[i].err != nil:
		return fmt.Sprintf("does not answer: %v", answers[i].err)
	}
	s := answers[i].status
	text := fmt.Sprintf("%s, term %d, last %d, commit %d, applied %d", s.Role, s.Term, s.Last, s.Commit, s.Applied)
	if leads {
		text += ", leads"
	}
	if s.Ready != "" {
		text += ", not ready: " + s.Ready
	}
	return text
}
