package command

import (
	"flag"
	"fmt"
	"io"
	"time"
)

// Progress tells people how far a long copy is: once in a while, and not at all for a short one. It counts
// what is written to it. One goroutine uses it.
type Progress struct {
	notes io.Writer
	what  string
	every time.Duration
	total int64
	done  int64
	begun time.Time
	told  time.Time
	spoke bool
	now   func() time.Time
}

// ProgressFlag declares the flag that sets Every.
func (s *Streams) ProgressFlag(set *flag.FlagSet) {
	set.DurationVar(&s.Every, "progress", time.Second,
		"how often a long run says on standard error how far it is; 0 for each step, less than 0 for never")
}

// NewProgress begins a copy of total bytes, negative when that is not known.
func (s *Streams) NewProgress(what string, total int64) *Progress {
	p := &Progress{notes: s.Err, what: what, every: s.Every, total: total, now: time.Now}
	p.begun = p.now()
	p.told = p.begun
	return p
}

// Write counts.
func (p *Progress) Write(b []byte) (int, error) {
	p.At(p.done + int64(len(b)))
	return len(b), nil
}

// At says that done bytes are copied.
func (p *Progress) At(done int64) {
	p.done = done
	if now := p.now(); p.every >= 0 && now.Sub(p.told) >= p.every {
		p.told, p.spoke = now, true
		p.tell()
	}
}

// End says how much it was, if it took long enough to have been told.
func (p *Progress) End() {
	if p.spoke {
		p.tell()
	}
}

func (p *Progress) tell() {
	of := ""
	if p.total > 0 {
		of = fmt.Sprintf(" of %d MiB (%d%%)", p.total>>20, p.done*100/p.total)
	}
	fmt.Fprintf(p.notes, "%s: %d MiB%s in %v\n", p.what, p.done>>20, of, p.now().Sub(p.begun).Round(time.Second))
}
