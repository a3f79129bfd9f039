package command

import (
	"fmt"
	"io"
	"time"
)

// Progress tells people how far a long copy is: once in a while, and not at all for a short one. It counts
// what is written to it. One goroutine uses it.
type Progress struct {
	notes io.Writer
	what  string
	total int64
	done  int64
	begun time.Time
	told  time.Time
	now   func() time.Time
}

// progressEvery is the time between two lines.
const progressEvery = time.Second

// NewProgress begins a copy of total bytes, negative when that is not known.
func NewProgress(notes io.Writer, what string, total int64) *Progress {
	p := &Progress{notes: notes, what: what, total: total, now: time.Now}
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
	if now := p.now(); now.Sub(p.told) >= progressEvery {
		p.told = now
		p.tell()
	}
}

// End says how much it was, if it took long enough to have been told.
func (p *Progress) End() {
	if p.told != p.begun {
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
