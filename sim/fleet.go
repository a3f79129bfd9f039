package sim

import (
	"sync"
	"time"
)

// Fleet runs many seeds, each in a goroutine of its own, on several cores.
type Fleet struct {
	// From is the first seed, Seeds how many; 0 means as many as Until allows.
	From, Seeds uint64
	// Until ends the fleet: no seed is begun after it. The zero time is never.
	Until time.Time
	// Workers is how many run at the same time, at least 1.
	Workers int
	// Failures is after how many violations no more seeds are begun; 0 means 1.
	Failures int
	// Done is called after each seed, by one goroutine at a time; nil for nobody.
	Done func(*Result, *Summary)
}

// Summary is what a fleet has done.
type Summary struct {
	// Next is the first seed that was not begun: -from for the next fleet.
	Next uint64
	// Seeds is how many ended, Events how many events they had, Virtual their length together.
	Seeds   uint64
	Events  uint64
	Virtual Instant
	// Elapsed is how long the fleet has run.
	Elapsed time.Duration
	// ConvergedMax is the longest that healed members took to be equal.
	ConvergedMax Instant
	// Counts are those of all results.
	Counts map[string]int
	// Failed are the results with a violation.
	Failed []*Result
}

// Run runs the seeds and returns when the last of them has ended.
func (f *Fleet) Run() *Summary {
	s := &Summary{Next: f.From, Counts: make(map[string]int)}
	began := time.Now()
	var (
		mu      sync.Mutex // guards s
		running sync.WaitGroup
	)
	take := func() (uint64, bool) {
		mu.Lock()
		defer mu.Unlock()
		over := f.Seeds > 0 && s.Next >= f.From+f.Seeds || !f.Until.IsZero() && time.Now().After(f.Until)
		if over || len(s.Failed) >= max(f.Failures, 1) {
			return 0, false
		}
		s.Next++
		return s.Next - 1, true
	}
	for range max(f.Workers, 1) {
		running.Go(func() {
			for seed, more := take(); more; seed, more = take() {
				r := Run(NewPlan(seed), Options{})
				mu.Lock()
				s.add(r, time.Since(began))
				if f.Done != nil {
					f.Done(r, s)
				}
				mu.Unlock()
			}
		})
	}
	running.Wait()
	return s
}

func (s *Summary) add(r *Result, elapsed time.Duration) {
	s.Seeds++
	s.Events += r.Events
	s.Virtual += r.Virtual
	s.Elapsed = elapsed
	s.ConvergedMax = max(s.ConvergedMax, r.Converged, r.ConvergedAll)
	for name, n := range r.Counts {
		s.Counts[name] += n
	}
	if r.Violation != nil {
		s.Failed = append(s.Failed, r)
	}
}
